// Lists of accounts and totals, operators, the audit logs, and who acts.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include "services/cli/commands_fixture.h"
#include "services/cli/errors.h"
#include "services/common/status/status.h"

namespace prismatic::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class AdministrationTest : public CommandsTest {
 protected:
  AdministrationTest() {
    for (const char* name : {"acme", "acme-2", "beta", "zeta"}) {
      bpb::Account& account = billing_.accounts.emplace_back(billing_.account);
      account.set_name(name);
    }
    operators_.person.set_name("ann");
    operators_.person.set_role(rpb::ROLE_OPERATOR);
    operators_.person.set_create_time_us(kNoon);
  }

  // Older ones have lower minutes.
  void AddBilling(int minute, const std::string& account) {
    bpb::AuditEntry& entry = *billing_.log.emplace(billing_.log.begin());
    entry.set_time_us(kNoon + minute * 60'000'000);
    entry.set_actor("bob");
    entry.set_action("account.suspend");
    entry.set_account(account);
    bpb::AuditChange& change = *entry.add_changes();
    change.set_path("suspended");
    change.set_before("false");
    change.set_after("true");
  }
  void AddRegistry(int minute, const std::string& target) {
    rpb::AuditEntry& entry = *operators_.log.emplace(operators_.log.begin());
    entry.set_id(std::to_string(operators_.log.size()));
    entry.set_time_us(kNoon + minute * 60'000'000);
    entry.set_actor("ann");
    entry.set_action("provider.images");
    entry.set_target(target);
  }
};

TEST_F(AdministrationTest, AccountListReadsEveryPage) {
  Outcome outcome = RunCli({"account", "list"});
  EXPECT_THAT(outcome.out, AllOf(StartsWith("NAME    SUSPENDED  BALANCE USD"), HasSubstr("\nacme "),
                                 HasSubstr("\nbeta "), HasSubstr("\nzeta ")));
  EXPECT_THAT(RunCli({"account", "list", "--prefix", "acme"}).out,
              AllOf(HasSubstr("acme-2"), Not(HasSubstr("beta"))));
  Outcome some = RunCli({"account", "list", "--limit", "3", "--output", "csv"});
  EXPECT_THAT(some.out, AllOf(HasSubstr("\nbeta,no,25,0.04,0,,,,0,"), Not(HasSubstr("zeta"))));
  EXPECT_EQ(some.err, "note: there are more accounts\n");
  EXPECT_THAT(RunCli({"account", "list", "--limit", "4"}).err, IsEmpty());
  EXPECT_THAT(RunJson({"account", "list"}).out,
              StartsWith(R"({"accounts":[{"name":"acme","suspended":false,"balance_usd":"25",)"));
}

TEST_F(AdministrationTest, UsageTotalsAreOverAllAccounts) {
  bpb::TotalsRow& row = billing_.totals.emplace_back();
  row.set_day(20'260'101);
  row.set_model("imagen-4");
  row.set_requests(2);
  row.set_images(3);
  row.set_charged_nano_usd(120'000'000);
  Outcome outcome = RunCli({"usage", "totals", "--from", "2026-01-01", "--to", "2026-01-02"});
  EXPECT_EQ(billing_.recorder.request, "first_day: 20260101 last_day: 20260102");
  EXPECT_EQ(outcome.out,
            "DAY         MODEL     REQUESTS  IMAGES  CHARGED USD  UNITS\n"
            "2026-01-01  imagen-4         2       3         0.12      0\n");
  EXPECT_THAT(RunJson({"usage", "totals", "--from", "2026-01-02", "--to", "2026-01-02"}).out,
              StartsWith(R"({"totals":[],"damaged":[]})"));
  billing_.damaged = {"{b001}:tot:20260101: is no hash."};
  std::vector<std::string> words = {"usage", "totals", "--from", "2026-01-02", "--to", "2026-01-02"};
  EXPECT_EQ(RunCli(words).err, "warning: not counted in: {b001}:tot:20260101: is no hash.\n");
  EXPECT_THAT(RunJson(words).out, HasSubstr(R"("damaged":["{b001}:tot:20260101: is no hash."])"));
}

TEST_F(AdministrationTest, OperatorsAreMadeAndThePasswordIsShownOnce) {
  Outcome created = RunCli({"operator", "create", "ann", "--role", "operator"});
  EXPECT_EQ(operators_.recorder.request, "name: \"ann\" role: ROLE_OPERATOR");
  EXPECT_THAT(created.out, HasSubstr("password    a-random-password-of-24c\n"));
  EXPECT_THAT(created.err, HasSubstr("shown this once"));
  EXPECT_THAT(RunJson({"operator", "reset-password", "ann"}).out,
              AllOf(StartsWith(R"({"operator":{"name":"ann","role":"operator")"),
                    HasSubstr(R"("password":"another-password-of-24-c"})")));
  RunCli({"operator", "update", "ann", "--role", "owner", "--disable"});
  EXPECT_EQ(operators_.recorder.request, "name: \"ann\" role: ROLE_OWNER disabled: true");
  Outcome enabled = RunCli({"operator", "update", "ann", "--enable"});
  EXPECT_EQ(operators_.recorder.request, "name: \"ann\" disabled: false");
  EXPECT_THAT(enabled.out, Not(HasSubstr("password")));
  EXPECT_THAT(RunCli({"operator", "list"}).out,
              HasSubstr("ann   operator  no        no              -           2026-01-01T12:00:00Z\n"));
}

TEST_F(AdministrationTest, ARoleThatIsTooSmallIsARefusal) {
  operators_.recorder.failure =
      Error(absl::StatusCode::kPermissionDenied, common::v1::ERROR_REASON_ROLE_NOT_ALLOWED, "An owner may.");
  Outcome outcome = RunCli({"operator", "create", "ann", "--role", "owner"});
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_EQ(outcome.err, "error: ROLE_NOT_ALLOWED: An owner may.\n");
}

TEST_F(AdministrationTest, BothAuditLogsAreOneInOrderOfTime) {
  for (int minute : {1, 3, 5, 7, 9}) AddBilling(minute, "acme");
  for (int minute : {2, 4, 6, 8, 10}) AddRegistry(minute, "sandbox");
  Outcome outcome = RunCli({"audit", "list", "--output", "csv"});
  std::vector<std::string> times;
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) times.push_back(line.substr(0, 19));
  ASSERT_EQ(times.size(), 11u) << outcome.out;
  EXPECT_EQ(times[1], "2026-01-01T12:10:00");
  EXPECT_EQ(times[2], "2026-01-01T12:09:00");
  EXPECT_EQ(times[10], "2026-01-01T12:01:00");
  Outcome newest = RunCli({"audit", "list", "--limit", "3"});
  EXPECT_THAT(newest.out,
              AllOf(HasSubstr("12:10:00Z  ann    registry  provider.images  -        sandbox"),
                    HasSubstr("bob    billing   account.suspend  acme     -        suspended: false -> true"),
                    Not(HasSubstr("12:07:00"))));
  EXPECT_EQ(newest.err, "note: there are older entries: --limit, or --before 2026-01-01T12:08:00.000000Z\n");
  Outcome older = RunJson({"audit", "list", "--limit", "3", "--before", "2026-01-01T12:08:00.000000Z"});
  EXPECT_THAT(older.out,
              AllOf(StartsWith(R"({"entries":[{"time":"2026-01-01T12:07:00.000000Z")"), HasSubstr("12:05:00"),
                    Not(HasSubstr("12:04:00")), HasSubstr(R"("more":true})")));
}

TEST_F(AdministrationTest, AuditOfAnAccountAsksBillingAlone) {
  AddBilling(1, "acme");
  AddBilling(2, "beta");
  AddRegistry(3, "sandbox");
  Outcome outcome = RunJson({"audit", "list", "--account", "acme"});
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr(R"("account":"acme")"), Not(HasSubstr("beta")), Not(HasSubstr("sandbox"))));
  EXPECT_THAT(operators_.recorder.request, IsEmpty());
}

TEST_F(AdministrationTest, AnIncompleteAuditLogIsAnError) {
  operators_.recorder.failure = absl::UnavailableError("away");
  Outcome outcome = RunCli({"audit", "list"});
  EXPECT_EQ(outcome.code, kUnreachable);
  EXPECT_THAT(outcome.out, IsEmpty());
}

TEST_F(AdministrationTest, WhoActsGoesWithEveryAdminCall) {
  RunCli({"account", "show", "acme", "--actor", "ann of support"});
  EXPECT_EQ(billing_.recorder.actor, "ann of support");
  environment_.push_back("PRISMATIC_ACTOR=deploy-job");
  RunCli({"provider", "list"});
  EXPECT_EQ(admin_.recorder.actor, "deploy-job");
  RunCli({"model", "list"});
  EXPECT_EQ(registry_.recorder.actor, "");
}

TEST_F(AdministrationTest, WithoutAWordTheSystemsUserActs) {
  RunCli({"account", "show", "acme"});
  passwd* user = getpwuid(getuid());
  EXPECT_EQ(billing_.recorder.actor, user == nullptr ? "cli" : user->pw_name);
}

}  // namespace
}  // namespace prismatic::cli
