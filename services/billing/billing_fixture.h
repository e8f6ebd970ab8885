#ifndef PRISMATIC_SERVICES_BILLING_BILLING_FIXTURE_H_
#define PRISMATIC_SERVICES_BILLING_BILLING_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "services/billing/admin.h"
#include "services/billing/api_key.h"
#include "services/billing/billing.h"
#include "services/billing/billing_errors.h"
#include "services/billing/lossy_client.h"
#include "services/billing/names.h"
#include "services/billing/price_book.h"
#include "services/billing/redis_ledger.h"
#include "services/billing/sweeper.h"
#include "services/catalog_watch/catalog_holder.h"
#include "services/common/crypto/crypto.h"
#include "services/common/uuid/uuid.h"
#include "tests/support/matchers.h"
#include "tests/support/redis_server.h"

namespace prismatic::billing {

inline constexpr int64_t kDollar = 1'000'000'000;
inline constexpr int64_t kPrice = 40'000'000;
inline constexpr char kModel[] = "imagen-4";

// Prices as a test sets them.
class FakePriceBook : public PriceBook {
 public:
  // No price: the model exists without one.
  void Set(const std::string& model, std::optional<int64_t> nanos) { prices_[model] = nanos; }
  // 1 where it is not set.
  void SetUnits(const std::string& model, int64_t units) { units_[model] = units; }
  void SetVersion(int64_t version) { version_ = version; }

  Task<absl::StatusOr<Quote>> Find(std::string model, std::string size, std::string quality,
                                   int64_t catalog_version, Naming) override {
    if (catalog_version > version_) co_return error::CatalogBehind(version_, catalog_version);
    Quote quote{.catalog_version = version_};
    auto found = prices_.find(model);
    if (found != prices_.end()) {
      quote.model_found = true;
      quote.model = model;
      quote.quota_units = units_.count(model) > 0 ? units_[model] : 1;
      if (found->second) quote.unit_price = Money::FromNanos(*found->second);
    }
    co_return quote;
  }

 private:
  std::map<std::string, std::optional<int64_t>> prices_;
  std::map<std::string, int64_t> units_;
  int64_t version_ = 7;
};

// Billing over a real Redis with cluster mode on, which refuses calls whose keys do not share a slot. Time
// stands until a test moves it.
class BillingFixture : public ::testing::Test {
 protected:
  BillingFixture() : loop_("billing-test"), catalog_(loop_, metrics_) {
    redis_.Flush();
    auto client = redis::Client::Create(loop_, metrics_,
                                        {.url = redis_.url(),
                                         .fast_deadline = absl::Seconds(20),
                                         .lasting_deadline = absl::Seconds(20),
                                         .stall_max = absl::Seconds(30)});
    client_ = *std::move(client);
    lossy_.emplace(*client_);
    EXPECT_THAT(Wait(client_->WaitUntilConnected(absl::Seconds(20))), testing::IsOk());
    ledger_.emplace(*lossy_, metrics_,
                    RedisLedger::Options{.library = FunctionsWithTestClock(),
                                         .test_clock = [this] { return now_us_.load(); }});
    sweeper_ = std::make_unique<Sweeper>(*ledger_, metrics_);
    billing_ = std::make_unique<Billing>(*ledger_, prices_, *sweeper_, metrics_);
    admin_ = std::make_unique<Admin>(*ledger_, catalog_);
    prices_.Set(kModel, kPrice);
    KnowModels({{kModel, {"google/imagen-4"}}, {"other", {}}, {"flux", {}}});
  }

  // These models are all that the catalog has from now on, with their public IDs.
  void KnowModels(const std::map<std::string, std::vector<std::string>>& models) {
    catalog::v1::Catalog catalog;
    catalog.set_version(catalog_.Current()->version() + 1);
    for (const auto& [name, public_ids] : models) {
      catalog::v1::Model& model = *catalog.add_models();
      model.set_name(name);
      for (const std::string& id : public_ids) model.add_public_ids(id);
    }
    catalog_.Set(std::move(catalog));
  }

  void Advance(int64_t microseconds) { now_us_ += microseconds; }

  // An account with money and one key; answers the key's text.
  std::string Open(const std::string& account, int64_t wallet, v1::Limits account_limits = {},
                   v1::Limits key_limits = {}) {
    v1::CreateAccountRequest create;
    create.set_name(account);
    create.set_wallet_nano_usd(wallet);
    *create.mutable_limits() = account_limits;
    EXPECT_THAT(Wait(admin_->CreateAccount(create)), testing::IsOk());
    return NewKey(account, key_limits).api_key();
  }
  // One with a subscription; answers its first key's text.
  std::string OpenSubscribed(const std::string& account, int64_t quota, int64_t wallet = 0,
                             v1::FundingPolicy policy = v1::FUNDING_POLICY_UNSPECIFIED,
                             v1::SubscriptionPeriod period = v1::SUBSCRIPTION_PERIOD_MONTH,
                             int64_t start_us = 0) {
    v1::CreateAccountRequest create;
    create.set_name(account);
    create.set_wallet_nano_usd(wallet);
    create.set_funding_policy(policy);
    create.mutable_subscription()->set_quota_units(quota);
    create.mutable_subscription()->set_period(period);
    create.mutable_subscription()->set_start_time_us(start_us);
    EXPECT_THAT(Wait(ledger_->CreateAccount(create)), testing::IsOk());
    return NewKey(account).api_key();
  }
  v1::CreateKeyResponse NewKey(const std::string& account, v1::Limits limits = {},
                               const std::vector<std::string>& models = {}, int64_t expires_in_seconds = 0) {
    v1::CreateKeyRequest request;
    request.set_account(account);
    *request.mutable_limits() = limits;
    request.set_expires_in_seconds(expires_in_seconds);
    for (const std::string& model : models) request.add_allowed_models(model);
    absl::StatusOr<v1::CreateKeyResponse> key = Wait(admin_->CreateKey(request));
    EXPECT_THAT(key, testing::IsOk());
    return key.ok() ? *key : v1::CreateKeyResponse();
  }

  static v1::CreateReservationRequest Asking(const std::string& api_key, int images = 1) {
    v1::CreateReservationRequest request;
    request.set_api_key(api_key);
    request.set_attempt_id(NewUuidV7());
    request.set_model(kModel);
    request.set_image_count(images);
    return request;
  }
  static v1::CreateReservationRequest WithIdempotencyKey(v1::CreateReservationRequest request,
                                                         const std::string& key, const std::string& body) {
    request.set_idempotency_key(key);
    request.set_body_sha256(crypto::Sha256(body));
    return request;
  }
  absl::StatusOr<v1::CreateReservationResponse> Reserve(const v1::CreateReservationRequest& request) {
    return Wait(billing_->CreateReservation(request));
  }
  // A reservation that must succeed; answers its ID.
  std::string Reserved(const v1::CreateReservationRequest& request) {
    absl::StatusOr<v1::CreateReservationResponse> response = Reserve(request);
    EXPECT_THAT(response, testing::IsOk());
    return response.ok() ? response->reservation().id() : "";
  }
  absl::StatusOr<v1::SettleReservationResponse> Settle(const std::string& id, int delivered) {
    v1::SettleReservationRequest request;
    request.set_reservation_id(id);
    request.set_delivered_count(delivered);
    return Wait(billing_->SettleReservation(request));
  }
  absl::StatusOr<v1::ReleaseReservationResponse> Release(const std::string& id) {
    v1::ReleaseReservationRequest request;
    request.set_reservation_id(id);
    return Wait(billing_->ReleaseReservation(request));
  }
  absl::StatusOr<v1::TopUpWalletResponse> TopUp(const std::string& account, int64_t amount,
                                                const std::string& request_id) {
    v1::TopUpWalletRequest request;
    request.set_account(account);
    request.set_amount_nano_usd(amount);
    request.set_request_id(request_id);
    return Wait(admin_->TopUpWallet(request));
  }
  v1::Account AccountOf(const std::string& name) {
    v1::GetAccountRequest request;
    request.set_name(name);
    absl::StatusOr<v1::GetAccountResponse> response = Wait(admin_->GetAccount(request));
    EXPECT_THAT(response, testing::IsOk());
    return response.ok() ? response->account() : v1::Account();
  }
  std::vector<v1::LedgerEntry> LedgerOf(const std::string& account) {
    v1::ListLedgerEntriesRequest request;
    request.set_account(account);
    request.set_page_size(1000);
    absl::StatusOr<v1::ListLedgerEntriesResponse> response = Wait(admin_->ListLedgerEntries(request));
    EXPECT_THAT(response, testing::IsOk());
    if (!response.ok()) return {};
    return {response->entries().begin(), response->entries().end()};
  }
  // Sequences without gaps, balances and debts that chain.
  void ExpectLedgerChains(const std::string& account) {
    int64_t sequence = 0, balance = 0, owed = 0;
    for (const v1::LedgerEntry& entry : LedgerOf(account)) {
      if (sequence == 0 && entry.type() == v1::LEDGER_ENTRY_TYPE_CARRIED_FORWARD) {
        sequence = entry.sequence() - 1;
        balance = entry.carried_amount_nano_usd();
        owed = entry.carried_owed_change_nano_usd();
      }
      EXPECT_EQ(entry.sequence(), ++sequence);
      EXPECT_EQ(entry.balance_nano_usd(), balance + entry.amount_nano_usd());
      EXPECT_EQ(entry.owed_nano_usd(), owed + entry.owed_change_nano_usd());
      balance = entry.balance_nano_usd();
      owed = entry.owed_nano_usd();
    }
    v1::Account state = AccountOf(account);
    EXPECT_EQ(state.ledger_sequence(), sequence);
    EXPECT_EQ(state.balance_nano_usd(), balance);
    EXPECT_EQ(state.owed_nano_usd(), owed);
  }
  // Ledger, counters, holds and slots say the same of every account that there is.
  void TearDown() override {
    if (books_are_spoiled_) return;
    for (const std::string& name : Lines("for _, k in ipairs(redis.call('KEYS', '*:acct:*')) do "
                                         "out[#out + 1] = k:match(':acct:(.*)') end")) {
      SCOPED_TRACE("the books of " + name);
      ExpectLedgerChains(name);
      ExpectHoldsAddUp(name);
      ExpectSubscriptionAddsUp(name);
    }
  }
  // What a script puts into `out`, sorted. For looking at keys whose names are not known.
  std::vector<std::string> Lines(const std::string& script, const std::string& argument = "") {
    std::string text =
        redis_.Ask({"EVAL", "local out = {} " + script + " table.sort(out) return table.concat(out, '\\n')",
                    "0", argument});
    return absl::StrSplit(text, '\n', absl::SkipEmpty());
  }
  // The money, the units of this period and the slots of the pending reservations are those of the counters.
  void ExpectHoldsAddUp(const std::string& name) {
    std::vector<std::string> subscription =
        absl::StrSplit(redis_.Ask({"HGET", AccountKeys(name).Account(), "sub"}), '|');
    int64_t held = 0, units = 0, concurrent = 0;
    std::map<std::string, int64_t> of_key;
    for (const std::string& line :
         Lines("for _, k in ipairs(redis.call('KEYS', '*:rsv:' .. ARGV[1] .. '.*')) do "
               "out[#out + 1] = redis.call('GET', k) end",
               name)) {
      std::vector<std::string> record = absl::StrSplit(line, '|');
      if (record[0] != "P") continue;
      held += std::stoll(record[6]);
      ++concurrent;
      ++of_key[record[2]];
      std::vector<std::string> source = absl::StrSplit(record[7], '/');
      if (source.size() == 3 && source[1] == subscription[0])
        units += std::stoll(record[4]) * std::stoll(source[2]);
    }
    v1::Account account = AccountOf(name);
    EXPECT_EQ(account.held_nano_usd(), held);
    EXPECT_EQ(account.concurrent(), concurrent);
    EXPECT_LE(held, account.balance_nano_usd());
    if (subscription.size() == 9) {
      EXPECT_EQ(subscription[7], std::to_string(units));
    }
    for (const auto& [key, running] : of_key) {
      if (key.empty()) continue;
      std::string field = "cc:" + key.substr(key.find('.') + 1);
      EXPECT_EQ(redis_.Ask({"HGET", AccountKeys(name).Account(), field}), std::to_string(running));
    }
  }
  // The quota's counters are what the entries add up to.
  void ExpectSubscriptionAddsUp(const std::string& name) {
    v1::Subscription told;
    for (const v1::LedgerEntry& entry : LedgerOf(name)) {
      bool charge = entry.funding_source() == v1::FUNDING_SOURCE_SUBSCRIPTION;
      bool of_plan = entry.type() == v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_GRANTED ||
                     entry.type() == v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_CHANGED ||
                     entry.type() == v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_ROLLED_OVER;
      if (charge && entry.period_start_us() != 0) {
        EXPECT_EQ(entry.period_start_us(), told.period_start_us());
        told.set_used_units(told.used_units() + entry.units() - entry.over_units());
        told.set_over_units(told.over_units() + entry.over_units());
      }
      if (entry.type() == v1::LEDGER_ENTRY_TYPE_CARRIED_FORWARD) {
        told.set_used_units(entry.units());
        told.set_over_units(entry.over_units());
        told.mutable_plan()->set_quota_units(entry.quota_units());
        told.set_period_start_us(entry.period_start_us());
        told.set_period_end_us(entry.period_end_us());
      }
      if (!of_plan) continue;
      if (entry.type() == v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_ROLLED_OVER) {
        EXPECT_EQ(entry.units(), told.used_units());
      }
      if (entry.period_start_us() == 0 || entry.period_start_us() > told.period_start_us()) told = {};
      told.mutable_plan()->set_quota_units(entry.quota_units());
      told.set_period_start_us(entry.period_start_us());
      told.set_period_end_us(entry.period_end_us());
    }
    v1::Subscription kept = AccountOf(name).subscription();
    EXPECT_EQ(kept.plan().quota_units(), told.plan().quota_units());
    if (now_us_ >= told.period_end_us()) return;  // nothing has begun the next one yet
    EXPECT_EQ(kept.used_units(), told.used_units());
    EXPECT_EQ(kept.over_units(), told.over_units());
    EXPECT_EQ(kept.period_end_us(), told.period_end_us());
    if (!quota_was_lowered_) {
      EXPECT_LE(kept.used_units() + kept.held_units(), kept.plan().quota_units());
    }
  }
  // All keys that there are, with every byte of them.
  std::string Everything() { return Bytes(Lines("out = redis.call('KEYS', '*')")); }
  // Every byte that Redis holds of these keys.
  std::string Bytes(const std::vector<std::string>& keys) {
    std::string all;
    for (const std::string& key : keys) all += key + "=" + redis_.Ask({"DUMP", key}) + "\n";
    return all + redis_.Ask({"DBSIZE"});
  }
  std::string Bytes(const std::string& account) {
    AccountKeys keys(account);
    return Bytes({keys.Account(), keys.Key(account + ".1"), keys.Due(), keys.Ledger()});
  }

  testing::RedisServer& redis_ = testing::RedisServer::Shared();
  metrics::Registry metrics_;
  loop::Loop loop_;
  catalog_watch::CatalogHolder catalog_;
  std::unique_ptr<redis::Client> client_;
  std::optional<LossyClient> lossy_;
  FakePriceBook prices_;
  // A test that writes to Redis by hand what no function would.
  bool books_are_spoiled_ = false;
  bool quota_was_lowered_ = false;
  std::atomic<int64_t> now_us_{1'767'225'600'000'000};
  std::optional<RedisLedger> ledger_;
  std::unique_ptr<Sweeper> sweeper_;
  std::unique_ptr<Billing> billing_;
  std::unique_ptr<Admin> admin_;
};

inline v1::Limits Limited(std::optional<int64_t> requests, std::optional<int64_t> images = std::nullopt,
                          std::optional<int64_t> concurrent = std::nullopt) {
  v1::Limits limits;
  if (requests) limits.set_requests_per_minute(*requests);
  if (images) limits.set_images_per_minute(*images);
  if (concurrent) limits.set_max_concurrent(*concurrent);
  return limits;
}

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_BILLING_FIXTURE_H_
