#ifndef PRISMATIC_SERVICES_BILLING_IMPORTED_KEY_CACHE_H_
#define PRISMATIC_SERVICES_BILLING_IMPORTED_KEY_CACHE_H_

#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "absl/time/time.h"
#include "services/billing/names.h"

namespace prismatic::billing {

// What is known of the hashes of imported API keys. A mapping never changes, so it is kept as long as there
// is room; that there is none is believed for a few seconds, so that a stranger who repeats a wrong key does
// not reach Redis each time and a key that is imported soon works. Strangers' keys have room of their own and
// push nobody else's out. Thread-safe.
class ImportedKeyCache {
 public:
  // About 200 bytes each.
  static constexpr size_t kKnownMax = 20'000;
  static constexpr size_t kUnknownMax = 5'000;
  // Also how late another replica may learn of an import.
  static constexpr absl::Duration kUnknownLife = absl::Seconds(5);

  struct Finding {
    // nullopt: there is no such key.
    std::optional<KeyId> id;
  };
  // nullopt: ask Redis.
  std::optional<Finding> Find(const std::string& sha256, absl::Time now);
  void RememberKnown(const std::string& sha256, const KeyId& id);
  void RememberUnknown(const std::string& sha256, absl::Time now);

 private:
  // Texts in the order of their use, the last used first, each with a value; the oldest makes room.
  template <typename Value>
  struct Recent {
    using List = std::list<std::pair<std::string, Value>>;
    List list;
    std::unordered_map<std::string, typename List::iterator> places;

    Value* Find(const std::string& name) {
      auto found = places.find(name);
      if (found == places.end()) return nullptr;
      list.splice(list.begin(), list, found->second);
      return &found->second->second;
    }
    void Set(const std::string& name, Value value, size_t max) {
      Forget(name);
      list.emplace_front(name, std::move(value));
      places[name] = list.begin();
      if (list.size() <= max) return;
      places.erase(list.back().first);
      list.pop_back();
    }
    void Forget(const std::string& name) {
      auto found = places.find(name);
      if (found == places.end()) return;
      list.erase(found->second);
      places.erase(found);
    }
  };

  std::mutex mutex_;
  Recent<KeyId> known_;         // guarded by mutex_
  Recent<absl::Time> unknown_;  // guarded by mutex_; until when
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_IMPORTED_KEY_CACHE_H_
