#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_OPENAI_IMAGES_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_OPENAI_IMAGES_H_

#include <string>
#include <vector>

#include "services/provider_proxy/adapters/adapter.h"

namespace prismatic::provider_proxy {

// POST {base_url}/images/generations as OpenAI defines it, and as look-alikes do, each by its route's data:
// `negative_prompt`, `aspect_ratio`, `seed`, and width and height instead of `size` are extensions that some
// understand. Reference images go out on routes with `reference_images: native`, as `image_url`, an array of
// https or data: URLs, unless the route has another name and form for them. `response_format` never goes to
// GPT image models, whatever the route says.
class OpenaiImages : public Adapter {
 public:
  const FormatFields& Fields(const Target& target) const override;
  int ImagesPerCallMax(const Target& target) const override;
  bool NeedsReferenceBytes(const Target& target) const override;
  absl::StatusOr<HttpRequest> BuildRequest(const v1::GenerateImagesRequest& request, const Target& target,
                                           Piece piece) const override;
  Outcome ReadResponse(HttpResponse response, const Target& target, int count) const override;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_OPENAI_IMAGES_H_
