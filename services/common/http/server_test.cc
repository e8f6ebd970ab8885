#include "services/common/http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/common/http/wire_fixture.h"

namespace prismatic::http {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

httplib::Client ClientOf(const Server& server) {
  httplib::Client client("127.0.0.1", server.port());
  client.set_read_timeout(30);
  return client;
}

TEST(ServerTest, GivesACompleteRequestToTheHandlerAndItsAnswerToTheClient) {
  std::shared_ptr<const Request> seen;
  std::unique_ptr<Server> server = Started([&](std::shared_ptr<const Request> request) -> Task<Response> {
    seen = request;
    Response response;
    response.status = 201;
    response.content_type = "text/x";
    response.body = "made";
    response.Header("x-a", "1").Header("x-a", "2");
    co_return response;
  });
  httplib::Client client = ClientOf(*server);
  httplib::Result result =
      client.Post("/a%20b%2Fc?x=1&y=%C3%A9", {{"X-Thing", "it"}}, "body", "application/json");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 201);
  EXPECT_EQ(result->body, "made");
  EXPECT_EQ(result->get_header_value("Content-Type"), "text/x");
  EXPECT_EQ(result->get_header_value("Content-Length"), "4");
  EXPECT_EQ(result->get_header_value_count("x-a"), 2u);
  EXPECT_FALSE(result->has_header("Server"));
  EXPECT_EQ(seen->method, "POST");
  EXPECT_EQ(seen->path, "/a b/c");
  ASSERT_EQ(seen->query.size(), 2u);
  EXPECT_EQ(seen->query[1].second, "é");
  EXPECT_EQ(seen->header("x-thing"), "it");
  EXPECT_EQ(seen->header("content-type"), "application/json");
  EXPECT_EQ(seen->header("remote_addr"), "");
  EXPECT_EQ(seen->peer, "127.0.0.1");
  EXPECT_EQ(seen->body, "body");
}

TEST(ServerTest, EveryMethodReachesTheHandler) {
  std::unique_ptr<Server> server = Started(Echo);
  httplib::Client client = ClientOf(*server);
  EXPECT_EQ(client.Get("/x")->body, "GET /x ");
  EXPECT_EQ(client.Put("/x", "b", "text/plain")->body, "PUT /x b");
  EXPECT_EQ(client.Patch("/x", "b", "text/plain")->body, "PATCH /x b");
  EXPECT_EQ(client.Options("/x")->body, "OPTIONS /x ");
  EXPECT_EQ(client.Delete("/x", "b", "text/plain")->body, "DELETE /x b");
  httplib::Result head = client.Head("/x");
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->get_header_value("Content-Length"), "8");
}

TEST(ServerTest, ADeleteWithoutLengthDoesNotWaitForABody) {
  std::unique_ptr<Server> server = Started(Echo);
  Wire wire(*server);
  wire.Send("DELETE /x HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(wire.ReadUntil("DELETE /x "), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST(ServerTest, ABigBodyPassesInBothDirections) {
  std::unique_ptr<Server> server = Started(Echo);
  std::string body(20 << 20, 'b');
  httplib::Result result = ClientOf(*server).Post("/", body, "application/json");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->body.size(), body.size() + 7);
}

TEST(ServerTest, AChunkedBodyIsPutTogether) {
  std::unique_ptr<Server> server = Started(Echo);
  Wire wire(*server);
  wire.Send(
      "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_THAT(wire.ReadUntil("abcde"), HasSubstr("POST /c abcde"));
}

TEST(ServerTest, FormsArriveAsTheyAre) {
  std::unique_ptr<Server> server = Started(Echo);
  httplib::Client client = ClientOf(*server);
  std::string form = absl::StrCat("a=", std::string(100'000, 'x'), "&b=%41");
  httplib::Result result = client.Post("/", form, "application/x-www-form-urlencoded");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->body, absl::StrCat("POST / ", form));
  std::string parts = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n";
  EXPECT_EQ(client.Post("/", parts, "multipart/form-data; boundary=b")->body, absl::StrCat("POST / ", parts));
}

TEST(ServerTest, TooLargeABodyIsRefusedInOurWords) {
  ServerOptions options = Options();
  options.limits.body_bytes_max = 100'000;
  std::unique_ptr<Server> server = Started(Echo, std::move(options));
  httplib::Client client = ClientOf(*server);
  EXPECT_EQ(client.Post("/", std::string(100'000, 'x'), "text/plain")->status, 200);
  httplib::Result result = client.Post("/", std::string(3 << 20, 'x'), "text/plain");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 413);
  EXPECT_EQ(result->body, "refused 413");

  Wire chunked(*server);
  chunked.Send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 11; ++i) chunked.Send(absl::StrCat("2710\r\n", std::string(10'000, 'y'), "\r\n"));
  std::string answer = chunked.ReadAll();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
}

TEST(ServerTest, TooLargeABodyIsRefusedBeforeItIsSent) {
  ServerOptions options = Options();
  options.limits.body_bytes_max = 1000;
  std::unique_ptr<Server> server = Started(Echo, std::move(options));
  Wire big(*server);
  big.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(big.ReadUntil("refused 413"), StartsWith("HTTP/1.1 413"));
  Wire fitting(*server);
  fitting.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(fitting.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  fitting.Send("ok");
  EXPECT_THAT(fitting.ReadUntil("POST / ok"), StartsWith("HTTP/1.1 200"));
}

TEST(ServerTest, TheHeadDecidesHowLargeABodyMayBe) {
  ServerOptions options = Options();
  options.limits.body_bytes_max = 1'000;
  options.limits.body_bytes_max_for = [](const Head& head) {
    return head.method == "PUT" && head.target == "/big?x=1" && head.has_credential ? 100'000 : 10;
  };
  std::unique_ptr<Server> server = Started(Echo, std::move(options));
  auto answer_to = [&](absl::string_view line, absl::string_view fields, int length) {
    Wire wire(*server);
    wire.Send(absl::StrCat(line, " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n", fields));
    std::string body(static_cast<size_t>(length), 'x');
    if (absl::StrContains(fields, "chunked")) {
      wire.Send(absl::StrCat("\r\n", absl::Hex(length), "\r\n", body, "\r\n0\r\n\r\n"));
    } else {
      wire.Send(absl::StrCat("Content-Length: ", length, "\r\n\r\n", body));
    }
    return wire.ReadAll().substr(0, 12);
  };
  const std::string kToken = "Authorization: Bearer x\r\n";
  EXPECT_EQ(answer_to("PUT /big?x=1", kToken, 1'000), "HTTP/1.1 200");
  EXPECT_EQ(answer_to("PUT /big?x=1", "Cookie: a=b\r\n", 1'000), "HTTP/1.1 200");
  EXPECT_EQ(answer_to("PUT /big?x=1", kToken, 1'001), "HTTP/1.1 413");  // the server's own limit
  EXPECT_EQ(answer_to("PUT /big?x=1", "", 11), "HTTP/1.1 413");
  EXPECT_EQ(answer_to("PUT /big", kToken, 11), "HTTP/1.1 413");
  EXPECT_EQ(answer_to("PUT /big", kToken, 10), "HTTP/1.1 200");
  EXPECT_EQ(answer_to("POST /big?x=1", kToken, 11), "HTTP/1.1 413");
  EXPECT_EQ(answer_to("POST /", "Transfer-Encoding: chunked\r\n", 11), "HTTP/1.1 413");
  EXPECT_EQ(answer_to("POST /", "Transfer-Encoding: chunked\r\n", 10), "HTTP/1.1 200");
}

TEST(ServerTest, WhatComesTooSlowlyIsATimeout) {
  ServerOptions options = Options();
  options.limits.head_time = options.limits.body_time = absl::Milliseconds(100);
  std::unique_ptr<Server> server = Started(Echo, options);
  for (const char* begun :
       {"PO", "POST / HTTP/1.1\r\nHost: h", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"}) {
    Wire wire(*server);
    wire.Send(begun);
    EXPECT_THAT(wire.ReadAll(), AllOf(StartsWith("HTTP/1.1 408"), HasSubstr("refused 408"))) << begun;
  }
}

TEST(ServerTest, AnAnswerWithoutABodyHasNone) {
  std::unique_ptr<Server> server = Started([](std::shared_ptr<const Request>) -> Task<Response> {
    Response response;
    response.status = 204;
    response.body = "left over";
    co_return response;
  });
  Wire wire(*server);
  wire.Send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(wire.ReadAll(), Not(HasSubstr("left over")));
}

TEST(ServerTest, MalformedRequestsAreRefusedInOurWordsAndTheConnectionIsClosed) {
  std::unique_ptr<Server> server = Started(Echo);
  struct Case {
    std::string request;
    int status;
  };
  const Case kCases[] = {
      {"nonsense\r\n\r\n", 400},
      {"BREW / HTTP/1.1\r\n\r\n", 405},
      {"GET / HTTP/1.1\r\nHost: a%0d%0ab\r\n\r\n", 400},
      {"GET / HTTP/1.1\n\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nabc\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -3\r\n\r\nabcd", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\nabcd", 501},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd", 415},
      {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nabcd", 400},
      {absl::StrCat("GET /", std::string(3000, 'p'), " HTTP/1.1\r\nHost: h\r\n\r\n"), 414},
      {absl::StrCat("GET /", std::string(9000, 'p'), " HTTP/1.1\r\nHost: h\r\n\r\n"), 414},
  };
  for (const Case& test : kCases) {
    Wire wire(*server);
    wire.Send(test.request);
    std::string answer = wire.ReadAll();
    EXPECT_THAT(answer, StartsWith(absl::StrCat("HTTP/1.1 ", test.status))) << test.request;
    EXPECT_THAT(answer, HasSubstr("Connection: close\r\n")) << test.request;
    EXPECT_THAT(answer, HasSubstr(absl::StrCat("refused ", test.status))) << test.request;
  }
}

TEST(ServerTest, AHeadWithoutEndIsCutOff) {
  std::unique_ptr<Server> server = Started(Echo);
  Wire wire(*server);
  wire.Send("GET / HTTP/1.1\r\n");
  for (int i = 0; i < 5000; ++i) wire.Send("X-Filler: ffffffffffffffffffffff\r\n");
  EXPECT_THAT(wire.ReadAll(), Not(HasSubstr("200 OK")));
}

TEST(ServerTest, AnErrorOfTheHandlerKeepsItsBodyAndTheConnection) {
  std::unique_ptr<Server> server = Started([](std::shared_ptr<const Request>) -> Task<Response> {
    Response response;
    response.status = 404;
    co_return response;
  });
  httplib::Client client = ClientOf(*server);
  client.set_keep_alive(true);
  for (int i = 0; i < 3; ++i) {
    httplib::Result result = client.Post("/", "x", "text/plain");
    ASSERT_TRUE(result);
    EXPECT_EQ(result->status, 404);
    EXPECT_EQ(result->body, "");
    EXPECT_FALSE(result->has_header("Connection"));
  }
}

TEST(ServerTest, AnExceptionSaysNothingToTheClient) {
  // Not a coroutine: one that throws ends the process.
  std::unique_ptr<Server> server = Started([](std::shared_ptr<const Request> request) {
    if (request->path == "/") throw std::runtime_error("the secret");
    return Echo(request);
  });
  httplib::Result result = ClientOf(*server).Get("/");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 500);
  EXPECT_EQ(result->body, "refused 500");
  for (const auto& [key, value] : result->headers) EXPECT_THAT(value, Not(HasSubstr("secret")));
}

TEST(ServerTest, OneConnectionServesManyRequests) {
  std::unique_ptr<Server> server = Started(Echo);
  Wire wire(*server);
  for (int i = 0; i < 500; ++i) {
    wire.Send(absl::StrCat("GET /", i, " HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_THAT(wire.ReadUntil(absl::StrCat("GET /", i, " ")), StartsWith("HTTP/1.1 200"));
  }
}

TEST(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  std::unique_ptr<Server> server = Started(Echo);
  Wire wire(*server);
  wire.Send(
      "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
      "GET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
  std::string answers = wire.ReadUntil("GET /3 ");
  EXPECT_LT(answers.find("GET /1 "), answers.find("POST /2 abc"));
}

TEST(ServerTest, AnswersAreNeitherCompressedNorCutIntoRanges) {
  std::unique_ptr<Server> server = Started([](std::shared_ptr<const Request> request) -> Task<Response> {
    Response response;
    response.body = std::string(100'000, 'j');
    EXPECT_EQ(request->header("accept-encoding"), "");
    co_return response;
  });
  Wire wire(*server);
  wire.Send(
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAccept-Encoding: gzip, br\r\nRange: "
      "bytes=0-9\r\n\r\n");
  std::string answer = wire.ReadAll();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 100000\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("Content-Encoding")));
  EXPECT_GT(answer.size(), 100'000u);
}

TEST(ServerTest, ACutBodyIsAnnouncedWholeAndEndsEarly) {
  std::unique_ptr<Server> server = Started([](std::shared_ptr<const Request>) -> Task<Response> {
    Response response;
    response.body = std::string(50'000, 'c');
    response.cut_body_at = 100;
    co_return response;
  });
  Wire wire(*server);
  wire.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  std::string answer = wire.ReadAll();
  EXPECT_THAT(answer, HasSubstr("Content-Length: 50000\r\n"));
  size_t head = answer.find("\r\n\r\n") + 4;
  EXPECT_EQ(answer.substr(head), std::string(100, 'c'));
}

TEST(ServerTest, ATakenPortIsAnError) {
  std::unique_ptr<Server> server = Started(Echo);
  ServerOptions options = Options();
  options.address = absl::StrCat("127.0.0.1:", server->port());
  EXPECT_EQ(Server::Start(std::move(options), Echo).status().code(), absl::StatusCode::kUnavailable);
}

TEST(ServerTest, ListensOnNumericAddresses) {
  for (const char* address : {"example.com:80", "nonsense", "", "127.0.0.1", "127.0.0.1:x"}) {
    ServerOptions options = Options();
    options.address = address;
    EXPECT_EQ(Server::Start(std::move(options), Echo).status().code(), absl::StatusCode::kInvalidArgument)
        << address;
  }
  for (const char* address : {"localhost:0", "127.0.0.2:0", "[::1]:0"}) {
    ServerOptions options = Options();
    options.address = address;
    EXPECT_TRUE(Server::Start(std::move(options), Echo).ok()) << address;
  }
}

TEST(ServerTest, AClientThatHangsUpCancelsItsRequest) {
  Callback<bool>::Done finish;
  std::mutex mutex;
  std::condition_variable cancelled;
  bool was_cancelled = false;
  Door entered;
  std::unique_ptr<Server> server = Started([&](std::shared_ptr<const Request> request) -> Task<Response> {
    Cancellation cancellation = request->cancellation;
    Cancellation::Registration registration;
    Callback<bool> gone([&](Callback<bool>::Done done) {
      registration = cancellation.OnCancel([done] { done(true); });
      entered.Open();
    });
    bool was = co_await gone;
    std::lock_guard<std::mutex> lock(mutex);
    was_cancelled = was;
    cancelled.notify_all();
    co_return Response();
  });
  {
    Wire wire(*server);
    wire.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(entered.IsOpened());
  }
  std::unique_lock<std::mutex> lock(mutex);
  EXPECT_TRUE(cancelled.wait_for(lock, std::chrono::seconds(20), [&] { return was_cancelled; }));
}

TEST(ServerTest, ADrainLetsRequestsInFlightFinish) {
  Door door;
  std::unique_ptr<Server> server = Started([&](std::shared_ptr<const Request> request) -> Task<Response> {
    Task<void> wait = door.Enter();
    co_await wait;
    Response response;
    response.body = "finished";
    co_return response;
  });
  Wire busy(*server);
  busy.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(door.Waiting(1));
  Wire idle(*server);
  absl::Time begin = absl::Now();
  std::thread drain([&] { server->Drain(absl::Seconds(30)); });
  // Closed by the drain, which has begun then.
  EXPECT_EQ(idle.ReadAll(), "");
  door.Open();
  std::string answer = busy.ReadAll();
  drain.join();
  EXPECT_THAT(answer, HasSubstr("finished"));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(4));
  EXPECT_FALSE(ClientOf(*server).Get("/"));
}

TEST(ServerTest, ADrainCancelsWhatOutlastsItsGrace) {
  Door entered;
  std::unique_ptr<Server> server = Started([&](std::shared_ptr<const Request> request) -> Task<Response> {
    Cancellation cancellation = request->cancellation;
    Cancellation::Registration registration;
    Callback<bool> gone([&](Callback<bool>::Done done) {
      registration = cancellation.OnCancel([done] { done(true); });
      entered.Open();
    });
    co_await gone;
    co_return Response();
  });
  Wire wire(*server);
  wire.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(entered.IsOpened());
  server->Drain(absl::Milliseconds(20));
  EXPECT_EQ(wire.ReadAll(), "");
}

TEST(ServerTest, ManySlowRequestsAreServedAtOnce) {
  constexpr int kRequests = 300;
  Door door;
  std::unique_ptr<Server> server = Started([&](std::shared_ptr<const Request> request) -> Task<Response> {
    Task<void> wait = door.Enter();
    co_await wait;
    co_return Response();
  });
  std::vector<std::unique_ptr<Wire>> wires;
  for (int i = 0; i < kRequests; ++i) {
    wires.push_back(std::make_unique<Wire>(*server));
    wires.back()->Send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  }
  EXPECT_TRUE(door.Waiting(kRequests));
  door.Open();
  for (std::unique_ptr<Wire>& wire : wires) EXPECT_THAT(wire->ReadAll(), StartsWith("HTTP/1.1 200"));
}

TEST(ServerTest, ConnectionsBeyondTheLimitWaitForTheirTurn) {
  ServerOptions options = Options();
  options.limits.connections_max = 2;
  options.limits.keep_alive = absl::Milliseconds(50);
  std::unique_ptr<Server> server = Started(Echo, std::move(options));
  std::vector<std::unique_ptr<Wire>> wires;
  for (int i = 0; i < 6; ++i) {
    wires.push_back(std::make_unique<Wire>(*server));
    wires.back()->Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  for (std::unique_ptr<Wire>& wire : wires) EXPECT_THAT(wire->ReadAll(), StartsWith("HTTP/1.1 200"));
}

}  // namespace
}  // namespace prismatic::http
