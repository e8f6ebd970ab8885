#include "services/catalog_watch/watcher.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/random/random.h"
#include "prismatic/model_registry/v1/model_registry.grpc.pb.h"
#include "services/common/log/log.h"
#include "services/common/rpc/channel.h"

namespace prismatic::catalog_watch {
namespace {

// A catalog is the only large message; the limit for it is the suite's for images and the catalog.
constexpr int64_t kCatalogBytesMax = int64_t{64} << 20;
constexpr absl::Duration kBackoffFirst = absl::Milliseconds(100);
constexpr absl::Duration kBackoffMax = absl::Seconds(2);
// A stream that lasted this long ends with its connection, by age or with its replica, and the next one is
// there 100 ms later: no failure, unless that one fails.
constexpr absl::Duration kSettled = absl::Seconds(5);
using Clock = std::chrono::steady_clock;

}  // namespace

// Alternates between one stream and one timer until stopped. The stream's callbacks run on gRPC's
// threads, the timer on the loop; posted work and the stream keep this alive.
class Watcher::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(std::string target, CatalogHolder& holder, Line& line, loop::Loop& loop)
      : target_(std::move(target)),
        holder_(holder),
        line_(line),
        loop_(loop),
        stub_(
            model_registry::v1::ModelRegistry::NewStub(rpc::MakeServiceChannel(target_, kCatalogBytesMax))) {}

  void Open();
  void Stop();

 private:
  class Stream;

  void Connected();
  // The stream is about to go: nobody may cancel it any more.
  void Forget();
  // It is gone.
  void Ended(const grpc::Status& status);
  // Whether the stream that has ended had lasted.
  bool WasSettled();
  void OpenLater(absl::Duration delay);

  const std::string target_;
  CatalogHolder& holder_;
  Line& line_;  // until Stop has returned
  loop::Loop& loop_;
  std::unique_ptr<model_registry::v1::ModelRegistry::Stub> stub_;
  std::unique_ptr<loop::Loop::Timer> timer_;  // the loop's thread only

  std::mutex mutex_;
  std::condition_variable ended_;
  Stream* stream_ = nullptr;                       // guarded by mutex_; owned by itself until OnDone
  bool streaming_ = false;                         // guarded by mutex_; from Open to Ended
  bool stopping_ = false;                          // guarded by mutex_
  bool reported_ = false;                          // guarded by mutex_; the outage is in the log already
  std::optional<Clock::time_point> connected_at_;  // guarded by mutex_; of the stream, once it is
  absl::Duration backoff_ = kBackoffFirst;         // guarded by mutex_
};

class Watcher::Impl::Stream : public grpc::ClientReadReactor<model_registry::v1::WatchCatalogResponse> {
 public:
  explicit Stream(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

  void Begin() {
    request_.set_known_version(impl_->holder_.Current()->version());
    impl_->stub_->async()->WatchCatalog(&context_, &request_, this);
    StartRead(&response_);
    StartCall();
  }
  void Cancel() { context_.TryCancel(); }

  void OnReadInitialMetadataDone(bool ok) override {
    if (ok) impl_->Connected();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    impl_->holder_.Set(std::move(*response_.mutable_catalog()));
    response_.Clear();
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override {
    std::shared_ptr<Impl> impl = impl_;
    grpc::Status ended = status;
    impl->Forget();
    delete this;
    impl->Ended(ended);
  }

 private:
  std::shared_ptr<Impl> impl_;
  grpc::ClientContext context_;
  model_registry::v1::WatchCatalogRequest request_;
  model_registry::v1::WatchCatalogResponse response_;
};

void Watcher::Impl::Open() {
  Stream* stream = nullptr;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_) return;
    streaming_ = true;
    stream = stream_ = new Stream(shared_from_this());
  }
  stream->Begin();
}

void Watcher::Impl::Connected() {
  line_.Connected();
  std::lock_guard<std::mutex> lock(mutex_);
  backoff_ = kBackoffFirst;
  connected_at_ = Clock::now();
  if (std::exchange(reported_, false)) log::Info("catalog watch is back", {{"registry", target_}});
}

void Watcher::Impl::Forget() {
  std::lock_guard<std::mutex> lock(mutex_);
  stream_ = nullptr;
}

bool Watcher::Impl::WasSettled() {
  std::lock_guard<std::mutex> lock(mutex_);
  std::optional<Clock::time_point> connected_at = std::exchange(connected_at_, std::nullopt);
  return connected_at && absl::FromChrono(Clock::now() - *connected_at) >= kSettled;
}

void Watcher::Impl::Ended(const grpc::Status& status) {
  bool settled = WasSettled();
  if (!settled) line_.Lost();
  std::lock_guard<std::mutex> lock(mutex_);
  if (!stopping_) {
    if (!settled && !std::exchange(reported_, true)) {
      log::Warning("catalog watch ended, trying again until it works",
                   {{"registry", target_},
                    {"grpc_code", static_cast<int>(status.error_code())},
                    {"error", status.error_message()}});
    }
    // Spread, so that the replicas of a service do not all come back at the same instant.
    absl::BitGen random;
    OpenLater(backoff_ * absl::Uniform(random, 0.8, 1.2));
    backoff_ = std::min(backoff_ * 2, kBackoffMax);
  }
  streaming_ = false;
  ended_.notify_all();
}

void Watcher::Impl::OpenLater(absl::Duration delay) {
  loop_.Post([self = shared_from_this(), delay] {
    self->timer_ = self->loop_.After(delay, [weak = std::weak_ptr<Impl>(self)] {
      if (std::shared_ptr<Impl> impl = weak.lock()) impl->Open();
    });
  });
}

void Watcher::Impl::Stop() {
  std::unique_lock<std::mutex> lock(mutex_);
  stopping_ = true;
  if (stream_ != nullptr) stream_->Cancel();
  ended_.wait(lock, [&] { return !streaming_; });
  // The timer is the loop's.
  bool swept = false;
  loop_.Post([&] {
    timer_.reset();
    std::lock_guard<std::mutex> sweep(mutex_);
    swept = true;
    ended_.notify_all();
  });
  ended_.wait(lock, [&] { return swept; });
}

Watcher::Watcher(std::string target, CatalogHolder& holder, loop::Loop& loop, metrics::Registry& metrics)
    : line_(holder, loop, metrics), impl_(std::make_shared<Impl>(std::move(target), holder, line_, loop)) {
  impl_->Open();
}

Watcher::~Watcher() { impl_->Stop(); }

}  // namespace prismatic::catalog_watch
