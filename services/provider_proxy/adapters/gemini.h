#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_GEMINI_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_GEMINI_H_

#include "services/provider_proxy/adapters/adapter.h"

namespace prismatic::provider_proxy {

// Google's generateContent: AI Studio with an API key, Vertex AI with a bearer token.
class Gemini : public Adapter {
 public:
  const FormatFields& Fields(const Target& target) const override;
  int ImagesPerCallMax(const Target& target) const override;
  bool NeedsReferenceBytes(const Target& target) const override;
  absl::StatusOr<HttpRequest> BuildRequest(const v1::GenerateImagesRequest& request, const Target& target,
                                           Piece piece) const override;
  Outcome ReadResponse(HttpResponse response, const Target& target, int count) const override;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_GEMINI_H_
