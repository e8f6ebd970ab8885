#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_OPERATORS_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_OPERATORS_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "prismatic/model_registry/v1/operators.pb.h"
#include "services/common/task/task.h"
#include "services/model_registry/operators/caller.h"
#include "services/model_registry/operators/operator_store.h"
#include "services/model_registry/operators/passwords.h"

namespace prismatic::model_registry {

// The people who operate the suite. The methods answer what the gRPC service of this name answers
// (protos/prismatic/model_registry/v1/operators.proto) to callers who are proven and have the role.
// Thread-safe. Store and passwords outlive it.
class Operators {
 public:
  Operators(OperatorStore& store, Passwords& passwords) : store_(store), passwords_(passwords) {}

  // Both take no caller: the one has no credential yet, the other's may be over.
  Task<absl::StatusOr<v1::LoginResponse>> Login(v1::LoginRequest request);
  // INVALID_API_KEY when the authorization is no session's token in form.
  Task<absl::StatusOr<v1::LogoutResponse>> Logout(std::string authorization);

  Task<absl::StatusOr<v1::WhoAmIResponse>> WhoAmI(Caller caller);
  Task<absl::StatusOr<v1::ChangePasswordResponse>> ChangePassword(Caller caller,
                                                                  v1::ChangePasswordRequest request);

  Task<absl::StatusOr<v1::ListOperatorsResponse>> ListOperators();
  Task<absl::StatusOr<v1::CreateOperatorResponse>> CreateOperator(Caller caller,
                                                                  v1::CreateOperatorRequest request);
  Task<absl::StatusOr<v1::UpdateOperatorResponse>> UpdateOperator(Caller caller,
                                                                  v1::UpdateOperatorRequest request);
  Task<absl::StatusOr<v1::ResetPasswordResponse>> ResetPassword(Caller caller,
                                                                v1::ResetPasswordRequest request);

  Task<absl::StatusOr<v1::ListAuditEntriesResponse>> ListAuditEntries(v1::ListAuditEntriesRequest request);

  // Whether the first owner, enabled, has the password still that was made at the first start.
  Task<absl::StatusOr<bool>> FirstPasswordInUse();

 private:
  // Ends the attempt as a failure, notes it, and gives what is answered to it.
  Task<absl::Status> Refuse(LoginAttempt attempt, v1::AuditEntry entry);
  // Changes an operator who exists: `make` says what is to change, nullopt for nothing. Made anew from what
  // is there now when somebody else was faster.
  Task<absl::StatusOr<StoredOperator>> Change(
      std::string name, std::function<std::optional<OperatorChange>(const StoredOperator&)> make);

  OperatorStore& store_;
  Passwords& passwords_;
};

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_OPERATORS_H_
