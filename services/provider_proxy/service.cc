#include "services/provider_proxy/service.h"

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "services/provider_proxy/adapters/provider_errors.h"

namespace prismatic::provider_proxy {
namespace {

// One call: sends its initial metadata, then begins the generation; writes its messages one at a time,
// in order, then the status. No upstream is called before the metadata have gone out, so that a caller
// whose call fails without them knows that nothing was bought; unless a connection broke in the moment
// in which they were on their way. It keeps itself until gRPC has let go of it; the generation keeps it
// until it has ended.
class Stream : public grpc::ServerWriteReactor<v1::GenerateImagesResponse>,
               public std::enable_shared_from_this<Stream> {
 public:
  Stream(grpc::CallbackServerContext* context, rpc::CallMetrics& metrics, ProviderProxy& proxy,
         v1::GenerateImagesRequest request)
      : call_(rpc::ContextOf(context)),
        metrics_(metrics),
        started_(absl::Now()),
        proxy_(proxy),
        request_(std::move(request)) {
    context->AddInitialMetadata(rpc::kAcceptedKey, "1");
    if (!request_.request_id().empty()) call_.request_id = request_.request_id();
  }

  void Begin() {
    self_ = shared_from_this();
    StartSendInitialMetadata();
  }

  void OnSendInitialMetadataDone(bool ok) override {
    if (!ok || call_.cancellation.cancelled()) return End(error::CallerGone());
    std::shared_ptr<Stream> held = self_;
    Start<absl::Status>(
        proxy_.Generate(call_, std::move(request_),
                        [held](v1::GenerateImagesResponse response) { held->Send(std::move(response)); }),
        [held](absl::Status status) { held->End(std::move(status)); });
  }

  void OnWriteDone(bool ok) override {
    // The caller is gone: what is left is dropped, and the generation told.
    if (!ok) call_.cancellation.Cancel();
    Step next;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (ok) queue_.pop_front();
      if (!ok) queue_.clear();
      writing_ = false;
      broken_ = broken_ || !ok;
      next = NextLocked();
    }
    Do(next);
  }

  void OnCancel() override { call_.cancellation.Cancel(); }

  void OnDone() override { std::shared_ptr<Stream> last = std::move(self_); }

 private:
  struct Step {
    const v1::GenerateImagesResponse* write = nullptr;
    std::optional<absl::Status> finish;
  };

  void Send(v1::GenerateImagesResponse response) {
    Step next;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (broken_) return;
      queue_.push_back(std::move(response));
      next = NextLocked();
    }
    Do(next);
  }

  void End(absl::Status status) {
    Step next;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      ended_ = std::move(status);
      next = NextLocked();
    }
    Do(next);
  }

  Step NextLocked() {
    Step next;
    if (writing_) return next;
    if (!queue_.empty()) {
      writing_ = true;
      next.write = &queue_.front();
    } else if (ended_) {
      next.finish = std::exchange(ended_, std::nullopt);
    }
    return next;
  }

  // Outside the lock: gRPC may call back at once.
  void Do(const Step& step) {
    if (step.write != nullptr) StartWrite(step.write);
    if (step.finish) Finish(metrics_.Finish("GenerateImages", started_, *step.finish));
  }

  CallContext call_;
  rpc::CallMetrics& metrics_;
  const absl::Time started_;
  ProviderProxy& proxy_;
  v1::GenerateImagesRequest request_;  // until the generation begins
  std::shared_ptr<Stream> self_;

  std::mutex mutex_;
  std::deque<v1::GenerateImagesResponse> queue_;  // guarded by mutex_; the front is being written
  bool writing_ = false;                          // guarded by mutex_
  bool broken_ = false;                           // guarded by mutex_
  std::optional<absl::Status> ended_;             // guarded by mutex_
};

}  // namespace

ProviderProxyService::ProviderProxyService(ProviderProxy& proxy, metrics::Registry& metrics)
    : proxy_(proxy),
      metrics_(metrics, "prismatic.provider_proxy.v1.ProviderProxy", "provider-proxy.prismatic") {}

grpc::ServerWriteReactor<v1::GenerateImagesResponse>* ProviderProxyService::GenerateImages(
    grpc::CallbackServerContext* context, const v1::GenerateImagesRequest* request) {
  auto stream = std::make_shared<Stream>(context, metrics_, proxy_, *request);
  Stream* reactor = stream.get();
  stream->Begin();
  return reactor;
}

}  // namespace prismatic::provider_proxy
