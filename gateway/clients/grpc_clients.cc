#include "gateway/clients/grpc_clients.h"

#include <grpcpp/grpcpp.h>

#include <memory>
#include <utility>

#include "prismatic/billing/v1/billing.grpc.pb.h"
#include "prismatic/provider_proxy/v1/provider_proxy.grpc.pb.h"
#include "services/common/byte_budget/byte_room.h"
#include "services/common/rpc/channel.h"
#include "services/common/rpc/grpc_status.h"
#include "services/common/rpc/unary.h"
#include "services/common/status/status.h"

namespace prismatic::gateway {
namespace {

using billing::v1::Billing;
using provider_proxy::v1::GenerateImagesRequest;
using provider_proxy::v1::GenerateImagesResponse;
using provider_proxy::v1::ProviderProxy;

// Images pass here: 10 of 4 MiB as base64 come one by one, each below this.
constexpr int64_t kImageMessageBytesMax = int64_t{64} << 20;

class GrpcBillingClient : public BillingClient {
 public:
  GrpcBillingClient(const std::string& target, Executor* resume_on, metrics::Registry& metrics)
      : stub_(Billing::NewStub(rpc::MakeServiceChannel(target))),
        resume_on_(resume_on),
        metrics_(metrics, Billing::service_full_name()) {}

  Task<absl::StatusOr<billing::v1::CreateReservationResponse>> CreateReservation(
      CallContext call, billing::v1::CreateReservationRequest request) override {
    return Unary<billing::v1::CreateReservationRequest, billing::v1::CreateReservationResponse>(
        std::move(call), std::move(request), [this](auto* context, auto* in, auto* out, auto done) {
          stub_->async()->CreateReservation(context, in, out, std::move(done));
        });
  }
  Task<absl::StatusOr<billing::v1::SettleReservationResponse>> SettleReservation(
      CallContext call, billing::v1::SettleReservationRequest request) override {
    return Unary<billing::v1::SettleReservationRequest, billing::v1::SettleReservationResponse>(
        std::move(call), std::move(request), [this](auto* context, auto* in, auto* out, auto done) {
          stub_->async()->SettleReservation(context, in, out, std::move(done));
        });
  }
  Task<absl::StatusOr<billing::v1::ReleaseReservationResponse>> ReleaseReservation(
      CallContext call, billing::v1::ReleaseReservationRequest request) override {
    return Unary<billing::v1::ReleaseReservationRequest, billing::v1::ReleaseReservationResponse>(
        std::move(call), std::move(request), [this](auto* context, auto* in, auto* out, auto done) {
          stub_->async()->ReleaseReservation(context, in, out, std::move(done));
        });
  }
  Task<absl::StatusOr<billing::v1::CheckKeyResponse>> CheckKey(
      CallContext call, billing::v1::CheckKeyRequest request) override {
    return Unary<billing::v1::CheckKeyRequest, billing::v1::CheckKeyResponse>(
        std::move(call), std::move(request), [this](auto* context, auto* in, auto* out, auto done) {
          stub_->async()->CheckKey(context, in, out, std::move(done));
        });
  }

 private:
  template <typename Request, typename Response, typename Start>
  Task<absl::StatusOr<Response>> Unary(CallContext call, Request request, Start start) {
    return rpc::Call<Request, Response>(std::move(call), std::move(request), std::move(start), resume_on_, {},
                                        &metrics_);
  }

  std::unique_ptr<Billing::Stub> stub_;
  Executor* resume_on_;
  rpc::ClientMetrics metrics_;
};

// Reads one stream to its end. Owns itself until OnDone.
class GenerateReader : public grpc::ClientReadReactor<GenerateImagesResponse> {
 public:
  GenerateReader(ProviderProxy::Stub& stub, ByteBudget& budget, rpc::ClientMetrics& metrics, CallContext call,
                 std::shared_ptr<const GenerateImagesRequest> request, std::function<void(Generated)> done)
      : metrics_(metrics),
        began_(metrics.Begin(kMethod)),
        request_(std::move(request)),
        room_(ByteRoom::Make(&budget, request_->image_count())),
        done_(std::move(done)) {
    if (call.deadline != absl::InfiniteFuture()) context_->set_deadline(absl::ToChronoTime(call.deadline));
    rpc::AddContext(call, *context_);
    stub.async()->GenerateImages(context_.get(), request_.get(), this);
    cancel_ = call.cancellation.OnCancel([context = context_] { context->TryCancel(); });
    StartRead(&response_);
    StartCall();
  }

  void OnReadInitialMetadataDone(bool ok) override {
    accepted_ = ok && context_->GetServerInitialMetadata().count(rpc::kAcceptedKey) > 0;
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (response_.has_announcement()) return MakeRoom(response_.announcement().message_bytes());
    if (response_.has_image()) result_.images.push_back(std::move(*response_.mutable_image()));
    if (response_.has_summary()) result_.summary = std::move(*response_.mutable_summary());
    response_.Clear();
    StartRead(&response_);
  }

  void OnDone(const grpc::Status& status) override {
    metrics_.Finish(kMethod, began_, status.error_code());
    result_.status = Outcome(rpc::FromGrpc(status));
    result_.share = std::make_shared<ByteBudget::Share>(room_->TakeShare());
    std::function<void(Generated)> done = std::move(done_);
    Generated result = std::move(result_);
    delete this;  // before the coroutine goes on, so that the call's memory is not pinned
    done(std::move(result));
  }

 private:
  // What is announced stays with provider-proxy until there is room for it here. The hold keeps the call
  // from ending meanwhile, also at its deadline: room comes, since answers have deadlines of their own.
  void MakeRoom(int64_t bytes) {
    AddHold();
    room_->Enter(bytes, 1, [this](ByteRoom::Entry entry) {
      entries_.push_back(std::move(entry));
      response_.Clear();
      StartRead(&response_);
      RemoveHold();
    });
  }

  // A call that provider-proxy had begun and that ended without a reason (it died, the connection broke)
  // may have been carried out by an upstream: it must not look like one that can be repeated.
  absl::Status Outcome(absl::Status status) const {
    if (status.ok() || !accepted_ || ReasonOf(status) != common::v1::ERROR_REASON_UNSPECIFIED) return status;
    if (status.code() == absl::StatusCode::kDeadlineExceeded) {
      return Error(absl::StatusCode::kDeadlineExceeded, common::v1::ERROR_REASON_UPSTREAM_TIMEOUT,
                   "The model's provider did not answer in time.");
    }
    return Error(absl::StatusCode::kInternal, common::v1::ERROR_REASON_UPSTREAM_ERROR,
                 "The connection to the model's provider broke while it generated the image.");
  }

  static constexpr char kMethod[] = "GenerateImages";

  rpc::ClientMetrics& metrics_;
  const absl::Time began_;
  std::shared_ptr<const GenerateImagesRequest> request_;
  const std::shared_ptr<ByteRoom> room_;
  // Shared with the cancellation, whose callback may still run while the call ends.
  std::shared_ptr<grpc::ClientContext> context_ = std::make_shared<grpc::ClientContext>();
  bool accepted_ = false;
  Cancellation::Registration cancel_;
  GenerateImagesResponse response_;
  std::vector<ByteRoom::Entry> entries_;
  Generated result_;
  std::function<void(Generated)> done_;
};

class GrpcProviderClient : public ProviderClient {
 public:
  GrpcProviderClient(const std::string& target, Executor* resume_on, ByteBudget* budget,
                     metrics::Registry& metrics)
      : stub_(ProviderProxy::NewStub(rpc::MakeServiceChannel(target, kImageMessageBytesMax))),
        resume_on_(resume_on),
        budget_(budget),
        metrics_(metrics, ProviderProxy::service_full_name()) {}

  Task<Generated> GenerateImages(CallContext call,
                                 std::shared_ptr<const GenerateImagesRequest> request) override {
    Callback<Generated> streamed([&](std::function<void(Generated)> done) {
      new GenerateReader(*stub_, *budget_, metrics_, std::move(call), std::move(request), std::move(done));
    });
    Generated generated = co_await streamed;
    ResumeOn resume(resume_on_);
    co_await resume;
    co_return generated;
  }

 private:
  std::unique_ptr<ProviderProxy::Stub> stub_;
  Executor* resume_on_;
  ByteBudget* budget_;
  rpc::ClientMetrics metrics_;
};

}  // namespace

std::unique_ptr<BillingClient> MakeGrpcBillingClient(const std::string& target, Executor* resume_on,
                                                     metrics::Registry& metrics) {
  return std::make_unique<GrpcBillingClient>(target, resume_on, metrics);
}

std::unique_ptr<ProviderClient> MakeGrpcProviderClient(const std::string& target, Executor* resume_on,
                                                       ByteBudget* budget, metrics::Registry& metrics) {
  return std::make_unique<GrpcProviderClient>(target, resume_on, budget, metrics);
}

}  // namespace prismatic::gateway
