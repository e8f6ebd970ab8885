#include "gateway/generation/generation_errors.h"

#include "absl/strings/str_cat.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::error {

using absl::StatusCode;

absl::Status ModelNotFound(absl::string_view public_id) {
  return Error(StatusCode::kNotFound, common::v1::ERROR_REASON_MODEL_NOT_FOUND,
               absl::StrCat("The model `", public_id, "` does not exist or you do not have access to it."));
}

absl::Status ModelNotAllowed(absl::string_view public_id) {
  return Error(StatusCode::kPermissionDenied, common::v1::ERROR_REASON_MODEL_NOT_ALLOWED,
               absl::StrCat("This API key may not use the model `", public_id, "`."));
}

absl::Status ModelDoesNotSupportImages(absl::string_view public_id) {
  return Error(StatusCode::kInvalidArgument, common::v1::ERROR_REASON_MODEL_DOES_NOT_SUPPORT_IMAGES,
               absl::StrCat("The model `", public_id, "` does not generate images."))
      .With("param", "model");
}

absl::Status ReferenceImagesNotSupported(absl::string_view public_id, int count) {
  return Error(StatusCode::kInvalidArgument, common::v1::ERROR_REASON_UNSUPPORTED_PARAMETER,
               absl::StrCat("The model `", public_id, "` does not take ",
                            count == 1 ? "" : absl::StrCat(count, " "), "reference images."))
      .With("param", "image_url");
}

absl::Status NoImageRoute(absl::string_view public_id) {
  return Error(
      StatusCode::kFailedPrecondition, common::v1::ERROR_REASON_NO_IMAGE_ROUTE,
      absl::StrCat("Image generation is switched off for every provider of the model `", public_id, "`."));
}

absl::Status BillingUnavailable() {
  return Error(StatusCode::kUnavailable, common::v1::ERROR_REASON_BILLING_UNAVAILABLE,
               "Billing cannot be reached; nothing was generated or charged. Please retry.")
      .RetryAfter(absl::Seconds(2));
}

absl::Status ServerIsOverloaded() {
  return Error(StatusCode::kUnavailable, common::v1::ERROR_REASON_SERVER_IS_OVERLOADED,
               "The server is overloaded or restarting. Please retry.")
      .RetryAfter(absl::Seconds(1));
}

absl::Status ClientGone() { return absl::CancelledError("The client has gone."); }

}  // namespace prismatic::gateway::error
