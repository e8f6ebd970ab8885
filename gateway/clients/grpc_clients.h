#ifndef PRISMATIC_GATEWAY_CLIENTS_GRPC_CLIENTS_H_
#define PRISMATIC_GATEWAY_CLIENTS_GRPC_CLIENTS_H_

#include <memory>
#include <string>

#include "gateway/clients/billing_client.h"
#include "gateway/clients/provider_client.h"

namespace prismatic::gateway {

// Clients over gRPC. `target` is host:port or dns:///name:port; coroutines resume on `resume_on`, which
// outlives the client.
std::unique_ptr<BillingClient> MakeGrpcBillingClient(const std::string& target, Executor* resume_on);
std::unique_ptr<ProviderClient> MakeGrpcProviderClient(const std::string& target, Executor* resume_on);

}  // namespace prismatic::gateway

#endif  // PRISMATIC_GATEWAY_CLIENTS_GRPC_CLIENTS_H_
