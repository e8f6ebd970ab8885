#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_OPERATOR_ERRORS_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_OPERATOR_ERRORS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace prismatic::model_registry::operator_error {

// No credential, or none that is worth anything: one message for all. Reason: INVALID_API_KEY.
absl::Status NotKnown();
// Reason: ROLE_NOT_ALLOWED.
absl::Status RoleNotAllowed(absl::string_view needed, absl::string_view has);
// The admin token has no password. Reason: ROLE_NOT_ALLOWED.
absl::Status TokenHasNoPassword();
// Name or password wrong, or the operator disabled. Reason: LOGIN_REFUSED.
absl::Status LoginRefused();
// Reason: LOGIN_RATE_LIMITED.
absl::Status TooManyFailures(absl::Duration wait);
// More logins at once than are worked on. Reason: LOGIN_RATE_LIMITED.
absl::Status TooManyLogins();
// More changes of passwords at once than are worked on. Reason: SERVER_IS_OVERLOADED.
absl::Status TooManyPasswords();
// Reason: OPERATOR_NOT_FOUND.
absl::Status OperatorNotFound(absl::string_view name);
// Reason: OPERATOR_EXISTS.
absl::Status OperatorExists(absl::string_view name);
// Reason: LAST_OWNER.
absl::Status LastOwner(absl::string_view name);
// Redis did not take part; a write may have happened all the same. Reason: REGISTRY_UNAVAILABLE.
absl::Status StoreUnavailable(absl::string_view why);
// The same operator was changed by others again and again; nothing was. Reason: REGISTRY_UNAVAILABLE.
absl::Status ChangedMeanwhile();

}  // namespace prismatic::model_registry::operator_error

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_OPERATOR_ERRORS_H_
