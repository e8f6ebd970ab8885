#include "services/common/http/gate.h"

#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include <atomic>
#include <fstream>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/common/http/wire_fixture.h"
#include "tests/support/wait.h"

// How the gate holds many, slow, greedy and broken clients.

namespace prismatic::http {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kGet[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

int CountOf(const char* folder) {
  int count = 0;
  DIR* entries = opendir(folder);
  while (readdir(entries) != nullptr) ++count;
  closedir(entries);
  return count;
}

int Threads() { return CountOf("/proc/self/task"); }

Handler Waiting(Door& door) {
  return [&door](std::shared_ptr<const Request> request) -> Task<Response> {
    Task<void> wait = door.Enter();
    co_await wait;
    Response response;
    response.body = absl::StrCat("served ", request->path);
    co_return response;
  };
}

Handler Big(size_t bytes) {
  return [bytes](std::shared_ptr<const Request>) -> Task<Response> {
    Response response;
    response.body = std::string(bytes, 'b');
    co_return response;
  };
}

TEST(GateTest, HoldsIdleAndSlowConnectionsWithoutThreads) {
  std::unique_ptr<Server> server = Started(Echo);
  int before = Threads();
  std::vector<std::unique_ptr<Wire>> wires;
  for (int i = 0; i < 300; ++i) {
    wires.push_back(std::make_unique<Wire>(*server));
    if (i % 3 == 1) wires.back()->Send("GET / HT");
    if (i % 3 == 2) wires.back()->Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  }
  Wire healthy(*server);
  healthy.Send(kGet);
  EXPECT_THAT(healthy.ReadUntil("GET / "), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(Threads(), before);
}

TEST(GateTest, HoldsWaitingRequestsWithoutThreads) {
  Door door;
  std::unique_ptr<Server> server = Started(Waiting(door));
  int before = Threads();
  std::vector<std::unique_ptr<Wire>> wires;
  for (int i = 0; i < 300; ++i) {
    wires.push_back(std::make_unique<Wire>(*server));
    wires.back()->Send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  }
  EXPECT_TRUE(door.Waiting(300));
  EXPECT_EQ(Threads(), before);
  door.Open();
  for (std::unique_ptr<Wire>& wire : wires) EXPECT_THAT(wire->ReadAll(), HasSubstr("served /"));
}

TEST(GateTest, ReadsARequestHoweverItIsCut) {
  std::unique_ptr<Server> server = Started(Echo);
  std::string request =
      "\r\nPOST /cut HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  Wire wire(*server);
  for (size_t i = 0; i < request.size(); ++i) wire.Send(request.substr(i, 1));
  EXPECT_THAT(wire.ReadUntil("POST /cut abcde"), StartsWith("HTTP/1.1 200"));
}

TEST(GateTest, AnIdleConnectionIsClosedWithoutAWord) {
  ServerOptions options = Options();
  options.limits.keep_alive = absl::Milliseconds(50);
  std::unique_ptr<Server> server = Started(Echo, std::move(options));
  Wire fresh(*server);
  EXPECT_EQ(fresh.ReadAll(), "");
  Wire used(*server);
  used.Send(kGet);
  EXPECT_THAT(used.ReadAll(), StartsWith("HTTP/1.1 200"));
}

TEST(GateTest, ABodyThatTricklesIsCutOffLongBeforeItsTime) {
  ServerOptions options = Options();
  options.limits.rate_window = absl::Milliseconds(100);
  options.limits.bytes_per_second_min = 1'000'000;
  std::unique_ptr<Server> server = Started(Echo, std::move(options));
  Wire wire(*server);
  absl::Time begun = absl::Now();
  wire.Send(absl::StrCat("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc"));
  EXPECT_THAT(wire.ReadAll(), StartsWith("HTTP/1.1 408"));
  EXPECT_LT(absl::Now() - begun, absl::Seconds(20));
}

TEST(GateTest, AClientThatTakesNothingIsDroppedAndItsBytesAreGivenBack) {
  ByteBudget budget(int64_t{1} << 30);
  ServerOptions options = Options();
  options.limits.answer_time = absl::Milliseconds(100);
  options.budget = &budget;
  std::unique_ptr<Server> server = Started(Big(64 << 20), std::move(options));
  Wire greedy(*server);
  greedy.Send(kGet);
  EXPECT_TRUE(testing::WaitUntil([&] { return budget.used() == 64 << 20; }));
  EXPECT_TRUE(testing::WaitUntil([&] { return budget.used() == 0; }));
  EXPECT_LT(greedy.ReadAll().size(), size_t{64} << 20);
}

TEST(GateTest, ABigAnswerArrivesWholeAtASlowReader) {
  std::unique_ptr<Server> server = Started(Big(8 << 20));
  Wire wire(*server);
  wire.Send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  std::string answer = wire.ReadAll();
  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, size_t{8} << 20);
}

TEST(GateTest, AFullServerRefusesBeforeTheBodyIsSentAndStillAnswersHealthChecks) {
  Door door;
  ServerOptions options = Options();
  options.limits.requests_max = 2;
  std::unique_ptr<Server> server = Started(
      [&door](std::shared_ptr<const Request> request) -> Task<Response> {
        if (request->method == "GET") co_return Response();
        Task<void> wait = door.Enter();
        co_await wait;
        co_return Response();
      },
      std::move(options));
  Wire first(*server), second(*server);
  for (Wire* wire : {&first, &second}) {
    wire->Send("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx");
  }
  ASSERT_TRUE(door.Waiting(2));

  Wire announced(*server);
  announced.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_THAT(announced.ReadAll(), AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("Connection: close")));
  Wire complete(*server);
  complete.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_THAT(complete.ReadUntil("refused 503"), Not(HasSubstr("Connection: close")));
  complete.Send(kGet);
  EXPECT_THAT(complete.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 200"));

  door.Open();
  for (Wire* wire : {&first, &second}) EXPECT_THAT(wire->ReadAll(), StartsWith("HTTP/1.1 200"));
  Wire after(*server);
  after.Send("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_THAT(after.ReadAll(), StartsWith("HTTP/1.1 200"));
}

TEST(GateTest, SlowBodiesKeepNobodyOut) {
  ServerOptions options = Options();
  options.limits.requests_max = 2;
  options.limits.connections_max = 4;
  std::unique_ptr<Server> server = Started(Echo, std::move(options));
  std::vector<std::unique_ptr<Wire>> slow;
  for (int i = 0; i < 4; ++i) {
    slow.push_back(std::make_unique<Wire>(*server));
    slow.back()->Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nx");
  }
  Wire healthy(*server);
  absl::Time begun = absl::Now();
  healthy.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_THAT(healthy.ReadUntil("POST / ok"), StartsWith("HTTP/1.1 200"));
  EXPECT_LT(absl::Now() - begun, absl::Seconds(4));
}

TEST(GateTest, ABodyThatComesFastAndThenStallsIsCutOff) {
  ServerOptions options = Options();
  options.limits.rate_window = absl::Milliseconds(200);
  std::unique_ptr<Server> server = Started(Echo, std::move(options));
  Wire wire(*server);
  absl::Time begun = absl::Now();
  wire.Send(absl::StrCat("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000\r\n\r\n",
                         std::string(8'000'000, 'x')));
  EXPECT_THAT(wire.ReadAll(), StartsWith("HTTP/1.1 408"));
  EXPECT_LT(absl::Now() - begun, absl::Seconds(30));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they keep what is freed
TEST(GateTest, AnIdleConnectionKeepsNothingOfItsLastAnswer) {
  std::unique_ptr<Server> server = Started(Big(8 << 20));
  std::vector<std::unique_ptr<Wire>> wires;
  auto resident = [] {
    std::ifstream statm("/proc/self/statm");
    int64_t total = 0, pages = 0;
    statm >> total >> pages;
    return pages * 4096;
  };
  int64_t before = resident();
  for (int i = 0; i < 30; ++i) {
    wires.push_back(std::make_unique<Wire>(*server));
    wires.back()->Send(kGet);
    wires.back()->ReadUntil("\r\n\r\n");
    for (size_t left = 8 << 20; left > 0;) {
      size_t got = wires.back()->Read(std::min<size_t>(left, 1 << 20)).size();
      ASSERT_GT(got, 0u);
      left -= got;
    }
  }
  EXPECT_LT(resident() - before, 100 << 20);  // 240 MiB if each kept its own
}
#endif

TEST(GateTest, PipelinedRefusalsDoNotKeepOthersWaiting) {
  Door door;
  ServerOptions options = Options();
  options.limits.requests_max = 1;
  std::unique_ptr<Server> server = Started(Waiting(door), std::move(options));
  Wire busy(*server);
  busy.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx");
  ASSERT_TRUE(door.Waiting(1));
  Wire flood(*server);
  std::string posts;
  for (int i = 0; i < 1000; ++i) posts += "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx";
  flood.Send(posts);
  EXPECT_THAT(flood.ReadAll(), AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("Connection: close")));
  door.Open();
  EXPECT_THAT(busy.ReadAll(), HasSubstr("served /"));
}

TEST(GateTest, ALineTooManyAfterABodyIsNoRequest) {
  ServerOptions options = Options();
  options.limits.head_time = absl::Milliseconds(50);
  options.limits.keep_alive = absl::Milliseconds(200);
  std::unique_ptr<Server> server = Started(Echo, std::move(options));
  Wire wire(*server);
  wire.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok\r\n");
  std::string answers = wire.ReadAll();
  EXPECT_THAT(answers, AllOf(HasSubstr("POST / ok"), Not(HasSubstr("408"))));
}

TEST(GateTest, OneEmptyLineBeforeARequestIsAllThereMayBeHoweverTheyArrive) {
  std::unique_ptr<Server> server = Started(Echo);
  Wire at_once(*server), in_pieces(*server);
  at_once.Send("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(at_once.ReadAll(), StartsWith("HTTP/1.1 400"));
  for (char c : absl::string_view("\r\n\r\n")) in_pieces.Send(std::string(1, c));
  EXPECT_THAT(in_pieces.ReadAll(), StartsWith("HTTP/1.1 400"));
}

TEST(GateTest, WhoWindsDownServesOnAndClosesAfterEachAnswer) {
  std::unique_ptr<Server> server = Started(Echo);
  server->CloseAfterAnswers();
  for (int i = 0; i < 2; ++i) {
    Wire wire(*server);
    wire.Send(kGet);
    EXPECT_THAT(wire.ReadAll(), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("Connection: close")));
  }
}

TEST(GateTest, ACrowdedMemoryRefusesNewBodiesOnly) {
  ByteBudget budget(1'000'000);
  ByteBudget::Share others(&budget);
  others.Set(750'000);
  ServerOptions options = Options();
  options.budget = &budget;
  std::unique_ptr<Server> server = Started(Echo, std::move(options));
  Wire post(*server);
  post.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n");
  EXPECT_THAT(post.ReadAll(), StartsWith("HTTP/1.1 503"));
  Wire get(*server);
  get.Send(kGet);
  EXPECT_THAT(get.ReadUntil("GET / "), StartsWith("HTTP/1.1 200"));

  others.Set(740'000);
  Wire too_much(*server);
  too_much.Send(absl::StrCat("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n",
                             std::string(300'000, 'x')));
  EXPECT_THAT(too_much.ReadAll(), StartsWith("HTTP/1.1 503"));
  EXPECT_TRUE(testing::WaitUntil([&] { return budget.used() == 740'000; }));
}

TEST(GateTest, SmallBodiesAreReadHoweverMuchOthersHaveTaken) {
  ByteBudget budget(1'000'000);
  ByteBudget::Share others(&budget);
  others.Set(1'000'000);
  ServerOptions options = Options();
  options.budget = &budget;
  options.limits.body_bytes_reserved = 1'000;
  options.limits.body_bytes_max_for = [](const Head& head) {
    return head.target == "/small" ? 1'000 : 2'000;
  };
  std::unique_ptr<Server> server = Started(Echo, std::move(options));
  Wire small(*server);
  small.Send("POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_THAT(small.ReadUntil("hello"), StartsWith("HTTP/1.1 200"));
  Wire chunked(*server);
  chunked.Send(
      "POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  EXPECT_THAT(chunked.ReadUntil("hello"), StartsWith("HTTP/1.1 200"));
  // It is small; it may be large.
  Wire other(*server);
  other.Send("POST /large HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_THAT(other.ReadAll(), StartsWith("HTTP/1.1 503"));
}

TEST(GateTest, PipelinedRequestsAreAnsweredInOrderHoweverLongTheFirstTakes) {
  Door door;
  std::unique_ptr<Server> server = Started([&door](std::shared_ptr<const Request> request) -> Task<Response> {
    if (request->path == "/0") {
      Task<void> wait = door.Enter();
      co_await wait;
    }
    Response response;
    response.body = absl::StrCat("[", request->path, "]");
    co_return response;
  });
  Wire wire(*server);
  std::string requests, expected;
  for (int i = 0; i < 50; ++i) absl::StrAppend(&requests, "GET /", i, " HTTP/1.1\r\nHost: h\r\n\r\n");
  wire.Send(requests);
  ASSERT_TRUE(door.Waiting(1));
  door.Open();
  for (int i = 0; i < 50; ++i) {
    std::string answer = wire.ReadUntil("]");
    EXPECT_THAT(answer, ::testing::EndsWith(absl::StrCat("[/", i, "]")));
  }
}

TEST(GateTest, AClientMaySendMuchAheadOfItsAnswers) {
  std::unique_ptr<Server> server = Started(Echo);
  Wire wire(*server);
  std::string body(50'000, 'x');
  std::thread sender([&] {
    for (int i = 0; i < 100; ++i) {
      const char* last = i == 99 ? "Connection: close\r\n" : "";
      wire.Send(absl::StrCat("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50000\r\n", last, "\r\n", body));
    }
  });
  std::string answers = wire.ReadAll();
  sender.join();
  size_t count = 0;
  for (size_t at = 0; (at = answers.find("HTTP/1.1 200", at)) != std::string::npos; ++at) ++count;
  EXPECT_EQ(count, 100u);
}

TEST(GateTest, MakesRoomByClosingWhatHasBeenIdleLongest) {
  ServerOptions options = Options();
  options.limits.connections_max = 3;
  std::unique_ptr<Server> server = Started(Echo, std::move(options));
  std::vector<std::unique_ptr<Wire>> wires;
  for (int i = 0; i < 4; ++i) {
    wires.push_back(std::make_unique<Wire>(*server));
    wires.back()->Send(kGet);
    EXPECT_THAT(wires.back()->ReadUntil("GET / "), StartsWith("HTTP/1.1 200"));
  }
  EXPECT_EQ(wires[0]->ReadAll(), "");
  wires[1]->Send(kGet);
  EXPECT_THAT(wires[1]->ReadUntil("GET / "), StartsWith("HTTP/1.1 200"));
}

TEST(GateTest, SlowHeadsDoNotKeepOthersOut) {
  ServerOptions options = Options();
  options.limits.connections_max = 3;
  std::unique_ptr<Server> server = Started(Echo, std::move(options));
  std::vector<std::unique_ptr<Wire>> slow;
  for (int i = 0; i < 3; ++i) {
    slow.push_back(std::make_unique<Wire>(*server));
    slow.back()->Send("G");
  }
  Wire healthy(*server);
  absl::Time begun = absl::Now();
  healthy.Send(kGet);
  EXPECT_THAT(healthy.ReadUntil("GET / "), StartsWith("HTTP/1.1 200"));
  EXPECT_LT(absl::Now() - begun, absl::Seconds(5));  // and not after the 10 s of a head
}

TEST(GateTest, BeyondTheLimitConnectionsWaitWhileAllAreBusy) {
  Door door;
  ServerOptions options = Options();
  options.limits.connections_max = 2;
  std::unique_ptr<Server> server = Started(Waiting(door), std::move(options));
  std::vector<std::unique_ptr<Wire>> wires;
  for (int i = 0; i < 5; ++i) {
    wires.push_back(std::make_unique<Wire>(*server));
    wires.back()->Send(kGet);
  }
  ASSERT_TRUE(door.Waiting(2));
  door.Open();
  for (std::unique_ptr<Wire>& wire : wires)
    EXPECT_THAT(wire->ReadUntil("served /"), StartsWith("HTTP/1.1 200"));
}

TEST(GateTest, ARefusedClientCanReadItsAnswerAlthoughItIsStillSending) {
  ServerOptions options = Options();
  options.limits.body_bytes_max = 1000;
  std::unique_ptr<Server> server = Started(Echo, std::move(options));
  Wire wire(*server);
  wire.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n");
  wire.Send(std::string(5'000'000, 'x'));
  EXPECT_THAT(wire.ReadAll(), AllOf(StartsWith("HTTP/1.1 413"), HasSubstr("refused 413")));
}

TEST(GateTest, WhatFollowsARefusalIsNeverARequest) {
  std::atomic<int> handled{0};
  std::unique_ptr<Server> server = Started([&](std::shared_ptr<const Request> request) {
    ++handled;
    return Echo(request);
  });
  Wire wire(*server);
  wire.Send(absl::StrCat(
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      kGet));
  std::string answer = wire.ReadAll();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400"));
  EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos);
  EXPECT_EQ(handled, 0);
}

TEST(GateTest, ARefusedHeadIsAnsweredWithoutABody) {
  std::unique_ptr<Server> server = Started(Echo);
  Wire wire(*server);
  wire.Send("HEAD / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n");
  EXPECT_THAT(wire.ReadAll(), AllOf(StartsWith("HTTP/1.1 400"), ::testing::EndsWith("\r\n\r\n")));
}

TEST(GateTest, AnAnswerDoesNotWaitForMoreToSend) {
  std::unique_ptr<Server> server = Started(Big(3000));
  absl::Time begun = absl::Now();
  Wire wire(*server);
  // With Nagle's algorithm each of these waits 40 ms for the acknowledgement of the one before.
  for (int i = 0; i < 50; ++i) {
    wire.Send(kGet);
    wire.ReadUntil("\r\n\r\n");
    std::string body;
    while (body.size() < 3000) body += wire.Read(3000 - body.size());
  }
  EXPECT_LT(absl::Now() - begun, absl::Seconds(1));
}

TEST(GateTest, ARequestThatComesDuringADrainOnAnIdleConnectionIsServed) {
  std::unique_ptr<Server> server = Started(Echo);
  std::vector<std::unique_ptr<Wire>> idle;
  for (int i = 0; i < 50; ++i) idle.push_back(std::make_unique<Wire>(*server));
  // Longer than a drain waits for the next request, which must not count what was before it.
  absl::SleepFor(absl::Milliseconds(700));
  std::thread drain([&] { server->Drain(absl::Seconds(30)); });
  for (std::unique_ptr<Wire>& wire : idle) wire->Send(kGet);
  for (std::unique_ptr<Wire>& wire : idle) EXPECT_THAT(wire->ReadAll(), HasSubstr("GET / "));
  drain.join();
}

TEST(GateTest, GivesDescriptorsBack) {
  std::unique_ptr<Server> server = Started(Echo);
  int before = CountOf("/proc/self/fd");
  for (int i = 0; i < 200; ++i) {
    Wire wire(*server);
    wire.Send(i % 2 == 0 ? kGet : "GET / HTTP/1.1\r\nHo");
    if (i % 4 == 0) wire.ReadUntil("GET / ");
  }
  EXPECT_TRUE(testing::WaitUntil([&] { return CountOf("/proc/self/fd") == before; }));
}

// Handlers that end on other threads, at once or later, while their clients read, leave, or send on.
TEST(GateTest, HandsOverAndTakesBackWhateverClientsDo) {
  ServerOptions options = Options();
  options.limits.connections_max = 24;
  std::atomic<int> begun{0}, ended{0};
  std::unique_ptr<Server> server = Started(
      [&](std::shared_ptr<const Request> request) -> Task<Response> {
        int number = ++begun;
        for (int i = 0; i < number % 4; ++i) {
          ResumeOn again(&TestWorkers());
          co_await again;
        }
        Response response;
        response.body = std::string(number % 7 == 0 ? 300'000 : 10, 'b');
        ++ended;
        co_return response;
      },
      std::move(options));
  std::vector<std::thread> clients;
  for (int t = 0; t < 8; ++t) {
    clients.emplace_back([&, t] {
      std::minstd_rand random(t);
      for (int i = 0; i < 60; ++i) {
        Wire wire(*server);
        int kind = static_cast<int>(random() % 6);
        for (int requests = 0; requests < 5; ++requests) wire.Send(kGet);
        if (kind == 0) wire.Reset();
        if (kind == 1) wire.EndInput();
        if (kind == 2) wire.Send("GET / HT");
        if (kind >= 3) wire.ReadUntil("\r\n\r\n");
      }
    });
  }
  for (std::thread& client : clients) client.join();
  server->Drain(absl::Seconds(20));
  EXPECT_EQ(begun, ended);
  EXPECT_GT(begun, 100);
}

}  // namespace
}  // namespace prismatic::http
