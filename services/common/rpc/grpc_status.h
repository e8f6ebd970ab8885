#ifndef PRISMATIC_SERVICES_COMMON_RPC_GRPC_STATUS_H_
#define PRISMATIC_SERVICES_COMMON_RPC_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace prismatic::rpc {

// The one mapping between absl::Status with its ErrorDetail and what goes over the wire: the detail
// travels as `grpc-status-details-bin` in google.rpc.Status' form. Messages are cut at 1,024 bytes.
grpc::Status ToGrpc(const absl::Status& status, absl::string_view domain);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace prismatic::rpc

#endif  // PRISMATIC_SERVICES_COMMON_RPC_GRPC_STATUS_H_
