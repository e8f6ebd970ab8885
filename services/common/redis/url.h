#ifndef PRISMATIC_SERVICES_COMMON_REDIS_URL_H_
#define PRISMATIC_SERVICES_COMMON_REDIS_URL_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace prismatic::redis {

struct NodeAddress {
  std::string host;
  int port = 0;
  // Not empty: a Unix socket, and host and port mean nothing.
  std::string unix_path;

  std::string Name() const;
};

// Who we are. An empty user is Redis' default user; no password and no file means no AUTH.
struct Credentials {
  std::string user;
  std::string password;
  std::string password_file;

  bool empty() const { return password.empty() && password_file.empty(); }
  // The file is read at each call, so that a password can be changed while we run; a newline at its end
  // does not count. What is returned is registered as a secret of the log.
  absl::StatusOr<std::string> Password() const;
};

// PEM files; empty: the system's authorities, no certificate of our own. Read at each connecting.
struct TlsFiles {
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
};

// What a Redis URL says.
struct Endpoint {
  // One server, or the sentinels that know where the master is.
  std::vector<NodeAddress> nodes;
  // Not empty: `nodes` are sentinels.
  std::string master_name;
  Credentials credentials;
  Credentials sentinel_credentials;
  // Both to servers and to sentinels.
  std::optional<TlsFiles> tls;
  // How many replicas a lasting write waits for.
  int wait_replicas = 0;

  bool sentinel() const { return !master_name.empty(); }
  // For logs: without credentials.
  std::string Name() const;
};

// Reads (docs/how-to/redis.md explains the options)
//   redis[s]://[[user]:password@]host[:port][?wait=N&password_file=F]
//   unix://[[user]:password@]/path[?...]
//   redis[s]+sentinel://[[user]:password@]host[:port],host[:port]/master-name[?sentinel_user=U&...]
// `[::1]` for IPv6 addresses; `%40` and the like are decoded in credentials, paths and options.
// INVALID_ARGUMENT says what is wrong and never repeats the URL, which may hold a password.
absl::StatusOr<Endpoint> ParseUrl(absl::string_view url);

}  // namespace prismatic::redis

#endif  // PRISMATIC_SERVICES_COMMON_REDIS_URL_H_
