#include "services/provider_proxy/routing/circuit.h"

#include <algorithm>

namespace prismatic::provider_proxy {
namespace {

// `base` doubled so many times, at most `max`.
absl::Duration Doubled(absl::Duration base, int times, absl::Duration max) {
  for (; times > 0 && base < max; --times) base *= 2;
  return std::min(base, max);
}

// Beyond it every time is at its bound.
constexpr int kDoublingsMax = 10;

}  // namespace

absl::string_view NameOf(Circuit::State state) {
  switch (state) {
    case Circuit::State::kClosed:
      return "closed";
    case Circuit::State::kReturning:
      return "returning";
    case Circuit::State::kEjected:
      return "ejected";
    case Circuit::State::kOpen:
      return "open";
  }
  return "";
}

int Circuit::SharePercent(absl::Time now) const {
  if (state_ == State::kEjected) return 0;
  if (state_ != State::kReturning) return 100;
  auto passed = static_cast<int>(100 * absl::FDivDuration(now - returning_since_, kReturnTime));
  return std::clamp(passed, kReturnShareFirst, 100);
}

std::optional<Circuit::Change> Circuit::Advance(absl::Time now) {
  if (state_ == State::kEjected && now >= until_) {
    // Counted from now, not from the end of its time: a return that nobody called in proves nothing.
    returning_since_ = now;
    return Become(State::kReturning, "time_over");
  }
  if (state_ == State::kReturning && now >= returning_since_ + kReturnTime) {
    closed_at_ = now;
    Change change{state_, State::kClosed, "recovered"};
    state_ = State::kClosed;  // what the last calls came to still counts
    return change;
  }
  return std::nullopt;
}

absl::Duration Circuit::UntilMayCall(absl::Time now) const {
  if (state_ != State::kOpen) return absl::ZeroDuration();
  return std::max(absl::ZeroDuration(), probe_at_ - now);
}

int64_t Circuit::Begin(absl::Time now) {
  if (state_ == State::kOpen) probe_at_ = now + probe_interval_;
  calls_.push_back({now});
  while (oldest_under_way_ - first_ > kRememberedBefore || calls_.size() > kRememberedMax) ForgetFirst();
  return End() - 1;
}

void Circuit::ForgetFirst() {
  calls_.pop_front();
  oldest_under_way_ = std::max(oldest_under_way_, ++first_);
}

void Circuit::TakeBack(absl::Time now, int64_t call) {
  if (!Settle(call, Fate::kIgnored)) return;
  if (state_ == State::kOpen) probe_at_ = std::min(probe_at_, now);
}

void Circuit::Ignore(int64_t call) { Settle(call, Fate::kIgnored); }

std::optional<Circuit::Change> Circuit::Succeed(absl::Time now, int64_t call) {
  // A sign of life, also when it began before the last change.
  last_success_ = now;
  row_before_ = 0;
  if (!Settle(call, Fate::kSucceeded)) return std::nullopt;
  latest_succeeded_ = std::max(latest_succeeded_, call);
  if (state_ != State::kOpen) return std::nullopt;
  returning_since_ = now;
  return Become(State::kReturning, "probe_succeeded");
}

std::optional<Circuit::Change> Circuit::Fail(absl::Time now, int64_t call) {
  if (!Settle(call, Fate::kFailed)) return std::nullopt;
  if (state_ == State::kOpen) {
    probe_interval_ = Doubled(probe_interval_, 1, kProbeIntervalMax);
    probe_at_ = std::max(probe_at_, now + probe_interval_);
    return std::nullopt;
  }
  if (AllFail(now, call)) return Open(now);
  if (state_ == State::kEjected || !TooManyFail(call)) return std::nullopt;
  return Eject(now, state_ == State::kReturning ? "failed_return" : "failure_share");
}

bool Circuit::Settle(int64_t call, Fate fate) {
  if (call < first_ || call >= End()) return false;
  calls_[static_cast<size_t>(call - first_)].fate = fate;
  while (oldest_under_way_ < End() && At(oldest_under_way_).fate != Fate::kUnderWay) ++oldest_under_way_;
  if (fate != Fate::kIgnored) latest_reported_ = std::max(latest_reported_, call);
  return true;
}

Circuit::Tally Circuit::TallyUpTo(int64_t call) const {
  Tally tally;
  absl::Time oldest = At(call).began - kWindowAge;
  for (; call >= first_ && tally.calls < kWindowCalls && At(call).began >= oldest; --call) {
    if (At(call).fate == Fate::kIgnored) continue;
    ++tally.calls;
    tally.failed += At(call).fate == Fate::kFailed ? 1 : 0;
    tally.succeeded += At(call).fate == Fate::kSucceeded ? 1 : 0;
  }
  return tally;
}

int Circuit::RowAround(int64_t call) const {
  int row = 0;
  auto count = [&](Fate fate) {
    row += fate == Fate::kFailed ? 1 : 0;
    return row < kFailuresInARow && (fate == Fate::kFailed || fate == Fate::kIgnored);
  };
  int64_t at = call;
  while (at >= first_ && count(At(at).fate)) --at;
  if (at < first_) row += row_before_;
  at = call + 1;
  while (at < End() && count(At(at).fate)) ++at;
  return row;
}

bool Circuit::TooManyFail(int64_t call) const {
  Tally around = TallyUpTo(call);
  if (around.calls < kCallsEnough || 100 * around.failed < kFailuresPercent * around.calls) return false;
  // A failure that reports late may be of a trouble that is over: then the latest calls do succeed. Those
  // under way may go the same way as this one, so they prove nothing here.
  Tally latest = TallyUpTo(latest_reported_);
  return 100 * latest.succeeded <= (100 - kFailuresPercent) * latest.calls;
}

bool Circuit::AllFail(absl::Time now, int64_t call) const {
  if (latest_succeeded_ > call) return false;
  int row = RowAround(call);
  if (row >= kFailuresInARow) return true;
  bool quiet = now - last_success_ >= kQuiet && oldest_under_way_ > call;
  return quiet && row >= kFailuresInARowQuiet;
}

Circuit::Change Circuit::Become(State to, absl::string_view why) {
  Change change{state_, to, why};
  state_ = to;
  row_before_ = RowAround(End() - 1);
  oldest_under_way_ = first_ = End();
  calls_.clear();
  return change;
}

void Circuit::NoteTrouble(absl::Time now) {
  if (state_ == State::kEjected) return;  // still the same trouble
  bool again = state_ == State::kReturning || now - closed_at_ < kTroubleMemory;
  doublings_ = again ? std::min(doublings_ + 1, kDoublingsMax) : 0;
}

Circuit::Change Circuit::Eject(absl::Time now, absl::string_view why) {
  NoteTrouble(now);
  until_ = now + Doubled(kEjectionBase, doublings_, kEjectionMax);
  return Become(State::kEjected, why);
}

Circuit::Change Circuit::Open(absl::Time now) {
  NoteTrouble(now);
  probe_interval_ = Doubled(kProbeInterval, doublings_, kProbeIntervalMax);
  probe_at_ = now + probe_interval_;
  return Become(State::kOpen, "failures_in_a_row");
}

}  // namespace prismatic::provider_proxy
