// The first start, on a real Redis.
#include "services/model_registry/operators/first_owner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/model_registry/operators/test_operators.h"

namespace prismatic::model_registry {
namespace {

using ::prismatic::testing::HasReason;
using ::prismatic::testing::IsOk;
using ::prismatic::testing::WaitUntil;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

// A registry's first moments.
struct Starting {
  Starting(Replica& replica, const std::string& file)
      : first(replica.loop, replica.store, replica.passwords, file, [this] { ++settled; }) {}
  bool Settles() {
    return WaitUntil([&] { return settled > 0; });
  }
  std::atomic<int> settled = 0;
  FirstOwner first;
};

class FirstOwnerTest : public OperatorsTest {
 protected:
  // Without the line's end.
  std::string PasswordIn(const std::string& name) {
    return std::string(absl::StripSuffix(folder_.Read(name), "\n"));
  }

  TestFolder folder_;
};

TEST_F(FirstOwnerTest, AnEmptyStoreGetsAnOwnerWhosePasswordIsInAFileOfItsOwn) {
  Replica replica(redis_.url());
  Starting starting(replica, folder_.Path("password"));
  ASSERT_TRUE(starting.Settles());
  struct stat info {};
  ASSERT_EQ(stat(folder_.Path("password").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_THAT(folder_.Read("password"), MatchesRegex("[a-z2-9]{24}\n"));
  auto login = replica.Login("owner", PasswordIn("password"));
  ASSERT_THAT(login, IsOk());
  EXPECT_EQ(login->operator_().role(), v1::ROLE_OWNER);
  EXPECT_TRUE(login->operator_().password_is_initial());
  auto in_use = Wait(replica.operators.FirstPasswordInUse());
  ASSERT_THAT(in_use, IsOk());
  EXPECT_TRUE(*in_use);
  auto page = replica.Audit();
  EXPECT_EQ(page->entries(page->entries_size() - 1).action(), "operator.create");
  EXPECT_EQ(page->entries(page->entries_size() - 1).actor(), "first start");
}

TEST_F(FirstOwnerTest, WhereThereAreOperatorsNothingIsMade) {
  Replica replica(redis_.url());
  replica.Create("ada", v1::ROLE_VIEWER);
  Starting starting(replica, folder_.Path("password"));
  ASSERT_TRUE(starting.Settles());
  EXPECT_THAT(folder_.Read("password"), IsEmpty());
  EXPECT_THAT(replica.Actions(), ElementsAre("operator.create ada"));
}

TEST_F(FirstOwnerTest, OfTwoThatStartAtOnceOneTellsAPasswordAndItIsTheOneThatWorks) {
  for (int round = 0; round < 5; ++round) {
    redis_.Flush();
    Replica one(redis_.url());
    Replica two(redis_.url());
    Starting first(one, folder_.Path("one"));
    Starting second(two, folder_.Path("two"));
    ASSERT_TRUE(first.Settles());
    ASSERT_TRUE(second.Settles());
    std::string of_one = PasswordIn("one");
    std::string of_two = PasswordIn("two");
    ASSERT_NE(of_one.empty(), of_two.empty()) << round;
    EXPECT_THAT(one.Login("owner", of_one + of_two), IsOk());
    EXPECT_THAT(one.Actions(), ElementsAre("operator.create owner", "session.login owner"));
    for (const char* name : {"one", "two"}) std::remove(folder_.Path(name).c_str());
  }
}

TEST_F(FirstOwnerTest, WithoutAFileThePasswordIsOnePlainLine) {
  Replica replica(redis_.url());
  ::testing::internal::CaptureStdout();
  {
    Starting starting(replica, "");
    EXPECT_TRUE(starting.Settles());
  }
  std::string printed = ::testing::internal::GetCapturedStdout();
  ASSERT_THAT(printed, MatchesRegex("The first operator is `owner`, its password: [a-z2-9]{24}\n"));
  std::string password = printed.substr(printed.size() - 25, 24);
  EXPECT_THAT(replica.Login("owner", password), IsOk());
}

TEST_F(FirstOwnerTest, AFileThatIsThereIsNotTouchedAndNoOwnerIsMadeUntilItIsGone) {
  Replica replica(redis_.url());
  folder_.Write("password", "a default password\n");
  Starting starting(replica, folder_.Path("password"));
  ASSERT_TRUE(starting.Settles()) << "the rest of the registry does not wait for it";
  EXPECT_EQ(folder_.Read("password"), "a default password\n");
  EXPECT_EQ(redis_.Ask({"EXISTS", "{catalog}:operators"}), "0");
  EXPECT_THAT(replica.Login("owner", "a default password"),
              HasReason(common::v1::ERROR_REASON_LOGIN_REFUSED));

  std::remove(folder_.Path("password").c_str());
  ASSERT_TRUE(WaitUntil([&] { return redis_.Ask({"EXISTS", "{catalog}:operators"}) == "1"; }));
  EXPECT_THAT(replica.Login("owner", PasswordIn("password")), IsOk());
}

TEST_F(FirstOwnerTest, AnAnswerThatWasLostIsAskedForAgain) {
  Replica replica(redis_.url());
  auto hash = Wait(replica.passwords.Hash(Passwords::Caller::kKnown, "the first one"));
  ASSERT_THAT(hash, IsOk());
  auto put = [&](const std::string& with) {
    auto ours = Wait(replica.store.PutFirst("owner", with, v1::AuditEntry()));
    EXPECT_THAT(ours, IsOk());
    return ours.ok() && *ours;
  };
  EXPECT_TRUE(put(*hash));
  EXPECT_TRUE(put(*hash)) << "the same once more is ours still";
  EXPECT_FALSE(put("$another"));
  EXPECT_EQ(redis_.Ask({"XLEN", "{catalog}:audit:operators"}), "1");
}

TEST_F(FirstOwnerTest, ItWaitsForARedisThatComesLater) {
  prismatic::testing::RedisServer redis({.cluster = false});
  Replica replica(redis.url());
  redis.Stop();
  Starting starting(replica, folder_.Path("password"));
  EXPECT_EQ(starting.settled, 0);
  redis.Start();
  ASSERT_TRUE(starting.Settles());
  EXPECT_THAT(replica.Login("owner", PasswordIn("password")), IsOk());
}

}  // namespace
}  // namespace prismatic::model_registry
