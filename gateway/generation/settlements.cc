#include "gateway/generation/settlements.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/time/clock.h"
#include "gateway/generation/billing_calls.h"
#include "services/common/log/log.h"
#include "services/common/status/status.h"

namespace prismatic::gateway {
namespace {

using billing::v1::SettleReservationRequest;
using billing::v1::SettleReservationResponse;

// A reservation ends after 420 s and is remembered a day longer; later nothing can be charged.
constexpr absl::Duration kReservationMemory = absl::Seconds(86'400 + 420);
constexpr int kPauseDoublings = 3;

// Billing has decided about a settlement; asking again cannot change it. Anything else may pass.
bool IsVerdict(const absl::Status& status) {
  switch (ReasonOf(status)) {
    case common::v1::ERROR_REASON_RESERVATION_FORGOTTEN:
    case common::v1::ERROR_REASON_RESERVATION_RESOLVED:
    case common::v1::ERROR_REASON_DELIVERED_COUNT_TOO_LARGE:
    case common::v1::ERROR_REASON_INVALID_VALUE:
      return true;
    default:
      return false;
  }
}

}  // namespace

Settlements::Settlements(Options options)
    : options_(options),
      pending_(options.metrics->GetCounter("prismatic_settlements_pending_total",
                                           "Answers given before billing could confirm the settlement.")),
      lost_(options.metrics->GetCounter("prismatic_settlements_lost_total",
                                        "Generations delivered that billing never charged.")),
      unanswered_gauge_(options.metrics->GetGauge("prismatic_settlements_unanswered",
                                                  "Settlements that billing has not answered so far.")) {}

Task<Settlements::Outcome> Settlements::Settle(CallContext call, int delivered,
                                               billing::v1::Reservation* reservation) {
  SettleReservationRequest request;
  request.set_reservation_id(reservation->id());
  request.set_delivered_count(delivered);
  absl::Time give_up = absl::Now() + options_.wait;
  absl::Duration pause = options_.pause;
  for (;;) {
    auto trying = Try(call, request);
    absl::StatusOr<SettleReservationResponse> settled = co_await trying;
    if (settled.ok()) {
      *reservation = std::move(*settled->mutable_reservation());
      co_return Outcome::kSettled;
    }
    if (IsVerdict(settled.status())) {
      CountLost("settlement refused", call, request, settled.status());
      co_return Outcome::kRefused;
    }
    absl::Duration left = give_up - absl::Now();
    if (left <= absl::ZeroDuration()) break;
    pause = std::min(pause, left);
    auto sleeping = options_.loop->Sleep(pause);
    co_await sleeping;
    ResumeOn resume(options_.workers);
    co_await resume;
    pause = std::min(pause * 2, options_.pause * (1 << kPauseDoublings));
  }
  pending_.Add();
  // Written before the answer is: from it the settlement can be made later, whatever becomes of this process.
  log::Warning("settlement_pending", {{"request_id", call.request_id},
                                      call.trace,
                                      {"reservation", request.reservation_id()},
                                      {"delivered", request.delivered_count()}});
  options_.background->Run(GoOn(call, std::move(request)));
  co_return Outcome::kPending;
}

Task<void> Settlements::GoOn(CallContext call, SettleReservationRequest request) {
  absl::Time forgotten = absl::Now() + kReservationMemory;
  absl::Duration pause = options_.pause * (1 << kPauseDoublings);
  absl::Status verdict;
  while (verdict.ok() && absl::Now() < forgotten && !options_.background->stopping()) {
    auto sleeping = options_.loop->Sleep(pause);
    co_await sleeping;
    ResumeOn resume(options_.workers);
    co_await resume;
    auto trying = Try(call, request);
    absl::StatusOr<SettleReservationResponse> settled = co_await trying;
    if (settled.ok()) {
      log::Info("settled late",
                {{"request_id", call.request_id}, call.trace, {"reservation", request.reservation_id()}});
      co_return;
    }
    if (IsVerdict(settled.status())) verdict = settled.status();
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    unanswered_.erase(request.reservation_id());  // nobody asks any more
    unanswered_gauge_.Set(static_cast<double>(unanswered_.size()));
  }
  // At a stop the settlement_pending line tells the rest.
  if (verdict.ok() && options_.background->stopping()) co_return;
  CountLost("settlement lost", call, request, verdict);
}

Task<absl::StatusOr<SettleReservationResponse>> Settlements::Try(CallContext call,
                                                                 SettleReservationRequest request) {
  absl::Time began = absl::Now();
  std::string reservation = request.reservation_id();
  auto trying = options_.billing->SettleReservation(WithDeadline(call, kSettleDeadline), std::move(request));
  absl::StatusOr<SettleReservationResponse> settled = co_await trying;
  Note(reservation, began, settled.status());
  co_return settled;
}

void Settlements::Note(const std::string& reservation, absl::Time began, const absl::Status& status) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (WorthRepeating(status)) {
    unanswered_.emplace(reservation, std::max(began, answered_));
  } else {
    answered_ = absl::Now();
    unanswered_.clear();  // billing is there, for the others too
  }
  unanswered_gauge_.Set(static_cast<double>(unanswered_.size()));
}

bool Settlements::unanswered_too_long() const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (unanswered_.empty()) return false;
  absl::Time too_long_ago = absl::Now() - options_.unanswered_max;
  return absl::c_any_of(unanswered_, [&](const auto& entry) { return entry.second <= too_long_ago; });
}

void Settlements::CountLost(absl::string_view message, const CallContext& call,
                            const SettleReservationRequest& request, const absl::Status& status) {
  lost_.Add();
  log::Error(message, {{"request_id", call.request_id},
                       call.trace,
                       {"reservation", request.reservation_id()},
                       {"delivered", request.delivered_count()},
                       {"reason", ReasonName(ReasonOf(status))}});
}

}  // namespace prismatic::gateway
