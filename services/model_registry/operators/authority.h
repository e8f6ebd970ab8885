#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_AUTHORITY_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_AUTHORITY_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "prismatic/model_registry/v1/operators.pb.h"
#include "services/common/rpc/channel.h"
#include "services/common/task/task.h"
#include "services/model_registry/operators/caller.h"
#include "services/model_registry/operators/operator_store.h"

namespace prismatic::model_registry {

// What a call on the admin port shows of its caller, as it came.
struct Credential {
  // Metadata `authorization`: `Bearer <admin token or session token>`.
  std::string authorization;
  // Metadata `x-prismatic-actor`: who holds the admin token; means nothing with a session.
  std::string actor;
};
Credential CredentialOf(const grpc::CallbackServerContext& context);

// OK when the caller may do what `least` may, else PERMISSION_DENIED, ROLE_NOT_ALLOWED.
absl::Status RequireRole(const Caller& caller, v1::Role least);

// Knows who calls: the holder of the admin token (an owner), or an operator by the token of a session, which
// is looked up in Redis, whose idle time begins anew and whose operator's present role counts. Thread-safe.
class Authority {
 public:
  // The store outlives it.
  Authority(OperatorStore& store, rpc::AdminToken token);

  // Fails with INVALID_API_KEY (no, unknown or expired credential, or a disabled operator: not told apart)
  // or REGISTRY_UNAVAILABLE. The admin token is known without Redis, on the caller's thread; a session's
  // check resumes on the loop of the Redis client.
  Task<absl::StatusOr<Caller>> Authenticate(std::string authorization, std::string actor);

  bool IsAdminToken(absl::string_view authorization) const { return token_.Matches(authorization); }

 private:
  OperatorStore& store_;
  const rpc::AdminToken token_;
};

// Runs `verb` for a caller who is proven and may do what `least` may; else its error is the answer.
//
//   rpc::Serve(metrics_, "ListProviders", context, response,
//              AsCaller<v1::ListProvidersResponse>(authority_, CredentialOf(*context), v1::ROLE_VIEWER,
//                  [this, request = *request](Caller caller) { return registry_.ListProviders(request); }));
template <typename Response>
Task<absl::StatusOr<Response>> AsCaller(Authority& authority, Credential credential, v1::Role least,
                                        std::function<Task<absl::StatusOr<Response>>(Caller)> verb) {
  auto authenticate =
      authority.Authenticate(std::move(credential.authorization), std::move(credential.actor));
  absl::StatusOr<Caller> caller = co_await authenticate;
  if (!caller.ok()) co_return caller.status();
  absl::Status allowed = RequireRole(*caller, least);
  if (!allowed.ok()) co_return allowed;
  auto run = verb(*std::move(caller));
  absl::StatusOr<Response> response = co_await run;
  co_return response;
}

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_AUTHORITY_H_
