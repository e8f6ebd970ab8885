#ifndef PRISMATIC_SERVICES_CATALOG_WATCH_CATALOG_HOLDER_H_
#define PRISMATIC_SERVICES_CATALOG_WATCH_CATALOG_HOLDER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "absl/time/time.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "services/catalog_watch/snapshot.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/task/task.h"

namespace prismatic::catalog_watch {

// The newest catalog that a process knows. Written by one source (a Watcher, or the registry in the
// same process), read by every request. Thread-safe. Destroyed before its loop; waits that are still
// pending then end with false.
//
// Metrics: prismatic_catalog_version, prismatic_catalog_changed_timestamp_seconds.
class CatalogHolder {
 public:
  CatalogHolder(loop::Loop& loop, metrics::Registry& metrics);
  ~CatalogHolder();
  CatalogHolder(const CatalogHolder&) = delete;

  // Never null; version 0 and empty until the first Set.
  std::shared_ptr<const Snapshot> Current() const;
  // There is a catalog.
  bool ready() const { return Current()->version() > 0; }

  // Takes a newer version; one that is older or equal is ignored. True when it was taken.
  bool Set(catalog::v1::Catalog catalog);

  // True as soon as Current() has at least this version, false when that does not happen in time.
  // Resumes on the loop when it had to wait, else at once on the caller's thread.
  Task<bool> WaitForVersion(int64_t version, absl::Duration timeout);

  // Calls `changed` with each newer snapshot, in order of version, on the thread that sets it: it must
  // not block, nor call Set. When the Subscription is gone, the callback is not running and never runs
  // again; it may end its own subscription. The holder outlives its subscriptions.
  using Changed = std::function<void(const std::shared_ptr<const Snapshot>&)>;
  class Subscription {
   public:
    Subscription() = default;
    Subscription(Subscription&& other) noexcept;
    Subscription& operator=(Subscription&& other) noexcept;
    ~Subscription();

   private:
    friend class CatalogHolder;
    Subscription(CatalogHolder* holder, int64_t id) : holder_(holder), id_(id) {}
    CatalogHolder* holder_ = nullptr;
    int64_t id_ = 0;
  };
  [[nodiscard]] Subscription Subscribe(Changed changed);

 private:
  struct Waits;  // lives on the loop

  void Unsubscribe(int64_t id);

  loop::Loop& loop_;
  metrics::Gauge version_gauge_;
  metrics::Gauge changed_gauge_;

  mutable std::mutex mutex_;
  std::shared_ptr<const Snapshot> current_;  // guarded by mutex_

  // Held while subscribers are called, so that they see versions in order; recursive, so that a
  // subscriber may end its own subscription. Taken before mutex_.
  std::recursive_mutex publish_mutex_;
  std::map<int64_t, Changed> subscribers_;  // guarded by publish_mutex_
  int64_t next_subscriber_ = 1;             // guarded by publish_mutex_

  std::shared_ptr<Waits> waits_;
};

}  // namespace prismatic::catalog_watch

#endif  // PRISMATIC_SERVICES_CATALOG_WATCH_CATALOG_HOLDER_H_
