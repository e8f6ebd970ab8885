#include "services/billing/imported_key_cache.h"

namespace prismatic::billing {

std::optional<ImportedKeyCache::Finding> ImportedKeyCache::Find(const std::string& sha256, absl::Time now) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (const KeyId* id = known_.Find(sha256)) return Finding{.id = *id};
  const absl::Time* until = unknown_.Find(sha256);
  if (until != nullptr && now < *until) return Finding{};
  return std::nullopt;
}

void ImportedKeyCache::RememberKnown(const std::string& sha256, const KeyId& id) {
  std::lock_guard<std::mutex> lock(mutex_);
  unknown_.Forget(sha256);
  known_.Set(sha256, id, kKnownMax);
}

void ImportedKeyCache::RememberUnknown(const std::string& sha256, absl::Time now) {
  std::lock_guard<std::mutex> lock(mutex_);
  unknown_.Set(sha256, now + kUnknownLife, kUnknownMax);
}

}  // namespace prismatic::billing
