#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_CHAT_COMPLETIONS_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_CHAT_COMPLETIONS_H_

#include <string>
#include <vector>

#include "services/provider_proxy/adapters/adapter.h"

namespace prismatic::provider_proxy {

// POST {base_url}/chat/completions of upstreams that answer with images in `message.images[]`
// (OpenRouter, Vercel and their look-alikes), or in one of the other places that chat_answer.h names.
// Reference images become content parts after the text; without any, the content is a plain string. Ratio and
// tier go out in `image_config`, the modalities as the route says. One image per call.
class ChatCompletions : public Adapter {
 public:
  const FormatFields& Fields(const Target& target) const override;
  int ImagesPerCallMax(const Target& target) const override;
  bool NeedsReferenceBytes(const Target& target) const override;
  absl::StatusOr<HttpRequest> BuildRequest(const v1::GenerateImagesRequest& request, const Target& target,
                                           Piece piece) const override;
  Outcome ReadResponse(HttpResponse response, const Target& target, int count) const override;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_CHAT_COMPLETIONS_H_
