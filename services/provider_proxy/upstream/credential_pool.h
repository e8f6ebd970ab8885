#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CREDENTIAL_POOL_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CREDENTIAL_POOL_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/common/clock/clock.h"
#include "services/provider_proxy/upstream/credentials.h"

namespace prismatic::provider_proxy {

// What an upstream has against a credential.
enum class CredentialRefusal {
  // 401, 402, 403: unknown, out of money, not allowed. Somebody has to do something.
  kUnauthorized,
  // 429: it recovers by itself.
  kRateLimited,
};

// Whose turn it is among a provider's credentials: one after the other, and one that the upstream refused
// rests for a while. Thread-safe; reads small files, so not for the loop.
class CredentialPool {
 public:
  struct Pick {
    std::string provider;
    std::string reference;
    std::string secret;
  };

  CredentialPool(Credentials& credentials, const Clock& clock) : credentials_(credentials), clock_(clock) {}

  // The next of the provider's credentials that does not rest. When all rest, or there is one alone, the one
  // that has the least to wait: a provider is never without a credential because of its answers, what is
  // to be done about a provider that keeps refusing is decided by its health. An empty list: a pick
  // without reference and secret. References that lead to nothing are passed over; the first one's error
  // when all do.
  absl::StatusOr<Pick> Next(const std::string& provider, const std::vector<std::string>& references);

  // The upstream refused the pick: its credential rests. Unauthorized: for a minute, doubled up to ten while
  // it goes on, and over as soon as the reference leads to another secret. Rate limited: as long as the
  // upstream says, at most a minute; a second when it says nothing.
  void Refused(const Pick& pick, CredentialRefusal kind, std::optional<absl::Duration> retry_after);
  // The upstream took it: what was held against it is forgotten.
  void Accepted(const Pick& pick);

 private:
  struct Rest {
    // What was refused.
    std::string secret;
    absl::Time limited_until = absl::InfinitePast();
    absl::Time unauthorized_until = absl::InfinitePast();
    // How long it rests when it is refused as unauthorized the next time.
    absl::Duration next;
  };
  using Key = std::pair<std::string, std::string>;  // provider, reference
  // When the credential can be used again; in the past when it can.
  absl::Time RestsUntil(const Key& key, const std::string& secret);  // with mutex_ held

  Credentials& credentials_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<Key, Rest> resting_;            // guarded by mutex_
  std::map<std::string, uint64_t> turns_;  // by provider; guarded by mutex_
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CREDENTIAL_POOL_H_
