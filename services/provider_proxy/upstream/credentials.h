#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CREDENTIALS_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CREDENTIALS_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"

namespace prismatic::provider_proxy {

// The providers' credentials, found by the references that the catalog holds:
//   env:PROVIDER_KEY_NAME   an environment variable, as it was when the process started
//   file:NAME               a plain name below the credentials folder; read again when it changes
// What is found is kept out of every log line from then on. Thread-safe; reads small files, so not for
// the loop.
class Credentials {
 public:
  // `environment`: the PROVIDER_KEY_* variables. `folder`: empty when no file may be named.
  Credentials(std::map<std::string, std::string> environment, std::string folder);
  // With this process's environment.
  static Credentials FromProcess(std::string folder);
  Credentials(Credentials&& other) noexcept;

  // Empty for an empty reference: the upstream asks for none. NOT_FOUND or INVALID_ARGUMENT, whose
  // message names the reference and never the credential.
  absl::StatusOr<std::string> Find(const std::string& reference);

 private:
  struct File {
    // What tells one state of the file from another.
    int64_t modified_ns = 0;
    int64_t size = 0;
    uint64_t inode = 0;
    std::string secret;
  };
  absl::StatusOr<std::string> FindFile(const std::string& name);

  std::map<std::string, std::string> environment_;
  std::string folder_;
  std::mutex mutex_;
  std::map<std::string, File> files_;  // guarded by mutex_
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CREDENTIALS_H_
