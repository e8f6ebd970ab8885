#ifndef PRISMATIC_GATEWAY_GENERATION_GENERATION_ERRORS_H_
#define PRISMATIC_GATEWAY_GENERATION_GENERATION_ERRORS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace prismatic::gateway::error {

// No such public ID. Reason: MODEL_NOT_FOUND.
absl::Status ModelNotFound(absl::string_view public_id);
// The key's list lacks the model. Reason: MODEL_NOT_ALLOWED.
absl::Status ModelNotAllowed(absl::string_view public_id);
// It is a model of another kind. Reason: MODEL_DOES_NOT_SUPPORT_IMAGES, param `model`.
absl::Status ModelDoesNotSupportImages(absl::string_view public_id);
// No route of the model takes reference images. Reason: UNSUPPORTED_PARAMETER, param `image_url`.
absl::Status ReferenceImagesNotSupported(absl::string_view public_id, int count);
// Images are switched off for every provider of the model. Reason: NO_IMAGE_ROUTE.
absl::Status NoImageRoute(absl::string_view public_id);
// Billing did not answer. Reason: BILLING_UNAVAILABLE. Retry soon.
absl::Status BillingUnavailable();
// No catalog yet, or too much in flight, or shutting down. Reason: SERVER_IS_OVERLOADED. Retry soon.
absl::Status ServerIsOverloaded();
// Nobody waits for an answer any more, and nothing has been begun. CANCELLED, no reason: no client sees it.
absl::Status ClientGone();

}  // namespace prismatic::gateway::error

#endif  // PRISMATIC_GATEWAY_GENERATION_GENERATION_ERRORS_H_
