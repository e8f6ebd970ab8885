#include "services/provider_proxy/upstream/credential_pool.h"

#include <algorithm>

namespace prismatic::provider_proxy {
namespace {

// Somebody who is changing the key or paying the bill is back within a minute; whoever is not should not be
// asked a thousand times meanwhile, but still be found again without a restart.
constexpr absl::Duration kUnauthorizedRest = absl::Minutes(1);
constexpr absl::Duration kUnauthorizedRestMax = absl::Minutes(10);
// Rate limits count by the minute at most, whatever an upstream says.
constexpr absl::Duration kRateLimitedRestMax = absl::Minutes(1);
constexpr absl::Duration kRateLimitedRest = absl::Seconds(1);

}  // namespace

absl::Time CredentialPool::RestsUntil(const Key& key, const std::string& secret) {
  auto found = resting_.find(key);
  if (found == resting_.end()) return absl::InfinitePast();
  const Rest& rest = found->second;
  if (rest.secret == secret) return std::max(rest.limited_until, rest.unauthorized_until);
  resting_.erase(found);
  return absl::InfinitePast();
}

absl::StatusOr<CredentialPool::Pick> CredentialPool::Next(const std::string& provider,
                                                          const std::vector<std::string>& references) {
  if (references.empty()) return Pick{.provider = provider};
  uint64_t turn;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    turn = turns_[provider]++;
  }
  absl::Status missing;
  std::optional<Pick> best;
  absl::Time best_until = absl::InfiniteFuture();
  for (size_t i = 0; i < references.size(); ++i) {
    const std::string& reference = references[(turn + i) % references.size()];
    absl::StatusOr<std::string> secret = credentials_.Find(reference);
    if (!secret.ok()) {
      missing.Update(secret.status());
      continue;
    }
    std::lock_guard<std::mutex> lock(mutex_);
    absl::Time until = RestsUntil({provider, reference}, *secret);
    bool rests = until > clock_.Now();
    if (rests && best.has_value() && until >= best_until) continue;
    best = Pick{.provider = provider, .reference = reference, .secret = *std::move(secret)};
    best_until = until;
    if (!rests) break;
  }
  if (!best.has_value()) return missing;
  return *std::move(best);
}

void CredentialPool::Refused(const Pick& pick, CredentialRefusal kind,
                             std::optional<absl::Duration> retry_after) {
  if (pick.reference.empty()) return;
  std::lock_guard<std::mutex> lock(mutex_);
  absl::Time now = clock_.Now();
  Rest& rest = resting_[{pick.provider, pick.reference}];
  if (rest.secret != pick.secret) rest = Rest{.secret = pick.secret, .next = kUnauthorizedRest};
  if (kind == CredentialRefusal::kRateLimited) {
    absl::Duration wait =
        std::clamp(retry_after.value_or(kRateLimitedRest), absl::ZeroDuration(), kRateLimitedRestMax);
    rest.limited_until = std::max(rest.limited_until, now + wait);
    return;
  }
  // Calls that were under way together are refused together, and count once.
  if (rest.unauthorized_until > now) return;
  rest.unauthorized_until = now + rest.next;
  rest.next = std::min(rest.next * 2, kUnauthorizedRestMax);
}

void CredentialPool::Accepted(const Pick& pick) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = resting_.find({pick.provider, pick.reference});
  // A late answer to an old secret says nothing of the new one.
  if (found != resting_.end() && found->second.secret == pick.secret) resting_.erase(found);
}

}  // namespace prismatic::provider_proxy
