#include "services/common/http/head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/common/http/chunked.h"

namespace prismatic::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Head Read(absl::string_view bytes, Fields fields = Fields::kPublic) { return ReadHead(bytes, fields, 1000); }

Head WithFields(absl::string_view fields, absl::string_view method = "POST") {
  return Read(absl::StrCat(method, " / HTTP/1.1\r\nHost: h\r\n", fields, "\r\n"));
}

Head WithTarget(absl::string_view target) {
  return Read(absl::StrCat("GET ", target, " HTTP/1.1\r\nHost: h\r\n\r\n"));
}

std::string Lines(int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) absl::StrAppend(&lines, "X-", i, ": v\r\n");
  return lines;
}

TEST(HeadTest, ReadsASoundHead) {
  Head head = Read(
      "POST /v1/images/generations?a=b HTTP/1.1\r\nhost: example.com:8080\r\nCONTENT-LENGTH: 12\r\n"
      "Expect: 100-Continue\r\nX-Empty:\r\nX-Tab:\ta\tb \r\n\r\n");
  EXPECT_EQ(head.refusal, 0);
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/v1/images/generations?a=b");
  EXPECT_EQ(head.content_length, 12);
  EXPECT_TRUE(head.has_body());
  EXPECT_TRUE(head.keep_alive);
  EXPECT_TRUE(head.expects_continue);
  EXPECT_FALSE(head.http10);
  EXPECT_FALSE(head.has_credential);
}

TEST(HeadTest, SeesThatThereIsACredential) {
  EXPECT_TRUE(WithFields("AUTHORIZATION: Bearer x\r\n").has_credential);
  EXPECT_TRUE(WithFields("cookie: a=b\r\n").has_credential);
  EXPECT_FALSE(WithFields("X-Authorization: Bearer x\r\n").has_credential);
}

TEST(HeadTest, KeepsAnHttp10ConnectionOnlyWhenAsked) {
  EXPECT_FALSE(Read("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(Read("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
  EXPECT_FALSE(WithFields("Connection: close\r\n", "GET").keep_alive);
  EXPECT_FALSE(WithFields("Connection: keep-alive, close\r\n", "GET").keep_alive);
}

TEST(HeadTest, PassesOnOnlyTheNamedFields) {
  std::string text =
      WithFields(
          "Authorization: Bearer k\r\nContent-Type: application/json\r\nContent-Length: 3\r\n"
          "Accept-Encoding: gzip\r\nRange: bytes=0-\r\nCookie: c=1\r\nREMOTE_ADDR: 10.0.0.1\r\n"
          "X-Forwarded-For: 10.0.0.1\r\nX-Stainless-Retry-Count: 1\r\nTE: trailers\r\n")
          .rewritten;
  EXPECT_EQ(text,
            "POST / HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer k\r\nContent-Type: application/json\r\n"
            "X-Stainless-Retry-Count: 1\r\nContent-Length: 0\r\n\r\n");
}

TEST(HeadTest, TheAdminPortSeesMoreAndTheSandboxAllButHopByHopFields) {
  std::string request =
      "GET / HTTP/1.1\r\nHost: h\r\nCookie: c\r\nOrigin: o\r\nX-CSRF-Token: t\r\nIf-None-Match: e\r\n"
      "X-Forwarded-For: 10.0.0.1\r\nX-Own: x\r\nConnection: x\r\n"
      "Accept-Encoding: gzip\r\nRange: bytes=0-\r\nREMOTE_ADDR: a\r\n\r\n";
  std::string admin = Read(request, Fields::kAdmin).rewritten;
  EXPECT_THAT(admin, HasSubstr("Cookie: c\r\nOrigin: o\r\nX-CSRF-Token: t\r\nIf-None-Match: e\r\n"
                               "X-Forwarded-For: 10.0.0.1\r\nContent-Length"));
  std::string all = Read(request, Fields::kAll).rewritten;
  EXPECT_THAT(all, HasSubstr("X-Forwarded-For: 10.0.0.1\r\nX-Own: x\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_THAT(Read(request).rewritten, Not(HasSubstr("Cookie")));
}

TEST(HeadTest, WritesPercentSignsOfValuesSoThatTheyStayWhatTheyAre) {
  EXPECT_THAT(WithFields("Authorization: a%0d%0aX: b\r\n").rewritten,
              HasSubstr("Authorization: a%250d%250aX: b\r\n"));
}

TEST(HeadTest, ASecondQuestionMarkIsPartOfTheQuery) {
  EXPECT_THAT(WithTarget("/a?b=c?d&e=?").rewritten,
              ::testing::StartsWith("GET /a?b=c%3Fd&e=%3F HTTP/1.1\r\n"));
  EXPECT_THAT(WithTarget("/").rewritten, ::testing::StartsWith("GET / HTTP/1.1\r\n"));
  EXPECT_THAT(WithTarget("/?").rewritten, ::testing::StartsWith("GET /? HTTP/1.1\r\n"));
}

TEST(HeadTest, RefusesFieldsThatTheLibraryWouldRefuse) {
  EXPECT_EQ(WithFields(absl::StrCat("User-Agent: ", std::string(8000, 'u'), "\r\n")).refusal, 0);
  EXPECT_EQ(WithFields(absl::StrCat("User-Agent: ", std::string(9000, 'u'), "\r\n")).refusal, 431);
  EXPECT_EQ(WithFields(absl::StrCat("User-Agent: ", std::string(3000, '%'), "\r\n")).refusal, 431);
  EXPECT_EQ(WithFields(absl::StrCat("X-Other: ", std::string(9000, 'u'), "\r\n")).refusal, 0);
}

TEST(HeadTest, RefusesRequestLinesThatAreNotOurs) {
  for (const char* line : {"",
                           " ",
                           "GET",
                           "GET /",
                           "GET  / HTTP/1.1",
                           "GET / HTTP/1.1 ",
                           " GET / HTTP/1.1",
                           "GET /\tHTTP/1.1",
                           "G(T / HTTP/1.1",
                           "GET / http/1.1",
                           "GET / HTTPS/1.1",
                           "GET /a b HTTP/1.1",
                           "GET /\x01 HTTP/1.1",
                           "GET /\x7f HTTP/1.1",
                           "GET /\xc3\xa9 HTTP/1.1",
                           "GET * HTTP/1.1",
                           "GET h:80 HTTP/1.1",
                           "GET http://h/ HTTP/1.1",
                           "GET /#f HTTP/1.1",
                           "GET /\\ HTTP/1.1",
                           "GET / HTTP/1.1\rX: y"}) {
    EXPECT_EQ(Read(absl::StrCat(line, "\r\nHost: h\r\n\r\n")).refusal, 400) << line;
  }
  for (const char* line :
       {"BREW / HTTP/1.1", "get / HTTP/1.1", "TRACE / HTTP/1.1", "CONNECT h:80 HTTP/1.1"}) {
    EXPECT_EQ(Read(absl::StrCat(line, "\r\nHost: h\r\n\r\n")).refusal, 405) << line;
  }
  for (const char* line : {"PRI * HTTP/2.0", "GET / HTTP/1.2", "GET / HTTP/0.9", "GET / HTTP/11"}) {
    EXPECT_EQ(Read(absl::StrCat(line, "\r\nHost: h\r\n\r\n")).refusal, 505) << line;
  }
}

TEST(HeadTest, RefusesTargetsThatWouldDecodeToSomethingElse) {
  for (const char* target : {"/%", "/%2", "/%zz", "/%00", "/%0d%0a", "/%1f", "/%7f", "/%7F"}) {
    EXPECT_EQ(WithTarget(target).refusal, 400) << target;
  }
  EXPECT_EQ(WithTarget("/a%2Fb?c=%20+d&e=%C3%A9").refusal, 0);
  EXPECT_EQ(WithTarget(absl::StrCat("/", std::string(2047, 'p'))).refusal, 0);
  EXPECT_EQ(WithTarget(absl::StrCat("/", std::string(2048, 'p'))).refusal, 414);
}

TEST(HeadTest, RefusesFieldsThatTwoReadersMayReadDifferently) {
  for (const char* field : {"X : a\r\n", " X: a\r\n", "\tX: a\r\n", "X\r\n", ": a\r\n", "X a: b\r\n",
                            "X: a\x01\r\n", "X: a\x7f\r\n", "X: a\rY: b\r\n", "X: a\r\n folded\r\n",
                            "X(: a\r\n", "X\x80: a\r\n", "X:\x0b a\r\n"}) {
    EXPECT_EQ(WithFields(field).refusal, 400) << field;
  }
  EXPECT_EQ(WithFields(absl::string_view("X: a\0b\r\n", 8)).refusal, 400);
  EXPECT_EQ(WithFields("X: \xc3\xa9\r\nX_Y: under\r\n").refusal, 0);
}

TEST(HeadTest, RefusesASecondOfWhatMustBeSingle) {
  for (const char* field : {"Host", "Content-Length", "Authorization", "Content-Type", "Content-Encoding",
                            "Idempotency-Key", "X-Request-Id", "Transfer-Encoding"}) {
    EXPECT_EQ(WithFields(absl::StrCat(field, ": 1\r\nX: y\r\n", field, ": 1\r\n")).refusal, 400) << field;
  }
  EXPECT_EQ(WithFields("X: a\r\nx: b\r\n").refusal, 0);
}

TEST(HeadTest, NeedsOneSoundHost) {
  EXPECT_EQ(Read("GET / HTTP/1.1\r\n\r\n").refusal, 400);
  EXPECT_EQ(Read("GET / HTTP/1.0\r\n\r\n").refusal, 0);
  for (const char* host : {"a b", "a/b", "u@h", "a,b", "h\"", "h%00"}) {
    EXPECT_EQ(Read(absl::StrCat("GET / HTTP/1.1\r\nHost: ", host, "\r\n\r\n")).refusal, 400) << host;
  }
  EXPECT_EQ(Read("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n").refusal, 0);
}

TEST(HeadTest, RefusesLengthsThatAreNotPlainNumbers) {
  for (const char* length : {"", "-1", "+1", "1 1", "1,1", "0x10", "1.0", "1e2", "one", "1;", "\"1\"",
                             "1000000000000000000", "18446744073709551617"}) {
    EXPECT_EQ(WithFields(absl::StrCat("Content-Length: ", length, "\r\n")).refusal, 400) << length;
  }
  EXPECT_EQ(WithFields("Content-Length: 1000\r\n").refusal, 0);
  EXPECT_EQ(WithFields("Content-Length: 1001\r\n").refusal, 413);
  EXPECT_EQ(WithFields("Content-Length: 999999999999999999\r\n").refusal, 413);
}

TEST(HeadTest, RefusesALengthBesideACoding) {
  EXPECT_EQ(WithFields("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n").refusal, 400);
  EXPECT_EQ(WithFields("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n").refusal, 400);
}

TEST(HeadTest, KnowsOneTransferCoding) {
  EXPECT_TRUE(WithFields("Transfer-Encoding: Chunked\r\n").chunked);
  for (const char* coding :
       {"", "gzip", "gzip, chunked", "chunked, chunked", "xchunked", "chunked;q=1", "identity"}) {
    EXPECT_EQ(WithFields(absl::StrCat("Transfer-Encoding: ", coding, "\r\n")).refusal, 501) << coding;
  }
  EXPECT_EQ(Read("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").refusal, 400);
}

TEST(HeadTest, RefusesABodyWhereNoneBelongs) {
  for (const char* method : {"GET", "HEAD", "OPTIONS"}) {
    EXPECT_EQ(WithFields("Content-Length: 3\r\n", method).refusal, 400) << method;
    EXPECT_EQ(WithFields("Transfer-Encoding: chunked\r\n", method).refusal, 400) << method;
    EXPECT_EQ(WithFields("Content-Length: 0\r\n", method).refusal, 0) << method;
  }
}

TEST(HeadTest, RefusesEncodedBodiesAndOtherExpectations) {
  EXPECT_EQ(WithFields("Content-Encoding: gzip\r\nContent-Length: 3\r\n").refusal, 415);
  EXPECT_EQ(WithFields("Content-Encoding: identity\r\nContent-Length: 3\r\n").refusal, 0);
  EXPECT_EQ(WithFields("Expect: 200-ok\r\nContent-Length: 3\r\n").refusal, 417);
}

TEST(HeadTest, ATraceRefusesNoRequest) {
  EXPECT_EQ(WithFields("traceparent: a\r\ntraceparent: b\r\n").refusal, 0)
      << "what two mean is not the gate's";
  for (char c : {'x', '%'}) {
    Head head = WithFields(absl::StrCat("TraceState: ", std::string(10'000, c),
                                        "\r\ntraceparent: ", std::string(10'000, c), "\r\n"));
    EXPECT_EQ(head.refusal, 0);
    std::string kept(1024, c);
    EXPECT_THAT(absl::StrReplaceAll(head.rewritten, {{"%25", "%"}}),
                HasSubstr(absl::StrCat("TraceState: ", kept, "\r\ntraceparent: ", kept, "\r\n")));
  }
}

TEST(HeadTest, CountsFields) {
  EXPECT_EQ(WithFields(Lines(99)).refusal, 0);
  EXPECT_EQ(WithFields(Lines(100)).refusal, 431);
}

TEST(HeadScannerTest, FindsTheEndHoweverTheBytesCome) {
  std::string head = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  std::string bytes = head + "POST";
  HeadScanner scanner;
  for (size_t size = 1; size < head.size(); ++size) {
    EXPECT_EQ(scanner.Scan(bytes.substr(0, size)), HeadScanner::Result::kMore) << size;
  }
  EXPECT_EQ(scanner.Scan(bytes), HeadScanner::Result::kComplete);
  EXPECT_EQ(scanner.size(), head.size());
}

TEST(HeadScannerTest, SeesAtOnceWhatWillNeverBeAHead) {
  for (const char* bytes :
       {"\x16\x03\x01", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nHost: h\n\n", " GET", "\n", "{"}) {
    EXPECT_EQ(HeadScanner().Scan(bytes), HeadScanner::Result::kMalformed) << bytes;
  }
}

TEST(HeadScannerTest, EndsHeadsThatAreTooLong) {
  EXPECT_EQ(HeadScanner().Scan(absl::StrCat("GET /", std::string(4000, 'p'))),
            HeadScanner::Result::kTargetTooLong);
  std::string lines = "GET / HTTP/1.1\r\n";
  while (lines.size() <= kHeadBytesMax) lines += "X: y\r\n";
  EXPECT_EQ(HeadScanner().Scan(lines), HeadScanner::Result::kTooLarge);
  std::string line = absl::StrCat("GET / HTTP/1.1\r\nX: ", std::string(kHeadBytesMax, 'y'));
  EXPECT_EQ(HeadScanner().Scan(line), HeadScanner::Result::kTooLarge);
  EXPECT_EQ(HeadScanner().Scan(line + "\r\n\r\n"), HeadScanner::Result::kTooLarge);
}

struct Chunks {
  ChunkedReader::Result result;
  std::string body;
  std::string rest;
};

Chunks ReadChunks(absl::string_view bytes, size_t max = 100) {
  Chunks chunks;
  ChunkedReader reader;
  chunks.result = reader.Read(bytes, chunks.body, max);
  chunks.rest = std::string(bytes);
  return chunks;
}

TEST(ChunkedReaderTest, PutsABodyTogetherHoweverItComes) {
  std::string bytes = "3\r\nabc\r\n0000000A\r\n0123456789\r\n0\r\n\r\nGET";
  Chunks whole = ReadChunks(bytes);
  EXPECT_EQ(whole.result, ChunkedReader::Result::kDone);
  EXPECT_EQ(whole.body, "abc0123456789");
  EXPECT_EQ(whole.rest, "GET");

  ChunkedReader reader;
  std::string kept, body;
  ChunkedReader::Result result = ChunkedReader::Result::kMore;
  for (char byte : bytes.substr(0, bytes.size() - 3)) {
    ASSERT_EQ(result, ChunkedReader::Result::kMore);
    kept += byte;
    absl::string_view view = kept;
    result = reader.Read(view, body, 100);
    kept = std::string(view);
  }
  EXPECT_EQ(result, ChunkedReader::Result::kDone);
  EXPECT_EQ(body, whole.body);
}

TEST(ChunkedReaderTest, RefusesWhatCanBeMisunderstood) {
  for (const char* bytes :
       {"-2\r\n", "+3\r\nabc", "0x3\r\nabc", " 3\r\nabc", "3 \r\nabc", "3;ext=1\r\nabc\r\n", "3\nabc", "\r\n",
        "g\r\n", "3\r\nabcd\r\n", "3\r\nabc\n0\r\n\r\n", "0\r\nTrailer: x\r\n\r\n", "000000003\r\nabc\r\n",
        "3\r\nabc\r\r\n", "fffffffffffffffe\r\n", "0\r\nG"}) {
    EXPECT_EQ(ReadChunks(bytes).result, ChunkedReader::Result::kMalformed) << bytes;
  }
}

TEST(ChunkedReaderTest, StopsBeforeTheBodyIsTooLarge) {
  EXPECT_EQ(ReadChunks("64\r\n").result, ChunkedReader::Result::kMore);
  EXPECT_EQ(ReadChunks("65\r\n").result, ChunkedReader::Result::kTooLarge);
  EXPECT_EQ(ReadChunks("ffffffff\r\n").result, ChunkedReader::Result::kTooLarge);
  EXPECT_EQ(ReadChunks("3\r\nabc\r\n62\r\n").result, ChunkedReader::Result::kTooLarge);
}

}  // namespace
}  // namespace prismatic::http
