#include "services/provider_proxy/service.h"

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "services/provider_proxy/adapters/provider_errors.h"
#include "services/provider_proxy/image_message.h"

namespace prismatic::provider_proxy {
namespace {

constexpr char kMethod[] = "GenerateImages";

// One call: sends its initial metadata, then begins the generation; writes its messages one at a time,
// in order, then the status. No upstream is called before the metadata have gone out, so that a caller
// whose call fails without them knows that nothing was bought; unless a connection broke in the moment
// in which they were on their way. It keeps itself until gRPC has let go of it; the generation keeps it
// until it has ended.
class Stream : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
               public std::enable_shared_from_this<Stream> {
 public:
  Stream(grpc::CallbackServerContext* context, rpc::CallMetrics& metrics, ProviderProxy& proxy,
         std::shared_ptr<const v1::GenerateImagesRequest> request)
      : call_(rpc::ContextOf(context)),
        metrics_(metrics),
        started_(metrics.Begin(kMethod)),
        proxy_(proxy),
        request_bytes_(proxy.bytes_in_flight()),
        request_(std::move(request)) {
    context->AddInitialMetadata(rpc::kAcceptedKey, "1");
    request_bytes_.Set(static_cast<int64_t>(request_->ByteSizeLong()));
    if (!request_->request_id().empty()) call_.request_id = request_->request_id();
  }

  void Begin() {
    self_ = shared_from_this();
    StartSendInitialMetadata();
  }

  void OnSendInitialMetadataDone(bool ok) override {
    if (!ok || call_.cancellation.cancelled()) return End(error::CallerGone());
    std::shared_ptr<Stream> held = self_;
    Start<ProviderProxy::Generated>(
        proxy_.Generate(call_, std::move(request_),
                        [held](v1::GenerateImagesResponse response, std::shared_ptr<ByteRoom::Entry> room) {
                          held->Send(std::move(response), std::move(room));
                        }),
        [held](ProviderProxy::Generated generated) { held->End(std::move(generated.status)); });
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
    const grpc::ByteBuffer* write = nullptr;
    std::optional<absl::Status> finish;
  };

  void Send(v1::GenerateImagesResponse response, std::shared_ptr<ByteRoom::Entry> room) {
    std::vector<grpc::ByteBuffer> messages;
    if (response.has_image()) {
      v1::GenerateImagesResponse announcement;
      announcement.mutable_announcement()->set_message_bytes(static_cast<int64_t>(response.ByteSizeLong()));
      messages.push_back(SmallMessage(announcement));
      messages.push_back(ImageMessage(std::move(*response.mutable_image()), std::move(room)));
    } else {
      messages.push_back(SmallMessage(response));
    }
    Step next;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (broken_) return;
      for (grpc::ByteBuffer& message : messages) queue_.push_back(std::move(message));
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
    if (step.finish) Finish(metrics_.Finish(kMethod, started_, *step.finish));
  }

  CallContext call_;
  rpc::CallMetrics& metrics_;
  const absl::Time started_;
  ProviderProxy& proxy_;
  ByteBudget::Share request_bytes_;
  std::shared_ptr<const v1::GenerateImagesRequest> request_;  // until the generation begins
  std::shared_ptr<Stream> self_;

  std::mutex mutex_;
  std::deque<grpc::ByteBuffer> queue_;  // guarded by mutex_; the front is being written
  bool writing_ = false;                // guarded by mutex_
  bool broken_ = false;                 // guarded by mutex_
  std::optional<absl::Status> ended_;   // guarded by mutex_
};

// What cannot be read as the request that it should be.
class Unreadable : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  explicit Unreadable(rpc::CallMetrics& metrics) {
    absl::Time started = metrics.Begin(kMethod);
    Finish(metrics.Finish(kMethod, started, absl::InternalError("the request is no GenerateImagesRequest")));
  }
  void OnDone() override { delete this; }
};

}  // namespace

ProviderProxyService::ProviderProxyService(ProviderProxy& proxy, metrics::Registry& metrics)
    : proxy_(proxy),
      metrics_(metrics, "prismatic.provider_proxy.v1.ProviderProxy", "provider-proxy.prismatic") {}

// The request's bytes are gRPC's and go when it has been read; the messages that are sent are bytes, so that
// an image is not copied once more to be serialized.
grpc::ServerWriteReactor<grpc::ByteBuffer>* ProviderProxyService::GenerateImages(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* bytes) {
  auto request = std::make_shared<v1::GenerateImagesRequest>();
  grpc::ByteBuffer copy(*bytes);  // of references to its slices
  bool read = grpc::SerializationTraits<v1::GenerateImagesRequest>::Deserialize(&copy, request.get()).ok();
  if (!read) return new Unreadable(metrics_);
  auto stream = std::make_shared<Stream>(context, metrics_, proxy_, std::move(request));
  Stream* reactor = stream.get();
  stream->Begin();
  return reactor;
}

grpc::ServerUnaryReactor* ProviderProxyService::TestProvider(grpc::CallbackServerContext* context,
                                                             const v1::TestProviderRequest* request,
                                                             v1::TestProviderResponse* response) {
  CallContext call = rpc::ContextOf(context);
  return rpc::Serve(metrics_, "TestProvider", context, response, proxy_.Test(call, *request), call);
}

grpc::ServerUnaryReactor* ProviderProxyService::GetProviderStates(grpc::CallbackServerContext* context,
                                                                  const v1::GetProviderStatesRequest*,
                                                                  v1::GetProviderStatesResponse* response) {
  return rpc::Serve(metrics_, "GetProviderStates", context, response, proxy_.States());
}

}  // namespace prismatic::provider_proxy
