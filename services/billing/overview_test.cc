#include <algorithm>
#include <map>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "services/billing/billing_fixture.h"
#include "services/billing/totals.h"

// What is told of all accounts together.

namespace prismatic::billing {
namespace {

using namespace common::v1;
using prismatic::testing::HasReason;
using prismatic::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kDayUs = int64_t{24} * 3600 * 1'000'000;

class AccountListTest : public BillingFixture {
 protected:
  absl::StatusOr<v1::ListAccountsResponse> Page(const std::string& prefix, const std::string& token,
                                                int size) {
    v1::ListAccountsRequest request;
    request.set_prefix(prefix);
    request.set_page_token(token);
    request.set_page_size(size);
    return Wait(admin_->ListAccounts(request));
  }
  // All pages of this size.
  std::vector<std::string> Names(const std::string& prefix = "", int size = 0) {
    std::vector<std::string> names;
    std::string token;
    do {
      absl::StatusOr<v1::ListAccountsResponse> page = Page(prefix, token, size);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) break;
      for (const v1::Account& account : page->accounts()) {
        EXPECT_EQ(account.SerializeAsString(), AccountOf(account.name()).SerializeAsString());
        names.push_back(account.name());
      }
      token = page->next_page_token();
    } while (!token.empty());
    return names;
  }
};

TEST_F(AccountListTest, AccountsOfAllBucketsAreListedInOrderOfNameInPages) {
  EXPECT_THAT(Names(), IsEmpty());
  std::vector<std::string> names;
  for (int i = 0; i < 41; ++i) names.push_back(absl::StrCat(i % 3 == 0 ? "acme-" : "beta", i * 37 % 41));
  for (size_t i = 0; i < names.size(); ++i) Open(names[i], static_cast<int64_t>(i));
  std::sort(names.begin(), names.end());
  for (int size : {0, 1, 7, 41, 200}) EXPECT_EQ(Names("", size), names) << size;
  std::vector<std::string> acme(names.begin(), std::find(names.begin(), names.end(), "beta1"));
  acme.erase(std::find_if(acme.begin(), acme.end(), [](const auto& name) { return name[0] == 'b'; }),
             acme.end());
  EXPECT_EQ(Names("acme-", 5), acme);
  EXPECT_EQ(Names(names[3], 1).front(), names[3]);
  EXPECT_THAT(Names("nobody"), IsEmpty());
  EXPECT_THAT(Names("Acme"), IsEmpty());
  // One that begins after all names of the prefix, and one from before them.
  EXPECT_THAT(Page("acme", "beta", 5)->accounts(), IsEmpty());
  EXPECT_EQ(Page("beta", "acme", 1)->accounts(0).name()[0], 'b');
}

TEST_F(AccountListTest, PagesThatAreNoneAreRefused) {
  EXPECT_THAT(Page("", "", 201), HasReason(ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(Page("", "", -1), HasReason(ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(Page("", "No Name", 1), HasReason(ERROR_REASON_INVALID_VALUE));
}

// As those are that an earlier build opened.
TEST_F(AccountListTest, AnAccountThatIsInNoListWorksAndIsListedWhenItIsChangedOrRecounted) {
  std::string key = Open("acme", kDollar);
  auto forget = [this] { redis_.Ask({"DEL", AccountKeys("acme").AccountList()}); };
  forget();
  EXPECT_THAT(Names(), IsEmpty());
  ASSERT_THAT(Settle(Reserved(Asking(key)), 1), IsOk());
  ASSERT_THAT(TopUp("acme", 1, "t"), IsOk());
  v1::UpdateAccountRequest update;
  update.set_name("acme");
  ASSERT_THAT(Wait(admin_->UpdateAccount(update)), IsOk());
  EXPECT_THAT(Names(), ElementsAre("acme"));
  forget();
  v1::RecountAccountRequest recount;
  recount.set_account("acme");
  ASSERT_THAT(Wait(admin_->RecountAccount(recount)), IsOk());
  EXPECT_THAT(Names(), ElementsAre("acme"));
}

TEST_F(AccountListTest, ANameWithoutAnAccountIsPassedOverAndAKeyOfAnotherTypeWritesNothing) {
  Open("acme", 1);
  redis_.Ask({"ZADD", AccountKeys("acme").AccountList(), "0", "ghost"});
  EXPECT_THAT(Names("", 1), ElementsAre("acme"));
  std::string list = AccountKeys("beta").AccountList();
  redis_.Ask({"SET", list, "no list"});
  std::string before = Everything();
  v1::CreateAccountRequest create;
  create.set_name("beta");
  create.set_wallet_nano_usd(5);
  EXPECT_THAT(Wait(admin_->CreateAccount(create)), HasReason(ERROR_REASON_INTERNAL_ERROR));
  EXPECT_EQ(Everything(), before);
  EXPECT_THAT(Page("", "", 5), HasReason(ERROR_REASON_INTERNAL_ERROR));
}

TEST_F(AccountListTest, ANodeThatLostTheLibraryGetsIt) {
  Open("acme", 1);
  redis_.Ask({"FUNCTION", "FLUSH"});
  EXPECT_THAT(Names(), ElementsAre("acme"));
}

class TotalsTest : public BillingFixture {
 protected:
  absl::StatusOr<v1::ListTotalsResponse> Totals(int32_t first, int32_t last) {
    v1::ListTotalsRequest request;
    request.set_first_day(first);
    request.set_last_day(last);
    return Wait(admin_->ListTotals(request));
  }
  std::vector<std::string> Lines(int32_t first, int32_t last) {
    absl::StatusOr<v1::ListTotalsResponse> totals = Totals(first, last);
    EXPECT_THAT(totals, IsOk());
    std::vector<std::string> lines;
    for (const v1::TotalsRow& row : totals->rows()) {
      lines.push_back(absl::StrCat(row.day(), " ", row.model(), " ", row.requests(), "r ", row.images(), "i ",
                                   row.charged_nano_usd(), "c ", row.units(), "u"));
    }
    return lines;
  }
  // The sums of ListUsage over these accounts.
  std::vector<std::string> SummedUsage(const std::vector<std::string>& accounts, int32_t first,
                                       int32_t last) {
    std::map<std::pair<int32_t, std::string>, std::tuple<int64_t, int64_t, int64_t, int64_t>> sums;
    for (const std::string& account : accounts) {
      v1::ListUsageRequest request;
      request.set_account(account);
      request.set_first_day(first);
      request.set_last_day(last);
      absl::StatusOr<v1::ListUsageResponse> usage = Wait(admin_->ListUsage(request));
      EXPECT_THAT(usage, IsOk());
      for (const v1::UsageRow& row : usage->rows()) {
        auto& [requests, images, charged, units] = sums[{row.day(), row.model()}];
        requests += row.requests();
        images += row.images();
        charged += row.charged_nano_usd();
        units += row.units();
      }
    }
    std::vector<std::string> lines;
    for (const auto& [row, sum] : sums) {
      auto [requests, images, charged, units] = sum;
      lines.push_back(absl::StrCat(row.first, " ", row.second, " ", requests, "r ", images, "i ", charged,
                                   "c ", units, "u"));
    }
    return lines;
  }
  // A model's figures of a day as somebody else's hand leaves them.
  void Put(int32_t day, const std::string& figures) {
    redis_.Ask({"HSET", TotalsKey(BucketOf("acme"), day), std::string(kModel), figures});
  }
};

TEST_F(TotalsTest, TotalsAreTheSumsOfAllAccountsUsage) {
  prices_.Set("a|odd|name", 7);
  prices_.SetUnits(kModel, 3);
  std::vector<std::string> accounts, keys;
  for (int i = 0; i < 12; ++i) {
    accounts.push_back(absl::StrCat("account-", i));
    keys.push_back(i % 4 == 3 ? OpenSubscribed(accounts.back(), 1000) : Open(accounts.back(), kDollar));
  }
  std::vector<std::string> late;
  for (size_t day = 0; day < 3; ++day) {
    for (size_t i = 0; i < keys.size(); ++i) {
      v1::CreateReservationRequest asking = Asking(keys[i], 1 + static_cast<int>(i) % 3);
      if (i % 5 == 0) asking.set_model("a|odd|name");
      ASSERT_THAT(Settle(Reserved(asking), 1), IsOk());
      if (i % 2 == day % 2) late.push_back(Reserved(Asking(keys[i], 2)));
      if (i % 6 == 0) {
        ASSERT_THAT(Settle(Reserved(Asking(keys[i])), 0), IsOk());
      }
    }
    // Late ones count on the day in which they are settled, what is owed included.
    Advance(kDayUs);
    Wait(sweeper_->SweepAll());
    for (const std::string& id : late) ASSERT_THAT(Settle(id, 2), IsOk());
    for (const std::string& id : late) EXPECT_TRUE(Settle(id, 2)->replayed());
    late.clear();
  }
  std::vector<std::string> expected = SummedUsage(accounts, 20251231, 20260105);
  EXPECT_EQ(expected.size(), 7u);  // both models on three days, and the late ones of the last
  EXPECT_EQ(Lines(20251231, 20260105), expected);
  EXPECT_EQ(Lines(20260102, 20260102), SummedUsage(accounts, 20260102, 20260102));
}

TEST_F(TotalsTest, TodaysFiguresAreReadAgainAfterTenSecondsAndThoseOfADayThatIsOverNever) {
  std::string key = Open("acme", kDollar);
  ASSERT_THAT(Settle(Reserved(Asking(key)), 1), IsOk());
  EXPECT_THAT(Lines(20260101, 20260101), ElementsAre("20260101 imagen-4 1r 1i 40000000c 0u"));
  ASSERT_THAT(Settle(Reserved(Asking(key)), 1), IsOk());
  Advance(9'999'999);
  EXPECT_THAT(Lines(20260101, 20260101), ElementsAre("20260101 imagen-4 1r 1i 40000000c 0u"));
  Advance(1);
  EXPECT_THAT(Lines(20260101, 20260101), ElementsAre("20260101 imagen-4 2r 2i 80000000c 0u"));

  Advance(kDayUs + 9 * 60'000'000);  // not over yet: ten minutes after its end less ten seconds and a bit
  Lines(20260101, 20260101);
  Put(20260101, "2|77|80000000|0");
  Advance(10'000'000);
  EXPECT_THAT(Lines(20260101, 20260101), ElementsAre("20260101 imagen-4 2r 77i 80000000c 0u"));
  Advance(60'000'000);
  Lines(20260101, 20260102);
  redis_.Ask({"DEL", TotalsKey(BucketOf("acme"), 20260101)});
  Advance(kDayUs);
  EXPECT_THAT(Lines(20260101, 20260103), ElementsAre("20260101 imagen-4 2r 77i 80000000c 0u"));
}

TEST_F(TotalsTest, DaysThatAreNoneOrTooManyAndAnswersThatAreTooLargeAreRefused) {
  EXPECT_THAT(Totals(20260230, 20260301), HasReason(ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(Totals(20260102, 20260101), HasReason(ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(Totals(20250101, 20260102), HasReason(ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(Lines(20240101, 20241231), IsEmpty());  // 366 days
  std::string name(250, 'm');
  redis_.Ask({"EVAL", "for i = 1, 5000 do redis.call('HSET', KEYS[1], ARGV[1] .. i, '1|0|0|0') end", "1",
              TotalsKey(7, 20260101), name});
  EXPECT_THAT(Totals(20260101, 20260101), HasReason(ERROR_REASON_INVALID_VALUE));
}

TEST_F(TotalsTest, SumsThatLeaveTheFormatStayAtItsEnd) {
  std::string key = Open("acme", kDollar);
  Put(20260101, "8999999999999999|9000000000000000|8999999960000001|7");
  ASSERT_THAT(Settle(Reserved(Asking(key)), 1), IsOk());
  EXPECT_EQ(redis_.Ask({"HGET", TotalsKey(BucketOf("acme"), 20260101), std::string(kModel)}),
            "9000000000000000|9000000000000000|9000000000000000|7");
  EXPECT_THAT(Lines(20260101, 20260101),
              ElementsAre("20260101 imagen-4 9000000000000000r 9000000000000000i 9000000000000000c 7u"));
}

// The picture has been made, and the ledger tells of the charge: a counter for charts fails no settlement.
TEST_F(TotalsTest, ARowThatIsNoneCountsFromZeroIsPutAsideAndToldOf) {
  std::string key = Open("acme", kDollar);
  const std::string totals = TotalsKey(BucketOf("acme"), 20260101);
  int64_t charged = 0;
  for (const char* row :
       {"", "5", "1|2|3", "1|2|3|", "1|2|3|x", "1|-2|3|4", "1|2|3|4|5", "1|2|9000000000000001|4"}) {
    Put(20260101, row);
    ASSERT_THAT(Settle(Reserved(Asking(key)), 1), IsOk()) << row;
    EXPECT_EQ(AccountOf("acme").balance_nano_usd(), kDollar - ++charged * kPrice) << row;
    EXPECT_EQ(redis_.Ask({"HGET", totals, std::string(kModel)}), "1|1|40000000|0") << row;
    EXPECT_EQ(redis_.Ask({"HGET", totals, " damaged imagen-4"}), row);
  }
  std::string figures = metrics_.Text();
  EXPECT_NE(figures.find("prismatic_damaged_counters_total{counters=\"totals\"} 8"), std::string::npos);
  ASSERT_THAT(Settle(Reserved(Asking(key)), 1), IsOk());
  EXPECT_EQ(metrics_.Text().find("prismatic_damaged_counters_total{counters=\"totals\"} 9"),
            std::string::npos);
  absl::StatusOr<v1::ListTotalsResponse> told = Totals(20260101, 20260101);
  ASSERT_THAT(told, IsOk());
  ASSERT_EQ(told->damaged_size(), 1);
  EXPECT_EQ(told->damaged(0), totals +
                                  ": `imagen-4` was `1|2|9000000000000001|4`, which is no count; it was "
                                  "counted from zero and is kept as field ` damaged imagen-4`.");
  EXPECT_THAT(Lines(20260101, 20260101), ElementsAre("20260101 imagen-4 2r 2i 80000000c 0u"));
  EXPECT_EQ(Wait(admin_->GetBillingStatus({}))->damaged(0), told->damaged(0));
}

TEST_F(TotalsTest, ARowThatCannotBeReadIsLeftOutAndToldOfUntilItIsMended) {
  std::string key = Open("acme", kDollar);
  ASSERT_THAT(Settle(Reserved(Asking(key)), 1), IsOk());
  const std::string totals = TotalsKey(BucketOf("acme"), 20260101);
  redis_.Ask({"HSET", totals, "flux\n", std::string(300, '\xff')});
  Advance(3 * kDayUs);  // the day is over, and would not be read again
  absl::StatusOr<v1::ListTotalsResponse> told = Totals(20260101, 20260102);
  ASSERT_THAT(told, IsOk());
  ASSERT_EQ(told->damaged_size(), 1);
  EXPECT_EQ(told->damaged(0).find(totals + ": `flux\\n` is `\\xff"), 0u) << told->damaged(0);
  EXPECT_EQ(told->rows_size(), 1);
  EXPECT_EQ(Wait(admin_->GetBillingStatus({}))->damaged_size(), 0);  // of other days
  redis_.Ask({"HDEL", totals, "flux\n"});
  Advance(10'000'000);
  EXPECT_EQ(Totals(20260101, 20260102)->damaged_size(), 0);
}

TEST_F(TotalsTest, ManyDamagedRowsAreToldOfUpToTwenty) {
  redis_.Ask({"EVAL", "for i = 1, 500 do redis.call('HSET', KEYS[1], 'm' .. i, 'x') end", "1",
              TotalsKey(7, 20260101)});
  EXPECT_EQ(Totals(20260101, 20260102)->damaged_size(), 20);
}

TEST_F(TotalsTest, ADaysUseAndTotalsAreKeptForFourHundredDays) {
  std::string key = Open("acme", kDollar);
  ASSERT_THAT(Settle(Reserved(Asking(key)), 1), IsOk());
  ASSERT_THAT(Settle(Reserved(Asking(key)), 1), IsOk());
  for (const std::string& name :
       {AccountKeys("acme").Usage(20260101), AccountKeys("acme").Totals(20260101)}) {
    int64_t left = std::stoll(redis_.Ask({"TTL", name}));
    EXPECT_LE(left, 400 * 86'400) << name;
    EXPECT_GT(left, 399 * 86'400) << name;
  }
}

TEST_F(TotalsTest, WhereADaysKeyIsNoHashChargesGoOnAndItStaysAsItIs) {
  std::string key = Open("acme", kDollar);
  const AccountKeys names("acme");
  redis_.Ask({"SET", names.Totals(20260101), "no hash"});
  redis_.Ask({"SET", names.Usage(20260101), "no hash either"});
  ASSERT_THAT(Settle(Reserved(Asking(key)), 1), IsOk());
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), kDollar - kPrice);
  EXPECT_EQ(redis_.Ask({"GET", names.Totals(20260101)}), "no hash");
  EXPECT_EQ(redis_.Ask({"GET", names.Usage(20260101)}), "no hash either");
  absl::StatusOr<v1::ListTotalsResponse> told = Totals(20260101, 20260101);
  ASSERT_THAT(told, IsOk());
  EXPECT_THAT(told->damaged(),
              ElementsAre(names.Totals(20260101) + ": this key is no hash, so nothing is counted there."));
  v1::ListUsageRequest request;
  request.set_account("acme");
  request.set_first_day(20260101);
  request.set_last_day(20260102);
  absl::StatusOr<v1::ListUsageResponse> usage = Wait(admin_->ListUsage(request));
  ASSERT_THAT(usage, IsOk());
  EXPECT_THAT(usage->damaged(),
              ElementsAre(names.Usage(20260101) + ": this key is no hash, so nothing is counted there."));
}

}  // namespace
}  // namespace prismatic::billing
