#include "services/billing/ledger_replies.h"

#include <map>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/billing/billing_errors.h"
#include "services/billing/periods.h"
#include "services/common/log/log.h"
#include "services/common/status/status.h"

namespace prismatic::billing {
namespace {

using redis::Reply;

// Nobody knows when a slot becomes free; a generation takes seconds.
constexpr absl::Duration kConcurrencyRetry = absl::Seconds(1);

v1::ReservationState StateOf(absl::string_view letter) {
  if (letter == "P") return v1::RESERVATION_STATE_PENDING;
  if (letter == "S") return v1::RESERVATION_STATE_SETTLED;
  if (letter == "R") return v1::RESERVATION_STATE_RELEASED;
  if (letter == "E") return v1::RESERVATION_STATE_EXPIRED;
  if (letter == "L") return v1::RESERVATION_STATE_SETTLED_LATE;
  return v1::RESERVATION_STATE_UNSPECIFIED;
}

v1::LedgerEntryType EntryTypeOf(absl::string_view type) {
  if (type == "top_up") return v1::LEDGER_ENTRY_TYPE_TOP_UP;
  if (type == "charge") return v1::LEDGER_ENTRY_TYPE_CHARGE;
  if (type == "late_charge") return v1::LEDGER_ENTRY_TYPE_LATE_CHARGE;
  if (type == "adjustment") return v1::LEDGER_ENTRY_TYPE_ADJUSTMENT;
  if (type == "write_off") return v1::LEDGER_ENTRY_TYPE_WRITE_OFF;
  if (type == "subscription_granted") return v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_GRANTED;
  if (type == "subscription_changed") return v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_CHANGED;
  if (type == "subscription_rolled_over") return v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_ROLLED_OVER;
  if (type == "carried_forward") return v1::LEDGER_ENTRY_TYPE_CARRIED_FORWARD;
  return v1::LEDGER_ENTRY_TYPE_UNSPECIFIED;
}

void ReadLimits(Words& words, v1::Limits& limits) {
  auto read = [&words](auto set) {
    const std::string& text = words.Text();
    int64_t limit = 0;
    if (absl::SimpleAtoi(text, &limit)) set(limit);
  };
  read([&](int64_t limit) { limits.set_requests_per_minute(limit); });
  read([&](int64_t limit) { limits.set_images_per_minute(limit); });
  read([&](int64_t limit) { limits.set_max_concurrent(limit); });
}

v1::FundingPolicy PolicyOf(absl::string_view word) {
  for (v1::FundingPolicy policy : {v1::FUNDING_POLICY_SUBSCRIPTION_ONLY, v1::FUNDING_POLICY_WALLET_ONLY}) {
    if (word == PolicyWord(policy)) return policy;
  }
  return v1::FUNDING_POLICY_SUBSCRIPTION_FIRST;
}

// Quota, period, first start, start, end, used, held, over; and the answer's time.
void ReadSubscription(Words& words, PeriodView view, v1::Account& account) {
  int64_t quota = 0;
  if (!absl::SimpleAtoi(words.Text(), &quota)) {
    for (int i = 0; i < 8; ++i) words.Text();
    return;
  }
  v1::Subscription& subscription = *account.mutable_subscription();
  v1::SubscriptionPlan& plan = *subscription.mutable_plan();
  plan.set_quota_units(quota);
  plan.set_period(PeriodOf(words.Text()));
  plan.set_start_time_us(words.Integer());
  subscription.set_period_start_us(words.Integer());
  subscription.set_period_end_us(words.Integer());
  int64_t used = words.Integer(), held = words.Integer(), over = words.Integer(), now_us = words.Integer();
  if (view == PeriodView::kCurrent && now_us >= subscription.period_end_us()) {
    Period period = PeriodAt(plan.period(), plan.start_time_us(), now_us);
    subscription.set_period_start_us(period.start_us);
    subscription.set_period_end_us(period.end_us);
    used = held = over = 0;
  }
  subscription.set_used_units(used);
  subscription.set_held_units(held);
  subscription.set_over_units(over);
}

void TellLimit(const std::string& metric, const v1::RateLimitStatus& status,
               common::v1::ErrorDetail& detail) {
  if (!status.has_limit()) return;
  (*detail.mutable_metadata())[metric + "_limit"] = absl::StrCat(status.limit());
  (*detail.mutable_metadata())[metric + "_remaining"] = absl::StrCat(status.remaining());
  (*detail.mutable_metadata())[metric + "_reset_us"] = absl::StrCat(status.reset_after_us());
}

absl::Status RateLimitRefusal(Words& words) {
  std::string subject = words.Text();
  std::string metric = words.Text();
  int64_t limit = words.Integer();
  int64_t retry_us = words.Integer();
  std::optional<absl::Duration> retry;
  if (retry_us > 0) retry = absl::Microseconds(retry_us);
  // Concurrency comes back when a request ends; where none is allowed, never.
  if (retry_us == 0 && limit > 0) retry = kConcurrencyRetry;
  absl::Status status = error::RateLimitExceeded(subject, metric, limit, retry);
  common::v1::ErrorDetail detail = *DetailOf(status);
  TellLimit("requests", ReadRateLimit(words), detail);
  TellLimit("images", ReadRateLimit(words), detail);
  SetDetail(status, detail);
  return status;
}

absl::Status ResolvedRefusal(Words& words) {
  std::string state = StateName(StateOf(words.Text()));
  int64_t delivered = words.Integer();
  return error::ReservationResolved(state, delivered, Money::FromNanos(words.Integer()));
}

}  // namespace

bool Is(const std::vector<Reply>& answer, absl::string_view word) { return answer[0].text == word; }

bool IsSuccess(const std::vector<Reply>& answer) {
  for (absl::string_view word : {"OK", "REPLAY", "PASSED_ON", "TAKEN", "EARLY", "GONE", "CUT"}) {
    if (Is(answer, word)) return true;
  }
  return false;
}

bool Wrote(const std::vector<Reply>& answer) { return Is(answer, "OK") || Is(answer, "REPLAY"); }

const std::string& Words::Text() {
  static const std::string* nothing = new std::string();
  if (at_ >= answer_.size() || answer_[at_].type != Reply::Type::kText) {
    broken_ = true;
    return *nothing;
  }
  return answer_[at_++].text;
}

int64_t Words::Integer() {
  int64_t number = 0;
  if (!absl::SimpleAtoi(Text(), &number)) broken_ = true;
  return number;
}

ReservationWords ReadReservation(Words& words, const ReservationId& id) {
  ReservationWords read;
  v1::Reservation& reservation = read.reservation;
  reservation.set_id(id.Text());
  reservation.set_account(id.account);
  reservation.set_state(StateOf(words.Text()));
  reservation.set_key_id(words.Text());
  reservation.set_model(words.Text());
  reservation.set_image_count(static_cast<int32_t>(words.Integer()));
  reservation.set_unit_price_nano_usd(words.Integer());
  reservation.set_reserved_nano_usd(words.Integer());
  reservation.set_create_time_us(words.Integer());
  reservation.set_expire_time_us(words.Integer());
  reservation.set_catalog_version(words.Integer());
  reservation.set_delivered_count(static_cast<int32_t>(words.Integer()));
  reservation.set_charge_nano_usd(words.Integer());
  read.ledger_sequence = words.Integer();
  reservation.set_funding_source(SourceOf(words.Text()));
  reservation.set_reserved_units(words.Integer());
  return read;
}

v1::RateLimitStatus ReadRateLimit(Words& words) {
  v1::RateLimitStatus status;
  std::string limit = words.Text();
  std::string remaining = words.Text();
  std::string reset = words.Text();
  int64_t number = 0;
  if (!absl::SimpleAtoi(limit, &number)) return status;
  status.set_limit(number);
  if (absl::SimpleAtoi(remaining, &number)) status.set_remaining(number);
  if (absl::SimpleAtoi(reset, &number)) status.set_reset_after_us(number);
  return status;
}

AccountWords ReadAccount(Words& words, absl::string_view name, PeriodView view) {
  AccountWords read;
  v1::Account& account = read.account;
  account.set_name(std::string(name));
  account.set_suspended(words.Text() != "active");
  account.set_balance_nano_usd(words.Integer());
  account.set_held_nano_usd(words.Integer());
  account.set_owed_nano_usd(words.Integer());
  account.set_concurrent(words.Integer());
  account.set_ledger_sequence(words.Integer());
  account.set_create_time_us(words.Integer());
  ReadLimits(words, *account.mutable_limits());
  read.last_key_number = words.Integer();
  account.set_funding_policy(PolicyOf(words.Text()));
  ReadSubscription(words, view, account);
  return read;
}

v1::Key ReadKey(Words& words, const KeyId& id) {
  v1::Key key;
  key.set_id(id.Text());
  key.set_account(id.account);
  key.set_revoked(words.Text() != "active");
  key.set_expire_time_us(words.Integer());
  key.set_create_time_us(words.Integer());
  ReadLimits(words, *key.mutable_limits());
  for (absl::string_view model : absl::StrSplit(words.Text(), '\n', absl::SkipEmpty())) {
    key.add_allowed_models(std::string(model));
  }
  key.set_concurrent(words.Integer());
  key.set_imported(words.Text() == "1");
  return key;
}

absl::StatusOr<v1::LedgerEntry> ReadLedgerEntry(const Reply& reply, absl::string_view account) {
  std::map<std::string, std::string> fields;
  if (reply.elements.size() != 2) return BrokenAnswer("list_ledger");
  const std::vector<Reply>& words = reply.elements[1].elements;
  for (size_t i = 0; i + 1 < words.size(); i += 2) fields[words[i].text] = words[i + 1].text;
  bool broken = false;
  auto integer = [&](const char* name) {
    int64_t number = 0;
    if (!absl::SimpleAtoi(fields[name], &number)) broken = true;
    return number;
  };
  // Of entries without the field, and of those written before there was one.
  auto optional_integer = [&](const char* name) { return fields[name].empty() ? 0 : integer(name); };
  v1::LedgerEntry entry;
  int64_t sequence = 0;
  if (!absl::SimpleAtoi(absl::StripSuffix(reply.elements[0].text, "-0"), &sequence)) broken = true;
  entry.set_account(std::string(account));
  entry.set_sequence(sequence);
  entry.set_type(EntryTypeOf(fields["type"]));
  entry.set_time_us(integer("us"));
  entry.set_amount_nano_usd(integer("amount"));
  entry.set_owed_change_nano_usd(integer("owed_change"));
  entry.set_balance_nano_usd(integer("bal"));
  entry.set_owed_nano_usd(integer("owed"));
  entry.set_reservation_id(fields["rsv"]);
  entry.set_key_id(fields["key"]);
  entry.set_model(fields["model"]);
  entry.set_image_count(static_cast<int32_t>(integer("n")));
  entry.set_delivered_count(static_cast<int32_t>(integer("delivered")));
  entry.set_unit_price_nano_usd(integer("unit"));
  entry.set_funding_source(SourceOf(fields["src"]));
  entry.set_catalog_version(integer("ver"));
  entry.set_request_id(fields["request"]);
  entry.set_units(optional_integer("units"));
  entry.set_over_units(optional_integer("over"));
  entry.set_quota_units(optional_integer("quota"));
  entry.set_period_start_us(optional_integer("start"));
  entry.set_period_end_us(optional_integer("end"));
  entry.set_reason(fields["reason"]);
  entry.set_carried_amount_nano_usd(optional_integer("carried"));
  entry.set_carried_owed_change_nano_usd(optional_integer("carried_owed"));
  if (broken) return BrokenAnswer("list_ledger");
  return entry;
}

std::vector<std::string> WordsOfLimits(const v1::Limits& limits) {
  return {limits.has_requests_per_minute() ? absl::StrCat(limits.requests_per_minute()) : "",
          limits.has_images_per_minute() ? absl::StrCat(limits.images_per_minute()) : "",
          limits.has_max_concurrent() ? absl::StrCat(limits.max_concurrent()) : ""};
}

std::string PolicyWord(v1::FundingPolicy policy) {
  if (policy == v1::FUNDING_POLICY_UNSPECIFIED) return "";
  return absl::AsciiStrToLower(absl::StripPrefix(v1::FundingPolicy_Name(policy), "FUNDING_POLICY_"));
}

std::string PeriodWord(v1::SubscriptionPeriod period) {
  if (period == v1::SUBSCRIPTION_PERIOD_UNSPECIFIED) return "";
  return absl::AsciiStrToLower(
      absl::StripPrefix(v1::SubscriptionPeriod_Name(period), "SUBSCRIPTION_PERIOD_"));
}

v1::SubscriptionPeriod PeriodOf(absl::string_view word) {
  if (word == "month") return v1::SUBSCRIPTION_PERIOD_MONTH;
  if (word == "week") return v1::SUBSCRIPTION_PERIOD_WEEK;
  if (word == "day") return v1::SUBSCRIPTION_PERIOD_DAY;
  return v1::SUBSCRIPTION_PERIOD_UNSPECIFIED;
}

v1::FundingSource SourceOf(absl::string_view word) {
  if (word == "wallet") return v1::FUNDING_SOURCE_WALLET;
  if (word == "subscription") return v1::FUNDING_SOURCE_SUBSCRIPTION;
  return v1::FUNDING_SOURCE_UNSPECIFIED;
}

std::string StateName(v1::ReservationState state) {
  return std::string(absl::StripPrefix(v1::ReservationState_Name(state), "RESERVATION_STATE_"));
}

absl::Status RefusalOf(const std::vector<Reply>& answer, const RefusalContext& context) {
  Words words(answer);
  const std::string reason = words.Text();
  words.Text();  // due
  if (reason == "INVALID_API_KEY") return error::InvalidApiKey();
  if (reason == "ACCOUNT_NOT_FOUND") return error::AccountNotFound();
  if (reason == "ACCOUNT_SUSPENDED") return error::AccountSuspended();
  if (reason == "ACCOUNT_EXISTS") return error::AccountExists();
  if (reason == "KEY_NOT_FOUND") return error::KeyNotFound();
  if (reason == "IDEMPOTENCY_KEY_IN_USE") return error::IdempotencyKeyInUse();
  if (reason == "IDEMPOTENCY_KEY_REUSED") return error::IdempotencyKeyReused();
  if (reason == "IDEMPOTENCY_KEY_COMPLETED") {
    std::string reservation = words.Text();
    return error::IdempotencyKeyCompleted(reservation, Money::FromNanos(words.Integer()));
  }
  if (reason == "IMAGE_COUNT_TOO_LARGE") return error::ImageCountTooLarge(words.Integer());
  if (reason == "RATE_LIMIT_EXCEEDED") return RateLimitRefusal(words);
  if (reason == "CATALOG_BEHIND" && !context.catalog_behind.ok()) return context.catalog_behind;
  if (reason == "MODEL_NOT_FOUND") return error::ModelNotFound(context.model);
  if (reason == "MODEL_NOT_ALLOWED") return error::ModelNotAllowed(context.model);
  if (reason == "GENERATION_PRICE_MISSING") return error::GenerationPriceMissing(context.model);
  if (reason == "ACCOUNT_IN_DEBT") return error::AccountInDebt(Money::FromNanos(words.Integer()));
  if (reason == "SUBSCRIPTION_QUOTA_EXHAUSTED") {
    int64_t quota = words.Integer(), used = words.Integer();
    return error::SubscriptionQuotaExhausted(quota, used, words.Integer());
  }
  if (reason == "CREDIT_BALANCE_EXHAUSTED") {
    Money required = Money::FromNanos(words.Integer());
    return error::CreditBalanceExhausted(required, Money::FromNanos(words.Integer()));
  }
  if (reason == "RESERVATION_FORGOTTEN") return error::ReservationForgotten();
  if (reason == "RESERVATION_RESOLVED") return ResolvedRefusal(words);
  if (reason == "DELIVERED_COUNT_TOO_LARGE") return error::DeliveredCountTooLarge(words.Integer());
  if (reason == "START_IN_FUTURE") {
    return InvalidValue("subscription.start_time_us", "A subscription cannot start in the future.");
  }
  if (reason == "BALANCE_TOO_LARGE") {
    return InvalidValue("amount_nano_usd", "The balance would exceed 9000000 USD.");
  }
  return BrokenAnswer(reason);
}

absl::Status BrokenAnswer(absl::string_view operation) {
  log::Error("an answer of the Redis functions is not understood", {{"operation", operation}});
  return InternalError("Billing met an answer that it does not understand.");
}

}  // namespace prismatic::billing
