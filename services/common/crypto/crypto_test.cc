#include "services/common/crypto/crypto.h"

#include <gtest/gtest.h>

#include <set>

namespace prismatic::crypto {
namespace {

TEST(CryptoTest, Sha256OfTheStandardsExamples) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(CryptoTest, Sha256IsBinary) {
  EXPECT_EQ(Sha256("abc").size(), 32u);
  EXPECT_EQ(static_cast<unsigned char>(Sha256("abc")[0]), 0xba);
  EXPECT_NE(Sha256(absl::string_view("a\0b", 3)), Sha256("a"));
}

TEST(CryptoTest, RandomBytesAreNeverTheSame) {
  EXPECT_EQ(RandomBytes(0), "");
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    std::string bytes = RandomBytes(16);
    EXPECT_EQ(bytes.size(), 16u);
    seen.insert(bytes);
  }
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(CryptoTest, ConstantTimeEqualsIsEquality) {
  EXPECT_TRUE(ConstantTimeEquals("", ""));
  EXPECT_TRUE(ConstantTimeEquals("secret", "secret"));
  EXPECT_FALSE(ConstantTimeEquals("secret", "secreT"));
  EXPECT_FALSE(ConstantTimeEquals("secret", "secret "));
  EXPECT_FALSE(ConstantTimeEquals("", "x"));
  EXPECT_FALSE(ConstantTimeEquals(absl::string_view("a\0b", 3), absl::string_view("a\0c", 3)));
}

}  // namespace
}  // namespace prismatic::crypto
