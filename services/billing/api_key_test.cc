#include "services/billing/api_key.h"

#include <gtest/gtest.h>

#include <string>

#include "services/common/crypto/crypto.h"

namespace prismatic::billing {
namespace {

TEST(ApiKeyTest, ANewKeyNamesItsAccountAndNumberAndIsStoredByItsHash) {
  std::string text = NewApiKey({"acme-2", 17});

  EXPECT_EQ(text.substr(0, 13), "pk_acme-2.17_");
  EXPECT_EQ(text.size(), 13u + 64 + 1 + 8);
  std::optional<ApiKey> key = ParseApiKey(text);
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(key->id.Text(), "acme-2.17");
  EXPECT_EQ(key->sha256, crypto::Sha256Hex(text));
  EXPECT_NE(NewApiKey({"acme-2", 17}), text);
}

TEST(ApiKeyTest, AnyDamagedCharacterIsSeenWithoutAskingAnyone) {
  std::string text = NewApiKey({"a", 1});
  for (size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] = damaged[i] == '0' ? '1' : '0';
    EXPECT_FALSE(ParseApiKey(damaged).has_value()) << i;
    EXPECT_FALSE(ParseApiKey(text.substr(0, i)).has_value()) << i;
  }
  EXPECT_FALSE(ParseApiKey(text + "0").has_value());
  EXPECT_FALSE(ParseApiKey(" " + text).has_value());
  EXPECT_FALSE(ParseApiKey(std::string(100'000, 'a')).has_value());
}

TEST(ApiKeyTest, AValidChecksumDoesNotMakeAWrongNameAKey) {
  for (std::string id : {"Acme.1", "acme.0", "acme.01", "acme.", ".1", "acme", "a_b.1", "acme.9999999999",
                         "acme.-1", "a{b.1"}) {
    std::string body = "pk_" + id + "_" + std::string(64, 'a');
    EXPECT_FALSE(ParseApiKey(body + "_" + crypto::Sha256Hex(body).substr(0, 8)).has_value()) << id;
  }
}

TEST(NamesTest, AllKeysOfAnAccountShareOneOf256Buckets) {
  EXPECT_EQ(BucketOf("acme"), static_cast<unsigned char>(crypto::Sha256("acme")[0]));
  AccountKeys keys("acme");
  std::string tag = keys.Due().substr(0, 6);
  EXPECT_EQ(tag.front(), '{');
  EXPECT_EQ(tag.back(), '}');
  for (const std::string& key : {keys.Account(), keys.Ledger(), keys.Key("acme.1"), keys.Reservation("u"),
                                 keys.Idempotency("h"), keys.TopUp("{other}")}) {
    EXPECT_EQ(key.substr(0, 6), tag);
  }
}

TEST(NamesTest, AccountNamesAre1To40OfLowerCaseDigitsAndDashes) {
  EXPECT_TRUE(IsAccountName("a"));
  EXPECT_TRUE(IsAccountName(std::string(40, 'z')));
  EXPECT_FALSE(IsAccountName(std::string(41, 'z')));
  for (const char* name : {"", "A", "a.b", "a_b", "a b", "{a}", "\xc3\xa4"})
    EXPECT_FALSE(IsAccountName(name)) << name;
}

}  // namespace
}  // namespace prismatic::billing
