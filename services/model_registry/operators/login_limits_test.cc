// How often a login may fail, on a real Redis.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/common/crypto/crypto.h"
#include "services/common/status/status.h"
#include "services/model_registry/operators/audit_entries.h"
#include "services/model_registry/operators/test_operators.h"

namespace prismatic::model_registry {
namespace {

using ::prismatic::testing::HasReason;
using ::prismatic::testing::IsOk;

using LoginLimitsTest = OperatorsTest;

std::string NameKey(const std::string& name) {
  return absl::StrCat("{catalog}:login:name:", crypto::Sha256Hex(name));
}

// The limits themselves are looked at in the store, where no password is hashed.
LoginCandidate Begin(Replica& replica, const LoginSource& source) {
  auto candidate = Wait(replica.store.BeginLogin(source));
  EXPECT_THAT(candidate, IsOk());
  return candidate.ok() ? *candidate : LoginCandidate();
}
void EndAsFailure(Replica& replica, const LoginAttempt& attempt) {
  EXPECT_THAT(Wait(replica.store.CountFailure(attempt, MakeAuditEntry("?", "session.refused", "?"))), IsOk());
}
// Leaves no attempt behind.
absl::Duration WaitOf(Replica& replica, const LoginSource& source) {
  LoginCandidate candidate = Begin(replica, source);
  if (candidate.wait == absl::ZeroDuration()) {
    EXPECT_THAT(Wait(replica.store.GiveBack(candidate.attempt)), IsOk());
  }
  return candidate.wait;
}
void Fail(Replica& replica, const LoginSource& source) {
  LoginCandidate candidate = Begin(replica, source);
  EXPECT_EQ(candidate.wait, absl::ZeroDuration());
  EndAsFailure(replica, candidate.attempt);
}

TEST_F(LoginLimitsTest, TenFailuresOfANameFromAnywhereCloseItAtEveryReplica) {
  Replica one(redis_.url());
  Replica two(redis_.url());
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(WaitOf(two, {"ada", "198.51.100.200"}), absl::ZeroDuration());
    Fail(i % 2 == 0 ? one : two, {"ada", absl::StrCat("198.51.100.", i)});
  }
  EXPECT_GT(WaitOf(one, {"ada", "198.51.100.200"}), absl::Minutes(4));
  EXPECT_LE(WaitOf(two, {"ada", "198.51.100.200"}), absl::Minutes(5));
  EXPECT_EQ(WaitOf(one, {"bob", "198.51.100.1"}), absl::ZeroDuration());
}

TEST_F(LoginLimitsTest, ThirtyFailuresFromAnAddressCloseItForEveryName) {
  Replica replica(redis_.url());
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(WaitOf(replica, {"ada", "2001:db8::1"}), absl::ZeroDuration());
    Fail(replica, {absl::StrCat("name-", i), absl::StrCat("2001:db8::", i)});
  }
  EXPECT_GT(WaitOf(replica, {"ada", "2001:db8::ffff"}), absl::Minutes(4)) << "one /64 is one address";
  EXPECT_EQ(WaitOf(replica, {"ada", "2001:db8:0:1::1"}), absl::ZeroDuration());
}

TEST_F(LoginLimitsTest, WhoGuessesManyAtOnceGuessesNoMoreThanOneByOne) {
  Replica one(redis_.url());
  Replica two(redis_.url());
  const LoginSource ada{"ada", "198.51.100.1"};
  std::vector<LoginAttempt> under_way;
  for (int i = 0; i < 10; ++i) {
    LoginCandidate candidate = Begin(i % 2 == 0 ? one : two, ada);
    EXPECT_EQ(candidate.wait, absl::ZeroDuration()) << i;
    under_way.push_back(candidate.attempt);
  }
  EXPECT_EQ(WaitOf(two, ada), absl::Seconds(1)) << "nobody has failed yet, and one may have room soon";
  for (int i = 0; i < 9; ++i) EndAsFailure(two, under_way[i]);
  EXPECT_EQ(WaitOf(one, ada), absl::Seconds(1));
  ASSERT_THAT(Wait(one.store.GiveBack(under_way[9])), IsOk());
  EXPECT_EQ(WaitOf(one, ada), absl::ZeroDuration()) << "nine have failed, one was right";
  Fail(one, ada);
  EXPECT_GT(WaitOf(one, ada), absl::Minutes(4));
}

TEST_F(LoginLimitsTest, FortyGuessesAtOnceAreTenGuesses) {
  Replica one(redis_.url());
  Replica two(redis_.url());
  one.Create("ada", v1::ROLE_VIEWER);
  int refused = 0;
  for (int round = 0; round < 3; ++round) {
    std::vector<Task<absl::StatusOr<v1::LoginResponse>>> guesses;
    for (int i = 0; i < 40; ++i) {
      v1::LoginRequest request;
      request.set_name("ada");
      request.set_password(absl::StrCat("guess ", i));
      request.set_address(absl::StrCat("198.51.100.", i));
      guesses.push_back((i % 2 == 0 ? one : two).operators.Login(request));
    }
    for (const auto& guess : Wait(WhenAll(std::move(guesses)))) {
      EXPECT_FALSE(guess.ok());
      if (ReasonOf(guess.status()) == common::v1::ERROR_REASON_LOGIN_REFUSED) ++refused;
    }
  }
  EXPECT_EQ(refused, 10) << "so many passwords were looked at";
}

TEST_F(LoginLimitsTest, ASuccessGivesItsOwnAttemptBackAndLeavesThoseUnderWay) {
  Replica replica(redis_.url());
  std::string password = replica.Create("ada", v1::ROLE_VIEWER);
  std::vector<LoginAttempt> under_way;
  for (int i = 0; i < 5; ++i) under_way.push_back(Begin(replica, {"ada", "198.51.100.1"}).attempt);
  for (int i = 0; i < 3; ++i) Fail(replica, {"ada", "198.51.100.1"});
  ASSERT_THAT(replica.Login("ada", password, "198.51.100.1"), IsOk());
  std::string name_count = redis_.Ask({"GET", NameKey("ada")});
  EXPECT_EQ(std::count(name_count.begin(), name_count.end(), '?'), 5) << name_count;
  EXPECT_EQ(std::count(name_count.begin(), name_count.end(), ' '), 4) << "the failures are forgotten";
  std::string address_count =
      redis_.Ask({"GET", absl::StrCat("{catalog}:login:address:", crypto::Sha256Hex("198.51.100.1"))});
  EXPECT_EQ(std::count(address_count.begin(), address_count.end(), ' '), 7) << "those of the address are not";
}

TEST_F(LoginLimitsTest, FailuresAreForgottenOneByOne) {
  Replica replica(redis_.url());
  Fail(replica, {"ada", ""});
  int64_t now_us = std::stoll(redis_.Ask({"GET", NameKey("ada")}));
  std::vector<std::string> times;
  // Eight that no longer count, one that does for a second yet, and one of just now.
  for (int i = 0; i < 8; ++i) times.push_back(absl::StrCat(now_us - 301'000'000));
  times.push_back(absl::StrCat(now_us - 200'000'000));
  times.push_back(absl::StrCat(now_us));
  redis_.Ask({"SET", NameKey("ada"), absl::StrJoin(times, " ")});
  EXPECT_EQ(WaitOf(replica, {"ada", ""}), absl::ZeroDuration());
  for (int i = 0; i < 8; ++i) Fail(replica, {"ada", ""});
  absl::Duration wait = WaitOf(replica, {"ada", ""});
  EXPECT_GT(wait, absl::Seconds(60));
  EXPECT_LE(wait, absl::Seconds(100)) << "until the oldest of the ten counts no more";
}

TEST_F(LoginLimitsTest, TheLimitIsAnsweredBeforeThePasswordIsLookedAtAndASuccessClearsIt) {
  Replica replica(redis_.url(), {.failures_of_name_max = 2, .failures_of_address_max = 3});
  std::string password = replica.Create("ada", v1::ROLE_VIEWER);
  EXPECT_THAT(replica.Login("ada", "wrong"), HasReason(common::v1::ERROR_REASON_LOGIN_REFUSED));
  ASSERT_THAT(replica.Login("ada", password), IsOk());
  EXPECT_THAT(replica.Login("ada", "wrong"), HasReason(common::v1::ERROR_REASON_LOGIN_REFUSED));
  EXPECT_THAT(replica.Login("ada", "wrong", "192.0.2.9"), HasReason(common::v1::ERROR_REASON_LOGIN_REFUSED));
  auto refused = replica.Login("ada", password, "203.0.113.7");
  EXPECT_THAT(refused, HasReason(common::v1::ERROR_REASON_LOGIN_RATE_LIMITED)) << "the right one, too";
  EXPECT_GT(RetryAfterOf(refused.status()).value_or(absl::ZeroDuration()), absl::Minutes(4));
  EXPECT_THAT(replica.Login("bob", "wrong"), HasReason(common::v1::ERROR_REASON_LOGIN_REFUSED));
  EXPECT_THAT(replica.Login("carol", "wrong"), HasReason(common::v1::ERROR_REASON_LOGIN_RATE_LIMITED))
      << "three from this address";
}

}  // namespace
}  // namespace prismatic::model_registry
