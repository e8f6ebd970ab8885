#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/billing/billing_fixture.h"

// Reading the books, comparing them and keeping them short.

namespace prismatic::billing {
namespace {

using namespace common::v1;
using prismatic::testing::HasReason;
using prismatic::testing::IsOk;

class BooksTest : public BillingFixture {
 protected:
  absl::StatusOr<v1::ListUsageResponse> Usage(int32_t first, int32_t last) {
    v1::ListUsageRequest request;
    request.set_account("acme");
    request.set_first_day(first);
    request.set_last_day(last);
    return Wait(admin_->ListUsage(request));
  }
  // "20260101 acme.1 imagen-4: 2 requests, ..." of each row.
  std::vector<std::string> UsageLines(int32_t first, int32_t last) {
    std::vector<std::string> lines;
    absl::StatusOr<v1::ListUsageResponse> usage = Usage(first, last);
    EXPECT_THAT(usage, IsOk());
    for (const v1::UsageRow& row : usage->rows()) {
      lines.push_back(absl::StrCat(row.day(), " ", row.key_id(), " ", row.model(), ": ", row.requests(), "r ",
                                   row.images(), "i ", row.charged_nano_usd(), "c ", row.units(), "u"));
    }
    return lines;
  }
  v1::AuditAccountResponse Audit() {
    v1::AuditAccountRequest request;
    request.set_account("acme");
    absl::StatusOr<v1::AuditAccountResponse> response = Wait(admin_->AuditAccount(request));
    EXPECT_THAT(response, IsOk());
    return response.ok() ? *response : v1::AuditAccountResponse();
  }
  absl::StatusOr<v1::TrimLedgerResponse> Trim(int64_t through, int64_t balance) {
    v1::TrimLedgerRequest request;
    request.set_account("acme");
    request.set_through_sequence(through);
    request.set_balance_nano_usd(balance);
    return Wait(admin_->TrimLedger(request));
  }
};

TEST_F(BooksTest, UsageIsCountedByDayKeyAndModelInTheStepOfTheCharge) {
  std::string first = Open("acme", kDollar);
  std::string second = NewKey("acme").api_key();
  prices_.Set("a|odd|name", 7);
  ASSERT_THAT(Settle(Reserved(Asking(first, 3)), 2), IsOk());
  std::string twice = Reserved(Asking(first));
  ASSERT_THAT(Settle(twice, 1), IsOk());
  ASSERT_THAT(Settle(twice, 1), IsOk());
  ASSERT_THAT(Settle(Reserved(Asking(first)), 0), IsOk());
  v1::CreateReservationRequest odd = Asking(second, 4);
  odd.set_model("a|odd|name");
  ASSERT_THAT(Settle(Reserved(odd), 4), IsOk());
  v1::CreateReservationRequest metered = Asking("");
  metered.set_account("acme");
  absl::StatusOr<v1::CreateReservationResponse> by_name =
      Wait(billing_->CreateReservation(metered, {.trusted_meter = true}));
  ASSERT_THAT(by_name, IsOk());
  ASSERT_THAT(Settle(by_name->reservation().id(), 1), IsOk());
  Advance(int64_t{24} * 3600 * 1'000'000 - 1);  // the day's last microsecond
  ASSERT_THAT(Settle(Reserved(Asking(first)), 1), IsOk());
  Advance(1);
  ASSERT_THAT(Settle(Reserved(Asking(first)), 1), IsOk());

  EXPECT_THAT(UsageLines(20260101, 20260102),
              ::testing::ElementsAre("20260101  imagen-4: 1r 1i 40000000c 0u",
                                     "20260101 acme.1 imagen-4: 3r 4i 160000000c 0u",
                                     "20260101 acme.2 a|odd|name: 1r 4i 28c 0u",
                                     "20260102 acme.1 imagen-4: 1r 1i 40000000c 0u"));
  EXPECT_THAT(UsageLines(20260102, 20260102), ::testing::SizeIs(1));
  EXPECT_THAT(UsageLines(20250101, 20260101), ::testing::SizeIs(3));
}

// What is damaged is a counter of the four; the others go on.
TEST_F(BooksTest, ADamagedCounterFailsNoChargeCountsFromZeroAndIsToldOf) {
  std::string key = Open("acme", kDollar);
  ASSERT_THAT(Settle(Reserved(Asking(key, 2)), 2), IsOk());
  const std::string usage = AccountKeys("acme").Usage(20260101);
  redis_.Ask({"HSET", usage, "1|imagen-4|i", "two"});
  absl::StatusOr<v1::ListUsageResponse> told = Usage(20260101, 20260101);
  ASSERT_THAT(told, IsOk());
  EXPECT_THAT(told->damaged(), ::testing::ElementsAre(
                                   usage + ": `1|imagen-4|i` is `two`, which is no count; it is left out."));
  EXPECT_THAT(UsageLines(20260101, 20260101),
              ::testing::ElementsAre("20260101 acme.1 imagen-4: 1r 0i 80000000c 0u"));
  ASSERT_THAT(Settle(Reserved(Asking(key, 2)), 2), IsOk());
  EXPECT_THAT(UsageLines(20260101, 20260101),
              ::testing::ElementsAre("20260101 acme.1 imagen-4: 2r 2i 160000000c 0u"));
  told = Usage(20260101, 20260102);
  EXPECT_THAT(
      told->damaged(),
      ::testing::ElementsAre(usage + ": `1|imagen-4|i` was `two`, which is no count; it was counted from "
                                     "zero and is kept as field ` damaged 1|imagen-4|i`."));
  EXPECT_NE(metrics_.Text().find("prismatic_damaged_counters_total{counters=\"usage\"} 1"),
            std::string::npos);
  redis_.Ask({"HDEL", usage, " damaged 1|imagen-4|i"});
  EXPECT_EQ(Usage(20260101, 20260102)->damaged_size(), 0);
}

TEST_F(BooksTest, DaysThatAreNoneOrTooManyAreRefused) {
  Open("acme", 1);
  EXPECT_THAT(Usage(20260230, 20260301), HasReason(ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(Usage(20260102, 20260101), HasReason(ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(Usage(20250101, 20260102), HasReason(ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(Usage(20240101, 20241231), IsOk());  // 366 days
  v1::ListUsageRequest nobody;
  nobody.set_account("nobody");
  nobody.set_first_day(20260101);
  nobody.set_last_day(20260101);
  EXPECT_THAT(Wait(admin_->ListUsage(nobody)), HasReason(ERROR_REASON_ACCOUNT_NOT_FOUND));
}

// The day in the function is counted by itself; leap days and centuries included.
TEST_F(BooksTest, TheFunctionsDaysAreTheCalendarsOverFourCenturies) {
  std::string key = Open("acme", kDollar);
  for (const auto& [day, us] : std::map<int32_t, int64_t>{{20280229, 1'835'395'200'000'000},
                                                          {20280301, 1'835'481'600'000'000},
                                                          {21000228, 4'107'456'000'000'000},
                                                          {21000301, 4'107'542'400'000'000}}) {
    now_us_ = us;
    ASSERT_THAT(Settle(Reserved(Asking(key)), 1), IsOk());
    EXPECT_THAT(UsageLines(day, day), ::testing::SizeIs(1)) << day;
  }
}

TEST_F(BooksTest, ReservationsThatHoldSomethingAreListedInPagesInOrderOfTheirEnd) {
  std::string key = Open("acme", kDollar);
  std::set<std::string> held;
  for (int i = 0; i < 7; ++i) {
    held.insert(Reserved(Asking(key)));
    if (i % 2 == 0) Advance(1000);
  }
  ASSERT_THAT(Settle(Reserved(Asking(key)), 1), IsOk());
  Reserved(Asking(Open("beta", kDollar)));
  std::vector<std::string> seen;
  v1::ListReservationsRequest request;
  request.set_account("acme");
  request.set_page_size(2);
  int64_t before_us = 0;
  do {
    absl::StatusOr<v1::ListReservationsResponse> page = Wait(admin_->ListReservations(request));
    ASSERT_THAT(page, IsOk());
    EXPECT_LE(page->reservations_size(), 2);
    for (const v1::Reservation& reservation : page->reservations()) {
      EXPECT_GE(reservation.expire_time_us(), before_us);
      before_us = reservation.expire_time_us();
      EXPECT_EQ(reservation.reserved_nano_usd(), kPrice);
      seen.push_back(reservation.id());
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty() && seen.size() < 20);
  EXPECT_THAT(seen, ::testing::UnorderedElementsAreArray(held));
  request.set_page_token("nonsense");
  EXPECT_THAT(Wait(admin_->ListReservations(request)), HasReason(ERROR_REASON_INVALID_VALUE));
}

TEST_F(BooksTest, AnAuditAddsUpWhatIsPendingAndARecountMendsCountersThatAFailoverLeftWrong) {
  books_are_spoiled_ = true;
  std::string key = OpenSubscribed("acme", 10, kDollar);
  std::string second = NewKey("acme").api_key();
  Reserved(Asking(key, 3));
  Reserved(Asking(second, 9));
  Reserved(Asking(second, 1));
  ASSERT_THAT(Settle(Reserved(Asking(key, 1)), 1), IsOk());
  v1::AuditAccountResponse audit = Audit();
  EXPECT_EQ(audit.pending_count(), 3);
  EXPECT_EQ(audit.pending_nano_usd(), 9 * kPrice);
  EXPECT_EQ(audit.pending_units(), 4);
  ASSERT_EQ(audit.keys_size(), 2);
  EXPECT_EQ(audit.keys(1).key_id(), "acme.2");
  EXPECT_EQ(audit.keys(1).concurrent(), 2);
  EXPECT_EQ(audit.keys(1).pending_count(), 2);
  v1::Account right = audit.account();

  std::string account = AccountKeys("acme").Account();
  redis_.Ask({"HSET", account, "held", std::to_string(kPrice), "cc", "9", "cc:1", "5", "cc:7", "1"});
  redis_.Ask({"HDEL", account, "cc:2"});
  std::vector<std::string> sub = absl::StrSplit(redis_.Ask({"HGET", account, "sub"}), '|');
  sub[7] = "8";
  redis_.Ask({"HSET", account, "sub", absl::StrJoin(sub, "|")});
  audit = Audit();
  EXPECT_EQ(audit.account().held_nano_usd(), kPrice);
  EXPECT_EQ(audit.pending_nano_usd(), 9 * kPrice);

  v1::RecountAccountRequest request;
  request.set_account("acme");
  absl::StatusOr<v1::RecountAccountResponse> recount = Wait(admin_->RecountAccount(request));
  ASSERT_THAT(recount, IsOk());
  EXPECT_EQ(recount->before().account().concurrent(), 9);
  EXPECT_EQ(recount->before().account().subscription().held_units(), 8);
  EXPECT_EQ(recount->account().SerializeAsString(), right.SerializeAsString());
  EXPECT_EQ(AccountOf("acme").SerializeAsString(), right.SerializeAsString());
  EXPECT_EQ(redis_.Ask({"HGET", account, "cc:2"}), "2");
  EXPECT_EQ(redis_.Ask({"HEXISTS", account, "cc:7"}), "0");
  EXPECT_EQ(LedgerOf("acme").size(), 3u);
}

TEST_F(BooksTest, ATrimmedLedgerBeginsWithWhatItsEntriesAddedUpTo) {
  std::string key = OpenSubscribed("acme", 10, kDollar);
  for (int i = 0; i < 4; ++i) ASSERT_THAT(Settle(Reserved(Asking(key, 2)), 2), IsOk());
  ASSERT_THAT(Settle(Reserved(Asking(key, 3)), 3), IsOk());  // the wallet's, since 2 units are left
  std::vector<v1::LedgerEntry> whole = LedgerOf("acme");
  ASSERT_EQ(whole.size(), 7u);

  std::string before = Everything();
  EXPECT_THAT(Trim(7, whole[6].balance_nano_usd()), HasReason(ERROR_REASON_INVALID_VALUE));  // the newest
  EXPECT_THAT(Trim(8, 0), HasReason(ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(Trim(4, 1), HasReason(ERROR_REASON_INVALID_VALUE));
  EXPECT_EQ(Everything(), before);

  absl::StatusOr<v1::TrimLedgerResponse> trimmed = Trim(4, kDollar);
  ASSERT_THAT(trimmed, IsOk());
  EXPECT_EQ(trimmed->carried_forward().type(), v1::LEDGER_ENTRY_TYPE_CARRIED_FORWARD);
  EXPECT_EQ(trimmed->carried_forward().sequence(), 4);
  EXPECT_EQ(trimmed->carried_forward().carried_amount_nano_usd(), kDollar);
  EXPECT_EQ(trimmed->carried_forward().units(), 4);
  EXPECT_EQ(trimmed->carried_forward().quota_units(), 10);
  EXPECT_EQ(Trim(4, kDollar)->carried_forward().SerializeAsString(),
            trimmed->carried_forward().SerializeAsString());
  EXPECT_THAT(Trim(3, kDollar), HasReason(ERROR_REASON_INVALID_VALUE));

  std::vector<v1::LedgerEntry> left = LedgerOf("acme");
  ASSERT_EQ(left.size(), 4u);
  EXPECT_EQ(left[0].sequence(), 4);
  for (int i = 1; i < 4; ++i) EXPECT_EQ(left[i].SerializeAsString(), whole[i + 3].SerializeAsString());
  ASSERT_THAT(Trim(6, kDollar), IsOk());
  EXPECT_EQ(LedgerOf("acme")[0].units(), 8);
  EXPECT_EQ(LedgerOf("acme").size(), 2u);
  ASSERT_THAT(Settle(Reserved(Asking(key, 1)), 1), IsOk());
  EXPECT_EQ(LedgerOf("acme").back().sequence(), 8);
}

}  // namespace
}  // namespace prismatic::billing
