#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "services/common/crypto/crypto.h"
#include "tests/model/model.h"
#include "tests/model/subject.h"
#include "tests/model/told.h"

// The part of Subject that administers.

namespace prismatic::billing::model {
namespace {

AdminCall Caller() { return {.actor = kActor}; }

v1::Limits NewLimits(const Operation& operation) {
  v1::Limits limits;
  if (operation.requests_per_minute >= 0) limits.set_requests_per_minute(operation.requests_per_minute);
  if (operation.images_per_minute >= 0) limits.set_images_per_minute(operation.images_per_minute);
  if (operation.concurrent >= 0) limits.set_max_concurrent(operation.concurrent);
  return limits;
}

v1::LimitsChange ChangeOf(const Operation& operation) {
  v1::LimitsChange change;
  if (operation.requests_per_minute >= 0) change.set_requests_per_minute(operation.requests_per_minute);
  if (operation.images_per_minute >= 0) change.set_images_per_minute(operation.images_per_minute);
  if (operation.concurrent >= 0) change.set_max_concurrent(operation.concurrent);
  if (operation.requests_per_minute == kUnlimited) change.add_unlimited("requests_per_minute");
  if (operation.images_per_minute == kUnlimited) change.add_unlimited("images_per_minute");
  if (operation.concurrent == kUnlimited) change.add_unlimited("max_concurrent");
  return change;
}

v1::SubscriptionPlan PlanOf(const Operation& operation) {
  v1::SubscriptionPlan plan;
  plan.set_quota_units(operation.quota);
  plan.set_period(static_cast<v1::SubscriptionPeriod>(operation.period));
  return plan;
}

// A new key's, by whatever way it comes.
template <typename Request>
Request NewKey(const Operation& operation) {
  Request request;
  *request.mutable_limits() = NewLimits(operation);
  request.set_expires_in_seconds(operation.amount / 1'000'000);
  if (operation.models == 1) request.add_allowed_models(kCatalog[0].name);
  return request;
}

}  // namespace

Task<std::string> Subject::ChangeMoney(Operation operation) {
  std::string account = AccountName(operation.account), request_id = RequestName(operation.request);
  if (operation.verb == Verb::kTopUp) {
    auto top_up = ledger_->TopUp(account, Money::FromNanos(operation.amount), request_id, Caller());
    absl::StatusOr<v1::TopUpWalletResponse> response = co_await top_up;
    co_return Told(response);
  }
  if (operation.verb == Verb::kAdjust) {
    v1::AdjustWalletRequest request;
    request.set_account(account);
    request.set_amount_nano_usd(operation.amount);
    request.set_request_id(request_id);
    request.set_reason(Reason(operation.body));
    auto adjust = ledger_->Adjust(std::move(request), Caller());
    absl::StatusOr<v1::AdjustWalletResponse> response = co_await adjust;
    co_return Told(response);
  }
  v1::WriteOffDebtRequest request;
  request.set_account(account);
  request.set_amount_nano_usd(operation.amount);
  request.set_request_id(request_id);
  request.set_reason(Reason(operation.body));
  auto write_off = ledger_->WriteOff(std::move(request), Caller());
  absl::StatusOr<v1::WriteOffDebtResponse> response = co_await write_off;
  co_return Told(response);
}

Task<std::string> Subject::Administer(Operation operation) {
  std::string account = AccountName(operation.account);
  if (operation.verb == Verb::kCreateAccount) {
    v1::CreateAccountRequest request;
    request.set_name(account);
    request.set_wallet_nano_usd(operation.amount);
    *request.mutable_limits() = NewLimits(operation);
    request.set_funding_policy(static_cast<v1::FundingPolicy>(operation.policy));
    if (operation.quota >= 0) {
      *request.mutable_subscription() = PlanOf(operation);
      if (operation.started != 0)
        request.mutable_subscription()->set_start_time_us(now_us_ - operation.started);
    }
    auto create = ledger_->CreateAccount(std::move(request), Caller());
    absl::StatusOr<AccountState> created = co_await create;
    co_return created.ok() ? Told(created->account) : Told(created.status());
  }
  if (operation.verb == Verb::kUpdateAccount) {
    v1::UpdateAccountRequest request;
    request.set_name(account);
    *request.mutable_limits() = ChangeOf(operation);
    request.set_funding_policy(static_cast<v1::FundingPolicy>(operation.policy));
    if (operation.quota >= 0) *request.mutable_subscription() = PlanOf(operation);
    request.set_remove_subscription(operation.quota == kQuotaEnds);
    auto update = ledger_->UpdateAccount(std::move(request), Caller());
    absl::StatusOr<v1::Account> updated = co_await update;
    co_return Told(updated);
  }
  auto set = ledger_->SetSuspended(account, operation.verb == Verb::kSuspend, Caller());
  absl::StatusOr<v1::Account> changed = co_await set;
  co_return Told(changed);
}

Task<std::string> Subject::KeepKeys(Operation operation) {
  KeyId id = KeyName(operation.account, operation.key);
  if (operation.verb == Verb::kCreateKey) {
    auto create = ledger_->CreateKey(id, SecretHash(operation.account, operation.key),
                                     NewKey<v1::CreateKeyRequest>(operation), Caller());
    absl::StatusOr<std::optional<v1::Key>> created = co_await create;
    if (!created.ok()) co_return Told(created.status());
    co_return created->has_value() ? Told(**created) : "OK taken";
  }
  if (operation.verb == Verb::kImportKey) {
    auto request = NewKey<v1::ImportKeyRequest>(operation);
    request.set_account(id.account);
    request.set_api_key_sha256(crypto::Sha256(ImportedText(operation.key)));
    auto import = ledger_->ImportKey(std::move(request), Caller());
    absl::StatusOr<v1::ImportKeyResponse> imported = co_await import;
    co_return Told(imported);
  }
  if (operation.verb == Verb::kRevokeKey) {
    auto revoke = ledger_->RevokeKey(id, Caller());
    absl::StatusOr<v1::Key> revoked = co_await revoke;
    co_return Told(revoked);
  }
  v1::UpdateKeyRequest request;
  request.set_key_id(id.Text());
  *request.mutable_limits() = ChangeOf(operation);
  if (operation.amount != 0)
    request.set_expires_in_seconds(std::max<int64_t>(0, operation.amount / 1'000'000));
  if (operation.models != 0) request.mutable_allowed_models();
  if (operation.models == 1) request.mutable_allowed_models()->add_models(kCatalog[0].name);
  auto update = ledger_->UpdateKey(id, std::move(request), Caller());
  absl::StatusOr<v1::Key> updated = co_await update;
  co_return Told(updated);
}

// Counters that are wrong, as after a lost write.
Task<std::string> Subject::Spoil(std::string account) {
  auto look = ledger_->Audit(account);
  absl::StatusOr<v1::AuditAccountResponse> there = co_await look;
  if (!there.ok()) co_return Told(there.status());
  const std::string key = AccountKeys(account).Account();
  for (const char* counter : {"cc", "cc:1", "cc:9", "held"}) {
    auto add = Ask({"HINCRBY", key, counter, "3"});
    co_await add;
  }
  auto get = Ask({"HGET", key, "sub"});
  redis::Reply plan = co_await get;
  std::vector<std::string> words = absl::StrSplit(plan.text, '|');
  constexpr size_t kHeldUnits = 7;
  if (words.size() > kHeldUnits) {
    words[kHeldUnits] = "12345";
    auto set = Ask({"HSET", key, "sub", absl::StrJoin(words, "|")});
    co_await set;
  }
  co_return "";
}

Task<std::string> Subject::KeepBooks(Operation operation) {
  std::string account = AccountName(operation.account);
  if (operation.verb == Verb::kAudit) {
    auto audit = ledger_->Audit(account);
    absl::StatusOr<v1::AuditAccountResponse> audited = co_await audit;
    co_return Told(audited);
  }
  if (operation.verb == Verb::kRecount) {
    const bool spoilt = operation.body != 0;
    if (spoilt) {
      auto spoil = Spoil(account);
      std::string refused = co_await spoil;
      if (!refused.empty()) co_return refused;
    }
    auto recount = ledger_->Recount(account, Caller());
    absl::StatusOr<v1::RecountAccountResponse> recounted = co_await recount;
    if (recounted.ok() && spoilt) co_return Told(recounted->account());
    co_return Told(recounted);
  }
  if (operation.verb == Verb::kTrimLedger) {
    auto list = ledger_->ListLedger(account, 0, kAllAtOnce);
    absl::StatusOr<v1::ListLedgerEntriesResponse> entries = co_await list;
    if (!entries.ok()) co_return Told(entries.status());
    const int64_t newest = entries->entries().empty() ? 0 : entries->entries().rbegin()->sequence();
    const int64_t through = std::max<int64_t>(newest - operation.images, 1);
    int64_t balance = -operation.body;
    for (const v1::LedgerEntry& entry : entries->entries()) {
      if (entry.sequence() == through) balance += entry.balance_nano_usd();
    }
    auto trim = ledger_->TrimLedger(account, through, balance, Caller());
    absl::StatusOr<v1::LedgerEntry> trimmed = co_await trim;
    co_return Told(trimmed);
  }
  if (operation.verb == Verb::kListReservations) {
    auto list = ledger_->ListReservations(account, kAllAtOnce, {});
    absl::StatusOr<v1::ListReservationsResponse> listed = co_await list;
    co_return Told(listed);
  }
  auto list = ledger_->ListUsage(account, {DayOf(now_us_)}, 5'000);
  absl::StatusOr<RedisLedger::UsageRead> read = co_await list;
  if (!read.ok()) co_return Told(read.status());
  std::vector<v1::UsageRow>& rows = read->rows;
  std::sort(rows.begin(), rows.end(), [](const v1::UsageRow& a, const v1::UsageRow& b) {
    return std::tie(a.key_id(), a.model()) < std::tie(b.key_id(), b.model());
  });
  std::string told = "OK";
  for (const v1::UsageRow& row : rows) absl::StrAppend(&told, " {", row.ShortDebugString(), "}");
  for (const Damage& damage : read->damaged) absl::StrAppend(&told, " ", damage.words);
  co_return told;
}

}  // namespace prismatic::billing::model
