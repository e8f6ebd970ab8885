#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_CREDENTIALS_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_CREDENTIALS_H_

#include "absl/strings/string_view.h"
#include "services/common/http/message.h"

// How requests carry a credential, one function for each style.

namespace prismatic::sandbox {

// `Authorization: Bearer KEY`
bool HasBearer(const http::Request& request, absl::string_view key);
// `Authorization: Key KEY`
bool HasKey(const http::Request& request, absl::string_view key);
// `Authorization: Basic base64(KEY)`, or base64(USER:KEY) with any user.
bool HasBasic(const http::Request& request, absl::string_view key);
// `NAME: KEY`
bool HasInHeader(const http::Request& request, absl::string_view name, absl::string_view key);

// The first header that carries a credential of any kind; empty when there is none.
absl::string_view CredentialHeader(const http::Request& request);

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_CREDENTIALS_H_
