#include "services/common/config/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "services/common/config/version.h"

namespace prismatic::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Settings {
  std::string redis = "redis://localhost";
  int workers = 2;
  std::optional<int64_t> limit;
  absl::Duration wait = absl::Seconds(5);
  int64_t body = 1024;
  bool verbose = false;
  std::vector<std::string> names;
};

Flags FlagsFor(Settings& settings) {
  Flags flags("program", "does things");
  flags.Text("redis-url", &settings.redis, "where");
  flags.Integer("workers", &settings.workers, 1, 64, "threads");
  flags.OptionalInteger("limit", &settings.limit, 0, 10, "limit");
  flags.Duration("wait", &settings.wait, absl::ZeroDuration(), absl::Hours(24 * 40), "wait");
  flags.Bytes("body", &settings.body, 1, 1 << 30, "body");
  flags.Switch("verbose", &settings.verbose, "more");
  flags.List("names", &settings.names, "names");
  return flags;
}

TEST(FlagsTest, AFlagWinsOverItsEnvironmentVariable) {
  Settings settings;
  Flags flags = FlagsFor(settings);
  ASSERT_TRUE(
      flags.ParseFrom({"--workers", "7"}, {"PRISMATIC_WORKERS=3", "PRISMATIC_REDIS_URL=redis://b"}).ok());
  EXPECT_EQ(settings.workers, 7);
  EXPECT_EQ(settings.redis, "redis://b");
}

TEST(FlagsTest, EveryKindIsRead) {
  Settings settings;
  Flags flags = FlagsFor(settings);
  ASSERT_TRUE(
      flags.ParseFrom({"--limit=0", "--wait", "30d", "--body=32MiB", "--verbose", "--names=a,b"}, {}).ok());
  EXPECT_EQ(settings.limit, 0);
  EXPECT_EQ(settings.wait, absl::Hours(24 * 30));
  EXPECT_EQ(settings.body, 32 << 20);
  EXPECT_TRUE(settings.verbose);
  EXPECT_THAT(settings.names, ElementsAre("a", "b"));
}

TEST(FlagsTest, AllErrorsAreNamedAtOnce) {
  Settings settings;
  Flags flags = FlagsFor(settings);
  absl::Status status = flags.ParseFrom({"--workers", "0", "--redis-ulr", "x", "--wait", "soon", "word"},
                                        {"PRISMATIC_BODY=huge"});
  std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("PRISMATIC_BODY: \"huge\""));
  EXPECT_THAT(message, HasSubstr("--workers: \"0\" is not a whole number from 1 to 64"));
  EXPECT_THAT(message, HasSubstr("unknown flag --redis-ulr; did you mean --redis-url?"));
  EXPECT_THAT(message, HasSubstr("--wait: \"soon\""));
  EXPECT_THAT(message, HasSubstr("unexpected word \"word\""));
}

TEST(FlagsTest, AnUnknownVariableIsAWarningWithTheNearestName) {
  Settings settings;
  Flags flags = FlagsFor(settings);
  ASSERT_TRUE(flags.ParseFrom({}, {"PRISMATIC_WORKER=3"}).ok());
  EXPECT_THAT(flags.warnings(), ElementsAre(HasSubstr("did you mean PRISMATIC_WORKERS?")));
}

TEST(FlagsTest, ARequiredSettingMustBeGiven) {
  Settings settings;
  settings.redis = "";
  Flags flags = FlagsFor(settings);
  flags.Require("redis-url");
  EXPECT_THAT(std::string(flags.ParseFrom({}, {}).message()),
              HasSubstr("--redis-url (or PRISMATIC_REDIS_URL) is required"));
}

TEST(HostPortTest, ReadsNamesAndAddresses) {
  EXPECT_EQ(ParseHostPort("127.0.0.1:80")->port, 80);
  EXPECT_EQ(ParseHostPort("[::1]:80")->host, "::1");
  EXPECT_FALSE(ParseHostPort("localhost"));
  EXPECT_FALSE(ParseHostPort("localhost:70000"));
  EXPECT_FALSE(ParseHostPort("::1:80"));
}

TEST(FlagsTest, ARepeatedFlagKeepsEveryValueWhole) {
  std::vector<std::string> urls;
  Flags flags("program", "does things");
  flags.Repeated("url", &urls, "urls");
  ASSERT_TRUE(flags.ParseFrom({"--url", "data:image/png;base64,AA", "--url=b"}, {}).ok());
  EXPECT_THAT(urls, ElementsAre("data:image/png;base64,AA", "b"));
}

TEST(FlagsTest, TheVersionIsToldUnlessItIsAFlagOfTheProgram) {
  Flags flags("program", "does things");
  EXPECT_EXIT(
      {
        dup2(2, 1);
        flags.ParseFrom({"--version"}, {}).IgnoreError();
      },
      ::testing::ExitedWithCode(0), absl::StrCat("^program ", kVersion, "\n$"));
  EXPECT_THAT(kVersion, ::testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  int version = 0;
  flags.Integer("version", &version, 0, 9, "of something");
  EXPECT_TRUE(flags.ParseFrom({"--version", "7"}, {}).ok());
  EXPECT_EQ(version, 7);
}

TEST(FlagsTest, FlagsThatAreArgumentsOnlyIgnoreTheEnvironment) {
  std::string amount;
  Flags flags("program", "does things");
  flags.ArgumentsOnly(true);
  flags.Text("usd", &amount, "how much");
  flags.Require("usd");
  EXPECT_EQ(flags.ParseFrom({}, {"PRISMATIC_USD=5"}).message(), "--usd is required");
  EXPECT_EQ(amount, "");
  EXPECT_THAT(flags.Help(), ::testing::Not(HasSubstr("PRISMATIC_USD")));
}

}  // namespace
}  // namespace prismatic::config
