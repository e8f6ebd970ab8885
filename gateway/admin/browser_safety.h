#ifndef PRISMATIC_GATEWAY_ADMIN_BROWSER_SAFETY_H_
#define PRISMATIC_GATEWAY_ADMIN_BROWSER_SAFETY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/common/http/message.h"

// What a browser does by itself must not be mistaken for what its user wants: the session's cookie, and the
// proofs that a request comes from our own page. Pure.

namespace prismatic::gateway::admin {

// The `__Host-` prefix makes browsers insist on Secure, Path=/ and no Domain, so that no other host can set
// it.
inline constexpr absl::string_view kSessionCookie = "__Host-prismatic_session";

// Whether it can be a session's token; other credentials are not taken from cookies.
bool IsSessionToken(absl::string_view text);

struct Credential {
  // Empty: there is none.
  std::string token;
  bool by_cookie = false;
};
// `Authorization: Bearer`, else the cookie. UNAUTHENTICATED, INVALID_API_KEY for what is malformed: two
// cookies of the name, say, of which one must be somebody else's.
absl::StatusOr<Credential> ReadCredential(const http::Request& request);

// Set-Cookie for a new session, and to take it away. It lives as long as the browser; the registry ends it
// earlier.
std::string SetSessionCookie(absl::string_view token);
std::string ClearSessionCookie();

// What a page must send along as X-CSRF-Token: told to who signs in, derived from the session's token, so
// that any gateway can check it and it says nothing about the token.
std::string CsrfTokenOf(absl::string_view session_token);

// Whether the browser says that the request comes from our own page: Sec-Fetch-Site and Origin, where it
// sends them.
bool IsSameOrigin(const http::Request& request);
// The same and the session's CSRF token, for a request whose credential came by cookie.
bool ProvesItsPage(const http::Request& request, absl::string_view session_token);

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_BROWSER_SAFETY_H_
