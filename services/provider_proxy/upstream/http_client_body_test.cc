// How the bodies of answers are taken in: within the memory that there is, decoded, and not for ever.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <poll.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/common/json/json.h"
#include "services/provider_proxy/upstream/encoded_bodies.h"
#include "services/provider_proxy/upstream/http_client.h"
#include "services/provider_proxy/upstream/loopback_server.h"
#include "services/provider_proxy/upstream/scripted_upstream.h"
#include "tests/support/wait.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::HasSubstr;
using Request = ScriptedUpstream::Request;
using Reply = ScriptedUpstream::Reply;

constexpr int64_t kMiB = 1 << 20;

std::string Chunked(const std::string& body, absl::string_view headers = "", int status = 200) {
  std::string text =
      absl::StrCat("HTTP/1.1 ", status, " X\r\nTransfer-Encoding: chunked\r\n", headers, "\r\n");
  for (size_t at = 0; at < body.size(); at += 50'000) {
    std::string part = body.substr(at, 50'000);
    absl::StrAppend(&text, absl::Hex(part.size()), "\r\n", part, "\r\n");
  }
  return text + "0\r\n\r\n";
}

std::string Pattern(size_t size) {
  std::string text(size, ' ');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * 31 % 26);
  return text;
}

class HttpClientBodyTest : public ::testing::Test {
 protected:
  HttpResult Post(const ScriptedUpstream& upstream, SendOptions options) {
    return Post(client_, upstream, std::move(options));
  }
  HttpResult Post(HttpClient& client, const ScriptedUpstream& upstream, SendOptions options) {
    return Wait(client.Send({.url = upstream.url(), .body = "{}"}, std::move(options)));
  }
  // Begins a call; what it ends with is kept.
  std::shared_ptr<std::optional<HttpResult>> Begin(const ScriptedUpstream& upstream, SendOptions options) {
    return Begin(hasty_, upstream, std::move(options));
  }
  std::shared_ptr<std::optional<HttpResult>> Begin(HttpClient& client, const ScriptedUpstream& upstream,
                                                   SendOptions options) {
    auto ended = std::make_shared<std::optional<HttpResult>>();
    Start<HttpResult>(client.Send({.url = upstream.url(), .body = "{}"}, std::move(options)),
                      [this, ended](HttpResult result) {
                        std::lock_guard<std::mutex> lock(mutex_);
                        *ended = std::move(result);
                      });
    return ended;
  }
  bool Ended(const std::shared_ptr<std::optional<HttpResult>>& call) {
    std::lock_guard<std::mutex> lock(mutex_);
    return call->has_value();
  }
  SendOptions InRoom(std::shared_ptr<ByteRoom> room) {
    return {.response_bytes_max = 32 * kMiB, .room = std::move(room), .bytes_expected = 8 * kMiB};
  }

  std::mutex mutex_;
  ByteBudget budget_{20 * kMiB};
  loop::Loop loop_{"test"};
  HttpClient client_{loop_, {}};
  // Waits for a body only a quarter of a second.
  HttpClient hasty_{loop_, {.body_rate_window = absl::Milliseconds(250)}};
};

TEST_F(HttpClientBodyTest, ABodyTakesWhatItAnnouncesAndKeepsWhatItIs) {
  std::string body = Pattern(3 * kMiB);
  ScriptedUpstream upstream([&](const Request&) { return ScriptedUpstream::Answer(200, body); });
  auto room = ByteRoom::Make(&budget_, 1);
  {
    HttpResult result = Post(upstream, InRoom(room));
    EXPECT_EQ(result.response.body, body);
    EXPECT_EQ(budget_.used(), 3 * kMiB);
    EXPECT_EQ(result.room.bytes(), 3 * kMiB);
    room->Close();
    EXPECT_EQ(budget_.used(), 3 * kMiB) << "the body is still there";
  }
  EXPECT_EQ(budget_.used(), 0);
}

TEST_F(HttpClientBodyTest, ABodyThatAnnouncesNothingTakesWhatIsExpectedAndThenWhatItIs) {
  std::string body = Pattern(3 * kMiB);
  ScriptedUpstream upstream([&](const Request&) { return Reply{Chunked(body)}; });
  auto room = ByteRoom::Make(&budget_, 1);
  HttpResult result = Post(upstream, InRoom(room));
  EXPECT_EQ(result.response.body, body);
  EXPECT_EQ(budget_.used(), 8 * kMiB);
  room->Close();
  EXPECT_EQ(budget_.used(), 3 * kMiB);
}

TEST_F(HttpClientBodyTest, ABodyThatIsLargerThanExpectedIsReadToItsEndAndCounted) {
  std::string body = Pattern(12 * kMiB);
  ScriptedUpstream upstream([&](const Request&) { return Reply{Chunked(body)}; });
  HttpResult result = Post(upstream, InRoom(ByteRoom::Make(&budget_, 1)));
  EXPECT_EQ(result.response.body, body);
  EXPECT_EQ(result.room.bytes(), 12 * kMiB);
}

TEST_F(HttpClientBodyTest, WhatDoesNotFitWaitsUnreadInOrderAndIsNoSlowBody) {
  std::string body = Pattern(15 * kMiB);
  ScriptedUpstream upstream([&](const Request&) { return ScriptedUpstream::Answer(200, body); });
  ByteBudget::Share full = Wait(budget_.Take(20 * kMiB, {}));
  auto first = Begin(upstream, InRoom(ByteRoom::Make(&budget_, 1)));
  ASSERT_TRUE(testing::WaitUntil([&] { return budget_.waiting() == 1; }));
  auto second = Begin(upstream, InRoom(ByteRoom::Make(&budget_, 1)));
  ASSERT_TRUE(testing::WaitUntil([&] { return budget_.waiting() == 2; }));
  poll(nullptr, 0, 600);  // several windows of the rate
  EXPECT_FALSE(Ended(first) || Ended(second));
  full = ByteBudget::Share();
  ASSERT_TRUE(testing::WaitUntil([&] { return Ended(first); }));
  EXPECT_FALSE(Ended(second));
  EXPECT_EQ((*first)->response.body, body);
  EXPECT_EQ(budget_.used(), 15 * kMiB);
  first->reset();
  ASSERT_TRUE(testing::WaitUntil([&] { return Ended(second); }));
  EXPECT_EQ((*second)->response.body, body);
}

TEST_F(HttpClientBodyTest, ManyLargeBodiesPassOneBehindTheOtherAndArriveWhole) {
  constexpr size_t kCalls = 24;
  std::string body = Pattern(6 * kMiB);
  ScriptedUpstream upstream([&](const Request& request) {
    return request.connection % 2 == 0 ? ScriptedUpstream::Answer(200, body) : Reply{Chunked(body)};
  });
  std::atomic<size_t> whole{0};
  std::atomic<size_t> ended{0};
  std::atomic<int64_t> most{0};
  for (size_t i = 0; i < kCalls; ++i) {
    Start<HttpResult>(
        client_.Send({.url = upstream.url(), .body = "{}"}, InRoom(ByteRoom::Make(&budget_, 1))),
        [&](HttpResult result) {
          most = std::max(most.load(), budget_.used());
          EXPECT_EQ(result.end, HttpEnd::kAnswered) << result.note;
          if (result.response.body == body) ++whole;
          result = HttpResult();
          ++ended;
        });
  }
  ASSERT_TRUE(testing::WaitUntil([&] { return ended == kCalls; }));
  EXPECT_EQ(whole, kCalls);
  EXPECT_LE(most, budget_.max());
  EXPECT_TRUE(testing::WaitUntil([&] { return budget_.used() == 0; }));
}

TEST_F(HttpClientBodyTest, TheDeadlineEndsWhatWaitsForRoom) {
  ScriptedUpstream upstream([&](const Request&) { return ScriptedUpstream::Answer(200, Pattern(kMiB)); });
  ByteBudget::Share full = Wait(budget_.Take(20 * kMiB, {}));
  SendOptions options = InRoom(ByteRoom::Make(&budget_, 1));
  options.deadline = absl::Now() + absl::Milliseconds(300);
  EXPECT_EQ(Post(upstream, std::move(options)).end, HttpEnd::kNoRoom);
  EXPECT_TRUE(testing::WaitUntil([&] { return budget_.waiting() == 0; })) << "its room has gone with it";
}

TEST_F(HttpClientBodyTest, TheUpstreamsTimeStandsStillWhileTheBodyWaitsForRoom) {
  ScriptedUpstream upstream([&](const Request&) { return ScriptedUpstream::Answer(200, Pattern(kMiB)); });
  ByteBudget::Share full = Wait(budget_.Take(20 * kMiB, {}));
  SendOptions options = InRoom(ByteRoom::Make(&budget_, 1));
  options.timeout = absl::Milliseconds(500);
  auto call = Begin(upstream, std::move(options));
  ASSERT_TRUE(testing::WaitUntil([&] { return budget_.waiting() == 1; }));
  poll(nullptr, 0, 700);  // more than the timeout
  EXPECT_FALSE(Ended(call));
  full = ByteBudget::Share();
  ASSERT_TRUE(testing::WaitUntil([&] { return Ended(call); }));
  EXPECT_EQ((*call)->end, HttpEnd::kAnswered) << (*call)->note;
}

TEST_F(HttpClientBodyTest, ATimeoutGoesOnAfterTheWait) {
  ScriptedUpstream upstream([&](const Request&) {
    return Reply{"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nthe rest never comes"};
  });
  ByteBudget::Share full = Wait(budget_.Take(20 * kMiB, {}));
  SendOptions options = InRoom(ByteRoom::Make(&budget_, 1));
  options.timeout = absl::Milliseconds(300);
  auto call = Begin(client_, upstream, std::move(options));
  ASSERT_TRUE(testing::WaitUntil([&] { return budget_.waiting() == 1; }));
  full = ByteBudget::Share();
  ASSERT_TRUE(testing::WaitUntil([&] { return Ended(call); }));
  EXPECT_EQ((*call)->end, HttpEnd::kTimedOut);
  EXPECT_THAT((*call)->note, HasSubstr("took too long"));
}

TEST_F(HttpClientBodyTest, WhatBeginsSmallIsCountedOnceItIsLarge) {
  std::string body = Pattern(3 * kMiB);
  ScriptedUpstream upstream([&](const Request&) { return Reply{Chunked(body)}; });
  SendOptions options = InRoom(ByteRoom::Make(&budget_, 1));
  options.bytes_expected = ByteRoom::kUncountedMax;
  HttpResult result = Post(upstream, std::move(options));
  EXPECT_EQ(result.response.body, body);
  EXPECT_EQ(budget_.used(), 3 * kMiB);
  result = HttpResult();
  // The transfer itself, which shares it, goes a moment after its result has come.
  EXPECT_TRUE(testing::WaitUntil([&] { return budget_.used() == 0; }));
}

// The allocators of the sanitizers do not tell.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(HttpClientBodyTest, ARequestsBodyIsFreedOnceItIsSent) {
  constexpr size_t kLarge = 64 << 20;  // so large that it is always mapped by itself
  std::atomic<size_t> received{0};
  LoopbackServer painting([&](int socket, int) {
    static char part[1 << 16];
    for (ssize_t got; (got = recv(socket, part, sizeof(part), 0)) > 0;) received += static_cast<size_t>(got);
  });
  size_t before = mallinfo2().hblkhd;
  SendOptions options;
  Cancellation cancellation = options.cancellation;
  auto call = std::make_shared<std::optional<HttpResult>>();
  std::string url = absl::StrCat("http://127.0.0.1:", painting.port());
  Start<HttpResult>(client_.Send({.url = url, .body = std::string(kLarge, 'x')}, options),
                    [&](HttpResult result) {
                      std::lock_guard<std::mutex> lock(mutex_);
                      *call = std::move(result);
                    });
  ASSERT_TRUE(testing::WaitUntil([&] { return received > kLarge; }));
  EXPECT_LT(mallinfo2().hblkhd, before + kLarge / 2);
  cancellation.Cancel();
  ASSERT_TRUE(testing::WaitUntil([&] { return Ended(call); }));
  EXPECT_GT((*call)->bytes_sent, static_cast<int64_t>(kLarge));
}
#endif

TEST_F(HttpClientBodyTest, WhatIsTakenBackWhileItWaitsLeavesNothingBehind) {
  ScriptedUpstream upstream([&](const Request&) { return ScriptedUpstream::Answer(200, Pattern(kMiB)); });
  ByteBudget::Share full = Wait(budget_.Take(20 * kMiB, {}));
  SendOptions options = InRoom(ByteRoom::Make(&budget_, 1));
  Cancellation cancellation = options.cancellation;
  auto call = Begin(upstream, std::move(options));
  ASSERT_TRUE(testing::WaitUntil([&] { return budget_.waiting() == 1; }));
  cancellation.Cancel();
  ASSERT_TRUE(testing::WaitUntil([&] { return Ended(call); }));
  EXPECT_EQ((*call)->end, HttpEnd::kCancelled);
  EXPECT_TRUE(testing::WaitUntil([&] { return budget_.waiting() == 0; }));
  full = ByteBudget::Share();
  EXPECT_EQ(budget_.used(), 0);
}

TEST_F(HttpClientBodyTest, ACapThatIsPassedAfterTheWaitEndsTheCall) {
  ByteBudget::Share full = Wait(budget_.Take(20 * kMiB, {}));
  SendOptions options = InRoom(ByteRoom::Make(&budget_, 1));
  options.response_bytes_max = 100'000;
  ScriptedUpstream bomb([&](const Request&) {
    return Reply{Chunked(Gzip(std::string(10 * kMiB, '\0')), "Content-Encoding: gzip\r\n")};
  });
  auto call = Begin(bomb, std::move(options));
  ASSERT_TRUE(testing::WaitUntil([&] { return budget_.waiting() == 1; }));
  full = ByteBudget::Share();
  ASSERT_TRUE(testing::WaitUntil([&] { return Ended(call); }));
  EXPECT_EQ((*call)->end, HttpEnd::kTooLarge);
}

TEST_F(HttpClientBodyTest, ALargeAnnouncedBodyIsAllocatedOnceWithTheJsonReadersRoom) {
  std::string body = Pattern(20 * kMiB);
  ScriptedUpstream upstream([&](const Request&) { return ScriptedUpstream::Answer(200, body); });
  HttpResult result = Post(upstream, {.response_bytes_max = 32 * kMiB});
  EXPECT_EQ(result.response.body, body);
  EXPECT_EQ(result.response.body.capacity(), body.size() + json::Document::kPadding);
}

TEST_F(HttpClientBodyTest, EncodedBodiesAreDecodedThoughNobodyAskedForThem) {
  std::string body = Pattern(2 * kMiB);
  for (const auto& [encoding, encoded] :
       {std::pair("gzip", Gzip(body)), std::pair("deflate", Deflate(body)), std::pair("br", Brotli(body))}) {
    ScriptedUpstream upstream([&, name = encoding, &bytes = encoded](const Request&) {
      return ScriptedUpstream::Answer(200, bytes, absl::StrCat("Content-Encoding: ", name, "\r\n"));
    });
    HttpResult result = Post(upstream, InRoom(ByteRoom::Make(&budget_, 1)));
    EXPECT_EQ(result.end, HttpEnd::kAnswered) << result.note;
    EXPECT_EQ(result.response.body, body) << encoding;
    EXPECT_EQ(result.room.bytes(), 2 * kMiB) << "decoded is what counts";
  }
}

TEST_F(HttpClientBodyTest, BombsAreCutAtTheCap) {
  std::string zeros(16 * kMiB, '\0');
  for (const auto& [encoding, bomb] : {std::pair("gzip", Gzip(zeros)), std::pair("deflate", Deflate(zeros)),
                                       std::pair("br", Brotli(zeros))}) {
    ScriptedUpstream upstream([&, name = encoding, &bytes = bomb](const Request&) {
      return ScriptedUpstream::Answer(200, bytes, absl::StrCat("Content-Encoding: ", name, "\r\n"));
    });
    EXPECT_EQ(Post(upstream, {.response_bytes_max = kMiB}).end, HttpEnd::kTooLarge) << encoding;
  }
}

TEST_F(HttpClientBodyTest, EncodingsThatCannotBeReadAreBroken) {
  std::string cut = Gzip(Pattern(10'000));
  cut.pop_back();
  for (const auto& [headers, body] : {std::pair("Content-Encoding: zstd\r\n", std::string("x")),
                                      std::pair("Content-Encoding: gzip\r\n", std::string("x")),
                                      std::pair("Content-Encoding: gzip\r\n", cut),
                                      std::pair("Content-Encoding: gzip, gzip\r\n", Gzip(Gzip("x")))}) {
    ScriptedUpstream upstream([&, &bytes = body, lines = headers](const Request&) {
      return ScriptedUpstream::Answer(200, bytes, lines);
    });
    EXPECT_EQ(Post(upstream, {}).end, HttpEnd::kBroken) << headers;
  }
  ScriptedUpstream upstream([&](const Request&) {
    return Reply{absl::StrCat("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", Gzip("hello")), true};
  });
  EXPECT_EQ(Post(upstream, {}).end, HttpEnd::kBroken) << "curl would decode that by itself";
}

TEST_F(HttpClientBodyTest, AnErrorHoldsWordsAndWaitsForNoRoom) {
  ScriptedUpstream upstream(
      [&](const Request&) { return Reply{Chunked(R"({"error":"busy"})", "Retry-After: 3\r\n", 429)}; });
  ByteBudget::Share full = Wait(budget_.Take(20 * kMiB, {}));
  HttpResult result = Post(upstream, InRoom(ByteRoom::Make(&budget_, 1)));
  EXPECT_EQ(result.response.status, 429);
  EXPECT_EQ(result.response.retry_after, absl::Seconds(3));
  ScriptedUpstream endless([&](const Request&) { return Reply{Chunked(Pattern(kMiB), "", 500)}; });
  EXPECT_EQ(Post(endless, InRoom(ByteRoom::Make(&budget_, 1))).end, HttpEnd::kTooLarge);
}

TEST_F(HttpClientBodyTest, ABodyThatDripsIsGivenUp) {
  ScriptedUpstream upstream(
      [](const Request&) { return Reply{"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nfour"}; });
  HttpResult result = Post(hasty_, upstream, {});
  EXPECT_EQ(result.end, HttpEnd::kTimedOut);
  EXPECT_THAT(result.note, HasSubstr("slowly"));
  EXPECT_EQ(result.bytes_received, 4);
}

// Writes a head and then, every few milliseconds, a piece of the body, until there are `count`.
void WriteSlowly(int socket, const std::string& head, const std::string& piece, int count,
                 const std::string& end) {
  // What is left unread would end the connection with a reset, and the client might lose the answer's end.
  std::string request;
  for (char byte; !absl::EndsWith(request, "{}") && recv(socket, &byte, 1, 0) == 1;) request += byte;
  send(socket, head.data(), head.size(), MSG_NOSIGNAL);
  for (int i = 0; i < count; ++i) {
    poll(nullptr, 0, 40);
    send(socket, piece.data(), piece.size(), MSG_NOSIGNAL);
  }
  send(socket, end.data(), end.size(), MSG_NOSIGNAL);
}

TEST_F(HttpClientBodyTest, ABodyThatComesSteadilyIsWaitedFor) {
  LoopbackServer server([](int socket, int) {
    WriteSlowly(socket, "HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n", std::string(1000, 'x'), 20, "");
  });
  HttpResult result =
      Wait(hasty_.Send({.url = absl::StrCat("http://127.0.0.1:", server.port()), .body = "{}"}, {}));
  EXPECT_EQ(result.end, HttpEnd::kAnswered) << result.note;
}

TEST_F(HttpClientBodyTest, AReserveThatIsLargeHasToBeFilledInTime) {
  // 100 KB a second: good for an image, and ages for 60 MiB.
  auto drip = [](int64_t announced) {
    return [announced](int socket, int) {
      WriteSlowly(socket, absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", announced, "\r\n\r\n"),
                  std::string(4000, 'x'), 25, "");
    };
  };
  LoopbackServer large(drip(60 * kMiB));
  HttpResult result = Wait(hasty_.Send({.url = absl::StrCat("http://127.0.0.1:", large.port()), .body = "{}"},
                                       {.response_bytes_max = 64 * kMiB}));
  EXPECT_EQ(result.end, HttpEnd::kTimedOut);
  EXPECT_THAT(result.note, HasSubstr("slowly"));
  LoopbackServer small(drip(100'000));
  result = Wait(hasty_.Send({.url = absl::StrCat("http://127.0.0.1:", small.port()), .body = "{}"}, {}));
  EXPECT_EQ(result.end, HttpEnd::kAnswered) << result.note;
}

TEST_F(HttpClientBodyTest, EndlessWhiteSpaceIsTooLargeAndHoldsUpNobody) {
  LoopbackServer endless([&](int socket, int) {
    std::string blanks = absl::StrCat("4000\r\n", std::string(0x4000, ' '), "\r\n");
    WriteSlowly(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "", 0, "");
    while (send(socket, blanks.data(), blanks.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  ScriptedUpstream upstream([&](const Request&) { return ScriptedUpstream::Answer(200, "x"); });
  HttpRequest request{.url = absl::StrCat("http://127.0.0.1:", endless.port()), .body = "{}"};
  EXPECT_EQ(Wait(client_.Send(request, {})).end, HttpEnd::kTooLarge);
  // As the body of a picture, to its cap.
  SendOptions picture{.response_bytes_max = 4 * kMiB, .strip_leading_space = false};
  EXPECT_EQ(Wait(client_.Send(request, picture)).end, HttpEnd::kTooLarge);
  EXPECT_EQ(Post(upstream, {}).end, HttpEnd::kAnswered);
}

TEST_F(HttpClientBodyTest, WhiteSpaceOfAPictureIsPartOfIt) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Answer(200, "\n x"); });
  EXPECT_EQ(Post(upstream, {.strip_leading_space = false}).response.body, "\n x");
  EXPECT_EQ(Post(upstream, {}).response.body, "x");
}

TEST_F(HttpClientBodyTest, WhiteSpaceBeforeTheBodyOnlyKeepsTheConnection) {
  LoopbackServer server([](int socket, int) {
    WriteSlowly(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n\n\r\n", 20,
                "9\r\n {\"a\":1}\n\r\n0\r\n\r\n");
  });
  ByteBudget::Share full = Wait(budget_.Take(20 * kMiB, {}));
  auto room = ByteRoom::Make(&budget_, 1);
  SendOptions options = InRoom(room);
  std::atomic<bool> ended{false};
  HttpResult result;
  Start<HttpResult>(
      hasty_.Send({.url = absl::StrCat("http://127.0.0.1:", server.port()), .body = "{}"}, options),
      [&](HttpResult answer) {
        result = std::move(answer);
        ended = true;
      });
  ASSERT_TRUE(testing::WaitUntil([&] { return budget_.waiting() == 1; })) << "only the body needs room";
  full = ByteBudget::Share();
  ASSERT_TRUE(testing::WaitUntil([&] { return ended.load(); }));
  EXPECT_EQ(result.end, HttpEnd::kAnswered) << result.note;
  EXPECT_EQ(result.response.body, "{\"a\":1}\n");
}

}  // namespace
}  // namespace prismatic::provider_proxy
