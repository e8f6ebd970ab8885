#include "services/cli/cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/cli/command.h"
#include "services/cli/errors.h"
#include "services/common/config/version.h"

namespace prismatic::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

Outcome RunCli(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {}) {
  std::ostringstream out, err;
  int code = cli::Run(arguments, environment, out, err);
  return {code, out.str(), err.str()};
}

std::vector<std::string> Commands() {
  std::vector<std::string> words;
  for (const Command& command : AllCommands()) words.emplace_back(command.words);
  return words;
}

std::vector<std::string> WordsOf(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), std::istream_iterator<std::string>()};
}

TEST(CliTest, HelpListsEveryCommandAndTheExitCodes) {
  Outcome outcome = RunCli({"--help"});
  EXPECT_EQ(outcome.code, 0);
  for (const std::string& command : Commands()) EXPECT_THAT(outcome.out, HasSubstr(command));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("exit codes:"), HasSubstr("3  a service is unreachable")));
  EXPECT_THAT(outcome.out, HasSubstr("4  `catalog diff` found differences"));
  EXPECT_EQ(RunCli({"help"}).out, outcome.out);
}

TEST(CliTest, EveryCommandHasHelpWithAnExampleOfItselfAndTheSettings) {
  for (const std::string& command : Commands()) {
    std::vector<std::string> arguments = WordsOf(command);
    arguments.push_back("--help");
    Outcome outcome = RunCli(arguments);
    EXPECT_EQ(outcome.code, 0) << command;
    EXPECT_THAT(outcome.out, HasSubstr(std::string("\nexample:\n  prismatic ") + command));
    EXPECT_THAT(outcome.out, HasSubstr("PRISMATIC_BILLING_ADMIN_ADDR"));
  }
}

TEST(CliTest, AGroupListsItsCommands) {
  Outcome asked = RunCli({"account", "--help"});
  EXPECT_EQ(asked.code, 0);
  EXPECT_THAT(asked.out, AllOf(HasSubstr("account top-up"), Not(HasSubstr("key revoke")),
                               Not(HasSubstr("exit codes:")), HasSubstr("--help")));
  EXPECT_EQ(RunCli({"help", "account"}).out, asked.out);
  Outcome alone = RunCli({"account"});
  EXPECT_EQ(alone.code, kWrongUsage);
  EXPECT_THAT(alone.err, StartsWith("error: USAGE: `account` asks for one more word: create, show, list"));
}

TEST(CliTest, ACommandThatOthersBeginWithNamesThemInItsHelp) {
  EXPECT_THAT(RunCli({"usage", "--help"}).out, HasSubstr("see also:\n  prismatic usage totals  Lists"));
  EXPECT_EQ(RunCli({"help", "usage", "totals"}).out, RunCli({"usage", "totals", "--help"}).out);
}

TEST(CliTest, TheCommandsOfAGroupStandTogether) {
  std::set<std::string> seen;
  std::string last;
  for (const std::string& command : Commands()) {
    std::string group = command.substr(0, command.find(' '));
    bool is_new = group != last;
    EXPECT_TRUE(!is_new || seen.insert(group).second) << command << " is apart from its group";
    last = group;
  }
}

TEST(CliTest, NoHelpHasATrailingBlankOrADefaultThatMeansAbsent) {
  for (const std::string& command : Commands()) {
    std::vector<std::string> arguments = WordsOf(command);
    arguments.push_back("--help");
    std::istringstream lines(RunCli(arguments).out);
    std::string flag;
    for (std::string line; std::getline(lines, line);) {
      EXPECT_FALSE(absl::EndsWith(line, " ")) << command << ": " << line;
      bool has_default = absl::StrContains(flag, "default 0") || absl::StrContains(flag, "default 0s");
      EXPECT_FALSE(has_default && absl::StrContains(line, "absent")) << command << ": " << flag << line;
      flag = line;
    }
  }
}

TEST(CliTest, TheVersionIsTold) {
  std::string told = absl::StrCat("prismatic ", config::kVersion, "\n");
  EXPECT_EQ(RunCli({"--version"}).out, told);
  EXPECT_EQ(RunCli({"version"}).out, told);
  EXPECT_EQ(RunCli({"version", "--output", "json"}).out,
            absl::StrCat("{\"version\":\"", config::kVersion, "\"}\n"));
  EXPECT_EQ(RunCli({"--version"}).code, kDone);
}

struct Slip {
  std::vector<std::string> said;
  std::string meant;
};

TEST(CliTest, ATypingErrorIsAnsweredWithWhatWasMostLikelyMeant) {
  const Slip kSlips[] = {
      {{"doctr"}, "doctor"},
      {{"accounts", "list"}, "account list"},
      {{"accounts"}, "account"},
      {{"account", "lst"}, "account list"},
      {{"acount", "shwo", "acme"}, "account show"},
      {{"key", "revok", "acme.1"}, "key revoke"},
      {{"cat", "hist"}, "catalog history"},
      {{"usage", "total"}, "usage totals"},
      {{"accounts", "paint"}, "account"},
  };
  for (const Slip& slip : kSlips) {
    Outcome outcome = RunCli(slip.said);
    EXPECT_EQ(outcome.code, kWrongUsage);
    EXPECT_THAT(outcome.err, HasSubstr("; did you mean `prismatic " + slip.meant + "`?"));
  }
  EXPECT_THAT(RunCli({"account", "create", "a", "--max-concurent", "5"}).err,
              HasSubstr("did you mean --max-concurrent?"));
  const std::vector<std::string> kNothingNear[] = {
      {"paint"}, {"account", "paint"}, {"x"}, {"account", "show", "a", "b"}};
  for (const std::vector<std::string>& said : kNothingNear) {
    EXPECT_THAT(RunCli(said).err, Not(HasSubstr("did you mean"))) << said[0];
  }
}

struct WrongUsage {
  std::vector<std::string> arguments;
  std::string says;
};

TEST(CliTest, WrongUsageIsNamedAndEndsWithTwo) {
  const WrongUsage kCases[] = {
      {{}, "a command is missing"},
      {{"paint"}, "unknown command `paint`"},
      {{"account", "paint"}, "unknown command `account paint`"},
      {{"account", "create"}, "usage: prismatic account create NAME"},
      {{"account", "show", "a", "b"}, "the words given are: a b"},
      {{"account", "show", "a", "--colour", "red"}, "unknown flag --colour"},
      {{"account", "create", "a", "--wallet-usd", "1e3"}, "--wallet-usd: \"1e3\" is not an amount of money"},
      {{"account", "create", "a", "--wallet-usd", "-1"}, "--wallet-usd"},
      {{"account", "create", "a", "--wallet-usd", "0.0000000001"}, "more than 9 decimals"},
      {{"account", "create", "a", "--wallet-usd="}, "--wallet-usd"},
      {{"account", "create", "a", "--max-concurrent", "many"}, "--max-concurrent"},
      {{"account", "top-up", "a"}, "--request-id is required"},
      {{"account", "top-up", "a", "--request-id", "x"}, "--usd is required"},
      {{"key", "create"}, "--account is required"},
      {{"key", "create", "--account", "a", "--expires-in", "500ms"}, "--expires-in"},
      {{"key", "create", "--account", "a", "--expires-in", "30"},
       "\"30\" is no time with a unit (s, m, h or d)"},
      {{"ledger", "list", "--account", "a", "--after", "-1"}, "--after"},
      {{"account", "create", "a", "--quota", "10"}, "--quota needs --quota-period"},
      {{"account", "create", "a", "--quota-period", "month"}, "go with --quota"},
      {{"account", "create", "a", "--quota", "1", "--quota-period", "year"}, "month, week or day"},
      {{"account", "create", "a", "--quota", "1", "--quota-period", "day", "--quota-start", "noon"},
       "--quota-start: \"noon\" is no time"},
      {{"account", "create", "a", "--funding", "both"}, "--funding is \"both\""},
      {{"account", "update", "a"}, "nothing to change"},
      {{"account", "update", "a", "--max-concurrent", "many"}, "nor unlimited"},
      {{"account", "update", "a", "--quota", "5", "--no-subscription"}, "--no-subscription ends"},
      {{"account", "adjust", "a", "--usd", "--2", "--reason", "r", "--request-id", "x"}, "--usd"},
      {{"account", "adjust", "a", "--usd", "-0.0000000001", "--reason", "r", "--request-id", "x"},
       "more than 9 decimals"},
      {{"account", "adjust", "a", "--usd", "1", "--request-id", "x"}, "--reason is required"},
      {{"account", "write-off", "a", "--usd", "-1", "--reason", "r", "--request-id", "x"}, "--usd"},
      {{"key", "import", "--account", "a"}, "either --sha256 or --key-file"},
      {{"key", "import", "--account", "a", "--sha256", "abc"}, "64 hexadecimal digits"},
      {{"key", "update", "a.1"}, "nothing to change"},
      {{"key", "update", "a.1", "--models", ","}, "names no model"},
      {{"key", "update", "a.1", "--expires-in", "0s"}, "nor never"},
      {{"key", "update", "a.1", "--expires-in", "3651d"}, "nor never"},
      {{"usage", "--account", "a", "--from", "2026-02-30"}, "is no day"},
      {{"usage", "--account", "a", "--from", "2026-02-02", "--to", "2026-02-01"}, "--from is after --to"},
      {{"usage", "--account", "a", "--from", "2025-01-01", "--to", "2026-01-02"}, "more than 366 days"},
      {{"estimate", "--model", "m"}, "which key?"},
      {{"key", "check"}, "which key?"},
      {{"key", "check", "--key-file", "/no/such"}, "cannot read /no/such"},
      {{"estimate", "--model", "m", "--account", "a"}, "PRISMATIC_BILLING_ADDR"},
      {{"ledger", "export", "--account", "a"}, "--out is required"},
      {{"ledger", "export", "--account", "a", "-o", "/no/such/folder/a"}, "cannot write /no/such/folder/a"},
      {{"ledger", "trim", "--account", "a", "--exported", "/x"}, "--through is required"},
      {{"ledger", "trim", "--account", "a", "--through", "3", "--exported", "/no/such"},
       "cannot read /no/such"},
      {{"ledger", "verify", "--account", "a", "--file", "/no/such"}, "cannot read /no/such"},
      {{"settlement", "replay", "/no/such"}, "cannot read /no/such"},
      {{"account", "show", "a", "--output", "csv"}, "--output csv is for lists"},
      {{"provider", "images", "sandbox", "maybe"}, "on or off, not \"maybe\""},
      {{"provider", "put", "/no/such"}, "cannot read /no/such"},
      {{"model", "price", "m"}, "give --usd"},
      {{"model", "price", "m", "--usd", "1", "--none"}, "contradict"},
      {{"model", "price", "m", "--usd", "-1"}, "--usd: \"-1\" is not an amount of money"},
      {{"model", "price", "m", "--quota-units", "0"}, "--quota-units"},
      {{"operator", "create", "ann"}, "--role is required"},
      {{"operator", "create", "ann", "--role", "king"}, "viewer, operator or owner"},
      {{"operator", "update", "ann"}, "nothing to change"},
      {{"operator", "update", "ann", "--disable", "--enable"}, "contradict"},
      {{"audit", "list", "--limit", "0"}, "--limit"},
      {{"audit", "list", "--before", "noon"}, "--before: \"noon\" is no time"},
      {{"usage", "totals", "--from", "2026-02-02", "--to", "2026-02-01"}, "--from is after --to"},
      {{"catalog", "rollback", "latest"}, "\"latest\" is no catalog version"},
      {{"catalog", "export", "-o", "/no/such/folder/a"}, "cannot write /no/such/folder/a"},
      {{"model", "list", "--actor", "\n"}, "--actor has 1 to 128"},
      {{"catalog", "apply", "/no/such/file.yaml"}, "cannot read /no/such/file.yaml: No such file"},
      {{"model", "list", "--output", "xml"}, "table or json"},
      {{"model", "list", "--timeout", "soon"}, "--timeout"},
      {{"model", "list", "--admin-token-file", "/no/such/token"}, "cannot read /no/such/token"},
      {{"model", "list", "--admin-token", "two words"}, "the admin token holds blanks"},
      {{"model", "list"},
       "where is model-registry? Give --registry-addr host:port or PRISMATIC_REGISTRY_ADDR"},
      {{"account", "show", "a"}, "PRISMATIC_BILLING_ADMIN_ADDR"},
      {{"account", "show", "a", "--billing-admin-addr", "127.0.0.1:1"}, "asks for a token"},
      {{"generate", "--prompt", "p"}, "--model is required"},
      {{"generate", "--prompt", "p", "--model", "m", "--n", "11"}, "from 1 to 10"},
      {{"generate", "--prompt", "p", "--model", "m"}, "PRISMATIC_BASE_URL"},
      {{"generate", "--prompt", "p", "--model", "m", "--base-url", "http://x"}, "PRISMATIC_API_KEY"},
      {{"generate", "--prompt", "p", "--model", "m", "--base-url", "http://x", "--api-key", "k", "-o",
        "/no/such/folder/a.png"},
       "cannot write /no/such/folder/a.png"},
  };
  for (const WrongUsage& wrong : kCases) {
    Outcome outcome = RunCli(wrong.arguments);
    EXPECT_EQ(outcome.code, kWrongUsage) << wrong.says;
    EXPECT_THAT(outcome.err, AllOf(StartsWith("error: USAGE: "), HasSubstr(wrong.says)));
    EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
    EXPECT_THAT(outcome.out, IsEmpty());
  }
}

TEST(CliTest, VariablesOfTheSuiteThatNoCommandUsesAreSilentAndCommandsAreNotReadFromTheEnvironment) {
  Outcome outcome =
      RunCli({"account", "top-up", "a", "--request-id", "x"},
             {"PRISMATIC_USD=5", "PRISMATIC_REDIS_URL=redis://x", "PRISMATIC_METRICS_URLS=http://x",
              "PRISMATIC_PORT=tcp://10.0.0.1:80", "HOME=/root"});
  EXPECT_EQ(outcome.err, "error: USAGE: --usd is required. See `prismatic account top-up --help`\n");
}

TEST(CliTest, ABadSettingOfTheEnvironmentIsNamedByItsVariable) {
  Outcome outcome = RunCli({"model", "list"}, {"PRISMATIC_TIMEOUT=soon"});
  EXPECT_EQ(outcome.code, kWrongUsage);
  EXPECT_THAT(outcome.err, HasSubstr("PRISMATIC_TIMEOUT"));
}

}  // namespace
}  // namespace prismatic::cli
