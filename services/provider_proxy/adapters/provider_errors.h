#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_PROVIDER_ERRORS_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_PROVIDER_ERRORS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// Every error that provider-proxy gives. None repeats an upstream's words.

namespace prismatic::provider_proxy::error {

// MODEL_NOT_FOUND.
absl::Status ModelNotFound(absl::string_view model);
// NO_IMAGE_ROUTE: nothing was sent, and repeating does not help until the catalog changes.
absl::Status NoImageRoute(absl::string_view model);
// INVALID_VALUE, param image_url: the model has routes, and none takes reference images.
absl::Status ReferenceImagesNotTaken(absl::string_view model);
// INVALID_VALUE, param image_url: one cannot be fetched, or is no image that models take.
absl::Status ReferenceNotFetched();
// MODEL_OVERLOADED: every route refused before it began.
absl::Status ModelOverloaded(absl::string_view model, absl::Duration retry_after);
// CATALOG_BEHIND: this replica has not seen the caller's version of the catalog. Nothing was sent.
absl::Status CatalogBehind(int64_t have, int64_t want);
// MODERATION_BLOCKED.
absl::Status ModerationBlocked();
// INVALID_VALUE without `param`: the upstream finds the request wrong, and we do not know which field.
absl::Status RejectedByUpstream();
// UPSTREAM_ERROR: it may have done the work.
absl::Status UpstreamError();
// UPSTREAM_TIMEOUT: it may have done the work.
absl::Status UpstreamTimeout();
// CANCELLED, without a reason: nobody waits for it.
absl::Status CallerGone();

}  // namespace prismatic::provider_proxy::error

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_PROVIDER_ERRORS_H_
