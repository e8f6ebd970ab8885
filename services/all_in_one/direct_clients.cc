#include "services/all_in_one/direct_clients.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "prismatic/billing/v1/billing.grpc.pb.h"
#include "services/common/rpc/call_log.h"

namespace prismatic::all_in_one {
namespace {

// What rpc::Serve does for a call that comes over gRPC: logs it, and goes on where the caller wants to.
template <typename Response>
Task<absl::StatusOr<Response>> Served(const char* method, CallContext call, Executor& workers,
                                      Task<absl::StatusOr<Response>> task) {
  absl::Time started = absl::Now();
  absl::StatusOr<Response> response = co_await task;
  rpc::LogCall(billing::v1::Billing::service_full_name(), method, call, started, response.status());
  ResumeOn resume(&workers);
  co_await resume;
  co_return response;
}

}  // namespace

Task<absl::StatusOr<billing::v1::CreateReservationResponse>> DirectBillingClient::CreateReservation(
    CallContext call, billing::v1::CreateReservationRequest request) {
  return Served("CreateReservation", std::move(call), workers_,
                billing_.CreateReservation(std::move(request)));
}

Task<absl::StatusOr<billing::v1::SettleReservationResponse>> DirectBillingClient::SettleReservation(
    CallContext call, billing::v1::SettleReservationRequest request) {
  return Served("SettleReservation", std::move(call), workers_,
                billing_.SettleReservation(std::move(request)));
}

Task<absl::StatusOr<billing::v1::ReleaseReservationResponse>> DirectBillingClient::ReleaseReservation(
    CallContext call, billing::v1::ReleaseReservationRequest request) {
  return Served("ReleaseReservation", std::move(call), workers_,
                billing_.ReleaseReservation(std::move(request)));
}

Task<absl::StatusOr<billing::v1::CheckKeyResponse>> DirectBillingClient::CheckKey(
    CallContext call, billing::v1::CheckKeyRequest request) {
  return Served("CheckKey", std::move(call), workers_, billing_.CheckKey(std::move(request)));
}

Task<gateway::Generated> DirectProviderClient::GenerateImages(
    CallContext call, std::shared_ptr<const provider_proxy::v1::GenerateImagesRequest> request) {
  gateway::Generated generated;
  std::vector<std::shared_ptr<ByteRoom::Entry>> held;
  // The sink is called one at a time and never after the task has ended, so the frame may hold the result.
  auto generating = proxy_.Generate(
      std::move(call), std::move(request),
      [&](provider_proxy::v1::GenerateImagesResponse response, std::shared_ptr<ByteRoom::Entry> room) {
        if (response.has_image()) generated.images.push_back(std::move(*response.mutable_image()));
        if (response.has_summary()) generated.summary = std::move(*response.mutable_summary());
        held.push_back(std::move(room));
      });
  provider_proxy::ProviderProxy::Generated ended = co_await generating;
  generated.status = std::move(ended.status);
  if (ended.room != nullptr) generated.share = std::make_shared<ByteBudget::Share>(ended.room->TakeShare());
  ResumeOn resume(&workers_);
  co_await resume;
  co_return generated;
}

}  // namespace prismatic::all_in_one
