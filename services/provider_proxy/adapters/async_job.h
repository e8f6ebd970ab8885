#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_ASYNC_JOB_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_ASYNC_JOB_H_

#include "services/provider_proxy/adapters/adapter.h"

namespace prismatic::provider_proxy {

// Submit, poll, download: one state machine, and a mapping for the words of each vendor.
class AsyncJob : public Adapter {
 public:
  const FormatFields& Fields(const Target& target) const override;
  int ImagesPerCallMax(const Target& target) const override;
  bool NeedsReferenceBytes(const Target& target) const override;
  absl::StatusOr<HttpRequest> BuildRequest(const v1::GenerateImagesRequest& request, const Target& target,
                                           Piece piece) const override;
  Outcome ReadResponse(HttpResponse response, const Target& target, int count) const override;
  Outcome ReadPoll(HttpResponse response, const Target& target, int count) const override;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_ASYNC_JOB_H_
