#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_CIRCUIT_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_CIRCUIT_H_

#include <array>
#include <cstdint>
#include <deque>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/provider_proxy/routing/probes.h"
#include "services/provider_proxy/routing/tally.h"

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
// that fails half of its calls would look dead for as long as a picture takes.
//
// What a caller sends may be why his calls fail. So he alone takes it from nobody else: a verdict has to
// hold without any one of the callers, as long as there are others; and one that he reached while he was
// alone holds for him, until others fail too. No clock and no lock of its own.
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
  // Of these, so many by others than the one who failed most often, when others call. As few as that: in a
  // provider that is dead, two who call alike open it as soon as one alone. As many: of one that fails a
  // fifth of its calls, 8 in a row are one in 400,000.
  static constexpr int kOthersInARow = 8;
  static constexpr int kOthersInARowQuiet = 3;
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

  // How long until this caller may call; zero: now. Only an open circuit says something else.
  absl::Duration UntilMayCall(absl::Time now, uint64_t caller = 0) const;
  // Open, and only one caller failed so far, who is not this one.
  bool OpenForAnotherOnly(uint64_t caller) const;
  // He asked and was told to wait: it is his turn before that of who has just had one.
  void NoteRefused(uint64_t caller);
  // A call begins; the number is for its report. Of an open circuit it is the probe; the next comes an
  // interval later, whether or not this one ever reports.
  int64_t Begin(absl::Time now, uint64_t caller = 0);
  // The call was not made after all; a probe is free again.
  void TakeBack(int64_t call);
  // What it came to says nothing.
  void Ignore(int64_t call);
  std::optional<Change> Succeed(absl::Time now, int64_t call);
  // Some failures no caller can bring about, whatever he sends: they count whoever called.
  enum class Doing { kPerhapsTheCallers, kNobodys };
  std::optional<Change> Fail(absl::Time now, int64_t call, Doing doing = Doing::kPerhapsTheCallers);

 private:
  // More calls are not remembered; reports of those that began before them say nothing. As many as begin
  // while one takes its 295 s, of a provider that hangs in every other call and takes 3,000 at once.
  static constexpr size_t kRememberedMax = 8192;

  // So many are remembered before the oldest that is under way: its window, with the calls that say nothing,
  // and the hundreds of one who calls without a pause between two of the others.
  static constexpr int64_t kRememberedBefore = 2048;

  enum class Fate : char { kUnderWay, kIgnored, kSucceeded, kFailed };
  struct Call {
    absl::Time began;
    uint64_t caller = 0;
    Fate fate = Fate::kUnderWay;
    Doing doing = Doing::kPerhapsTheCallers;
  };
  struct Caller {
    uint64_t caller = 0;
    absl::Time called = absl::InfinitePast();
  };

  void ForgetFirst();
  // False when it began before the last change, or too long ago.
  bool Settle(int64_t call, Fate fate, Doing doing = Doing::kPerhapsTheCallers);
  const Call& At(int64_t call) const { return calls_[static_cast<size_t>(call - first_)]; }
  int64_t End() const { return first_ + static_cast<int64_t>(calls_.size()); }
  void NoteCaller(absl::Time now, uint64_t caller);
  // Nobody else called in this call's window or since.
  bool CalledAlone(int64_t call) const;
  static void Count(const Call& call, Tally& tally);
  // Of the window that ends with this call. When others call it has enough of theirs, however often one
  // of them calls.
  Tally TallyUpTo(int64_t call) const;
  // Those that failed one after the other, this one among them; no more than make a verdict.
  Tally RowAround(int64_t call) const;
  bool TooManyFail(int64_t call) const;
  bool AllFail(absl::Time now, int64_t call) const;
  Change Become(State to, absl::string_view why);
  Change Eject(absl::Time now, absl::string_view why);
  Change Open(absl::Time now, int64_t call);
  void FailWhileOpen(absl::Time now, const Call& call);
  // Counts a new trouble.
  void NoteTrouble(absl::Time now);

  State state_ = State::kClosed;
  std::deque<Call> calls_;  // since the last change, in the order in which they began
  int64_t first_ = 0;       // the number of calls_.front()
  int64_t oldest_under_way_ = 0;
  Tally row_before_;                      // failures in a row that ended with the last change
  std::array<Caller, 2> latest_callers_;  // two different ones, the latest first
  int64_t latest_reported_ = -1;          // the latest begun of those that succeeded or failed
  int64_t latest_succeeded_ = -1;
  absl::Time last_success_;                      // when it was reported
  int doublings_ = 0;                            // of the time out, by earlier troubles
  absl::Time closed_at_ = absl::InfinitePast();  // the end of the last trouble
  absl::Time until_;                             // ejected: its end
  absl::Time returning_since_;
  Probes probes_;                      // open: whose turn it is
  std::optional<uint64_t> opened_by_;  // open: the only caller who failed, if it was one
  int others_failed_ = 0;              // since it was opened by him
};

// closed, returning, ejected, open.
absl::string_view NameOf(Circuit::State state);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_CIRCUIT_H_
