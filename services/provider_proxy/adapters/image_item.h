#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_IMAGE_ITEM_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_IMAGE_ITEM_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/common/json/json.h"

// How upstreams write an image: base64, a data: URL, or a URL.

namespace prismatic::provider_proxy {

// Where the catalog says nothing. Enough for 4 megapixels of PNG noise-free art; routes that give
// more say so in max_image_bytes.
inline constexpr int64_t kImageBytesDefault = int64_t{8} << 20;
// A signed URL of a storage service has some 2 KiB.
inline constexpr size_t kResultUrlMax = 8192;

// The largest image that the route may give, in bytes as transferred.
int64_t ImageBytesMax(const catalog::v1::Route& route);

// Base64, with or without a `data:...;base64,` in front. INVALID_ARGUMENT when it is no delivered image,
// OUT_OF_RANGE when it is larger than allowed, which has not been looked at.
absl::StatusOr<v1::GeneratedImage> ImageFromBase64(absl::string_view text, int64_t bytes_max);
// A data: URL like the above; an http or https URL as it is, unseen.
absl::StatusOr<v1::GeneratedImage> ImageFromUrl(absl::string_view url, int64_t bytes_max);

// The same for JSON strings, which are copied once.
absl::StatusOr<v1::GeneratedImage> ImageFromBase64(const json::Value& value, int64_t bytes_max);
absl::StatusOr<v1::GeneratedImage> ImageFromUrl(const json::Value& value, int64_t bytes_max);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_IMAGE_ITEM_H_
