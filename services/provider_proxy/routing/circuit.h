#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_CIRCUIT_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_CIRCUIT_H_

#include <cstdint>
#include <deque>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace prismatic::provider_proxy {

// How a provider, or one model at a provider, is doing, learnt from the calls that it got.
//
//   closed ----too many fail----> ejected ----time over----> returning ----30 s without trouble----> closed
//      \                             ^   \                       |   \ .
//       \                            +----\-- too many fail -----+    \ .
//        +-------- many in a row fail, none succeeds ----> open <------+
//                                                            \---- a probe succeeds ----> returning
//
// Ejected is asked last; open is not asked at all, but for one probe per interval. What calls before a
// change come to says nothing about now: a timeout may report five minutes late.
//
// Calls are judged in the order in which they began, and one that is still under way counts as no failure
// for those that began after it: failures are quick and pictures slow, so that in the order of reports one
// that fails half of its calls would look dead for as long as a picture takes. No clock and no lock of its
// own.
class Circuit {
 public:
  // In the order of how bad it is; the numbers are the metric's.
  enum class State { kClosed = 0, kReturning = 1, kEjected = 2, kOpen = 3 };

  // What is judged: so many calls, so that a busy provider is found out within as many, and none that began
  // so much earlier, so that a quiet one is not blamed for yesterday.
  static constexpr int kWindowCalls = 50;
  static constexpr absl::Duration kWindowAge = absl::Seconds(60);
  // Too large a share of failures, in percent, among enough calls. What fails less often is within what
  // failing over covers (RetryBudget); of one that fails 1 call in 20, five of twelve fail 1 time in 5,000.
  static constexpr int kFailuresPercent = 40;
  static constexpr int kCallsEnough = 12;
  // Out for so long at first, as most troubles are short; twice as long with each return into trouble, as
  // a trial costs some requests their first try; never so long that a provider which is well again waits
  // for much more than two minutes.
  static constexpr absl::Duration kEjectionBase = absl::Seconds(10);
  static constexpr absl::Duration kEjectionMax = absl::Seconds(120);
  // The share of its traffic grows over so long, so that what has just recovered is not flooded...
  static constexpr absl::Duration kReturnTime = absl::Seconds(30);
  // ...from so much, in percent, that enough calls for a verdict come soon.
  static constexpr int kReturnShareFirst = 10;
  // After so long without trouble the next one is a first one again.
  static constexpr absl::Duration kTroubleMemory = absl::Minutes(5);
  // The breaker. So many failures in a row: of a provider that fails half of its calls, 20 in a row are
  // one in a million, and it must stay in use where it is the only one. A quiet one need not fail 20
  // times: fewer do when nothing has succeeded for a while, nor may yet do so.
  static constexpr int kFailuresInARow = 20;
  static constexpr int kFailuresInARowQuiet = 8;
  static constexpr absl::Duration kQuiet = absl::Seconds(30);
  // Between probes, doubled with each that fails. Each probe is somebody's request.
  static constexpr absl::Duration kProbeInterval = absl::Seconds(5);
  static constexpr absl::Duration kProbeIntervalMax = absl::Seconds(60);

  struct Change {
    State from = State::kClosed;
    State to = State::kClosed;
    absl::string_view why;  // a literal: failure_share, failed_return, failures_in_a_row, ...
  };

  explicit Circuit(absl::Time now) : last_success_(now) {}

  State state() const { return state_; }
  // Percent of its traffic that it is to have now, when there is another to take the rest. 0: none.
  int SharePercent(absl::Time now) const;

  // What time alone changes. Before all else.
  std::optional<Change> Advance(absl::Time now);

  // How long until a call may be made; zero: now. Only an open circuit says something else.
  absl::Duration UntilMayCall(absl::Time now) const;
  // A call begins; the number is for its report. Of an open circuit it is the probe; the next comes an
  // interval later, whether or not this one ever reports.
  int64_t Begin(absl::Time now);
  // The call was not made after all; a probe is free again.
  void TakeBack(absl::Time now, int64_t call);
  // What it came to says nothing.
  void Ignore(int64_t call);
  std::optional<Change> Succeed(absl::Time now, int64_t call);
  std::optional<Change> Fail(absl::Time now, int64_t call);

 private:
  // More calls are not remembered; reports of those that began before them say nothing. As many as begin
  // while one takes its 295 s, of a provider that hangs in every other call and takes 3,000 at once.
  static constexpr size_t kRememberedMax = 8192;

  // So many are remembered before the oldest that is under way: its window, and as many that say nothing.
  static constexpr int64_t kRememberedBefore = 2 * kWindowCalls;

  enum class Fate : char { kUnderWay, kIgnored, kSucceeded, kFailed };
  struct Call {
    absl::Time began;
    Fate fate = Fate::kUnderWay;
  };
  // Some calls that began one after the other.
  struct Tally {
    int calls = 0;
    int failed = 0;
    int succeeded = 0;
  };

  void ForgetFirst();
  // False when it began before the last change, or too long ago.
  bool Settle(int64_t call, Fate fate);
  const Call& At(int64_t call) const { return calls_[static_cast<size_t>(call - first_)]; }
  int64_t End() const { return first_ + static_cast<int64_t>(calls_.size()); }
  // Of the window that ends with this call.
  Tally TallyUpTo(int64_t call) const;
  // How many failed one after the other, this one among them.
  int RowAround(int64_t call) const;
  bool TooManyFail(int64_t call) const;
  bool AllFail(absl::Time now, int64_t call) const;
  Change Become(State to, absl::string_view why);
  Change Eject(absl::Time now, absl::string_view why);
  Change Open(absl::Time now);
  // Counts a new trouble.
  void NoteTrouble(absl::Time now);

  State state_ = State::kClosed;
  std::deque<Call> calls_;  // since the last change, in the order in which they began
  int64_t first_ = 0;       // the number of calls_.front()
  int64_t oldest_under_way_ = 0;
  int row_before_ = 0;            // failures in a row that ended with the last change
  int64_t latest_reported_ = -1;  // the latest begun of those that succeeded or failed
  int64_t latest_succeeded_ = -1;
  absl::Time last_success_;                      // when it was reported
  int doublings_ = 0;                            // of the time out, by earlier troubles
  absl::Time closed_at_ = absl::InfinitePast();  // the end of the last trouble
  absl::Time until_;                             // ejected: its end
  absl::Time returning_since_;
  absl::Time probe_at_;  // open: when the next probe may go
  absl::Duration probe_interval_ = kProbeInterval;
};

// closed, returning, ejected, open.
absl::string_view NameOf(Circuit::State state);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_CIRCUIT_H_
