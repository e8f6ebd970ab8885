// `ledger verify`, alone and against a file, with books that agree, differ, or are too large for one answer.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/admin_json/ledger_entry.h"
#include "services/cli/amounts.h"
#include "services/cli/errors.h"
#include "services/cli/ledger_fixture.h"

namespace prismatic::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

using LedgerVerifyTest = LedgerFixture;

TEST_F(LedgerVerifyTest, VerifyAgreesAndSaysSo) {
  Fill(2300);
  Outcome outcome = Verify();
  EXPECT_EQ(outcome.code, kDone) << outcome.err << outcome.out;
  EXPECT_EQ(outcome.out, "acme agrees with its ledger: 2300 entries up to 2300\n");
  EXPECT_THAT(outcome.err, IsEmpty());
  Write(Lines(1, 1700));
  TrimThrough(1600);
  Outcome from_file = RunCli({"ledger", "verify", "--account", "acme", "--file", file_});
  EXPECT_EQ(from_file.out, "acme agrees with its ledger: 2300 entries up to 2300\n") << from_file.err;
}

TEST_F(LedgerVerifyTest, VerifyPrintsEveryDifferenceAndEndsWithOne) {
  Fill(5);
  billing_.audit.mutable_account()->set_balance_nano_usd(7);
  billing_.ledger[2].set_reservation_id("acme.r2");
  billing_.usage[0].set_images(9);
  Outcome outcome = RunCli({"ledger", "verify", "--account", "acme", "--output", "csv"});
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_THAT(
      outcome.out,
      AllOf(StartsWith(
                "where,what,expected,found\nentry 3,charges of this reservation,one,another one: acme.r2\n"
                "account,balance,999840000,7\n"),
            HasSubstr(" acme.1 imagen-4,images,4,9\n")));
  EXPECT_EQ(outcome.err, "error: LEDGER_DIFFERS: acme and its ledger differ in 3 points\n");
  EXPECT_THAT(
      RunJson({"ledger", "verify", "--account", "acme"}).out,
      HasSubstr(R"("agrees":false,"ledger_sequence":5,"entries":5,"differences":[{"where":"entry 3")"));
}

TEST_F(LedgerVerifyTest, VerifyIsRightWhileTrafficRuns) {
  int64_t last = 10;
  Fill(last);
  // Between any two looks three more requests are settled.
  billing_.at_audit = [&] {
    last += 3;
    Fill(last);
  };
  Outcome outcome = Verify();
  EXPECT_EQ(outcome.code, kDone) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("the account was busy"));
  // Once it is quiet, usage is compared exactly.
  int audits = 0;
  billing_.at_audit = [&] {
    if (++audits > 3) return;
    last += 3;
    Fill(last);
  };
  outcome = Verify();
  EXPECT_EQ(outcome.code, kDone) << outcome.out;
  EXPECT_THAT(outcome.err, IsEmpty());
}

TEST_F(LedgerVerifyTest, VerifyFromAFileOfAnotherHistoryIsRefused) {
  Fill(5);
  bpb::LedgerEntry other = Entry(4);
  other.set_balance_nano_usd(1);
  Write(Lines(1, 3) + admin_json::EntryLine(other) + "\n");
  Outcome outcome = VerifyWithFile();
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_THAT(outcome.err, HasSubstr("LEDGER_DIFFERS"));
  EXPECT_THAT(outcome.out, HasSubstr("entry 4 against the file,balance_usd,0.000000001,0.99988\n"));
}

TEST_F(LedgerVerifyTest, VerifyNamesEachWordThatBillingSaysOtherwiseThanTheFile) {
  Fill(2300);
  Write(Lines(1, 2300));
  EXPECT_EQ(VerifyWithFile().code, kDone);
  // None of these changes what the entries add up to.
  billing_.ledger[0].set_request_id("invoice-2");
  billing_.ledger[1499].set_time_us(Entry(1500).time_us() + 1);
  billing_.ledger[2299].set_reservation_id("acme.other");
  EXPECT_EQ(Verify().code, kDone);
  Outcome outcome = VerifyWithFile();
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_THAT(outcome.err, HasSubstr("acme and its ledger differ in 3 points"));
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("\nentry 1 against the file,request_id,invoice-1,invoice-2\n"),
                    HasSubstr("\nentry 1500 against the file,time,"),
                    HasSubstr("\nentry 2300 against the file,reservation_id,acme.r2300,acme.other\n")));
}

TEST_F(LedgerVerifyTest, VerifyNamesEntriesOfTheFileThatBillingHasNotAnyMore) {
  Fill(9);
  Write(Lines(1, 9));
  billing_.ledger.erase(billing_.ledger.begin() + 7, billing_.ledger.end());
  billing_.ledger.erase(billing_.ledger.begin() + 2);
  Outcome outcome = VerifyWithFile();
  EXPECT_EQ(outcome.out,
            "where,what,expected,found\n"
            "entry 3 against the file,place in billing,there,missing\n"
            "entry 8 against the file,place in billing,\"there, up to 9\",missing\n");
  billing_.ledger.clear();
  EXPECT_THAT(VerifyWithFile().out,
              HasSubstr("entry 1 against the file,place in billing,\"there, up to 9\",missing\n"));
}

TEST_F(LedgerVerifyTest, OnlyBillingsFirstEntryCanStandForOthersOfTheFile) {
  Fill(6);
  Write(Lines(1, 6));
  TrimThrough(4);
  EXPECT_EQ(VerifyWithFile().code, kDone);
  billing_.ledger[0].set_balance_nano_usd(1);
  EXPECT_THAT(VerifyWithFile().out, HasSubstr("entry 4 against the file,balance_usd,0.99988,0.000000001\n"));
  Fill(6);
  billing_.ledger[3].set_type(bpb::LEDGER_ENTRY_TYPE_CARRIED_FORWARD);
  EXPECT_THAT(VerifyWithFile().out, HasSubstr("entry 4 against the file,type,charge,carried_forward\n"));
}

TEST_F(LedgerVerifyTest, VerifyAsksForFewerDaysWhereThereAreTooManyRows) {
  Fill(5);
  int32_t today = DayOf(Now());
  bpb::UsageRow row = billing_.usage[0];
  bpb::LedgerEntry charge = Entry(5);
  for (int i = 1; i <= 40; ++i) {  // one charge a day before today
    charge.set_sequence(5 + i);
    charge.set_time_us(Now() - absl::ToInt64Microseconds(absl::Hours(24 * i)));
    charge.set_reservation_id(absl::StrCat("acme.d", i));
    charge.set_balance_nano_usd(charge.balance_nano_usd() - 40'000);
    billing_.ledger.push_back(charge);
    row.set_day(DayAfter(today, -i));
    row.set_requests(1);
    row.set_images(1);
    row.set_charged_nano_usd(40'000);
    billing_.usage.push_back(row);
  }
  billing_.account.set_ledger_sequence(charge.sequence());
  billing_.account.set_balance_nano_usd(charge.balance_nano_usd());
  *billing_.audit.mutable_account() = billing_.account;
  billing_.usage_rows_max = 3;
  Outcome outcome = Verify();
  EXPECT_EQ(outcome.code, kDone) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.err, IsEmpty());

  billing_.usage[20].set_images(7);  // is still found
  EXPECT_THAT(Verify().err, HasSubstr("differ in 1 point"));
  billing_.usage[20].set_images(1);

  row = billing_.usage[10];
  for (int i = 0; i < 3; ++i) {
    row.set_model(absl::StrCat("model-", i));
    billing_.usage.push_back(row);
  }
  outcome = Verify();
  EXPECT_EQ(outcome.code, kDone) << outcome.out << outcome.err;
  EXPECT_EQ(outcome.err, absl::StrCat("note: usage of ", DayText(DayAfter(today, -10)),
                                      " could not be compared: billing does not list it: "
                                      "More than 3 rows; ask for fewer days.\n"));
}

}  // namespace
}  // namespace prismatic::cli
