// What needs no Redis: names, records, addresses, tokens, ids.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/common/crypto/crypto.h"
#include "services/model_registry/operators/audit_entries.h"
#include "services/model_registry/operators/authority.h"
#include "services/model_registry/operators/login_address.h"
#include "services/model_registry/operators/operator_record.h"
#include "services/model_registry/operators/session_token.h"
#include "tests/support/matchers.h"

namespace prismatic::model_registry {
namespace {

using ::prismatic::testing::HasReason;
using ::prismatic::testing::IsOk;

TEST(OperatorWordsTest, ARecordIsReadAndWhatIsNoneIsNot) {
  auto read = ReadOperator("ada", "1 2 0 1767225600000001 1767225600000002 1 $argon2id$v=19$x");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->shown.name(), "ada");
  EXPECT_EQ(read->shown.role(), v1::ROLE_OPERATOR);
  EXPECT_FALSE(read->shown.disabled());
  EXPECT_EQ(read->shown.create_time_us(), 1767225600000001);
  EXPECT_EQ(read->shown.login_time_us(), 1767225600000002);
  EXPECT_TRUE(read->shown.password_is_initial());
  EXPECT_EQ(read->password_hash, "$argon2id$v=19$x");
  for (const char* other : {"", "1", "2 2 0 1 1 1 h", "1 0 0 1 1 1 h", "1 4 0 1 1 1 h", "1 x 0 1 1 1 h",
                            "1 2 0 x 1 1 h", "1 2 0 1 1 1 h more"}) {
    EXPECT_FALSE(ReadOperator("ada", other).has_value()) << other;
  }
}

TEST(OperatorWordsTest, NamesAreShortAndPlain) {
  for (const char* name : {"a", "owner", "ada-2", "-", "0"}) EXPECT_TRUE(IsOperatorName(name)) << name;
  EXPECT_TRUE(IsOperatorName(std::string(40, 'a')));
  for (const std::string& name : {std::string(), std::string(41, 'a'), std::string("Ada"), std::string("a b"),
                                  std::string("<script>"), std::string("a\0", 2), std::string("\xd7\x90")}) {
    EXPECT_FALSE(IsOperatorName(name)) << name;
  }
}

TEST(OperatorWordsTest, EachRoleMayDoWhatThoseBeforeItMay) {
  const std::vector<v1::Role> roles = {v1::ROLE_VIEWER, v1::ROLE_OPERATOR, v1::ROLE_OWNER};
  for (v1::Role has : roles) {
    for (v1::Role needed : roles) {
      absl::Status allowed = RequireRole({"ada", has, ""}, needed);
      if (has >= needed) {
        EXPECT_THAT(allowed, IsOk()) << RoleName(has) << " " << RoleName(needed);
      } else {
        EXPECT_THAT(allowed, HasReason(common::v1::ERROR_REASON_ROLE_NOT_ALLOWED));
      }
    }
  }
  EXPECT_THAT(RequireRole({"ada", v1::ROLE_UNSPECIFIED, ""}, v1::ROLE_VIEWER),
              HasReason(common::v1::ERROR_REASON_ROLE_NOT_ALLOWED));
  EXPECT_THAT(RequireRole({"ada", static_cast<v1::Role>(9), ""}, v1::ROLE_VIEWER),
              HasReason(common::v1::ERROR_REASON_ROLE_NOT_ALLOWED));
}

TEST(OperatorWordsTest, AnIPv6AddressStandsForItsNetwork) {
  EXPECT_EQ(AddressGroup("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(AddressGroup("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(AddressGroup("2001:db8:0:1:2:3:4:5"), AddressGroup("2001:db8:0:1::9"));
  EXPECT_NE(AddressGroup("2001:db8:0:1::9"), AddressGroup("2001:db8:0:2::9"));
  EXPECT_EQ(AddressGroup("somewhere"), "somewhere");
}

TEST(OperatorWordsTest, TokensAreKnownByTheirHashAlone) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    std::string token = NewSessionToken();
    EXPECT_EQ(token.size(), 46u);
    EXPECT_TRUE(seen.insert(token).second);
    EXPECT_EQ(SessionSha256(absl::StrCat("Bearer ", token)), crypto::Sha256Hex(token));
    EXPECT_FALSE(SessionSha256(token).has_value());
  }
}

TEST(OperatorWordsTest, AnAuditIdIsTwoNumbers) {
  for (const char* id : {"0-0", "1767225600000-12", "18446744073709551615-18446744073709551615"})
    EXPECT_TRUE(IsAuditId(id)) << id;
  for (const char* id :
       {"", "-", "1", "1-", "-1", "1-2-3", "+", "(1-1", "1-x", " 1-1", "18446744073709551616-0"})
    EXPECT_FALSE(IsAuditId(id)) << id;
}

TEST(OperatorWordsTest, WhatIsNoEntrySaysSo) {
  using redis::Reply;
  Reply id{.type = Reply::Type::kText, .text = "1767225600123-4"};
  Reply fields{.type = Reply::Type::kArray,
               .elements = {{.type = Reply::Type::kText, .text = "entry"},
                            {.type = Reply::Type::kText, .text = "\xff\xff"}}};
  v1::AuditEntry entry = ReadAuditEntry({.type = Reply::Type::kArray, .elements = {id, fields}});
  EXPECT_EQ(entry.id(), "1767225600123-4");
  EXPECT_EQ(entry.time_us(), 1767225600123000);
  EXPECT_EQ(entry.note(), "This entry cannot be read.");
}

}  // namespace
}  // namespace prismatic::model_registry
