#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_REFERENCES_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_REFERENCES_H_

#include <initializer_list>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/common/json/json.h"

// Reference images: counted, and as far as they come along, checked to be images.

namespace prismatic::sandbox {

// INVALID_ARGUMENT when this is not base64 of something that begins like a PNG, JPEG or WebP.
absl::Status CheckBase64Image(absl::string_view base64);

// http or https, or a `data:` URL with an image of base64.
absl::Status CheckImageUrl(absl::string_view url);

// Images in any of these fields: a URL, {"url": ...}, {"image_url": ...}, or a list of these.
// INVALID_ARGUMENT for other shapes; what the URLs hold is not looked at.
absl::StatusOr<int> CountReferences(const json::Value& object,
                                    std::initializer_list<absl::string_view> names);

// Images in any of these fields: a URL or base64, or a list of these, checked.
absl::StatusOr<int> CountCheckedReferences(const json::Value& object,
                                           std::initializer_list<absl::string_view> names);

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_REFERENCES_H_
