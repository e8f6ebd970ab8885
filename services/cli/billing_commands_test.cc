// The commands of billing beyond those of commands_test.cc.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "services/cli/commands_fixture.h"
#include "services/cli/errors.h"
#include "services/cli/settlement_lines.h"
#include "services/common/crypto/crypto.h"
#include "services/common/status/status.h"

namespace prismatic::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class BillingCommandsTest : public CommandsTest {};

TEST_F(BillingCommandsTest, AnAccountIsOpenedWithASubscription) {
  Outcome outcome = RunCli({"account", "create", "acme", "--quota", "1000", "--quota-period", "month",
                            "--quota-start", "2026-01-01T12:00:00Z", "--funding", "subscription_only"});
  EXPECT_EQ(outcome.code, kDone) << outcome.err;
  EXPECT_EQ(billing_.recorder.request,
            "name: \"acme\" limits { } funding_policy: FUNDING_POLICY_SUBSCRIPTION_ONLY subscription { "
            "quota_units: "
            "1000 period: SUBSCRIPTION_PERIOD_MONTH start_time_us: 1767268800000000 }");
}

TEST_F(BillingCommandsTest, AnAccountShowsItsSubscription) {
  auto* subscription = billing_.account.mutable_subscription();
  subscription->mutable_plan()->set_quota_units(1000);
  subscription->mutable_plan()->set_period(bpb::SUBSCRIPTION_PERIOD_WEEK);
  subscription->set_period_start_us(kNoon);
  subscription->set_period_end_us(kNoon + 604'800'000'000);
  subscription->set_used_units(7);
  subscription->set_held_units(2);
  subscription->set_over_units(1);
  EXPECT_THAT(
      RunCli({"account", "show", "acme"}).out,
      AllOf(HasSubstr("quota                1000 units a week\n"), HasSubstr("quota used           7\n"),
            HasSubstr("quota held           2\n"), HasSubstr("delivered beyond     1\n"),
            HasSubstr("period               2026-01-01T12:00:00Z to 2026-01-08T12:00:00Z\n")));
  EXPECT_THAT(
      RunJson({"account", "show", "acme"}).out,
      HasSubstr(R"("subscription":{"quota_units":1000,"period":"week","start_time":null,)"
                R"("period_start":"2026-01-01T12:00:00.000000Z","period_end":"2026-01-08T12:00:00.000000Z",)"
                R"("used_units":7,"held_units":2,"over_units":1}})"));
}

TEST_F(BillingCommandsTest, AnUpdateSendsOnlyWhatIsNamed) {
  RunCli({"account", "update", "acme", "--requests-per-minute", "5", "--images-per-minute", "unlimited"});
  EXPECT_EQ(billing_.recorder.request,
            "name: \"acme\" limits { requests_per_minute: 5 unlimited: \"images_per_minute\" }");
  RunCli({"account", "update", "acme", "--funding", "wallet_only"});
  EXPECT_EQ(billing_.recorder.request, "name: \"acme\" funding_policy: FUNDING_POLICY_WALLET_ONLY");
  RunCli({"account", "update", "acme", "--no-subscription"});
  EXPECT_EQ(billing_.recorder.request, "name: \"acme\" remove_subscription: true");
}

TEST_F(BillingCommandsTest, ANewQuotaKeepsThePeriodThatIs) {
  Outcome without = RunCli({"account", "update", "acme", "--quota", "50"});
  EXPECT_EQ(without.code, kWrongUsage);
  EXPECT_THAT(without.err, HasSubstr("acme has no subscription"));
  billing_.account.mutable_subscription()->mutable_plan()->set_quota_units(10);
  billing_.account.mutable_subscription()->mutable_plan()->set_period(bpb::SUBSCRIPTION_PERIOD_DAY);
  billing_.account.mutable_subscription()->mutable_plan()->set_start_time_us(kNoon);
  RunCli({"account", "update", "acme", "--quota", "50"});
  EXPECT_EQ(billing_.recorder.request,
            "name: \"acme\" subscription { quota_units: 50 period: SUBSCRIPTION_PERIOD_DAY }");
}

TEST_F(BillingCommandsTest, SuspendAndResume) {
  EXPECT_THAT(RunCli({"account", "suspend", "acme"}).out, HasSubstr("suspended            yes\n"));
  EXPECT_THAT(RunCli({"account", "resume", "acme"}).out, HasSubstr("suspended            no\n"));
}

TEST_F(BillingCommandsTest, AdjustAndWriteOffSendExactAmountsWithTheirReason) {
  Outcome taken = RunCli({"account", "adjust", "acme", "--usd", "-0.000000001", "--reason", "one nano",
                          "--request-id", "case-1"});
  EXPECT_EQ(billing_.recorder.request,
            "account: \"acme\" amount_nano_usd: -1 reason: \"one nano\" request_id: \"case-1\"");
  EXPECT_THAT(taken.out, HasSubstr("adjusted by USD  -0.000000001\n"));
  RunCli({"account", "adjust", "acme", "--usd", "+9000000", "--reason", "r", "--request-id", "x"});
  EXPECT_THAT(billing_.recorder.request, HasSubstr("amount_nano_usd: 9000000000000000"));
  Outcome forgiven = RunJson(
      {"account", "write-off", "acme", "--usd", "0.04", "--reason", "ours", "--request-id", "case-2"});
  EXPECT_EQ(billing_.recorder.request,
            "account: \"acme\" amount_nano_usd: 40000000 reason: \"ours\" request_id: \"case-2\"");
  EXPECT_THAT(forgiven.out, HasSubstr(R"("amount_nano_usd":40000000)"));
}

TEST_F(BillingCommandsTest, RecountPrintsWhatItCorrected) {
  EXPECT_EQ(RunCli({"account", "recount", "acme"}).out, "every counter of acme was right\n");
  billing_.audit.mutable_account()->set_held_nano_usd(80);
  billing_.audit.set_pending_nano_usd(40);
  auto* key = billing_.audit.add_keys();
  key->set_key_id("acme.1");
  key->set_concurrent(2);
  key->set_pending_count(0);
  EXPECT_EQ(RunCli({"account", "recount", "acme"}).out,
            "COUNTER                   BEFORE  AFTER\n"
            "held_nano_usd                 80     40\n"
            "concurrent of key acme.1       2      0\n");
  EXPECT_THAT(RunJson({"account", "recount", "acme"}).out,
              HasSubstr(R"({"corrected":[{"counter":"held_nano_usd","before":80,"after":40},)"));
}

TEST_F(BillingCommandsTest, AKeyIsImportedByItsHashAndItsTextStaysHere) {
  std::string file = TemporaryFile("sk-old-key\n");
  Outcome outcome =
      RunCli({"key", "import", "--account", "acme", "--key-file", file, "--max-concurrent", "3"});
  bpb::ImportKeyRequest request;
  request.set_account("acme");
  request.set_api_key_sha256(crypto::Sha256("sk-old-key"));
  request.mutable_limits()->set_max_concurrent(3);
  EXPECT_EQ(billing_.recorder.request, request.ShortDebugString());
  EXPECT_THAT(outcome.err, HasSubstr("imported before"));
  RunCli({"key", "import", "--account", "acme", "--max-concurrent", "3", "--sha256",
          crypto::Sha256Hex("sk-old-key")});
  EXPECT_EQ(billing_.recorder.request, request.ShortDebugString());
}

TEST_F(BillingCommandsTest, AKeyIsChanged) {
  RunCli(
      {"key", "update", "acme.1", "--models", "a,b", "--expires-in", "30d", "--max-concurrent", "unlimited"});
  EXPECT_EQ(billing_.recorder.request,
            "key_id: \"acme.1\" limits { unlimited: \"max_concurrent\" } allowed_models { models: \"a\" "
            "models: \"b\" } "
            "expires_in_seconds: 2592000");
  RunCli({"key", "update", "acme.1", "--models", "all", "--expires-in", "never"});
  EXPECT_EQ(billing_.recorder.request, "key_id: \"acme.1\" allowed_models { } expires_in_seconds: 0");
}

TEST_F(BillingCommandsTest, OpenReservationsAreListedPageAfterPage) {
  for (const char* id : {"acme.a", "acme.b", "acme.c"}) {
    bpb::Reservation reservation;
    reservation.set_id(id);
    reservation.set_reserved_nano_usd(40'000'000);
    reservation.set_image_count(1);
    billing_.reservations.push_back(reservation);
  }
  EXPECT_EQ(RunCli({"reservation", "list", "--account", "acme", "--output", "csv"}).out,
            "reservation,key_id,model,images,held_usd,held_units,created,expires\n"
            "acme.a,,,1,0.04,0,,\nacme.b,,,1,0.04,0,,\nacme.c,,,1,0.04,0,,\n");
}

TEST_F(BillingCommandsTest, UsageIsAskedForInPartsAndNeverListedInPart) {
  bpb::UsageRow row;
  row.set_model("imagen-4");
  for (int32_t day = 20261101; day <= 20261130; ++day) {
    row.set_day(day);
    billing_.usage.push_back(row);
  }
  billing_.usage_rows_max = 4;
  std::vector<std::string> words = {"usage",      "--account", "acme",       "--from",
                                    "2026-11-01", "--to",      "2026-11-30", "--csv"};
  Outcome outcome = RunCli(words);
  EXPECT_EQ(outcome.code, kDone) << outcome.err;
  std::vector<std::string> lines = absl::StrSplit(outcome.out, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 31u);
  for (int day = 1; day <= 30; ++day) {
    EXPECT_THAT(lines[static_cast<size_t>(day)], StartsWith(absl::StrFormat("2026-11-%02d,", day)));
  }
  row.set_day(20261117);
  billing_.usage.insert(billing_.usage.end(), 4, row);
  outcome = RunCli(words);
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err,
            "error: INVALID_VALUE: billing does not list the usage of 2026-11-17, not even alone: "
            "More than 4 rows; ask for fewer days.\n");
}

TEST_F(BillingCommandsTest, UsageAsTableCsvAndJson) {
  bpb::UsageRow row;
  row.set_day(20260131);
  row.set_key_id("acme.1");
  row.set_model("odd,\"model\"");
  row.set_requests(2);
  row.set_images(3);
  row.set_charged_nano_usd(120'000'001);
  row.set_units(4);
  billing_.usage = {row};
  std::vector<std::string> words = {"usage",      "--account", "acme",      "--from",
                                    "2026-01-01", "--to",      "2026-01-31"};
  EXPECT_THAT(RunCli(words).out, HasSubstr("2026-01-31  acme.1"));
  EXPECT_EQ(billing_.recorder.request, "account: \"acme\" first_day: 20260101 last_day: 20260131");
  EXPECT_THAT(
      RunJson(words).out,
      HasSubstr(R"({"day":"2026-01-31","key_id":"acme.1","model":"odd,\"model\"","requests":2,"images":3,)"
                R"("charged_usd":"0.120000001","charged_nano_usd":120000001,"units":4})"));
  words.push_back("--csv");
  EXPECT_EQ(RunCli(words).out,
            "day,key_id,model,requests,images,charged_usd,units\n"
            "2026-01-31,acme.1,\"odd,\"\"model\"\"\",2,3,0.120000001,4\n");
  billing_.damaged = {"{b001}:use: is odd."};
  EXPECT_EQ(RunCli(words).err, "warning: not counted in: {b001}:use: is odd.\n");
}

TEST_F(BillingCommandsTest, AnEstimateIsAskedAtTheCallersPortWithTheKey) {
  callers_.estimate.set_unit_price_nano_usd(40'000'000);
  callers_.estimate.set_total_nano_usd(120'000'000);
  callers_.estimate.set_refusal_reason("CREDIT_BALANCE_EXHAUSTED");
  Outcome outcome = RunCli({"estimate", "--model", "imagen-4", "--n", "3", "--api-key", "pk_x"});
  EXPECT_EQ(callers_.recorder.request, "api_key: \"pk_x\" model: \"imagen-4\" image_count: 3");
  EXPECT_EQ(callers_.recorder.authorization, "");
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("total USD        0.12\n"), HasSubstr("admitted now     no\n"),
                                 HasSubstr("refused with     CREDIT_BALANCE_EXHAUSTED\n")));
  RunCli({"estimate", "--model", "imagen-4", "--account", "acme"});
  EXPECT_EQ(callers_.recorder.request, "account: \"acme\" model: \"imagen-4\" image_count: 1");
}

TEST_F(BillingCommandsTest, AKeyIsCheckedFromAFileAndIsNeverPrinted) {
  callers_.check.set_account("acme");
  callers_.check.set_key_id("acme.1");
  callers_.check.add_allowed_models("imagen-4");
  callers_.check.mutable_requests()->set_limit(60);
  callers_.check.mutable_requests()->set_remaining(58);
  callers_.check.mutable_requests()->set_reset_after_us(2'000'000);
  Outcome outcome = RunCli({"key", "check", "--key-file", TemporaryFile("pk_secret\n"), "--n", "2"});
  EXPECT_EQ(callers_.recorder.request, "api_key: \"pk_secret\" image_count: 2");
  EXPECT_EQ(outcome.out,
            "account                    acme\nkey ID                     acme.1\n"
            "models                     imagen-4\nrequests left this minute  58 of 60; all again in 2s\n"
            "images left this minute    unlimited\n");
  EXPECT_EQ(RunJson({"key", "check", "--api-key", "pk_secret"}).out,
            R"({"account":"acme","key_id":"acme.1","models":["imagen-4"],)"
            R"("requests":{"limit":60,"remaining":58,"reset_after_us":2000000},"images":null})"
            "\n");
}

constexpr char kLog[] =
    R"({"time":"t","level":"info","service":"g","message":"started","note":"no settlement_pending here"})"
    "\n"
    R"({"message":"settlement_pending","request_id":"req_1","reservation":"acme.a","delivered":2})"
    "\n"
    "not JSON at all\n"
    R"(2026-01-01 pod-1 {"message":"settlement_pending","request_id":"req_2","reservation":"acme.b","delivered":1})"
    "\n"
    R"({"message":"settlement_pending","request_id":"req_1","reservation":"acme.a","delivered":2})"
    "\n";

TEST(SettlementLinesTest, EachPendingSettlementIsFoundOnceAmongOtherLines) {
  std::istringstream log(kLog);
  PendingSettlements found = FindPendingSettlements(log);
  EXPECT_THAT(found.settlements,
              ElementsAre(PendingSettlement{"acme.a", 2, "req_1"}, PendingSettlement{"acme.b", 1, "req_2"}));
  EXPECT_THAT(found.unreadable, IsEmpty());
  EXPECT_EQ(found.lines, 5);
}

TEST(SettlementLinesTest, WhatNoReplicaConfirmedIsFoundInBillingsLog) {
  std::istringstream log(R"({"message":"settlement_unconfirmed","reservation":"acme.a","delivered":2})");
  EXPECT_THAT(FindPendingSettlements(log).settlements, ElementsAre(PendingSettlement{"acme.a", 2, ""}));
}

TEST(SettlementLinesTest, ALineThatIsCutOrMixedIsNamed) {
  for (const char* line : {R"({"message":"settlement_pending","reservation":"acme.a","deli)",
                           R"({"message":"settlement_pending","reservation":"acme.a"})",
                           R"({"message":"settlement_pending","delivered":1})",
                           R"({"message":"settlement_pending","reservation":"acme.a","delivered":11})",
                           R"({"message":"settlement_pending","reservation":"acme.a","delivered":"1"})"}) {
    std::istringstream log(std::string("first\n") + line + "\n");
    PendingSettlements found = FindPendingSettlements(log);
    EXPECT_THAT(found.settlements, IsEmpty()) << line;
    EXPECT_THAT(found.unreadable, ElementsAre(2)) << line;
  }
}

TEST_F(BillingCommandsTest, ReplaySettlesEachLineAndASecondTimeNothingMore) {
  std::string file = TemporaryFile(kLog);
  Outcome first = RunCli({"settlement", "replay", file});
  EXPECT_EQ(first.code, kDone) << first.err;
  EXPECT_EQ(first.out,
            "RESERVATION  IMAGES  OUTCOME  CHARGED USD  LEDGER ENTRY\n"
            "acme.a            2  settled         0.08             7\n"
            "acme.b            1  settled         0.04             7\n");
  EXPECT_EQ(callers_.recorder.authorization, "");
  Outcome second = RunCli({"settlement", "replay", file, "--output", "csv"});
  EXPECT_EQ(second.code, kDone);
  EXPECT_EQ(second.out,
            "reservation,images,outcome,charged_usd,ledger_entry\n"
            "acme.a,2,settled_before,0.08,7\nacme.b,1,settled_before,0.04,7\n");
}

TEST_F(BillingCommandsTest, WhatBillingRefusesForGoodIsToldAndTheRestIsSettled) {
  std::string file = TemporaryFile(kLog);
  callers_.failures["acme.a"] =
      Error(absl::StatusCode::kNotFound, common::v1::ERROR_REASON_RESERVATION_FORGOTTEN, "gone");
  Outcome outcome = RunCli({"settlement", "replay", file});
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("reservation_forgotten"), HasSubstr("acme.b            1  settled")));
  EXPECT_EQ(outcome.err, "error: NOT_SETTLED: 1 of 2 could not be settled; nothing was charged for them\n");
}

TEST_F(BillingCommandsTest, ASettlementThatChargesNothingIsNotCalledSettled) {
  callers_.passed_on = "acme.a";
  Outcome outcome = RunCli({"settlement", "replay", TemporaryFile(kLog), "--output", "csv"});
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_THAT(outcome.out, HasSubstr("acme.a,2,not_charged,,\n"));
  EXPECT_EQ(outcome.err, "error: NOT_SETTLED: 1 of 2 could not be settled; nothing was charged for them\n");
}

TEST_F(BillingCommandsTest, ReplayStopsWhereBillingDoesNotAnswer) {
  std::string file = TemporaryFile(kLog);
  callers_.failures["acme.b"] =
      Error(absl::StatusCode::kUnavailable, common::v1::ERROR_REASON_BILLING_UNAVAILABLE, "Redis is away.");
  Outcome outcome = RunCli({"settlement", "replay", file});
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_THAT(outcome.out, HasSubstr("acme.a            2  settled"));
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("1 settlements were not tried or not answered"),
                                 HasSubstr("error: BILLING_UNAVAILABLE")));
}

TEST_F(BillingCommandsTest, AnUnreadableLineOfALogIsARefusal) {
  Outcome outcome =
      RunCli({"settlement", "replay", TemporaryFile("{\"message\":\"settlement_pending\",\"res")});
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_THAT(outcome.err, HasSubstr("error: LINES_UNREADABLE: these lines"));
}

}  // namespace
}  // namespace prismatic::cli
