#ifndef PRISMATIC_SERVICES_COMMON_REDIS_URL_H_
#define PRISMATIC_SERVICES_COMMON_REDIS_URL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace prismatic::redis {

// Where Redis is, and who we are there.
struct Endpoint {
  std::string host;
  int port = 6379;
  // Not empty: a Unix socket, and host and port mean nothing.
  std::string unix_path;
  // Percent-decoded. An empty user is Redis' default user; an empty password means no AUTH.
  std::string user;
  std::string password;

  // For logs: without credentials.
  std::string Name() const;
};

// Reads redis://[[user]:password@]host[:port] and unix:///path. `[::1]` for IPv6 addresses; `%40` and
// the like in credentials are decoded. INVALID_ARGUMENT never repeats the URL, which may hold a password.
absl::StatusOr<Endpoint> ParseUrl(absl::string_view url);

}  // namespace prismatic::redis

#endif  // PRISMATIC_SERVICES_COMMON_REDIS_URL_H_
