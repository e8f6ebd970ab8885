#include "services/catalog_watch/catalog_holder.h"

#include <algorithm>
#include <list>
#include <utility>
#include <vector>

#include "absl/time/clock.h"

namespace prismatic::catalog_watch {

// Who waits for a version. Touched on the loop's thread only; posted work keeps it alive.
struct CatalogHolder::Waits {
  struct Wait {
    int64_t version;
    std::function<void(bool)> done;
    std::unique_ptr<loop::Loop::Timer> timer;
  };

  // Resumes those whose version has come; with `closed`, all of them.
  void Wake() {
    std::list<Wait> woken;
    for (auto wait = list.begin(); wait != list.end();) {
      auto next = std::next(wait);
      if (closed || wait->version <= version) woken.splice(woken.end(), list, wait);
      wait = next;
    }
    for (Wait& wait : woken) {
      wait.timer.reset();
      wait.done(wait.version <= version);
    }
  }

  std::list<Wait> list;
  int64_t version = 0;
  bool closed = false;
};

CatalogHolder::CatalogHolder(loop::Loop& loop, metrics::Registry& metrics)
    : loop_(loop),
      version_gauge_(
          metrics.GetGauge("prismatic_catalog_version", "Version of the catalog in use; 0: none yet.")),
      changed_gauge_(metrics.GetGauge("prismatic_catalog_changed_timestamp_seconds",
                                      "When the catalog in use was taken over, Unix time.")),
      current_(std::make_shared<const Snapshot>()),
      waits_(std::make_shared<Waits>()) {}

CatalogHolder::~CatalogHolder() {
  loop_.Post([waits = waits_] {
    waits->closed = true;
    waits->Wake();
  });
}

std::shared_ptr<const Snapshot> CatalogHolder::Current() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return current_;
}

bool CatalogHolder::Set(catalog::v1::Catalog catalog) {
  auto snapshot = std::make_shared<const Snapshot>(std::move(catalog));
  std::lock_guard<std::recursive_mutex> publish(publish_mutex_);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (snapshot->version() <= current_->version()) return false;
    current_ = snapshot;
  }
  version_gauge_.Set(static_cast<double>(snapshot->version()));
  changed_gauge_.Set(absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()));
  loop_.Post([waits = waits_, version = snapshot->version()] {
    waits->version = std::max(waits->version, version);
    waits->Wake();
  });
  std::vector<int64_t> ids;
  for (const auto& [id, changed] : subscribers_) ids.push_back(id);
  for (int64_t id : ids) {
    auto found = subscribers_.find(id);
    if (found == subscribers_.end()) continue;
    Changed changed = found->second;  // it may end its own subscription
    changed(snapshot);
  }
  return true;
}

Task<bool> CatalogHolder::WaitForVersion(int64_t version, absl::Duration timeout) {
  if (Current()->version() >= version) co_return true;
  loop::Loop* loop = &loop_;
  std::shared_ptr<Waits> waits = waits_;
  Callback<bool> waited([loop, waits, version, timeout](Callback<bool>::Done done) {
    loop->Post([loop, waits, version, timeout, done = std::move(done)] {
      if (waits->closed || version <= waits->version) return done(version <= waits->version);
      auto wait = waits->list.insert(waits->list.end(), {version, done, nullptr});
      wait->timer = loop->After(timeout, [waits, wait] {
        std::list<Waits::Wait> expired;
        expired.splice(expired.end(), waits->list, wait);
        expired.front().done(false);
      });
    });
  });
  bool reached = co_await waited;
  co_return reached;
}

CatalogHolder::Subscription CatalogHolder::Subscribe(Changed changed) {
  std::lock_guard<std::recursive_mutex> publish(publish_mutex_);
  int64_t id = next_subscriber_++;
  subscribers_.emplace(id, std::move(changed));
  return Subscription(this, id);
}

void CatalogHolder::Unsubscribe(int64_t id) {
  std::lock_guard<std::recursive_mutex> publish(publish_mutex_);
  subscribers_.erase(id);
}

CatalogHolder::Subscription::Subscription(Subscription&& other) noexcept
    : holder_(std::exchange(other.holder_, nullptr)), id_(other.id_) {}

CatalogHolder::Subscription& CatalogHolder::Subscription::operator=(Subscription&& other) noexcept {
  if (this == &other) return *this;
  if (holder_ != nullptr) holder_->Unsubscribe(id_);
  holder_ = std::exchange(other.holder_, nullptr);
  id_ = other.id_;
  return *this;
}

CatalogHolder::Subscription::~Subscription() {
  if (holder_ != nullptr) holder_->Unsubscribe(id_);
}

}  // namespace prismatic::catalog_watch
