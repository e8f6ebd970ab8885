#include "services/model_registry/operators/passwords.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <string>

#include "services/common/status/status.h"
#include "tests/support/matchers.h"
#include "tests/support/wait.h"

namespace prismatic::model_registry {
namespace {

using ::prismatic::testing::HasReason;
using ::prismatic::testing::IsOk;
using ::prismatic::testing::IsOkAnd;
using ::prismatic::testing::WaitUntil;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;
using Caller = Passwords::Caller;

TEST(PasswordsTest, AHashIsOfItsPasswordAloneAndSaltedAnew) {
  Passwords passwords;
  auto hash = Wait(passwords.Hash(Caller::kKnown, "correct horse battery"));
  auto again = Wait(passwords.Hash(Caller::kKnown, "correct horse battery"));
  ASSERT_THAT(hash, IsOk());
  ASSERT_THAT(again, IsOk());
  EXPECT_THAT(*hash, StartsWith("$argon2id$v=19$m=65536,t=2,p=1$"));
  EXPECT_THAT(*hash, Not(HasSubstr(" "))) << "records are words";
  EXPECT_NE(*hash, *again);
  EXPECT_THAT(Wait(passwords.Verify(Caller::kStranger, "correct horse battery", *hash)), IsOkAnd(true));
  EXPECT_THAT(Wait(passwords.Verify(Caller::kStranger, "correct horse batterY", *hash)), IsOkAnd(false));
  EXPECT_THAT(Wait(passwords.Verify(Caller::kStranger, "", *hash)), IsOkAnd(false));
}

TEST(PasswordsTest, APasswordMayHoldAnyBytes) {
  Passwords passwords;
  std::string odd("a\0b\xff 12345678", 14);
  auto hash = Wait(passwords.Hash(Caller::kKnown, odd));
  ASSERT_THAT(hash, IsOk());
  EXPECT_THAT(Wait(passwords.Verify(Caller::kKnown, odd, *hash)), IsOkAnd(true));
  EXPECT_THAT(Wait(passwords.Verify(Caller::kKnown, "a", *hash)), IsOkAnd(false));
}

TEST(PasswordsTest, NoPasswordFitsWhereThereIsNoHash) {
  Passwords passwords;
  EXPECT_THAT(Wait(passwords.Verify(Caller::kStranger, "this is nobody's password hash!!", "")),
              IsOkAnd(false));
}

TEST(PasswordsTest, RandomOnesAreLongAndNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    std::string password = Passwords::Random();
    EXPECT_THAT(password, MatchesRegex("[a-km-np-z2-9]{24}"));
    EXPECT_TRUE(seen.insert(password).second);
  }
}

TEST(PasswordsTest, AFloodOfLoginsWaitsInAShortQueueAndOwnersDoNotWaitInIt) {
  Passwords passwords;
  std::atomic<int> worked = 0;
  std::atomic<int> refused = 0;
  constexpr int kLogins = 200;
  for (int i = 0; i < kLogins; ++i) {
    Start<absl::StatusOr<bool>>(
        passwords.Verify(Caller::kStranger, "x", ""), [&](absl::StatusOr<bool> verified) {
          if (verified.ok()) {
            ++worked;
          } else {
            EXPECT_THAT(verified, HasReason(common::v1::ERROR_REASON_LOGIN_RATE_LIMITED));
            EXPECT_TRUE(RetryAfterOf(verified.status()).has_value());
            ++refused;
          }
        });
  }
  // Starting them takes far less time than hashing one; a stalled test may see some more through.
  EXPECT_GT(refused.load(), kLogins / 2);
  EXPECT_THAT(Wait(passwords.Hash(Caller::kKnown, "an owner's")), IsOk());
  ASSERT_TRUE(WaitUntil([&] { return worked + refused == kLogins; }));
  EXPECT_GE(worked.load(), 1 + Passwords::kWaitingMax);
  EXPECT_THAT(Wait(passwords.Verify(Caller::kStranger, "x", "")), IsOkAnd(false)) << "there is room again";
}

}  // namespace
}  // namespace prismatic::model_registry
