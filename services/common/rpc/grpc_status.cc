#include "services/common/rpc/grpc_status.h"

#include <string>

#include "prismatic/common/v1/errors.pb.h"
#include "services/common/status/status.h"

namespace prismatic::rpc {
namespace {

// Longer messages do not fit into HTTP/2 headers with everything else.
constexpr size_t kMessageSizeMax = 1024;

}  // namespace

grpc::Status ToGrpc(const absl::Status& status, absl::string_view domain) {
  if (status.ok()) return grpc::Status::OK;
  auto code = static_cast<grpc::StatusCode>(status.code());
  std::string message(status.message().substr(0, kMessageSizeMax));
  std::optional<common::v1::ErrorDetail> detail = DetailOf(status);
  if (!detail) return grpc::Status(code, message);
  if (detail->domain().empty()) detail->set_domain(std::string(domain));
  common::v1::StatusDetails details;
  details.set_code(code);
  details.set_message(message);
  details.add_details()->PackFrom(*detail);
  return grpc::Status(code, message, details.SerializeAsString());
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  common::v1::StatusDetails details;
  if (status.error_details().empty() || !details.ParseFromString(status.error_details())) return result;
  for (const google::protobuf::Any& any : details.details()) {
    common::v1::ErrorDetail detail;
    if (any.UnpackTo(&detail)) SetDetail(result, detail);
  }
  return result;
}

}  // namespace prismatic::rpc
