#include "services/billing/ledger_tail.h"

#include <mutex>
#include <utility>

#include "services/billing/admin_checks.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"
#include "services/common/task/task.h"

namespace prismatic::billing {
namespace {

// A new entry comes within this and the call that finds it, well below the second that is promised.
constexpr absl::Duration kPoll = absl::Milliseconds(250);
constexpr int kPage = 100;
constexpr absl::Duration kRetry = absl::Seconds(1);

absl::Status TooMany() {
  return Error(absl::StatusCode::kUnavailable, common::v1::ERROR_REASON_SERVER_IS_OVERLOADED,
               "Too many ledgers are being followed.")
      .RetryAfter(kRetry);
}

absl::Status ShuttingDown() {
  return Error(absl::StatusCode::kUnavailable, common::v1::ERROR_REASON_SERVER_IS_OVERLOADED,
               "Billing is shutting down.")
      .RetryAfter(kRetry);
}

}  // namespace

// One stream: a coroutine that reads and writes by turns, and finishes the call as the last thing it does.
// gRPC calls OnDone after that, so nothing of it runs any more when it goes.
class LedgerTails::Tail : public Reactor {
 public:
  Tail(LedgerTails& tails, v1::TailLedgerEntriesRequest request,
       std::function<grpc::Status(const absl::Status&)> ended)
      : tails_(tails), request_(std::move(request)), ended_(std::move(ended)) {
    tails_.gauge_.Add(1);
    ++tails_.open_;
  }
  ~Tail() override {
    --tails_.open_;
    tails_.gauge_.Add(-1);
  }

  void Begin(absl::Status admitted) {
    Start<absl::Status>(Follow(std::move(admitted)), [this](absl::Status status) { Finish(ended_(status)); });
  }

  void OnWriteDone(bool ok) override {
    if (!ok) left_ = true;
    std::function<void(bool)> done = std::move(written_);
    done(ok);
  }
  void OnCancel() override { left_ = true; }
  void OnDone() override { delete this; }

 private:
  Task<absl::Status> Follow(absl::Status admitted) {
    if (!admitted.ok()) co_return admitted;
    StartSendInitialMetadata();
    int64_t after = request_.after_sequence();
    while (true) {
      if (left_) co_return absl::CancelledError("The caller has left.");
      if (tails_.ending_) co_return ShuttingDown();
      auto list = tails_.ledger_.ListLedger(request_.account(), after, kPage);
      absl::StatusOr<v1::ListLedgerEntriesResponse> page = co_await list;
      if (!page.ok()) co_return page.status();
      for (v1::LedgerEntry& entry : *page->mutable_entries()) {
        after = entry.sequence();
        *response_.mutable_entry() = std::move(entry);
        Callback<bool> writing([this](std::function<void(bool)> done) {
          written_ = std::move(done);
          StartWrite(&response_);
        });
        bool written = co_await writing;
        if (!written) break;
      }
      if (page->more() || left_) continue;
      auto sleep = tails_.loop_.Sleep(kPoll);
      co_await sleep;
    }
  }

  LedgerTails& tails_;
  const v1::TailLedgerEntriesRequest request_;
  const std::function<grpc::Status(const absl::Status&)> ended_;
  std::atomic<bool> left_{false};
  v1::TailLedgerEntriesResponse response_;  // gRPC's while it is written
  std::function<void(bool)> written_;       // of the write on its way
};

LedgerTails::LedgerTails(RedisLedger& ledger, loop::Loop& loop, metrics::Registry& metrics)
    : ledger_(ledger),
      loop_(loop),
      gauge_(metrics.GetGauge("prismatic_ledger_tails", "Streams that follow a ledger.")) {}

absl::Status LedgerTails::Admit(const v1::TailLedgerEntriesRequest& request, const absl::Status& allowed) {
  RETURN_IF_ERROR(allowed);
  RETURN_IF_ERROR(CheckAccountName("account", request.account()));
  RETURN_IF_ERROR(CheckRange("after_sequence", request.after_sequence(), 0, Money::kMaxNanos));
  return open_ > kMax ? TooMany() : absl::OkStatus();
}

LedgerTails::Reactor* LedgerTails::Open(v1::TailLedgerEntriesRequest request, absl::Status allowed,
                                        std::function<grpc::Status(const absl::Status&)> ended) {
  auto* tail = new Tail(*this, request, std::move(ended));
  tail->Begin(Admit(request, allowed));
  return tail;
}

}  // namespace prismatic::billing
