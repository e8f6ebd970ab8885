#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_OPENAI_IMAGES_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_OPENAI_IMAGES_H_

#include <string>
#include <vector>

#include "services/provider_proxy/adapters/adapter.h"

namespace prismatic::provider_proxy {

// POST {base_url}/images/generations as OpenAI defines it. `negative_prompt`, `aspect_ratio` and `seed`
// are extensions that look-alikes understand; so are reference images, which go out as `image_url`, an
// array of https or data: URLs, on routes with `reference_images: native`.
class OpenaiImages : public Adapter {
 public:
  const FormatFields& Fields(const Target& target) const override;
  int ImagesPerCallMax(const Target& target) const override;
  bool NeedsReferenceBytes(const Target& target) const override;
  absl::StatusOr<HttpRequest> BuildRequest(const v1::GenerateImagesRequest& request, const Target& target,
                                           int count) const override;
  Outcome ReadResponse(HttpResponse response, const Target& target, int count) const override;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_OPENAI_IMAGES_H_
