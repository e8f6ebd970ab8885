#ifndef PRISMATIC_GATEWAY_CLIENTS_PROVIDER_CLIENT_H_
#define PRISMATIC_GATEWAY_CLIENTS_PROVIDER_CLIENT_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/common/byte_budget/byte_budget.h"
#include "services/common/task/cancel.h"
#include "services/common/task/task.h"

namespace prismatic::gateway {

// All that one GenerateImages stream brought. Images may be there although the status is an error: the
// stream broke after them.
struct Generated {
  absl::Status status;
  std::vector<provider_proxy::v1::GeneratedImage> images;
  provider_proxy::v1::GenerationSummary summary;
  // What the images take of the process's budget, for as long as somebody has them. Null: not counted.
  std::shared_ptr<ByteBudget::Share> share;
};

// What the gateway asks of provider-proxy; the contract is provider_proxy.v1.ProviderProxy's. Never
// repeats a call. Obeys the call's deadline and cancellation. Coroutines resume on the gateway's
// workers. Thread-safe. The request is shared, since its reference images may be 32 MiB.
class ProviderClient {
 public:
  virtual ~ProviderClient() = default;
  virtual Task<Generated> GenerateImages(
      CallContext call, std::shared_ptr<const provider_proxy::v1::GenerateImagesRequest> request) = 0;
};

}  // namespace prismatic::gateway

#endif  // PRISMATIC_GATEWAY_CLIENTS_PROVIDER_CLIENT_H_
