// Commands about the catalog as a whole.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "services/cli/catalog_output.h"
#include "services/cli/catalog_schema.h"
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

class CatalogCommandsTest : public CommandsTest {
 protected:
  CatalogCommandsTest() { file_ = TemporaryFile("providers: []\n"); }

  void AddChange(const std::string& path, const char* before, const char* after) {
    rpb::CatalogChange& change = *admin_.applied.add_changes();
    change.set_path(path);
    if (before != nullptr) change.set_before(before);
    if (after != nullptr) change.set_after(after);
  }
  void AddVersion(int64_t version, int64_t replaced, const std::string& note) {
    rpb::CatalogVersion& added = admin_.versions.emplace_back();
    added.set_version(version);
    added.set_content_version(version);
    added.set_kind(rpb::CATALOG_CHANGE_KIND_APPLY);
    added.set_actor("ann");
    added.set_time_unix_ms(kNoon / 1000);
    added.set_note(note);
    added.set_sha256("ab12");
    added.set_change_count(3);
    added.set_replaced_version(replaced);
  }

  std::string file_;
};

TEST_F(CatalogCommandsTest, DiffEndsWithFourWhenThereIsADifferenceAndChangesNothing) {
  AddChange("models[imagen-4].retail_generation_usd", "\"0.04\"", "\"0.05\"");
  AddChange("providers[new]", nullptr, "{name: new}");
  Outcome outcome = RunCli({"catalog", "diff", file_});
  EXPECT_EQ(outcome.code, kDifferent);
  EXPECT_EQ(outcome.out,
            "PATH                                    BEFORE  AFTER\n"
            "models[imagen-4].retail_generation_usd  \"0.04\"  \"0.05\"\n"
            "providers[new]                          -       {name: new}\n");
  EXPECT_THAT(outcome.err, IsEmpty());
  EXPECT_EQ(admin_.recorder.request, "yaml: \"providers: []\\n\" validate_only: true");
  EXPECT_THAT(RunCli({"catalog", "diff", file_, "--output", "csv"}).out, StartsWith("path,before,after\n"));
  Outcome json = RunJson({"catalog", "diff", file_});
  EXPECT_EQ(json.code, kDifferent);
  EXPECT_THAT(json.out, HasSubstr(R"({"path":"providers[new]","before":null,"after":"{name: new}"})"));
}

TEST_F(CatalogCommandsTest, DiffEndsWithZeroWhenThereIsNone) {
  Outcome outcome = RunCli({"catalog", "diff", file_, "--based-on", "7", "--drop-overrides"});
  EXPECT_EQ(outcome.code, kDone);
  EXPECT_EQ(outcome.out, file_ + " is what is in force\n");
  EXPECT_EQ(admin_.recorder.request,
            "yaml: \"providers: []\\n\" validate_only: true drop_overrides: true based_on: 7");
}

TEST_F(CatalogCommandsTest, OverridesThatStayAndTheConflictAheadAreNotes) {
  admin_.applied.add_kept_overrides("sandbox");
  admin_.applied.set_conflict("bob changed it at noon");
  admin_.applied.set_not_allowed("only an owner may");
  Outcome outcome = RunCli({"catalog", "diff", file_});
  EXPECT_THAT(
      outcome.err,
      AllOf(HasSubstr("note: switched at run time, and it stays so whatever " + file_ +
                      " says: sandbox; --drop-overrides ends that"),
            HasSubstr("CATALOG_CONFLICT: bob changed it at noon `prismatic catalog export` writes"),
            HasSubstr("note: applying it would be refused with ROLE_NOT_ALLOWED: only an owner may\n")));
  EXPECT_THAT(
      RunJson({"catalog", "diff", file_}).out,
      HasSubstr(
          R"("kept_overrides":["sandbox"],"conflict":"bob changed it at noon","not_allowed":"only an owner may")"));
  // Two that have no such flag.
  for (const Outcome& other :
       {RunCli({"catalog", "validate", file_}), RunCli({"catalog", "rollback", "5"})}) {
    EXPECT_THAT(other.err, AllOf(HasSubstr("stays so whatever"), Not(HasSubstr("--drop-overrides"))));
  }
}

TEST_F(CatalogCommandsTest, LongValuesAreCutOnATerminalAndWholeInAPipe) {
  std::string value(200, 'v');
  AddChange("models[a].supported_parameters", value.c_str(), "[seed]");
  AddChange("providers[" + std::string(60, 'n') + "].base_url", "x", "y");
  Outcome piped = RunCli({"catalog", "diff", file_});
  EXPECT_THAT(piped.out, HasSubstr(value));
  // Neither the long value nor the long name moves the columns of the other rows far away.
  EXPECT_THAT(piped.out,
              HasSubstr("PATH" + std::string(46, ' ') + "BEFORE" + std::string(56, ' ') + "AFTER\n"));
  EXPECT_THAT(piped.out, HasSubstr("n].base_url  x" + std::string(61, ' ') + "y\n"));
  Outcome shown = RunCli({"catalog", "diff", file_}, {.out = true});
  EXPECT_THAT(shown.out, AllOf(HasSubstr(std::string(57, 'v') + "...  [seed]\n"), Not(HasSubstr(value))));
}

TEST_F(CatalogCommandsTest, DiffOfABadFileIsRefusedAndNotDifferent) {
  admin_.catalog_errors = {"3:5: providers[0].name: must be short"};
  Outcome outcome = RunJson({"catalog", "diff", file_});
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_EQ(outcome.out,
            R"({"valid":false,"applied":false,"errors":[{"line":3,"column":5,"path":"providers[0].name",)"
            R"("message":"must be short"}]})"
            "\n");
  EXPECT_THAT(outcome.err, HasSubstr(file_ + ":3:5: providers[0].name: must be short"));
}

TEST_F(CatalogCommandsTest, ApplySaysWhoWhyAndWhatItIsBasedOn) {
  AddChange("models[a]", "{name: a}", nullptr);
  Outcome outcome = RunCli(
      {"catalog", "apply", file_, "--based-on", "5", "--force", "--note", "no more", "--actor", "ann"});
  EXPECT_EQ(outcome.code, kDone);
  EXPECT_EQ(admin_.recorder.request, "yaml: \"providers: []\\n\" based_on: 5 force: true note: \"no more\"");
  EXPECT_EQ(admin_.recorder.actor, "ann");
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("changed          yes\n"), HasSubstr("models[a]  {name: a}  -\n")));
}

TEST_F(CatalogCommandsTest, AConflictIsARefusal) {
  admin_.recorder.failure = Error(absl::StatusCode::kAborted, common::v1::ERROR_REASON_CATALOG_CONFLICT,
                                  "Changed by bob since version 5.");
  Outcome outcome = RunCli({"catalog", "apply", file_, "--based-on", "5"});
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_EQ(outcome.err,
            "error: CATALOG_CONFLICT: Changed by bob since version 5. `prismatic catalog diff " + file_ +
                "` shows what would be lost, `prismatic catalog export` writes what is in force, "
                "and `catalog apply --force` applies the file all the same.\n");
  EXPECT_THAT(RunCli({"catalog", "rollback", "5", "--based-on", "7"}).err,
              HasSubstr("`prismatic catalog compare 7 current` shows it"));
}

TEST_F(CatalogCommandsTest, ValidateWithoutARegistrySaysWhoWouldLook) {
  environment_.clear();
  Outcome outcome = RunCli({"catalog", "validate", file_});
  EXPECT_EQ(outcome.code, kWrongUsage);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("--registry-admin-addr"), HasSubstr("catalog schema")));
}

TEST_F(CatalogCommandsTest, ExportGoesToStandardOutputOrIntoAFile) {
  admin_.exported.set_yaml("based_on: 5\nproviders: []\n");
  admin_.exported.set_catalog_version(6);
  admin_.exported.set_content_version(5);
  catalog::v1::Provider& flipped = *admin_.exported.add_overridden();
  flipped.set_name("sandbox");
  flipped.mutable_images_override()->set_actor("ann");
  Outcome printed = RunCli({"catalog", "export"});
  EXPECT_EQ(printed.out, "based_on: 5\nproviders: []\n");
  EXPECT_THAT(printed.err, HasSubstr("note: Images of sandbox was switched off at run time"));
  Outcome written = RunCli({"catalog", "export", "-o", file_, "--version", "5"});
  EXPECT_EQ(admin_.recorder.request, "version: 5");
  EXPECT_THAT(written.out, HasSubstr("catalog version  6\n"));
  std::ifstream in(file_);
  std::stringstream content;
  content << in.rdbuf();
  EXPECT_EQ(content.str(), "based_on: 5\nproviders: []\n");
  EXPECT_THAT(
      RunJson({"catalog", "export"}).out,
      StartsWith(R"({"yaml":"based_on: 5\nproviders: []\n","catalog_version":6,"content_version":5,)"));
}

TEST_F(CatalogCommandsTest, HistoryIsNewestFirstAndSaysThatThereIsMore) {
  AddVersion(9, 7, std::string(100, 'x'));
  AddVersion(7, 5, "");
  AddVersion(5, 0, "first");
  Outcome outcome = RunCli({"catalog", "history", "--limit", "2"}, {.out = true});
  EXPECT_THAT(outcome.out, AllOf(StartsWith("VERSION  TIME                  BY   KIND   CHANGES  NOTE\n"
                                            "9        2026-01-01T12:00:00Z  ann  apply        3  xxx"),
                                 HasSubstr("x...\n7 "), Not(HasSubstr("first"))));
  EXPECT_EQ(outcome.err, "note: there are more versions: --before 7\n");
  EXPECT_THAT(RunCli({"catalog", "history"}).out, HasSubstr(std::string(100, 'x')));
  EXPECT_THAT(
      RunJson({"catalog", "history", "--before", "7"}).out,
      AllOf(HasSubstr(R"("version":5)"), HasSubstr(R"("more":false)"), Not(HasSubstr(R"("version":9)"))));
}

TEST_F(CatalogCommandsTest, ShowHasTheVersionAndWhatItChanged) {
  AddVersion(9, 7, "why");
  AddVersion(5, 0, "");
  rpb::CatalogChange& change = *admin_.compared.add_changes();
  change.set_path("models[a].owned_by");
  change.set_after("me");
  Outcome outcome = RunCli({"catalog", "show", "9"});
  EXPECT_EQ(admin_.recorder.request, "from: 7 to: 9");
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("note             why\n"), HasSubstr("models[a].owned_by  -       me\n")));
  // The first of all changed nothing that was there.
  EXPECT_THAT(RunJson({"catalog", "show", "5"}).out, HasSubstr(R"("changes":null)"));
  Outcome unknown = RunCli({"catalog", "show", "8"});
  EXPECT_EQ(unknown.code, kRefused);
  EXPECT_THAT(unknown.err, HasSubstr("error: CATALOG_VERSION_NOT_FOUND"));
}

TEST_F(CatalogCommandsTest, ShowOfAVersionWhosePredecessorIsGoneSaysSo) {
  AddVersion(9, 7, "");
  admin_.compare_failure =
      Error(absl::StatusCode::kNotFound, common::v1::ERROR_REASON_CATALOG_VERSION_NOT_FOUND, "Gone.");
  Outcome outcome = RunCli({"catalog", "show", "9"});
  EXPECT_EQ(outcome.code, kDone);
  EXPECT_THAT(outcome.err, HasSubstr("the version that it replaced is not kept"));
  admin_.compare_failure = absl::InternalError("broken");
  EXPECT_EQ(RunCli({"catalog", "show", "9"}).code, kRefused);
}

TEST_F(CatalogCommandsTest, CompareTakesTheCurrentVersion) {
  EXPECT_EQ(RunCli({"catalog", "compare", "5", "current"}).out, "5 and 9 are the same\n");
  EXPECT_EQ(admin_.recorder.request, "from: 5");
  EXPECT_EQ(RunJson({"catalog", "compare", "5", "7"}).out, "{\"changes\":[],\"from\":5,\"to\":7}\n");
  EXPECT_THAT(RunCli({"catalog", "compare", "now", "7"}).err, HasSubstr("\"now\" is no catalog version"));
}

TEST_F(CatalogCommandsTest, RollbackIsAChangeLikeOthers) {
  Outcome outcome = RunCli({"catalog", "rollback", "5", "--note", "wrong prices", "--based-on", "9"});
  EXPECT_EQ(admin_.recorder.request, "version: 5 based_on: 9 note: \"wrong prices\"");
  EXPECT_THAT(outcome.out, HasSubstr("catalog version  12\n"));
  EXPECT_EQ(RunCli({"catalog", "rollback", "5", "--validate"}).out,
            "version 5 is valid; nothing was changed\n");
  EXPECT_EQ(RunCli({"catalog", "rollback", "0"}).code, kWrongUsage);
}

TEST_F(CatalogCommandsTest, TheSchemaIsTheOneOfTheDocumentation) {
  std::ifstream in(PRISMATIC_CATALOG_SCHEMA);
  std::stringstream content;
  content << in.rdbuf();
  EXPECT_EQ(content.str(), kCatalogSchema);
  environment_.clear();
  Outcome outcome = RunCli({"catalog", "schema"});
  EXPECT_EQ(outcome.out, kCatalogSchema);
  EXPECT_EQ(outcome.code, content.str().empty() ? kRefused : kDone);
}

TEST_F(CatalogCommandsTest, OnATerminalLongWorkShowsItselfAndLeavesNothing) {
  Outcome shown = RunCli({"catalog", "apply", file_}, {.err = true});
  EXPECT_THAT(shown.err, AllOf(HasSubstr("applying " + file_ + " ... 0 s"), ::testing::EndsWith("\r\x1b[K")));
  EXPECT_THAT(RunCli({"catalog", "apply", file_}).err, IsEmpty());
}

TEST(ShortenedTest, CutsCharactersAndNotBytes) {
  EXPECT_EQ(Shortened("abcdef", 6), "abcdef");
  EXPECT_EQ(Shortened("abcdefg", 6), "abc...");
  EXPECT_EQ(Shortened("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 4), "\xc3\xbc...");
  EXPECT_EQ(Shortened("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 4), "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc");
}

}  // namespace
}  // namespace prismatic::cli
