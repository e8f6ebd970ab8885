#include "services/common/redis/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/matchers.h"

namespace prismatic::redis {
namespace {

using ::prismatic::testing::IsOk;
using ::testing::Not;

// All replies in `bytes`, fed `step` bytes at a time.
absl::StatusOr<std::vector<Reply>> ReadAll(absl::string_view bytes, size_t step) {
  ReplyReader reader;
  std::vector<Reply> replies;
  for (size_t i = 0; i < bytes.size(); i += step) {
    absl::Status fed = reader.Feed(bytes.substr(i, step));
    if (!fed.ok()) return fed;
    for (;;) {
      absl::StatusOr<std::optional<Reply>> reply = reader.Next();
      if (!reply.ok()) return reply.status();
      if (!reply->has_value()) break;
      replies.push_back(**std::move(reply));
    }
  }
  return replies;
}

TEST(RedisProtocolTest, ACommandIsAnArrayOfBinaryStrings) {
  EXPECT_EQ(FormatCommand({"SET", "", std::string("\0\r\n", 3)}),
            std::string("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$3\r\n\0\r\n\r\n", 28));
}

TEST(RedisProtocolTest, RepliesOfEveryKindInPiecesOfEverySize) {
  const std::string bytes =
      "+OK\r\n-ERR "
      "no\r\n:-42\r\n$-1\r\n*-1\r\n$5\r\na\r\nbc\r\n*0\r\n*3\r\n:1\r\n*2\r\n$1\r\nx\r\n$-1\r\n+y\r\n";
  for (size_t step = 1; step <= bytes.size(); ++step) {
    absl::StatusOr<std::vector<Reply>> replies = ReadAll(bytes, step);
    ASSERT_THAT(replies, IsOk()) << step;
    ASSERT_EQ(replies->size(), 8u) << step;
    const std::vector<Reply>& r = *replies;
    EXPECT_EQ(r[0].type, Reply::Type::kText);
    EXPECT_EQ(r[0].text, "OK");
    EXPECT_TRUE(r[1].is_error());
    EXPECT_EQ(r[1].text, "ERR no");
    EXPECT_EQ(r[2].type, Reply::Type::kInteger);
    EXPECT_EQ(r[2].integer, -42);
    EXPECT_TRUE(r[3].is_nil());
    EXPECT_TRUE(r[4].is_nil());
    EXPECT_EQ(r[5].text, "a\r\nbc");
    EXPECT_EQ(r[6].type, Reply::Type::kArray);
    EXPECT_TRUE(r[6].elements.empty());
    ASSERT_EQ(r[7].elements.size(), 3u);
    EXPECT_EQ(r[7].elements[0].integer, 1);
    ASSERT_EQ(r[7].elements[1].elements.size(), 2u);
    EXPECT_EQ(r[7].elements[1].elements[0].text, "x");
    EXPECT_TRUE(r[7].elements[1].elements[1].is_nil());
    EXPECT_EQ(r[7].elements[2].text, "y");
  }
}

TEST(RedisProtocolTest, WhatIsNoAnswerIsAnError) {
  EXPECT_THAT(ReadAll("HTTP/1.1 200 OK\r\n", 100), Not(IsOk()));
  EXPECT_THAT(ReadAll("*1000000000\r\n", 100), Not(IsOk()));
  EXPECT_THAT(ReadAll("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", 100),
              Not(IsOk()));
}

TEST(RedisProtocolTest, AnAnswerWithoutEndIsAnError) {
  ReplyReader reader;
  ASSERT_THAT(reader.Feed("$1000000000\r\n"), IsOk());
  std::string piece(1024 * 1024, 'x');
  absl::Status fed = absl::OkStatus();
  for (int i = 0; i < 100 && fed.ok(); ++i) {
    fed = reader.Feed(piece);
    if (!fed.ok()) break;
    absl::StatusOr<std::optional<Reply>> reply = reader.Next();
    ASSERT_THAT(reply, IsOk());
    ASSERT_FALSE(reply->has_value());
  }
  EXPECT_EQ(fed.code(), absl::StatusCode::kInternal);
}

TEST(RedisProtocolTest, AHalfReadArrayIsFreedWithItsReader) {
  ReplyReader reader;
  ASSERT_THAT(reader.Feed("*2\r\n$3\r\nabc\r\n"), IsOk());
  absl::StatusOr<std::optional<Reply>> reply = reader.Next();
  ASSERT_THAT(reply, IsOk());
  EXPECT_FALSE(reply->has_value());
}

}  // namespace
}  // namespace prismatic::redis
