#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_SDAPI_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_SDAPI_H_

#include "services/provider_proxy/adapters/adapter.h"

namespace prismatic::provider_proxy {

// AUTOMATIC1111's web API and its kin: Forge, SD.Next.
class Sdapi : public Adapter {
 public:
  const FormatFields& Fields(const Target& target) const override;
  int ImagesPerCallMax(const Target& target) const override;
  bool NeedsReferenceBytes(const Target& target) const override;
  absl::StatusOr<HttpRequest> BuildRequest(const v1::GenerateImagesRequest& request, const Target& target,
                                           Piece piece) const override;
  Outcome ReadResponse(HttpResponse response, const Target& target, int count) const override;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_SDAPI_H_
