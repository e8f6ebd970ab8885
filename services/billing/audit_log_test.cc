#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/billing/audit_entries.h"
#include "services/billing/billing_fixture.h"

// Who changed what by hand.

namespace prismatic::billing {
namespace {

using namespace common::v1;
using prismatic::testing::HasReason;
using prismatic::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// "operator key.update acme/acme.1: revoked false>true (why)"; `-` is absent.
std::string Line(const v1::AuditEntry& entry) {
  std::vector<std::string> changes;
  for (const v1::AuditChange& change : entry.changes()) {
    changes.push_back(absl::StrCat(change.path(), " ", change.has_before() ? change.before() : "-", ">",
                                   change.has_after() ? change.after() : "-"));
  }
  return absl::StrCat(entry.actor(), " ", entry.action(), " ", entry.account(), "/", entry.target(), ": ",
                      absl::StrJoin(changes, ", "),
                      entry.reason().empty() ? "" : absl::StrCat(" (", entry.reason(), ")"));
}

class AuditLogTest : public BillingFixture {
 protected:
  absl::StatusOr<v1::ListAuditEntriesResponse> Page(int size, int64_t before_us = 0,
                                                    const std::string& account = "") {
    v1::ListAuditEntriesRequest request;
    request.set_page_size(size);
    request.set_before_time_us(before_us);
    request.set_account(account);
    return Wait(admin_->ListAuditEntries(request));
  }
  static std::vector<std::string> LinesOf(const absl::StatusOr<v1::ListAuditEntriesResponse>& page) {
    EXPECT_THAT(page, IsOk());
    std::vector<std::string> lines;
    if (!page.ok()) return lines;
    for (const v1::AuditEntry& entry : page->entries()) lines.push_back(Line(entry));
    return lines;
  }
  // The entries since the last look, oldest first.
  std::vector<std::string> News() {
    std::vector<std::string> lines = LinesOf(Page(200));
    std::reverse(lines.begin(), lines.end());
    lines.erase(lines.begin(), lines.begin() + static_cast<ptrdiff_t>(seen_));
    seen_ += lines.size();
    return lines;
  }
  void Suspend(const std::string& account, bool suspended) {
    v1::SuspendAccountRequest suspend;
    suspend.set_name(account);
    v1::ResumeAccountRequest resume;
    resume.set_name(account);
    if (suspended) {
      ASSERT_THAT(Wait(admin_->SuspendAccount(suspend)), IsOk());
    } else {
      ASSERT_THAT(Wait(admin_->ResumeAccount(resume)), IsOk());
    }
  }

  const AdminCall ann_{.actor = "ann"};
  size_t seen_ = 0;
};

TEST_F(AuditLogTest, AccountsTellWhatBecameOfThemAndWhoDidIt) {
  v1::CreateAccountRequest create;
  create.set_name("acme");
  create.set_wallet_nano_usd(1'500'000'000);
  create.mutable_limits()->set_requests_per_minute(60);
  create.mutable_subscription()->set_quota_units(100);
  create.mutable_subscription()->set_period(v1::SUBSCRIPTION_PERIOD_MONTH);
  ASSERT_THAT(Wait(admin_->CreateAccount(create, ann_)), IsOk());
  EXPECT_THAT(News(), ElementsAre("ann account.create acme/: balance_usd ->1.5, requests_per_minute ->60, "
                                  "funding_policy ->subscription_first, subscription.quota_units ->100, "
                                  "subscription.period ->month"));
  v1::UpdateAccountRequest update;
  update.set_name("acme");
  update.mutable_limits()->add_unlimited("requests_per_minute");
  update.mutable_limits()->set_max_concurrent(4);
  update.set_funding_policy(v1::FUNDING_POLICY_WALLET_ONLY);
  update.mutable_subscription()->set_quota_units(200);
  update.mutable_subscription()->set_period(v1::SUBSCRIPTION_PERIOD_MONTH);
  ASSERT_THAT(Wait(admin_->UpdateAccount(update)), IsOk());
  ASSERT_THAT(Wait(admin_->UpdateAccount(update)), IsOk());
  EXPECT_THAT(News(), ElementsAre("admin-token account.update acme/: requests_per_minute 60>-, "
                                  "max_concurrent ->4, funding_policy subscription_first>wallet_only, "
                                  "subscription.quota_units 100>200"));
  update.clear_subscription();
  update.set_remove_subscription(true);
  ASSERT_THAT(Wait(admin_->UpdateAccount(update, ann_)), IsOk());
  Advance(1);  // the other log: only the time tells which came first
  Suspend("acme", true);
  Suspend("acme", true);
  Suspend("acme", false);
  EXPECT_THAT(News(), ElementsAre("ann account.update acme/: subscription.quota_units 200>-, "
                                  "subscription.period month>-",
                                  "admin-token account.suspend acme/: suspended false>true",
                                  "admin-token account.resume acme/: suspended true>false"));
  v1::UpdateAccountRequest nobody;
  nobody.set_name("nobody");
  EXPECT_THAT(Wait(admin_->UpdateAccount(nobody)), HasReason(ERROR_REASON_ACCOUNT_NOT_FOUND));
  EXPECT_THAT(News(), IsEmpty());
}

TEST_F(AuditLogTest, MoneyTellsBalanceAndDebtBeforeAndAfterOncePerRequestId) {
  std::string key = Open("acme", kPrice);
  std::string late = Reserved(Asking(key));
  Advance(420'000'000);
  Wait(sweeper_->SweepAll());
  ASSERT_THAT(Settle(Reserved(Asking(key)), 1), IsOk());
  ASSERT_THAT(Settle(late, 1), IsOk());  // nothing is there: it is owed
  News();
  v1::TopUpWalletRequest top_up;
  top_up.set_account("acme");
  top_up.set_amount_nano_usd(kPrice / 2);
  top_up.set_request_id("pay-1");
  for (int twice = 0; twice < 2; ++twice) ASSERT_THAT(Wait(admin_->TopUpWallet(top_up, ann_)), IsOk());
  v1::WriteOffDebtRequest write_off;
  write_off.set_account("acme");
  write_off.set_amount_nano_usd(kPrice / 4);
  write_off.set_request_id("case-2");
  write_off.set_reason("our fault");
  for (int twice = 0; twice < 2; ++twice) ASSERT_THAT(Wait(admin_->WriteOffDebt(write_off, ann_)), IsOk());
  v1::AdjustWalletRequest adjust;
  adjust.set_account("acme");
  adjust.set_amount_nano_usd(1);
  adjust.set_request_id("case-3");
  adjust.set_reason("gift");
  for (int twice = 0; twice < 2; ++twice) ASSERT_THAT(Wait(admin_->AdjustWallet(adjust, ann_)), IsOk());
  adjust.set_amount_nano_usd(-5);
  EXPECT_THAT(Wait(admin_->AdjustWallet(adjust, ann_)), HasReason(ERROR_REASON_IDEMPOTENCY_KEY_REUSED));
  adjust.set_request_id("case-4");
  EXPECT_THAT(Wait(admin_->AdjustWallet(adjust, ann_)), HasReason(ERROR_REASON_CREDIT_BALANCE_EXHAUSTED));
  EXPECT_THAT(News(), ElementsAre("ann wallet.top_up acme/pay-1: owed_usd 0.04>0.02",
                                  "ann wallet.write_off acme/case-2: owed_usd 0.02>0.01 (our fault)",
                                  "ann wallet.adjust acme/case-3: balance_usd 0>0.000000001 (gift)"));
}

TEST_F(AuditLogTest, KeysTellTheirLimitsModelsExpiryAndEnd) {
  Open("acme", 1);
  v1::CreateKeyRequest create;
  create.set_account("acme");
  create.set_expires_in_seconds(60);
  create.mutable_limits()->set_images_per_minute(7);
  create.add_allowed_models("imagen-4");
  create.add_allowed_models("flux");
  ASSERT_THAT(Wait(admin_->CreateKey(create, ann_)), IsOk());
  v1::ImportKeyRequest import;
  import.set_account("acme");
  import.set_api_key_sha256(crypto::Sha256("sk-old"));
  for (int twice = 0; twice < 2; ++twice) ASSERT_THAT(Wait(admin_->ImportKey(import, ann_)), IsOk());
  v1::UpdateKeyRequest update;
  update.set_key_id("acme.2");
  update.mutable_allowed_models();
  update.set_expires_in_seconds(0);
  update.mutable_limits()->add_unlimited("images_per_minute");
  Advance(1);
  for (int twice = 0; twice < 2; ++twice) ASSERT_THAT(Wait(admin_->UpdateKey(update, ann_)), IsOk());
  Advance(1);
  v1::RevokeKeyRequest revoke;
  revoke.set_key_id("acme.2");
  for (int twice = 0; twice < 2; ++twice) ASSERT_THAT(Wait(admin_->RevokeKey(revoke, ann_)), IsOk());
  EXPECT_THAT(
      News(),
      ElementsAre("admin-token account.create acme/: balance_usd ->0.000000001, funding_policy "
                  "->subscription_first",
                  "admin-token key.create acme/acme.1: ",
                  "ann key.create acme/acme.2: images_per_minute ->7, allowed_models ->imagen-4 flux, "
                  "expire_time ->2026-01-01T00:01:00.000000Z",
                  "ann key.import acme/acme.3: ",
                  "ann key.update acme/acme.2: images_per_minute 7>-, allowed_models imagen-4 flux>-, "
                  "expire_time 2026-01-01T00:01:00.000000Z>-",
                  "ann key.revoke acme/acme.2: revoked false>true"));
}

TEST_F(AuditLogTest, RecountsAndTrimmingTellWhatTheyMended) {
  books_are_spoiled_ = true;
  std::string key = Open("acme", kDollar);
  Reserved(Asking(key, 2));
  for (int i = 0; i < 3; ++i) ASSERT_THAT(Settle(Reserved(Asking(key)), 1), IsOk());
  News();
  v1::RecountAccountRequest recount;
  recount.set_account("acme");
  ASSERT_THAT(Wait(admin_->RecountAccount(recount, ann_)), IsOk());
  EXPECT_THAT(News(), IsEmpty());
  redis_.Ask({"HSET", AccountKeys("acme").Account(), "held", "1", "cc", "9", "cc:7", "2"});
  ASSERT_THAT(Wait(admin_->RecountAccount(recount, ann_)), IsOk());
  Advance(1);
  v1::TrimLedgerRequest trim;
  trim.set_account("acme");
  trim.set_through_sequence(2);
  trim.set_balance_nano_usd(kDollar - kPrice);
  for (int twice = 0; twice < 2; ++twice) ASSERT_THAT(Wait(admin_->TrimLedger(trim, ann_)), IsOk());
  trim.set_through_sequence(3);
  trim.set_balance_nano_usd(kDollar - 2 * kPrice);
  ASSERT_THAT(Wait(admin_->TrimLedger(trim, ann_)), IsOk());
  EXPECT_THAT(News(), ElementsAre("ann account.recount acme/: held_usd 0.000000001>0.08, concurrent 9>1, "
                                  "keys.7.concurrent 2>0",
                                  "ann ledger.trim acme/: trimmed_through ->2",
                                  "ann ledger.trim acme/: trimmed_through 2>3"));
}

TEST_F(AuditLogTest, ThousandsOfWrongCountersAreOneEntryThatCanBeWritten) {
  books_are_spoiled_ = true;
  Open("acme", 1);
  redis_.Ask({"EVAL", "for i = 1, 5000 do redis.call('HSET', KEYS[1], 'cc:' .. i, '1') end", "1",
              AccountKeys("acme").Account()});
  News();
  v1::RecountAccountRequest recount;
  recount.set_account("acme");
  ASSERT_THAT(Wait(admin_->RecountAccount(recount)), IsOk());
  std::vector<std::string> news = News();
  ASSERT_EQ(news.size(), 1u);
  EXPECT_NE(news[0].find("keys.100.concurrent 1>0, keys ->and 4900 more"), std::string::npos) << news[0];
}

TEST_F(AuditLogTest, ALongValueIsCutWhereACharacterBegins) {
  Open("acme", 1);
  v1::UpdateKeyRequest update;
  update.set_key_id("acme.1");
  std::map<std::string, std::vector<std::string>> models;
  for (int i = 0; i < 40; ++i) {
    update.mutable_allowed_models()->add_models(absl::StrCat("a", i, "-größer-größer"));
    models[update.allowed_models().models(i)];
  }
  KnowModels(models);
  Advance(1);
  ASSERT_THAT(Wait(admin_->UpdateKey(update)), IsOk());
  absl::StatusOr<v1::ListAuditEntriesResponse> page = Page(1);
  ASSERT_THAT(page, IsOk());
  std::string told = page->entries(0).changes(0).after();
  EXPECT_LE(told.size(), 500u);
  EXPECT_GT(told.size(), 490u);
  EXPECT_EQ(told.substr(told.size() - 3), "...");
  v1::ListAuditEntriesResponse again;
  EXPECT_TRUE(again.ParseFromString(page->SerializeAsString())) << "not UTF-8";
}

// The rule of functions/shared.lua: what cannot be audited is not done, and not half done.
TEST_F(AuditLogTest, WhereTheLogCannotBeWrittenNothingIsChangedAndSalesGoOn) {
  std::string key = Open("acme", kDollar);
  std::string held = Reserved(Asking(key));
  redis_.Ask({"SET", AccountKeys("acme").Audit(), "no stream"});
  redis_.Ask({"SET", AccountKeys("acme").SettingsAudit(), "no stream"});
  std::string before = Everything();
  v1::CreateKeyRequest create;
  create.set_account("acme");
  v1::UpdateAccountRequest update;
  update.set_name("acme");
  update.mutable_limits()->set_max_concurrent(4);
  v1::SuspendAccountRequest suspend;
  suspend.set_name("acme");
  v1::RevokeKeyRequest revoke;
  revoke.set_key_id("acme.1");
  EXPECT_THAT(TopUp("acme", 5, "t"), HasReason(ERROR_REASON_INTERNAL_ERROR));
  EXPECT_THAT(Wait(admin_->CreateKey(create)), HasReason(ERROR_REASON_INTERNAL_ERROR));
  EXPECT_THAT(Wait(admin_->UpdateAccount(update)), HasReason(ERROR_REASON_INTERNAL_ERROR));
  EXPECT_THAT(Wait(admin_->SuspendAccount(suspend)), HasReason(ERROR_REASON_INTERNAL_ERROR));
  EXPECT_THAT(Wait(admin_->RevokeKey(revoke)), HasReason(ERROR_REASON_INTERNAL_ERROR));
  EXPECT_THAT(Wait(ledger_->Recount("acme")), HasReason(ERROR_REASON_INTERNAL_ERROR));
  EXPECT_EQ(Everything(), before);
  EXPECT_THAT(Settle(held, 1), IsOk());
  Reserved(Asking(key));
}

TEST_F(AuditLogTest, TheNewestThousandSettingsOfABucketStayAndOlderOnesGo) {
  Open("acme", 1);
  redis_.Ask({"DEL", AccountKeys("acme").Audit()});
  for (int i = 0; i < 1'400; ++i) {
    Advance(1);
    Suspend("acme", i % 2 == 0);
  }
  const int64_t length = std::stoll(redis_.Ask({"XLEN", AccountKeys("acme").SettingsAudit()}));
  EXPECT_GE(length, 1'000);
  EXPECT_LT(length, 1'200);
  int64_t read = 0, before_us = 0;
  while (true) {
    absl::StatusOr<v1::ListAuditEntriesResponse> page = Page(200, before_us, "acme");
    ASSERT_THAT(page, IsOk());
    for (const v1::AuditEntry& entry : page->entries()) {
      EXPECT_EQ(entry.time_us(), now_us_ - read);
      ++read;
    }
    if (!page->more()) break;
    before_us = page->entries().rbegin()->time_us();
  }
  EXPECT_EQ(read, length);
}

// Whoever may change limits but not money must not be able to hide who took it.
TEST_F(AuditLogTest, ChangesOfLimitsPushOutNeitherMoneyNorKeysNorSubscriptions) {
  Open("acme", 1);
  v1::AdjustWalletRequest adjust;
  adjust.set_account("acme");
  adjust.set_amount_nano_usd(1);
  adjust.set_request_id("case-1");
  adjust.set_reason("gift");
  ASSERT_THAT(Wait(admin_->AdjustWallet(adjust, ann_)), IsOk());
  v1::UpdateAccountRequest grant;
  grant.set_name("acme");
  grant.mutable_limits()->set_requests_per_minute(7);
  grant.mutable_subscription()->set_quota_units(9);
  grant.mutable_subscription()->set_period(v1::SUBSCRIPTION_PERIOD_DAY);
  ASSERT_THAT(Wait(admin_->UpdateAccount(grant, ann_)), IsOk());
  v1::RevokeKeyRequest revoke;
  revoke.set_key_id("acme.1");
  ASSERT_THAT(Wait(admin_->RevokeKey(revoke, ann_)), IsOk());
  const std::vector<std::string> kept = News();
  EXPECT_THAT(kept, ::testing::SizeIs(5));
  for (int i = 0; i < 1'300; ++i) {
    Advance(1);
    v1::UpdateAccountRequest update;
    update.set_name("acme");
    update.mutable_limits()->set_requests_per_minute(1000 + i % 2);
    ASSERT_THAT(Wait(admin_->UpdateAccount(update, {.actor = "mallory"})), IsOk());
  }
  v1::UpdateKeyRequest key;
  key.set_key_id("acme.1");
  for (int i = 0; i < 100; ++i) {
    Advance(1);
    key.mutable_limits()->set_max_concurrent(i % 2);
    ASSERT_THAT(Wait(admin_->UpdateKey(key, {.actor = "mallory"})), IsOk());
    Suspend("acme", i % 2 == 0);
  }
  std::vector<std::string> read;
  std::set<std::string> ids;
  int64_t before_us = 0;
  while (true) {
    absl::StatusOr<v1::ListAuditEntriesResponse> page = Page(150, before_us, "acme");
    ASSERT_THAT(page, IsOk());
    for (const std::string& line : LinesOf(page)) read.push_back(line);
    for (const v1::AuditEntry& entry : page->entries()) ids.insert(entry.id());
    if (!page->more()) break;
    before_us = page->entries().rbegin()->time_us();
  }
  ASSERT_GE(read.size(), 1'005u);
  EXPECT_LT(read.size(), 1'205u);
  EXPECT_EQ(ids.size(), read.size());
  std::vector<std::string> oldest(read.rbegin(), read.rbegin() + 5);
  EXPECT_EQ(oldest, kept);
}

TEST_F(AuditLogTest, TheNewestFourThousandOfMoneyAndKeysStay) {
  Open("acme", 1);
  for (int i = 0; i < 4'300; ++i) {
    Advance(1);
    NewKey("acme");
  }
  const int64_t length = std::stoll(redis_.Ask({"XLEN", AccountKeys("acme").Audit()}));
  EXPECT_GE(length, 4'000);
  EXPECT_LT(length, 4'200);
  EXPECT_EQ(redis_.Ask({"EXISTS", AccountKeys("acme").SettingsAudit()}), "0");
}

// As a build left it that kept one log of everything.
TEST_F(AuditLogTest, WhatAnEarlierBuildWroteIntoOneLogIsToldWithTheRest) {
  Open("acme", 1);
  Suspend("acme", true);
  redis_.Ask({"RENAME", AccountKeys("acme").SettingsAudit(), AccountKeys("acme").Audit()});
  Advance(5);
  ASSERT_THAT(TopUp("acme", 1, "t"), IsOk());
  Advance(5);
  Suspend("acme", false);
  EXPECT_THAT(News(), ElementsAre("admin-token account.suspend acme/: suspended false>true",
                                  "admin-token wallet.top_up acme/t: balance_usd 0.000000001>0.000000002",
                                  "admin-token account.resume acme/: suspended true>false"));
}

TEST_F(AuditLogTest, EntriesOfTheSameMicrosecondAreNeverOnTwoPages) {
  for (int i = 0; i < 30; ++i) {
    Open(absl::StrCat("account-", i), 0);  // two entries each
    if (i % 7 == 0) Advance(1);
  }
  std::vector<std::string> all = LinesOf(Page(200));
  EXPECT_EQ(all.size(), 60u);
  std::vector<std::string> paged;
  std::set<std::string> ids;
  int64_t before_us = 0;
  for (int pages = 0;; ++pages) {
    ASSERT_LT(pages, 60);
    absl::StatusOr<v1::ListAuditEntriesResponse> page = Page(5, before_us);
    for (const std::string& line : LinesOf(page)) paged.push_back(line);
    for (const v1::AuditEntry& entry : page->entries()) ids.insert(entry.id());
    if (!page->more()) break;
    before_us = page->entries().rbegin()->time_us();
  }
  EXPECT_EQ(paged, all);
  EXPECT_EQ(ids.size(), 60u);
  EXPECT_THAT(LinesOf(Page(50, 0, "account-3")),
              ElementsAre("admin-token key.create account-3/account-3.1: ",
                          "admin-token account.create account-3/: funding_policy ->subscription_first"));
  EXPECT_THAT(LinesOf(Page(50, 0, "nobody")), IsEmpty());
  EXPECT_THAT(Page(201), HasReason(ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(Page(5, -1), HasReason(ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(Page(5, 0, "No Name"), HasReason(ERROR_REASON_INVALID_VALUE));
}

// Streams as a Redis writes them whose clock goes on, stands, jumps and comes back, with times in the entries
// that bridge a step back of up to 5 s.
TEST_F(AuditLogTest, EveryEntryComesOnceInOrderOfTimeWhereClocksStep) {
  books_are_spoiled_ = true;
  RedisLedger live(*client_, metrics_);
  std::mt19937_64 random(20260104);
  std::vector<int64_t> times;
  std::map<std::string, int64_t> last_ms;  // of each stream
  int64_t clock_ms = 1'767'225'600'000;
  for (int i = 0; i < 900; ++i) {
    clock_ms += std::vector<int64_t>{0, 0, 1, 40, 3'000, 90'000}[random() % 6];
    if (i % 97 == 96) clock_ms -= 600'000;
    int64_t us = clock_ms * 1000 + static_cast<int64_t>(random() % 3);
    if (random() % 5 == 0) us += static_cast<int64_t>(random() % 5'000'000);
    times.push_back(us);
    // Redis' own IDs never go back.
    const int bucket = static_cast<int>(random() % 3);
    const std::string stream = random() % 2 == 0 ? AuditKey(bucket) : SettingsAuditKey(bucket);
    int64_t& last = last_ms[stream];
    last = std::max(last, clock_ms);
    ASSERT_NE(redis_
                  .Ask({"XADD", stream, absl::StrCat(last, "-*"), "us", absl::StrCat(us), "actor", "a",
                        "action", "account.suspend", "account", "acme"})
                  .find('-'),
              std::string::npos);
  }
  std::sort(times.begin(), times.end(), std::greater<int64_t>());
  for (size_t size : {1, 13, 200}) {
    std::vector<int64_t> paged;
    AuditQuery query{.page = size};
    while (true) {
      absl::StatusOr<v1::ListAuditEntriesResponse> page = Wait(live.ListAudit(query));
      ASSERT_THAT(page, IsOk());
      for (const v1::AuditEntry& entry : page->entries()) paged.push_back(entry.time_us());
      if (!page->more()) break;
      query.before_time_us = paged.back();
    }
    EXPECT_EQ(paged, times) << size;
  }
}

}  // namespace
}  // namespace prismatic::billing
