#include "services/model_registry/operators/authority.h"

#include <optional>

#include "absl/strings/strip.h"
#include "services/model_registry/operators/audit_entries.h"
#include "services/model_registry/operators/operator_errors.h"
#include "services/model_registry/operators/operator_record.h"
#include "services/model_registry/operators/session_token.h"

namespace prismatic::model_registry {
namespace {

constexpr char kTokenActor[] = "admin-token";
// A person's address or a service's name; billing's log has the same room.
constexpr size_t kActorBytesMax = 128;

std::string MetadataText(const grpc::CallbackServerContext& context, const char* key) {
  auto found = context.client_metadata().find(key);
  if (found == context.client_metadata().end()) return "";
  return std::string(found->second.data(), found->second.size());
}

}  // namespace

Credential CredentialOf(const grpc::CallbackServerContext& context) {
  return {MetadataText(context, "authorization"), MetadataText(context, "x-prismatic-actor")};
}

absl::Status RequireRole(const Caller& caller, v1::Role least) {
  if (IsRole(caller.role) && caller.role >= least) return absl::OkStatus();
  return operator_error::RoleNotAllowed(RoleName(least), RoleName(caller.role));
}

Authority::Authority(OperatorStore& store, rpc::AdminToken token) : store_(store), token_(std::move(token)) {}

Task<absl::StatusOr<Caller>> Authority::Authenticate(std::string authorization, std::string actor) {
  if (token_.Matches(authorization)) {
    std::string shown = Printable(actor, kActorBytesMax);
    co_return Caller{shown.empty() ? kTokenActor : shown, v1::ROLE_OWNER, ""};
  }
  std::optional<std::string> sha256 = SessionSha256(authorization);
  if (!sha256.has_value()) co_return operator_error::NotKnown();
  auto find = store_.FindSession(*sha256);
  absl::StatusOr<std::optional<StoredSession>> session = co_await find;
  if (!session.ok()) co_return session.status();
  if (!session->has_value()) co_return operator_error::NotKnown();
  const v1::Operator& of = (*session)->of.shown;
  co_return Caller{of.name(), of.role(), *sha256};
}

}  // namespace prismatic::model_registry
