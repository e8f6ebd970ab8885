#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_DATA_URL_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_DATA_URL_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace prismatic::provider_proxy {

// A reference image as its bytes: `data:image/png;base64,...`, taken apart.
struct DataUrl {
  std::string mime_type;
  // Of the URL's text.
  absl::string_view base64;
};

// Empty when it is no base64 data: URL. Without a media type, the one that the bytes show.
std::optional<DataUrl> ParseDataUrl(absl::string_view url);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_DATA_URL_H_
