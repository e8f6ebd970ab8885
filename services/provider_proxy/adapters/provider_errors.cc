#include "services/provider_proxy/adapters/provider_errors.h"

#include "absl/strings/str_cat.h"
#include "services/common/status/status.h"

namespace prismatic::provider_proxy::error {

absl::Status ModelNotFound(absl::string_view model) {
  return Error(absl::StatusCode::kNotFound, common::v1::ERROR_REASON_MODEL_NOT_FOUND,
               absl::StrCat("The model `", model, "` does not exist."))
      .With("param", "model");
}

absl::Status NoImageRoute(absl::string_view model) {
  return Error(absl::StatusCode::kFailedPrecondition, common::v1::ERROR_REASON_NO_IMAGE_ROUTE,
               absl::StrCat("No provider generates images with `", model, "` at present."));
}

absl::Status ReferenceImagesNotTaken(absl::string_view model) {
  return InvalidValue("image_url", absl::StrCat("The model `", model, "` takes no reference images."));
}

absl::Status ReferenceNotFetched() {
  return InvalidValue(
      "image_url", "A reference image could not be fetched, or is no PNG, JPEG or WebP of at most 20 MiB.");
}

absl::Status ModelOverloaded(absl::string_view model, absl::Duration retry_after) {
  return Error(absl::StatusCode::kUnavailable, common::v1::ERROR_REASON_MODEL_OVERLOADED,
               absl::StrCat("The model `", model, "` is overloaded. Please try again."))
      .RetryAfter(retry_after);
}

absl::Status CatalogBehind(int64_t have, int64_t want) {
  return Error(absl::StatusCode::kUnavailable, common::v1::ERROR_REASON_CATALOG_BEHIND,
               "The catalog of this replica is behind.")
      .With("have", absl::StrCat(have))
      .With("want", absl::StrCat(want));
}

absl::Status ModerationBlocked() {
  return Error(absl::StatusCode::kInvalidArgument, common::v1::ERROR_REASON_MODERATION_BLOCKED,
               "Your request was rejected by the safety system of the model's provider.");
}

absl::Status RejectedByUpstream() {
  return Error(absl::StatusCode::kInvalidArgument, common::v1::ERROR_REASON_INVALID_VALUE,
               "The model's provider does not accept a value of this request.");
}

absl::Status UpstreamError() {
  return Error(absl::StatusCode::kInternal, common::v1::ERROR_REASON_UPSTREAM_ERROR,
               "The model's provider failed while it generated the image.");
}

absl::Status UpstreamTimeout() {
  return Error(absl::StatusCode::kDeadlineExceeded, common::v1::ERROR_REASON_UPSTREAM_TIMEOUT,
               "The model's provider did not answer in time.");
}

absl::Status CallerGone() { return absl::CancelledError("The caller has gone."); }

}  // namespace prismatic::provider_proxy::error
