// Logins and sessions, on a real Redis.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/common/crypto/crypto.h"
#include "services/common/status/status.h"
#include "services/model_registry/operators/test_operators.h"

namespace prismatic::model_registry {
namespace {

using ::prismatic::testing::HasReason;
using ::prismatic::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::MatchesRegex;

using LoginTest = OperatorsTest;

std::string SessionKey(const std::string& token) {
  return absl::StrCat("{catalog}:session:", crypto::Sha256Hex(token));
}

TEST_F(LoginTest, ASessionMadeAtOneReplicaWorksAtAnotherUntilItsLogout) {
  Replica one(redis_.url());
  Replica two(redis_.url());
  std::string password = one.Create("ada", v1::ROLE_OPERATOR);
  auto login = one.Login("ada", password);
  ASSERT_THAT(login, IsOk());
  EXPECT_THAT(login->session_token(), MatchesRegex("ps_[A-Za-z0-9_-]{43}"));
  EXPECT_EQ(login->operator_().role(), v1::ROLE_OPERATOR);
  EXPECT_TRUE(login->operator_().password_is_initial());
  EXPECT_GT(login->operator_().login_time_us(), login->operator_().create_time_us());
  EXPECT_EQ(login->expire_time_us() - login->operator_().login_time_us(),
            absl::Hours(12) / absl::Microseconds(1));
  EXPECT_EQ(login->idle_expire_time_us() - login->operator_().login_time_us(),
            absl::Hours(1) / absl::Microseconds(1));

  auto caller = two.Authenticate(login->session_token());
  ASSERT_THAT(caller, IsOk());
  EXPECT_EQ(caller->actor, "ada");
  EXPECT_EQ(caller->role, v1::ROLE_OPERATOR);
  auto who = Wait(two.operators.WhoAmI(*caller));
  ASSERT_THAT(who, IsOk());
  EXPECT_EQ(who->expire_time_us(), login->expire_time_us());
  EXPECT_EQ(who->operator_().name(), "ada");

  EXPECT_THAT(Wait(two.operators.Logout(Bearer(login->session_token()))), IsOk());
  EXPECT_THAT(one.Authenticate(login->session_token()), HasReason(common::v1::ERROR_REASON_INVALID_API_KEY));
  EXPECT_THAT(Wait(one.operators.Logout(Bearer(login->session_token()))), IsOk()) << "idempotent";
  EXPECT_THAT(Wait(one.operators.Logout("Bearer something")),
              HasReason(common::v1::ERROR_REASON_INVALID_API_KEY));
  EXPECT_THAT(one.Actions(), ElementsAre("operator.create ada", "session.login ada", "session.logout ada"));
}

TEST_F(LoginTest, EveryLoginHasATokenOfItsOwn) {
  Replica replica(redis_.url());
  std::string password = replica.Create("ada", v1::ROLE_VIEWER);
  auto first = replica.Login("ada", password);
  auto second = replica.Login("ada", password);
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(second, IsOk());
  EXPECT_NE(first->session_token(), second->session_token());
  ASSERT_THAT(Wait(replica.operators.Logout(Bearer(first->session_token()))), IsOk());
  EXPECT_THAT(replica.Authenticate(second->session_token()), IsOk());
}

TEST_F(LoginTest, TheAdminTokenIsAnOwnerWhoSaysWhoHoldsIt) {
  Replica replica(redis_.url());
  auto nameless = Wait(replica.authority.Authenticate(Bearer(kAdminToken), ""));
  ASSERT_THAT(nameless, IsOk());
  EXPECT_EQ(nameless->actor, "admin-token");
  EXPECT_EQ(nameless->role, v1::ROLE_OWNER);
  auto named = Wait(replica.authority.Authenticate(Bearer(kAdminToken), "ci@example\n"));
  ASSERT_THAT(named, IsOk());
  EXPECT_EQ(named->actor, "ci@example?");
  auto who = Wait(replica.operators.WhoAmI(*named));
  ASSERT_THAT(who, IsOk());
  EXPECT_EQ(who->actor(), "ci@example?");
  EXPECT_FALSE(who->has_operator_());
  EXPECT_EQ(who->expire_time_us(), 0);
}

TEST_F(LoginTest, WhatIsNoCredentialIsToldNothingMore) {
  Replica replica(redis_.url());
  auto unknown = replica.Authenticate(absl::StrCat("ps_", std::string(43, 'A')));
  for (const std::string& text :
       std::vector<std::string>{"", "Bearer ", "Bearer ps_", absl::StrCat("Bearer ", kAdminToken, "x"),
                                absl::StrCat("Bearer ps_", std::string(42, 'A')),
                                absl::StrCat("Bearer ps_", std::string(42, 'A'), "\n"),
                                absl::StrCat("bearer ps_", std::string(43, 'A'))}) {
    auto refused = Wait(replica.authority.Authenticate(text, ""));
    EXPECT_THAT(refused, HasReason(common::v1::ERROR_REASON_INVALID_API_KEY)) << text;
    EXPECT_EQ(refused.status().message(), unknown.status().message()) << text;
  }
}

TEST_F(LoginTest, ASessionEndsWhenItsTimeIsOver) {
  Replica replica(redis_.url());
  std::string password = replica.Create("ada", v1::ROLE_VIEWER);
  auto login = replica.Login("ada", password);
  ASSERT_THAT(login, IsOk());
  // Its key goes when the idle time ends, at the latest a millisecond after.
  int64_t expires_ms = 0;
  ASSERT_TRUE(absl::SimpleAtoi(redis_.Ask({"PEXPIRETIME", SessionKey(login->session_token())}), &expires_ms));
  EXPECT_EQ(expires_ms, (login->idle_expire_time_us() + 999) / 1000);
  ASSERT_EQ(redis_.Ask({"PEXPIRE", SessionKey(login->session_token()), "0"}), "1");
  EXPECT_THAT(replica.Authenticate(login->session_token()),
              HasReason(common::v1::ERROR_REASON_INVALID_API_KEY));
}

TEST_F(LoginTest, ACallRenewsTheIdleTimeButNotBeyondTheEnd) {
  Replica replica(redis_.url());
  std::string password = replica.Create("ada", v1::ROLE_VIEWER);
  auto login = replica.Login("ada", password);
  ASSERT_THAT(login, IsOk());
  std::string key = SessionKey(login->session_token());
  std::string fresh = redis_.Ask({"GET", key});
  ASSERT_THAT(replica.Authenticate(login->session_token()), IsOk());
  EXPECT_EQ(redis_.Ask({"GET", key}), fresh) << "not worth a write yet";

  int64_t now_us = login->operator_().login_time_us();
  auto as_if = [&](absl::Duration expire, absl::Duration idle) {
    std::string value = absl::StrCat("ada ", now_us + expire / absl::Microseconds(1), " ",
                                     now_us + idle / absl::Microseconds(1));
    ASSERT_EQ(redis_.Ask({"SET", key, value, "PX", "600000"}), "OK");
  };
  as_if(absl::Hours(5), absl::Minutes(20));
  ASSERT_THAT(replica.Authenticate(login->session_token()), IsOk());
  std::vector<std::string> words = absl::StrSplit(redis_.Ask({"GET", key}), ' ');
  ASSERT_EQ(words.size(), 3u);
  EXPECT_GE(std::stoll(words[2]), now_us + absl::Hours(1) / absl::Microseconds(1));
  int64_t left_ms = std::stoll(redis_.Ask({"PTTL", key}));
  EXPECT_GT(left_ms, absl::Minutes(50) / absl::Milliseconds(1)) << "and Redis keeps it as long";

  as_if(absl::Minutes(30), absl::Minutes(20));
  ASSERT_THAT(replica.Authenticate(login->session_token()), IsOk());
  words = absl::StrSplit(redis_.Ask({"GET", key}), ' ');
  EXPECT_EQ(words[2], words[1]);
}

TEST_F(LoginTest, WhoLosesRightsLosesSessionsAndWhoGainsThemDoesNot) {
  Replica replica(redis_.url());
  replica.Create("root", v1::ROLE_OWNER);
  std::string password = replica.Create("ada", v1::ROLE_VIEWER);
  auto session = [&](const std::string& with) {
    auto login = replica.Login("ada", with);
    EXPECT_THAT(login, IsOk());
    return login.ok() ? login->session_token() : "";
  };
  std::string token = session(password);
  ASSERT_THAT(replica.SetRole("ada", v1::ROLE_OWNER), IsOk());
  auto caller = replica.Authenticate(token);
  ASSERT_THAT(caller, IsOk());
  EXPECT_EQ(caller->role, v1::ROLE_OWNER) << "at once, in a session that was there";

  ASSERT_THAT(replica.SetRole("ada", v1::ROLE_OPERATOR), IsOk());
  EXPECT_THAT(replica.Authenticate(token), HasReason(common::v1::ERROR_REASON_INVALID_API_KEY));

  token = session(password);
  ASSERT_THAT(replica.SetDisabled("ada", true), IsOk());
  EXPECT_THAT(replica.Authenticate(token), HasReason(common::v1::ERROR_REASON_INVALID_API_KEY));
  EXPECT_THAT(replica.Login("ada", password), HasReason(common::v1::ERROR_REASON_LOGIN_REFUSED));
  ASSERT_THAT(replica.SetDisabled("ada", false), IsOk());
  EXPECT_THAT(replica.Authenticate(token), HasReason(common::v1::ERROR_REASON_INVALID_API_KEY))
      << "an ended session stays ended";

  token = session(password);
  auto reset = replica.Reset("ada");
  ASSERT_THAT(reset, IsOk());
  EXPECT_THAT(replica.Authenticate(token), HasReason(common::v1::ERROR_REASON_INVALID_API_KEY));
  EXPECT_THAT(replica.Login("ada", password), HasReason(common::v1::ERROR_REASON_LOGIN_REFUSED));
  EXPECT_THAT(replica.Login("ada", reset->password()), IsOk());
}

TEST_F(LoginTest, ANewPasswordEndsTheOtherSessions) {
  Replica replica(redis_.url());
  std::string password = replica.Create("ada", v1::ROLE_VIEWER);
  auto mine = replica.Login("ada", password);
  auto other = replica.Login("ada", password);
  ASSERT_THAT(mine, IsOk());
  ASSERT_THAT(other, IsOk());
  auto caller = replica.Authenticate(mine->session_token());
  ASSERT_THAT(caller, IsOk());
  v1::ChangePasswordRequest request;
  request.set_old_password("not this one");
  request.set_new_password("correct horse battery");
  EXPECT_THAT(Wait(replica.operators.ChangePassword(*caller, request)),
              HasReason(common::v1::ERROR_REASON_LOGIN_REFUSED));
  request.set_old_password(password);
  request.set_new_password("too short");
  EXPECT_THAT(Wait(replica.operators.ChangePassword(*caller, request)),
              HasReason(common::v1::ERROR_REASON_INVALID_VALUE));
  request.set_new_password("correct horse battery");
  EXPECT_THAT(Wait(replica.operators.ChangePassword(Owner(), request)),
              HasReason(common::v1::ERROR_REASON_ROLE_NOT_ALLOWED))
      << "the admin token has no password";
  ASSERT_THAT(Wait(replica.operators.ChangePassword(*caller, request)), IsOk());

  EXPECT_THAT(replica.Authenticate(mine->session_token()), IsOk());
  EXPECT_THAT(replica.Authenticate(other->session_token()),
              HasReason(common::v1::ERROR_REASON_INVALID_API_KEY));
  EXPECT_THAT(replica.Login("ada", password), HasReason(common::v1::ERROR_REASON_LOGIN_REFUSED));
  auto again = replica.Login("ada", "correct horse battery");
  ASSERT_THAT(again, IsOk());
  EXPECT_FALSE(again->operator_().password_is_initial());
}

TEST_F(LoginTest, ALoginThatWasVerifiedBeforeAResetOpensNoSession) {
  Replica replica(redis_.url());
  replica.Create("ada", v1::ROLE_VIEWER);
  auto known = Wait(replica.store.Find("ada"));
  ASSERT_THAT(known, IsOk());
  ASSERT_TRUE(known->has_value());
  ASSERT_THAT(replica.Reset("ada"), IsOk());
  auto opened = Wait(replica.store.OpenSession(**known, std::string(64, 'a'), {}, v1::AuditEntry()));
  ASSERT_THAT(opened, IsOk());
  EXPECT_FALSE(opened->has_value());
  EXPECT_EQ(redis_.Ask({"EXISTS", absl::StrCat("{catalog}:session:", std::string(64, 'a'))}), "0");
}

TEST_F(LoginTest, AnOperatorHasAHundredSessionsAtMostAndTheOldestGoes) {
  Replica replica(redis_.url());
  replica.Create("ada", v1::ROLE_VIEWER);
  auto known = Wait(replica.store.Find("ada"));
  ASSERT_THAT(known, IsOk());
  auto sha = [](int i) { return crypto::Sha256Hex(absl::StrCat(i)); };
  for (int i = 0; i < 101; ++i) {
    auto opened = Wait(replica.store.OpenSession(**known, sha(i), {}, v1::AuditEntry()));
    ASSERT_THAT(opened, IsOk());
    ASSERT_TRUE(opened->has_value());
  }
  EXPECT_EQ(redis_.Ask({"HLEN", "{catalog}:sessions:ada"}), "100");
  auto oldest = Wait(replica.store.FindSession(sha(0)));
  auto newest = Wait(replica.store.FindSession(sha(100)));
  ASSERT_THAT(oldest, IsOk());
  ASSERT_THAT(newest, IsOk());
  EXPECT_FALSE(oldest->has_value());
  EXPECT_TRUE(newest->has_value());
}

TEST_F(LoginTest, AnAttackLeavesOneEntryAMinuteOfAName) {
  Replica replica(redis_.url());
  std::string password = replica.Create("ada", v1::ROLE_VIEWER);
  for (const char* name : {"ada", "bob", "ada", "carol", "<script>"}) {
    EXPECT_THAT(replica.Login(name, "wrong"), HasReason(common::v1::ERROR_REASON_LOGIN_REFUSED)) << name;
  }
  EXPECT_THAT(replica.Actions(),
              ElementsAre("operator.create ada", "session.refused ada", "session.refused ?"));
  auto page = replica.Audit();
  EXPECT_EQ(page->entries(0).actor(), "?");
  EXPECT_EQ(page->entries(0).note(), "from 192.0.2.1");
}

TEST_F(LoginTest, LoginsAndLogoutsLeaveOneEntryEachAMinuteOfAName) {
  Replica replica(redis_.url());
  std::string password = replica.Create("ada", v1::ROLE_VIEWER);
  std::string other = replica.Create("bob", v1::ROLE_VIEWER);
  for (int i = 0; i < 3; ++i) {
    auto login = replica.Login("ada", password);
    ASSERT_THAT(login, IsOk());
    ASSERT_THAT(Wait(replica.operators.Logout(Bearer(login->session_token()))), IsOk());
  }
  ASSERT_THAT(replica.Login("bob", other), IsOk());
  EXPECT_THAT(replica.Actions(), ElementsAre("operator.create ada", "operator.create bob",
                                             "session.login ada", "session.logout ada", "session.login bob"));
}

TEST_F(LoginTest, AnUnknownNameTakesAsLongAsAWrongPassword) {
  Replica replica(redis_.url(), {.failures_of_name_max = 100, .failures_of_address_max = 100});
  replica.Create("ada", v1::ROLE_VIEWER);
  auto median = [&](const std::string& name) {
    std::vector<absl::Duration> times;
    for (int i = 0; i < 5; ++i) {
      absl::Time start = absl::Now();
      EXPECT_THAT(replica.Login(name, "a wrong password"), HasReason(common::v1::ERROR_REASON_LOGIN_REFUSED));
      times.push_back(absl::Now() - start);
    }
    std::sort(times.begin(), times.end());
    return absl::ToDoubleSeconds(times[2]);
  };
  double known = median("ada");
  double unknown = median("nobody");
  EXPECT_GT(unknown / known, 0.33) << unknown << " s and " << known << " s";
  EXPECT_LT(unknown / known, 3.0) << unknown << " s and " << known << " s";
}

TEST_F(LoginTest, WhatIsTooLongIsRefusedBeforeAnyWork) {
  Replica replica(redis_.url());
  EXPECT_THAT(replica.Login("ada", std::string(257, 'x')), HasReason(common::v1::ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(replica.Login("ada", "x", std::string(65, '1')),
              HasReason(common::v1::ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(replica.Login(std::string(100'000, 'a'), "x"),
              HasReason(common::v1::ERROR_REASON_LOGIN_REFUSED));
}

TEST_F(LoginTest, WithoutRedisNobodyIsLetInAndTheAdminTokenIsKnown) {
  prismatic::testing::RedisServer redis({.cluster = false});
  Replica replica(redis.url());
  redis.Stop();
  EXPECT_THAT(replica.Login("ada", "x"), HasReason(common::v1::ERROR_REASON_REGISTRY_UNAVAILABLE));
  EXPECT_THAT(replica.Authenticate(absl::StrCat("ps_", std::string(43, 'A'))),
              HasReason(common::v1::ERROR_REASON_REGISTRY_UNAVAILABLE));
  EXPECT_THAT(replica.Authenticate(kAdminToken), IsOk());
}

}  // namespace
}  // namespace prismatic::model_registry
