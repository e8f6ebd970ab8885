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

bool TooMany(const Counts& counts) {
  return counts.calls >= Circuit::kCallsEnough &&
         100 * counts.failed >= Circuit::kFailuresPercent * counts.calls;
}

bool Well(const Counts& counts) {
  return 100 * counts.succeeded > (100 - Circuit::kFailuresPercent) * counts.calls;
}

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

absl::Duration Circuit::UntilMayCall(absl::Time now, uint64_t caller) const {
  if (state_ != State::kOpen || OpenForAnotherOnly(caller)) return absl::ZeroDuration();
  return std::max(absl::ZeroDuration(), probes_.NextFor(caller) - now);
}

bool Circuit::OpenForAnotherOnly(uint64_t caller) const {
  return state_ == State::kOpen && opened_by_ && *opened_by_ != caller;
}

void Circuit::NoteRefused(uint64_t caller) {
  if (state_ == State::kOpen) probes_.NoteRefused(caller);
}

int64_t Circuit::Begin(absl::Time now, uint64_t caller) {
  calls_.push_back({now, caller});
  NoteCaller(now, caller);
  int64_t call = End() - 1;
  if (state_ == State::kOpen && !OpenForAnotherOnly(caller)) probes_.Take(now, call, caller);
  while (oldest_under_way_ - first_ > kRememberedBefore || calls_.size() > kRememberedMax) ForgetFirst();
  return call;
}

void Circuit::NoteCaller(absl::Time now, uint64_t caller) {
  if (latest_callers_[0].caller != caller) latest_callers_[1] = latest_callers_[0];
  latest_callers_[0] = {caller, now};
}

bool Circuit::CalledAlone(int64_t call) const {
  absl::Time since = At(call).began - kWindowAge;
  return std::none_of(latest_callers_.begin(), latest_callers_.end(), [&](const Caller& each) {
    return each.caller != At(call).caller && each.called >= since;
  });
}

void Circuit::ForgetFirst() {
  calls_.pop_front();
  oldest_under_way_ = std::max(oldest_under_way_, ++first_);
}

void Circuit::TakeBack(int64_t call) {
  if (Settle(call, Fate::kIgnored) && state_ == State::kOpen) probes_.TakeBack(call);
}

void Circuit::Ignore(int64_t call) { Settle(call, Fate::kIgnored); }

std::optional<Circuit::Change> Circuit::Succeed(absl::Time now, int64_t call) {
  // A sign of life, also when it began before the last change.
  last_success_ = now;
  row_before_ = Tally();
  if (!Settle(call, Fate::kSucceeded)) return std::nullopt;
  latest_succeeded_ = std::max(latest_succeeded_, call);
  if (state_ != State::kOpen) return std::nullopt;
  returning_since_ = now;
  return Become(State::kReturning, "probe_succeeded");
}

std::optional<Circuit::Change> Circuit::Fail(absl::Time now, int64_t call, Doing doing) {
  if (!Settle(call, Fate::kFailed, doing)) return std::nullopt;
  if (state_ == State::kOpen) {
    FailWhileOpen(now, At(call));
    return std::nullopt;
  }
  if (AllFail(now, call)) return Open(now, call);
  if (state_ == State::kEjected || !TooManyFail(call)) return std::nullopt;
  return Eject(now, state_ == State::kReturning ? "failed_return" : "failure_share");
}

void Circuit::FailWhileOpen(absl::Time now, const Call& call) {
  if (call.doing == Doing::kNobodys) opened_by_.reset();
  if (!OpenForAnotherOnly(call.caller)) {
    probes_.NoteFailed(now, Doubled(probes_.interval(), 1, kProbeIntervalMax));
  } else if (++others_failed_ >= kOthersInARowQuiet) {
    opened_by_.reset();
    probes_.NoteFailed(now, probes_.interval());
  }
}

bool Circuit::Settle(int64_t call, Fate fate, Doing doing) {
  if (call < first_ || call >= End()) return false;
  Call& settled = calls_[static_cast<size_t>(call - first_)];
  settled.fate = fate;
  settled.doing = doing;
  while (oldest_under_way_ < End() && At(oldest_under_way_).fate != Fate::kUnderWay) ++oldest_under_way_;
  if (fate != Fate::kIgnored) latest_reported_ = std::max(latest_reported_, call);
  return true;
}

void Circuit::Count(const Call& call, Tally& tally) {
  if (call.fate == Fate::kIgnored) return;
  Counts one{1, call.fate == Fate::kFailed ? 1 : 0, call.fate == Fate::kSucceeded ? 1 : 0};
  if (call.doing == Doing::kNobodys) {
    tally.AddNobodys(one);
  } else {
    tally.Add(call.caller, one);
  }
}

Tally Circuit::TallyUpTo(int64_t call) const {
  Tally tally;
  bool alone = CalledAlone(call);
  absl::Time oldest = At(call).began - kWindowAge;
  auto full = [&] { return (alone ? tally.all().calls : tally.CallsOfOthers()) >= kWindowCalls; };
  for (; call >= first_ && At(call).began >= oldest && !full(); --call) {
    // No more of anybody than of all others, or who calls most often would decide.
    if (tally.CallsOf(At(call).caller) < kWindowCalls) Count(At(call), tally);
  }
  return tally;
}

Tally Circuit::RowAround(int64_t call) const {
  Tally row;
  auto count = [&](const Call& each) {
    bool counts = each.fate == Fate::kFailed || each.fate == Fate::kIgnored;
    if (counts) Count(each, row);
    return counts && (row.all().failed < kFailuresInARow || row.FailedOfOthers() < kOthersInARow);
  };
  int64_t at = call;
  while (at >= first_ && count(At(at))) --at;
  if (at < first_) row.Add(row_before_);
  at = call + 1;
  while (at < End() && count(At(at))) ++at;
  return row;
}

bool Circuit::TooManyFail(int64_t call) const {
  Tally around = TallyUpTo(call);
  if (!TooMany(around.all())) return false;
  // A failure that reports late may be of a trouble that is over: then the latest calls do succeed. Those
  // under way may go the same way as this one, so they prove nothing here.
  Tally latest = TallyUpTo(latest_reported_);
  if (Well(latest.all())) return false;
  if (CalledAlone(call)) return true;
  // Without whoever it is. Not only without the one who failed most often: what is left may be all of one
  // who fails on purpose.
  auto proves = [&](const Tally::Part& part) { return TooMany(around.all().Without(part.counts)); };
  auto denies = [&](const Tally::Part& part) {
    Counts others = latest.all().Without(part.counts);
    return others.calls >= kCallsEnough && Well(others);
  };
  return std::all_of(around.parts().begin(), around.parts().end(), proves) &&
         std::none_of(latest.parts().begin(), latest.parts().end(), denies);
}

bool Circuit::AllFail(absl::Time now, int64_t call) const {
  if (latest_succeeded_ > call) return false;
  Tally row = RowAround(call);
  bool alone = CalledAlone(call);
  auto at_least = [&](int failed, int of_others) {
    return row.all().failed >= failed && (alone || row.FailedOfOthers() >= of_others);
  };
  if (at_least(kFailuresInARow, kOthersInARow)) return true;
  bool quiet = now - last_success_ >= kQuiet && oldest_under_way_ > call;
  return quiet && at_least(kFailuresInARowQuiet, kOthersInARowQuiet);
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

Circuit::Change Circuit::Open(absl::Time now, int64_t call) {
  NoteTrouble(now);
  Tally row = RowAround(call);
  opened_by_.reset();
  if (row.parts().size() == 1 && row.FailedOfOthers() == 0) opened_by_ = row.parts().front().caller;
  others_failed_ = 0;
  probes_ = Probes(now, Doubled(kProbeInterval, doublings_, kProbeIntervalMax));
  return Become(State::kOpen, "failures_in_a_row");
}

}  // namespace prismatic::provider_proxy
