#include "services/common/loop/loop.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <uv.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace prismatic::loop {
namespace {

// Batches of posted work that run before sockets and timers get their turn again, so that work which
// keeps posting starves nobody.
constexpr int kRoundsMax = 8;

// libuv refuses only what is a mistake of ours: a closed descriptor, one that is watched twice.
void Check(int result, const char* what) {
  if (result == 0) return;
  std::fprintf(stderr, "loop: %s: %s\n", what, uv_strerror(result));
  std::abort();
}

// What libuv holds of a timer or watcher. It lives until libuv has closed the handle, which happens
// after the owner has gone, or until the owner has gone, which may be after the loop's end.
class Handle : public std::enable_shared_from_this<Handle> {
 public:
  virtual ~Handle() = default;

  void Close() {
    if (std::exchange(closed_, true)) return;
    self_ = shared_from_this();
    uv_close(uv(), [](uv_handle_t* handle) {
      std::shared_ptr<Handle> last = std::move(static_cast<Handle*>(handle->data)->self_);
    });
  }
  bool closed() const { return closed_; }

 protected:
  virtual uv_handle_t* uv() = 0;
  void Adopt() { uv()->data = static_cast<Handle*>(this); }

 private:
  bool closed_ = false;
  std::shared_ptr<Handle> self_;
};

// What fires once.
class Once : public Handle {
 public:
  explicit Once(std::function<void()> fire) : fire_(std::move(fire)) {}

  void Cancel() {
    fire_ = nullptr;
    Close();
  }

 protected:
  void Fire() {
    std::function<void()> fire = std::exchange(fire_, nullptr);
    fire();  // may cancel this one
  }

 private:
  std::function<void()> fire_;
};

class TimerHandle final : public Once {
 public:
  TimerHandle(uv_loop_t* loop, uint64_t milliseconds, std::function<void()> fire) : Once(std::move(fire)) {
    Check(uv_timer_init(loop, &timer_), "uv_timer_init");
    Adopt();
    // The loop's clock stands still while it calls back. It is not set here: libuv runs timers until none is
    // due by this clock, so that two which start one another would never let it get to its sockets.
    uint64_t behind = uv_hrtime() / 1'000'000 - uv_now(loop);
    uint64_t after = std::max<uint64_t>(milliseconds, 1) + behind;
    Check(uv_timer_start(&timer_, &TimerHandle::OnTimer, after, 0), "uv_timer_start");
  }

 private:
  static void OnTimer(uv_timer_t* timer) {
    static_cast<TimerHandle*>(static_cast<Handle*>(timer->data))->Fire();
  }
  uv_handle_t* uv() override { return reinterpret_cast<uv_handle_t*>(&timer_); }

  uv_timer_t timer_;
};

// Fires in the loop's next turn. No timer of 0 ms: libuv would run one that is started by a timer at once.
class SoonHandle final : public Once {
 public:
  SoonHandle(uv_loop_t* loop, std::function<void()> fire) : Once(std::move(fire)) {
    Check(uv_idle_init(loop, &idle_), "uv_idle_init");
    Adopt();
    Check(uv_idle_start(&idle_, &SoonHandle::OnIdle), "uv_idle_start");
  }

 private:
  static void OnIdle(uv_idle_t* idle) {
    uv_idle_stop(idle);
    static_cast<SoonHandle*>(static_cast<Handle*>(idle->data))->Fire();
  }
  uv_handle_t* uv() override { return reinterpret_cast<uv_handle_t*>(&idle_); }

  uv_idle_t idle_;
};

class WatchHandle final : public Handle {
 public:
  WatchHandle(uv_loop_t* loop, int fd, int readiness, std::function<void(int)> callback)
      : callback_(std::move(callback)) {
    Check(uv_poll_init(loop, &poll_, fd), "uv_poll_init");
    Adopt();
    Set(readiness);
  }

  void Set(int readiness) {
    if (closed() || readiness == readiness_) return;
    readiness_ = readiness;
    Apply();
  }

  void Cancel() {
    Close();
    if (!calling_) callback_ = nullptr;
  }

 private:
  void Apply() {
    int events =
        (readiness_ & Loop::kReadable ? UV_READABLE : 0) | (readiness_ & Loop::kWritable ? UV_WRITABLE : 0);
    int result = events == 0 ? uv_poll_stop(&poll_) : uv_poll_start(&poll_, events, &WatchHandle::OnReady);
    Check(result, "uv_poll_start");
  }

  static void OnReady(uv_poll_t* poll, int status, int events) {
    auto* self = static_cast<WatchHandle*>(static_cast<Handle*>(poll->data));
    std::shared_ptr<Handle> alive = self->shared_from_this();
    int ready = (events & UV_READABLE ? Loop::kReadable : 0) | (events & UV_WRITABLE ? Loop::kWritable : 0);
    if (status < 0) ready = self->readiness_;
    self->calling_ = true;
    self->callback_(ready);
    self->calling_ = false;
    if (self->closed()) {
      self->callback_ = nullptr;
    } else if (status < 0) {
      self->Apply();  // libuv stops a poll that reports an error; ours stays level-triggered
    }
  }
  uv_handle_t* uv() override { return reinterpret_cast<uv_handle_t*>(&poll_); }

  uv_poll_t poll_;
  int readiness_ = Loop::kNothing;
  std::function<void(int)> callback_;
  bool calling_ = false;
};

class TimerOwner final : public Loop::Timer {
 public:
  explicit TimerOwner(std::shared_ptr<Once> handle) : handle_(std::move(handle)) {}
  ~TimerOwner() override { handle_->Cancel(); }

 private:
  std::shared_ptr<Once> handle_;
};

class WatchOwner final : public Loop::Watcher {
 public:
  explicit WatchOwner(std::shared_ptr<WatchHandle> handle) : handle_(std::move(handle)) {}
  ~WatchOwner() override { handle_->Cancel(); }
  void Set(int readiness) override { handle_->Set(readiness); }

 private:
  std::shared_ptr<WatchHandle> handle_;
};

using ResolveDone = std::function<void(absl::StatusOr<std::vector<Loop::Address>>)>;

absl::StatusOr<std::vector<Loop::Address>> Addresses(const std::string& host, int status,
                                                     const addrinfo* found) {
  if (status < 0)
    return absl::UnavailableError(absl::StrCat("cannot resolve ", host, ": ", uv_strerror(status)));
  std::vector<Loop::Address> addresses;
  for (; found != nullptr; found = found->ai_next) {
    if (found->ai_addrlen > sizeof(sockaddr_storage)) continue;
    Loop::Address address{};
    std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
    address.size = found->ai_addrlen;
    addresses.push_back(address);
  }
  if (addresses.empty()) return absl::UnavailableError(absl::StrCat("no address for ", host));
  return addresses;
}

// The address that `host` is by itself.
std::optional<Loop::Address> Literal(const std::string& host, int port) {
  if (port < 0 || port > 65535) return std::nullopt;
  sockaddr_in v4{.sin_family = AF_INET, .sin_port = htons(static_cast<uint16_t>(port))};
  sockaddr_in6 v6{.sin6_family = AF_INET6, .sin6_port = htons(static_cast<uint16_t>(port))};
  Loop::Address address{};
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    address.size = sizeof(v4);
    std::memcpy(&address.storage, &v4, sizeof(v4));
  } else if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    address.size = sizeof(v6);
    std::memcpy(&address.storage, &v6, sizeof(v6));
  } else {
    return std::nullopt;
  }
  return address;
}

uint64_t ToMilliseconds(absl::Duration delay) {
  if (delay <= absl::ZeroDuration()) return 0;
  return static_cast<uint64_t>(absl::ToInt64Milliseconds(absl::Ceil(delay, absl::Milliseconds(1))));
}

}  // namespace

class Loop::Impl {
 public:
  explicit Impl(const std::string& name) {
    Check(uv_loop_init(&loop_), "uv_loop_init");
    Check(uv_async_init(&loop_, &wake_, &Impl::OnWake), "uv_async_init");
    wake_.data = this;
    // The loop's thread must not read thread_ before it is written, hence the start under the mutex.
    std::lock_guard<std::mutex> lock(mutex_);
    thread_ = std::thread([this, name] {
      pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
      Run();
    });
    thread_id_ = thread_.get_id();
  }

  ~Impl() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
      uv_async_send(&wake_);
    }
    thread_.join();
    Check(uv_loop_close(&loop_), "uv_loop_close");
  }

  void Post(std::function<void()> work) {
    // Woken under the mutex: the loop cannot end between the two.
    std::lock_guard<std::mutex> lock(mutex_);
    posted_.push_back(std::move(work));
    if (!std::exchange(woken_, true)) uv_async_send(&wake_);
  }

  bool InLoop() const { return std::this_thread::get_id() == thread_id_; }
  uv_loop_t* uv() { return &loop_; }

  TakeBack Resolve(const std::string& host, int port, ResolveDone done) {
    if (std::optional<Address> literal = Literal(host, port)) {
      Post([literal = *literal, done = std::move(done)] { done({{literal}}); });
      return [] { return false; };
    }
    auto* lookup =
        new Lookup{.impl = this, .number = ++lookups_begun_, .host = host, .done = std::move(done)};
    lookup->request.data = lookup;
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    std::string service = absl::StrCat(port);
    int result =
        uv_getaddrinfo(&loop_, &lookup->request, &Impl::OnResolved, host.c_str(), service.c_str(), &hints);
    if (result == 0) {
      lookups_[lookup->number] = lookup;
      return [this, number = lookup->number] { return TakeLookupBack(number); };
    }
    Post([host, result, done = std::move(lookup->done)] { done(Addresses(host, result, nullptr)); });
    delete lookup;
    return [] { return false; };
  }

  void Sleep(absl::Duration delay, std::function<void(bool)> done) {
    auto key = std::make_shared<TimerHandle*>(nullptr);
    auto timer =
        std::make_shared<TimerHandle>(&loop_, ToMilliseconds(delay), [this, key, done = std::move(done)] {
          sleepers_[*key]->Cancel();
          sleepers_.erase(*key);
          done(true);
        });
    *key = timer.get();
    sleepers_[*key] = std::move(timer);
  }

 private:
  struct Lookup {
    Impl* impl;
    int64_t number;
    std::string host;
    ResolveDone done;
    uv_getaddrinfo_t request{};
  };

  bool TakeLookupBack(int64_t number) {
    auto found = lookups_.find(number);
    if (found == lookups_.end()) return false;
    if (uv_cancel(reinterpret_cast<uv_req_t*>(&found->second->request)) != 0) return false;
    found->second->done = nullptr;
    lookups_.erase(found);
    return true;
  }

  void Run() {
    { std::lock_guard<std::mutex> lock(mutex_); }
    uv_run(&loop_, UV_RUN_DEFAULT);
  }

  static void OnWake(uv_async_t* wake) {
    auto* self = static_cast<Impl*>(wake->data);
    std::vector<std::function<void()>> batch;
    for (int round = 0;; ++round) {
      batch.clear();
      {
        std::lock_guard<std::mutex> lock(self->mutex_);
        if (self->posted_.empty()) {
          self->woken_ = false;
          if (self->stopping_) break;
          return;
        }
        if (round >= kRoundsMax && !self->stopping_) break;
        batch.swap(self->posted_);
      }
      for (std::function<void()>& work : batch) {
        work();
        work = nullptr;
      }
    }
    std::unique_lock<std::mutex> lock(self->mutex_);
    bool end = self->stopping_ && self->posted_.empty();
    lock.unlock();
    if (end) {
      self->End();
    } else {
      uv_async_send(wake);
    }
  }

  // Closes every handle; uv_run returns when their close callbacks and the lookups have run.
  void End() {
    ended_ = true;
    for (auto& [number, lookup] : lookups_) uv_cancel(reinterpret_cast<uv_req_t*>(&lookup->request));
    uv_walk(
        &loop_,
        [](uv_handle_t* handle, void* impl) {
          if (uv_is_closing(handle)) return;
          if (handle == reinterpret_cast<uv_handle_t*>(&static_cast<Impl*>(impl)->wake_)) {
            uv_close(handle, nullptr);
          } else {
            static_cast<Handle*>(handle->data)->Close();
          }
        },
        this);
  }

  static void OnResolved(uv_getaddrinfo_t* request, int status, addrinfo* found) {
    std::unique_ptr<Lookup> lookup(static_cast<Lookup*>(request->data));
    lookup->impl->lookups_.erase(lookup->number);
    absl::StatusOr<std::vector<Address>> addresses = Addresses(lookup->host, status, found);
    uv_freeaddrinfo(found);
    if (!lookup->impl->ended_ && lookup->done) lookup->done(std::move(addresses));
  }

  uv_loop_t loop_;
  uv_async_t wake_;
  // Of the loop's thread:
  std::map<int64_t, Lookup*> lookups_;
  int64_t lookups_begun_ = 0;
  std::map<TimerHandle*, std::shared_ptr<TimerHandle>> sleepers_;
  bool ended_ = false;

  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by mutex_
  bool woken_ = false;                         // guarded by mutex_: OnWake is running or will run
  bool stopping_ = false;                      // guarded by mutex_

  std::thread thread_;
  std::thread::id thread_id_;
};

Loop::Loop(const std::string& name) : impl_(std::make_unique<Impl>(name)) {}

Loop::~Loop() = default;

void Loop::Post(std::function<void()> work) { impl_->Post(std::move(work)); }

bool Loop::InLoop() const { return impl_->InLoop(); }

std::unique_ptr<Loop::Timer> Loop::After(absl::Duration delay, std::function<void()> fire) {
  if (delay <= absl::ZeroDuration()) {
    return std::make_unique<TimerOwner>(std::make_shared<SoonHandle>(impl_->uv(), std::move(fire)));
  }
  return std::make_unique<TimerOwner>(
      std::make_shared<TimerHandle>(impl_->uv(), ToMilliseconds(delay), std::move(fire)));
}

std::unique_ptr<Loop::Watcher> Loop::Watch(int fd, int readiness, std::function<void(int)> callback) {
  return std::make_unique<WatchOwner>(
      std::make_shared<WatchHandle>(impl_->uv(), fd, readiness, std::move(callback)));
}

Loop::TakeBack Loop::Resolve(const std::string& host, int port, ResolveDone done) {
  return impl_->Resolve(host, port, std::move(done));
}

Task<void> Loop::Sleep(absl::Duration delay) {
  Callback<bool> slept([this, delay](Callback<bool>::Done done) {
    if (InLoop()) {
      impl_->Sleep(delay, std::move(done));
    } else {
      Post([this, delay, done = std::move(done)] { impl_->Sleep(delay, done); });
    }
  });
  co_await slept;
}

}  // namespace prismatic::loop
