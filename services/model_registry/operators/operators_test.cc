// Who may operate, and the audit log, on a real Redis.
#include "services/model_registry/operators/operators.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/common/log/log.h"
#include "services/model_registry/operators/audit_entries.h"
#include "services/model_registry/operators/test_operators.h"

namespace prismatic::model_registry {
namespace {

using ::prismatic::testing::HasReason;
using ::prismatic::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Shown(const v1::AuditEntry& entry) {
  std::string text = absl::StrCat(entry.actor(), ": ", entry.action(), " ", entry.target());
  for (const v1::AuditChange& change : entry.changes()) {
    absl::StrAppend(&text, " ", change.path(), ":", change.has_before() ? change.before() : "none", ">",
                    change.has_after() ? change.after() : "none");
  }
  return text;
}

TEST_F(OperatorsTest, OperatorsAreListedByNameAndNamesAreNeverUsedAgain) {
  Replica replica(redis_.url());
  replica.Create("zoe", v1::ROLE_VIEWER);
  std::string password = replica.Create("ada", v1::ROLE_OWNER);
  EXPECT_THAT(password, SizeIs(24));
  v1::CreateOperatorRequest request;
  request.set_name("ada");
  request.set_role(v1::ROLE_VIEWER);
  EXPECT_THAT(Wait(replica.operators.CreateOperator(Owner(), request)),
              HasReason(common::v1::ERROR_REASON_OPERATOR_EXISTS));
  EXPECT_THAT(replica.Login("ada", password), IsOk()) << "who was there stays as they were";
  auto listed = Wait(replica.operators.ListOperators());
  ASSERT_THAT(listed, IsOk());
  ASSERT_EQ(listed->operators_size(), 2);
  EXPECT_EQ(listed->operators(0).name(), "ada");
  EXPECT_EQ(listed->operators(0).role(), v1::ROLE_OWNER);
  EXPECT_GT(listed->operators(0).login_time_us(), 0);
  EXPECT_EQ(listed->operators(1).name(), "zoe");
  EXPECT_EQ(listed->operators(1).login_time_us(), 0);
}

TEST_F(OperatorsTest, WhatMakesNoOperatorIsRefused) {
  Replica replica(redis_.url());
  const std::vector<std::pair<std::string, v1::Role>> cases = {{"", v1::ROLE_VIEWER},
                                                               {"Ada", v1::ROLE_VIEWER},
                                                               {"ada", v1::ROLE_UNSPECIFIED},
                                                               {"ada", static_cast<v1::Role>(4)}};
  for (const auto& [name, role] : cases) {
    v1::CreateOperatorRequest request;
    request.set_name(name);
    request.set_role(role);
    EXPECT_THAT(Wait(replica.operators.CreateOperator(Owner(), request)),
                HasReason(common::v1::ERROR_REASON_INVALID_VALUE));
  }
  EXPECT_THAT(replica.SetRole("ada", v1::ROLE_VIEWER),
              HasReason(common::v1::ERROR_REASON_OPERATOR_NOT_FOUND));
  EXPECT_THAT(replica.Reset("<b>"), HasReason(common::v1::ERROR_REASON_OPERATOR_NOT_FOUND));
  EXPECT_THAT(replica.SetRole("ada", static_cast<v1::Role>(4)),
              HasReason(common::v1::ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(replica.Actions(), IsEmpty());
}

TEST_F(OperatorsTest, AThousandCanExistAndNoMore) {
  Replica replica(redis_.url());
  for (int i = 0; i < 1000; ++i) {
    OperatorChange change{.role = v1::ROLE_VIEWER, .password_hash = "$none"};
    change.known.shown.set_name(absl::StrCat("name-", i));
    ASSERT_THAT(Wait(replica.store.Put(std::move(change))), IsOk());
  }
  v1::CreateOperatorRequest request;
  request.set_name("one-more");
  request.set_role(v1::ROLE_VIEWER);
  EXPECT_THAT(Wait(replica.operators.CreateOperator(Owner(), request)),
              HasReason(common::v1::ERROR_REASON_INVALID_VALUE));
  auto listed = Wait(replica.operators.ListOperators());
  ASSERT_THAT(listed, IsOk());
  EXPECT_EQ(listed->operators_size(), 1000);
}

TEST_F(OperatorsTest, TheAuditLogSaysWhoChangedWhatFromWhatToWhat) {
  Replica replica(redis_.url());
  replica.Create("root", v1::ROLE_OWNER);
  replica.Create("ada", v1::ROLE_VIEWER);
  ASSERT_THAT(replica.SetRole("ada", v1::ROLE_OPERATOR), IsOk());
  ASSERT_THAT(replica.SetRole("ada", v1::ROLE_OPERATOR), IsOk());  // nothing new: no entry
  ASSERT_THAT(replica.SetDisabled("ada", true), IsOk());
  ASSERT_THAT(replica.Reset("ada"), IsOk());
  auto page = replica.Audit();
  ASSERT_THAT(page, IsOk());
  std::vector<std::string> shown;
  for (const v1::AuditEntry& entry : page->entries()) shown.push_back(Shown(entry));
  EXPECT_THAT(shown, ElementsAre("tester: operator.reset_password ada",
                                 "tester: operator.update ada disabled:false>true",
                                 "tester: operator.update ada role:viewer>operator",
                                 "tester: operator.create ada role:none>viewer",
                                 "tester: operator.create root role:none>owner"));
  EXPECT_GT(page->entries(0).time_us(), absl::ToUnixMicros(absl::Now() - absl::Minutes(10)));
}

TEST_F(OperatorsTest, TheAuditLogIsReadByPagesNewestFirst) {
  Replica replica(redis_.url());
  for (int i = 0; i < 7; ++i) {
    std::string entry = MakeAuditEntry("tester", "catalog.apply", absl::StrCat(i)).SerializeAsString();
    redis_.Ask({"XADD", "{catalog}:audit", "*", "entry", entry});
  }
  std::vector<std::string> targets;
  std::string before;
  for (int page_count = 1;; ++page_count) {
    auto page = replica.Audit(3, before);
    ASSERT_THAT(page, IsOk());
    for (const v1::AuditEntry& entry : page->entries()) targets.push_back(entry.target());
    EXPECT_EQ(page->more(), page_count < 3);
    if (!page->more()) break;
    before = page->entries().rbegin()->id();
  }
  EXPECT_THAT(targets, ElementsAre("6", "5", "4", "3", "2", "1", "0"));
  EXPECT_THAT(replica.Audit(201), HasReason(common::v1::ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(replica.Audit(-1), HasReason(common::v1::ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(replica.Audit(3, "+"), HasReason(common::v1::ERROR_REASON_INVALID_VALUE));
  auto defaults = Wait(replica.operators.ListAuditEntries({}));
  ASSERT_THAT(defaults, IsOk());
  EXPECT_EQ(defaults->entries_size(), 7);
}

// Four streams, written at the same time by two replicas, are one log: each entry once, the newest first.
TEST_F(OperatorsTest, TheAuditLogsPagesLoseNothingAndRepeatNothing) {
  Replica one(redis_.url());
  Replica two(redis_.url());
  std::string password = one.Create("ada", v1::ROLE_VIEWER);
  std::vector<Task<absl::StatusOr<std::optional<StoredOperator>>>> puts;
  for (int i = 0; i < 60; ++i) {
    OperatorChange change{.role = v1::ROLE_VIEWER, .password_hash = "$none", .is_own = i % 3 == 0};
    change.known.shown.set_name(absl::StrCat("name-", i));
    change.entry = MakeAuditEntry("tester", "operator.create", change.known.shown.name());
    puts.push_back((i % 2 == 0 ? one : two).store.Put(std::move(change)));
  }
  for (const auto& put : Wait(WhenAll(std::move(puts)))) ASSERT_THAT(put, IsOk());
  ASSERT_THAT(one.Login("ada", password), IsOk());
  auto whole = one.Audit(200);
  ASSERT_THAT(whole, IsOk());
  ASSERT_EQ(whole->entries_size(), 62);
  EXPECT_FALSE(whole->more());
  for (int page_size : {1, 2, 7, 31, 61, 62}) {
    std::vector<std::string> targets;
    std::string before;
    for (bool more = true; more;) {
      auto page = two.Audit(page_size, before);
      ASSERT_THAT(page, IsOk());
      ASSERT_LE(page->entries_size(), page_size);
      for (const v1::AuditEntry& entry : page->entries()) targets.push_back(entry.target());
      more = page->more();
      before = page->entries().rbegin()->id();
    }
    ASSERT_EQ(targets.size(), 62u) << page_size;
    for (int i = 0; i < 62; ++i) EXPECT_EQ(targets[i], whole->entries(i).target()) << page_size << " " << i;
  }
  std::set<std::string> ids;
  for (const v1::AuditEntry& entry : whole->entries()) ids.insert(entry.id());
  EXPECT_EQ(ids.size(), 62u) << "no two of the four streams have the same";
  EXPECT_GT(std::stoi(redis_.Ask({"XLEN", "{catalog}:audit:sessions"})), 20);
  EXPECT_GT(std::stoi(redis_.Ask({"XLEN", "{catalog}:audit:operators"})), 40);
}

TEST_F(OperatorsTest, WhatEverybodyMayDoPushesNoOwnersChangeOut) {
  Replica replica(redis_.url());
  replica.Create("ada", v1::ROLE_VIEWER);
  std::string noise = MakeAuditEntry("ada", "session.login", "ada").SerializeAsString();
  ASSERT_EQ(
      redis_.Ask({"EVAL",
                  "for i = 1, 10500 do redis.call('XADD', KEYS[1], '1-' .. i, 'entry', ARGV[1]) end return 1",
                  "1", "{catalog}:audit:sessions", noise}),
      "1");
  // A change of the own password is noted among them, and cuts them to what is kept.
  auto known = Wait(replica.store.Find("ada"));
  ASSERT_THAT(known, IsOk());
  OperatorChange change{.known = **known, .role = v1::ROLE_VIEWER, .password_hash = "$other", .is_own = true};
  change.entry = MakeAuditEntry("ada", "operator.change_password", "ada");
  ASSERT_THAT(Wait(replica.store.Put(std::move(change))), IsOk());
  EXPECT_LE(std::stoi(redis_.Ask({"XLEN", "{catalog}:audit:sessions"})), 10'100);
  auto page = replica.Audit(2);
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->entries(0).action(), "operator.change_password");
  EXPECT_EQ(page->entries(1).action(), "operator.create");
}

TEST_F(OperatorsTest, TheLastEnabledOwnerStays) {
  Replica replica(redis_.url());
  replica.Create("ada", v1::ROLE_OWNER);
  replica.Create("bob", v1::ROLE_OWNER);
  ASSERT_THAT(replica.SetDisabled("bob", true), IsOk());
  EXPECT_THAT(replica.SetRole("ada", v1::ROLE_OPERATOR), HasReason(common::v1::ERROR_REASON_LAST_OWNER));
  EXPECT_THAT(replica.SetDisabled("ada", true), HasReason(common::v1::ERROR_REASON_LAST_OWNER));
  ASSERT_THAT(replica.SetDisabled("bob", false), IsOk());
  EXPECT_THAT(replica.SetDisabled("ada", true), IsOk());
}

TEST_F(OperatorsTest, TwoOwnersWhoRemoveOneAnotherAtOnceLeaveOne) {
  Replica one(redis_.url());
  Replica two(redis_.url());
  one.Create("ada", v1::ROLE_OWNER);
  one.Create("bob", v1::ROLE_OWNER);
  for (int round = 0; round < 30; ++round) {
    v1::UpdateOperatorRequest demote_ada;
    demote_ada.set_name("ada");
    demote_ada.set_role(v1::ROLE_VIEWER);
    v1::UpdateOperatorRequest disable_bob;
    disable_bob.set_name("bob");
    disable_bob.set_disabled(true);
    std::vector<Task<absl::StatusOr<v1::UpdateOperatorResponse>>> both;
    both.push_back(one.operators.UpdateOperator(Owner(), demote_ada));
    both.push_back(two.operators.UpdateOperator(Owner(), disable_bob));
    auto done = Wait(WhenAll(std::move(both)));
    ASSERT_NE(done[0].ok(), done[1].ok()) << round;
    EXPECT_THAT(done[done[0].ok() ? 1 : 0], HasReason(common::v1::ERROR_REASON_LAST_OWNER));
    ASSERT_THAT(one.SetRole("ada", v1::ROLE_OWNER), IsOk());
    ASSERT_THAT(one.SetDisabled("bob", false), IsOk());
  }
}

TEST_F(OperatorsTest, AChangeThatWasDecidedOnAnOldStateIsDecidedAnew) {
  Replica replica(redis_.url());
  replica.Create("ada", v1::ROLE_OWNER);
  auto old = Wait(replica.store.Find("ada"));
  ASSERT_THAT(old, IsOk());
  ASSERT_THAT(replica.Reset("ada"), IsOk());
  OperatorChange change{.known = **old, .role = v1::ROLE_OWNER, .password_hash = (*old)->password_hash};
  auto put = Wait(replica.store.Put(std::move(change)));
  ASSERT_THAT(put, IsOk());
  EXPECT_FALSE(put->has_value()) << "it would have brought the old password back";
}

// Every key and value, in clear.
std::string WholeOf(redis::Client& client) {
  std::string dump;
  std::function<void(const redis::Reply&)> add = [&](const redis::Reply& reply) {
    absl::StrAppend(&dump, reply.text, "\n");
    for (const redis::Reply& element : reply.elements) add(element);
  };
  auto ask = [&](std::vector<std::string> words) {
    auto reply = Wait(client.Command(redis::Lane::kLasting, std::move(words)));
    EXPECT_THAT(reply, IsOk());
    add(*reply);
    return *reply;
  };
  for (const redis::Reply& key : ask({"KEYS", "*"}).elements) {
    std::string kind = ask({"TYPE", key.text}).text;
    if (kind == "string") ask({"GET", key.text});
    if (kind == "hash") ask({"HGETALL", key.text});
    if (kind == "stream") ask({"XRANGE", key.text, "-", "+"});
    EXPECT_THAT((std::vector<std::string>{"string", "hash", "stream"}), ::testing::Contains(kind));
  }
  return dump;
}

std::string* g_lines = nullptr;

TEST_F(OperatorsTest, NoPasswordAndNoTokenIsInRedisOrTheLogs) {
  std::string lines;
  g_lines = &lines;
  log::SetSink([](absl::string_view line) { absl::StrAppend(g_lines, line); });
  std::vector<std::string> secrets = {"a wrong password", "correct horse battery", kAdminToken};
  std::string dump;
  {
    Replica replica(redis_.url());
    secrets.push_back(replica.Create("ada", v1::ROLE_OWNER));
    auto login = replica.Login("ada", secrets.back());
    ASSERT_THAT(login, IsOk());
    secrets.push_back(login->session_token());
    EXPECT_FALSE(replica.Login("ada", "a wrong password").ok());
    EXPECT_FALSE(replica.Login("a wrong password", "ada").ok()) << "people mistake the fields";
    auto caller = replica.Authenticate(login->session_token());
    ASSERT_THAT(caller, IsOk());
    v1::ChangePasswordRequest change;
    change.set_old_password(secrets[3]);
    change.set_new_password("correct horse battery");
    ASSERT_THAT(Wait(replica.operators.ChangePassword(*caller, change)), IsOk());
    auto reset = replica.Reset("ada");
    ASSERT_THAT(reset, IsOk());
    secrets.push_back(reset->password());
    auto again = replica.Login("ada", reset->password());
    ASSERT_THAT(again, IsOk());
    secrets.push_back(again->session_token());
    dump = WholeOf(*replica.client);
  }
  log::SetSink(nullptr);
  EXPECT_THAT(dump, ::testing::HasSubstr("$argon2id$")) << "the dump holds what is there";
  EXPECT_THAT(dump, ::testing::HasSubstr("{catalog}:session:"));
  for (const std::string& secret : secrets) {
    EXPECT_FALSE(absl::StrContains(dump, secret)) << "Redis holds " << secret;
    EXPECT_FALSE(absl::StrContains(lines, secret)) << "the log holds " << secret;
  }
}

}  // namespace
}  // namespace prismatic::model_registry
