#include "services/model_registry/operators/operator_errors.h"

#include "absl/strings/str_cat.h"
#include "services/common/status/status.h"

namespace prismatic::model_registry::operator_error {

absl::Status NotKnown() {
  return Error(
      absl::StatusCode::kUnauthenticated, common::v1::ERROR_REASON_INVALID_API_KEY,
      "This port asks for `authorization: Bearer <admin token or session token>`; there is none, or it "
      "is not valid, or not any more.");
}

absl::Status RoleNotAllowed(absl::string_view needed, absl::string_view has) {
  return Error(absl::StatusCode::kPermissionDenied, common::v1::ERROR_REASON_ROLE_NOT_ALLOWED,
               absl::StrCat("This needs the role ", needed, "; yours is ", has, "."));
}

absl::Status TokenHasNoPassword() {
  return Error(absl::StatusCode::kPermissionDenied, common::v1::ERROR_REASON_ROLE_NOT_ALLOWED,
               "The admin token has no password; reset an operator's instead.");
}

absl::Status LoginRefused() {
  return Error(absl::StatusCode::kUnauthenticated, common::v1::ERROR_REASON_LOGIN_REFUSED,
               "Name or password is wrong, or the operator is disabled.");
}

absl::Status TooManyFailures(absl::Duration wait) {
  return Error(absl::StatusCode::kResourceExhausted, common::v1::ERROR_REASON_LOGIN_RATE_LIMITED,
               absl::StrCat("Too many failed logins; try again in ",
                            absl::FormatDuration(absl::Ceil(wait, absl::Seconds(1))), "."))
      .RetryAfter(wait);
}

absl::Status TooManyLogins() {
  return Error(absl::StatusCode::kResourceExhausted, common::v1::ERROR_REASON_LOGIN_RATE_LIMITED,
               "Too many logins at this moment; try again.")
      .RetryAfter(absl::Seconds(1));
}

absl::Status TooManyPasswords() {
  return Error(absl::StatusCode::kUnavailable, common::v1::ERROR_REASON_SERVER_IS_OVERLOADED,
               "Too many passwords are being changed at this moment; try again.")
      .RetryAfter(absl::Seconds(1));
}

absl::Status OperatorNotFound(absl::string_view name) {
  return Error(absl::StatusCode::kNotFound, common::v1::ERROR_REASON_OPERATOR_NOT_FOUND,
               absl::StrCat("The operator `", name.substr(0, 40), "` does not exist."));
}

absl::Status OperatorExists(absl::string_view name) {
  return Error(absl::StatusCode::kAlreadyExists, common::v1::ERROR_REASON_OPERATOR_EXISTS,
               absl::StrCat("The operator `", name, "` exists; names are never used again."));
}

absl::Status LastOwner(absl::string_view name) {
  return Error(absl::StatusCode::kFailedPrecondition, common::v1::ERROR_REASON_LAST_OWNER,
               absl::StrCat("`", name, "` is the last enabled owner, and must stay one."));
}

absl::Status StoreUnavailable(absl::string_view why) {
  return Error(absl::StatusCode::kUnavailable, common::v1::ERROR_REASON_REGISTRY_UNAVAILABLE,
               absl::StrCat("The registry's Redis does not answer: ", why));
}

absl::Status ChangedMeanwhile() {
  return Error(absl::StatusCode::kUnavailable, common::v1::ERROR_REASON_REGISTRY_UNAVAILABLE,
               "The operator was changed by others again and again; nothing was changed here. Try again.");
}

}  // namespace prismatic::model_registry::operator_error
