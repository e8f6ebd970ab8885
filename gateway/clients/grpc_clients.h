#ifndef PRISMATIC_GATEWAY_CLIENTS_GRPC_CLIENTS_H_
#define PRISMATIC_GATEWAY_CLIENTS_GRPC_CLIENTS_H_

#include <memory>
#include <string>

#include "gateway/clients/billing_client.h"
#include "gateway/clients/provider_client.h"
#include "services/common/metrics/metrics.h"

namespace prismatic::gateway {

// Clients over gRPC. `target` is host:port or dns:///name:port; coroutines resume on `resume_on`, which
// outlives the client, as do the metrics: grpc_client_*.
std::unique_ptr<BillingClient> MakeGrpcBillingClient(const std::string& target, Executor* resume_on,
                                                     metrics::Registry& metrics);
// An image is read from the stream when the budget, which outlives the client, has room for it.
std::unique_ptr<ProviderClient> MakeGrpcProviderClient(const std::string& target, Executor* resume_on,
                                                       ByteBudget* budget, metrics::Registry& metrics);

}  // namespace prismatic::gateway

#endif  // PRISMATIC_GATEWAY_CLIENTS_GRPC_CLIENTS_H_
