#ifndef PRISMATIC_SERVICES_BILLING_LEDGER_REPLIES_H_
#define PRISMATIC_SERVICES_BILLING_LEDGER_REPLIES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "prismatic/billing/v1/billing.pb.h"
#include "services/billing/names.h"
#include "services/common/redis/reply.h"

namespace prismatic::billing {

// Reads the texts of one answer from left to right. What is missing or no number makes it `broken`, which
// is asked once at the end.
class Words {
 public:
  explicit Words(const std::vector<redis::Reply>& answer, size_t from = 0) : answer_(answer), at_(from) {}
  const std::string& Text();
  int64_t Integer();
  bool done() const { return at_ >= answer_.size(); }
  bool broken() const { return broken_; }

 private:
  const std::vector<redis::Reply>& answer_;
  size_t at_;
  bool broken_ = false;
};

// A reservation as functions/shared.lua's reservation_answer tells it, with the ledger sequence.
struct ReservationWords {
  v1::Reservation reservation;
  int64_t ledger_sequence = 0;
};
ReservationWords ReadReservation(Words& words, const ReservationId& id);

// limit, remaining, reset; three empty texts: unlimited.
v1::RateLimitStatus ReadRateLimit(Words& words);

struct AccountWords {
  v1::Account account;
  int64_t last_key_number = 0;
};
// Redis keeps a subscription's period as the last admission left it. kCurrent shows the one that the answer's
// own time is in: where the stored one has ended, the next, with nothing used. kStored shows what is kept,
// which is what the ledger tells.
enum class PeriodView { kCurrent, kStored };
AccountWords ReadAccount(Words& words, absl::string_view name, PeriodView view = PeriodView::kCurrent);

// Requests a minute, images a minute, concurrency; empty: unlimited.
std::vector<std::string> WordsOfLimits(const v1::Limits& limits);
// As the functions write them; empty for UNSPECIFIED.
std::string PolicyWord(v1::FundingPolicy policy);
std::string PeriodWord(v1::SubscriptionPeriod period);
v1::SubscriptionPeriod PeriodOf(absl::string_view word);
// UNSPECIFIED for an empty word.
v1::FundingSource SourceOf(absl::string_view word);

v1::Key ReadKey(Words& words, const KeyId& id);

// One entry of the stream: {ID, {field, value, ...}}. INTERNAL_ERROR when it is none of ours.
absl::StatusOr<v1::LedgerEntry> ReadLedgerEntry(const redis::Reply& reply, absl::string_view account);

// PENDING, SETTLED, ...: a state without its prefix.
std::string StateName(v1::ReservationState state);

// The answer's first word.
bool Is(const std::vector<redis::Reply>& answer, absl::string_view word);
// What is no refusal: OK, a repeat that is answered the same, and what a verb's contract has besides.
bool IsSuccess(const std::vector<redis::Reply>& answer);
// Of a function on the lasting lane. A repeat wrote nothing itself; it rests on a write that came before,
// whose confirmation its own WAIT tells as well.
bool Wrote(const std::vector<redis::Reply>& answer);

// What a refusal speaks of.
struct RefusalContext {
  std::string model;
  // The status for CATALOG_BEHIND.
  absl::Status catalog_behind;
};
// The named error of {REASON, due, facts...}.
absl::Status RefusalOf(const std::vector<redis::Reply>& answer, const RefusalContext& context);

// An answer that functions/*.lua do not give: logged, INTERNAL_ERROR.
absl::Status BrokenAnswer(absl::string_view operation);

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_LEDGER_REPLIES_H_
