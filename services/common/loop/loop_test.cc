#include "services/common/loop/loop.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

namespace {

// A DNS server that does not answer, for names that begin with "slow": until they are let go.
struct SlowNames {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> asked;
  bool answered = false;

  void Ask(const char* name) {
    std::unique_lock<std::mutex> lock(mutex);
    asked.push_back(name);
    changed.notify_all();
    changed.wait(lock, [&] { return answered; });
  }
  void AwaitAsked(size_t count) {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return asked.size() >= count; });
  }
  void LetGo() {
    std::lock_guard<std::mutex> lock(mutex);
    answered = true;
    changed.notify_all();
  }
};

SlowNames slow_names;

}  // namespace

// Stands before libc's, for all that is linked here.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
  if (name != nullptr && std::string(name).rfind("slow", 0) == 0) {
    slow_names.Ask(name);
    return EAI_NONAME;
  }
  static auto* real = reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return real(name, service, hints, found);
}

namespace prismatic::loop {
namespace {

using ::testing::ElementsAre;

class SocketPair {
 public:
  SocketPair() {
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0) abort();
    here = fds[0];
    there = fds[1];
  }
  ~SocketPair() {
    close(here);
    CloseThere();
  }
  void CloseThere() {
    if (there >= 0) close(there);
    there = -1;
  }
  int here;
  int there;
};

TEST(LoopTest, PostedWorkRunsInOrderOnTheLoopsThread) {
  std::vector<int> order;
  bool in_loop = false;
  {
    Loop loop("test");
    EXPECT_FALSE(loop.InLoop());
    for (int i = 0; i < 1000; ++i) loop.Post([&order, i] { order.push_back(i); });
    loop.Post([&] { in_loop = loop.InLoop(); });
  }
  EXPECT_TRUE(in_loop);
  ASSERT_EQ(order.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(LoopTest, EveryThreadsWorkRunsBeforeTheLoopEnds) {
  int count = 0;  // of the loop's thread
  {
    Loop loop("test");
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 5000; ++j) loop.Post([&count] { ++count; });
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(count, 20000);
}

TEST(LoopTest, WorkPostedByTheLastWorkRunsToo) {
  int depth = 0;
  {
    Loop loop("test");
    loop.Post([&] { loop.Post([&] { loop.Post([&] { depth = 3; }); }); });
  }
  EXPECT_EQ(depth, 3);
}

TEST(LoopTest, WorkThatKeepsPostingDoesNotStarveTimers) {
  std::atomic<bool> fired{false};
  std::unique_ptr<Loop::Timer> timer;
  std::function<void()> again;
  std::promise<void> done;
  Loop loop("test");
  again = [&] {
    if (!fired) loop.Post(again);
  };
  loop.Post([&] {
    timer = loop.After(absl::Milliseconds(5), [&] {
      fired = true;
      done.set_value();
    });
    again();
  });
  done.get_future().wait();
}

TEST(LoopTest, TimersFireInTheOrderOfTheirDelays) {
  std::vector<int> order;
  std::vector<std::unique_ptr<Loop::Timer>> timers;
  std::promise<void> done;
  Loop loop("test");
  loop.Post([&] {
    timers.push_back(loop.After(absl::Milliseconds(40), [&] {
      order.push_back(40);
      done.set_value();
    }));
    timers.push_back(loop.After(absl::Milliseconds(10), [&] { order.push_back(10); }));
    timers.push_back(loop.After(absl::ZeroDuration(), [&] { order.push_back(0); }));
  });
  done.get_future().wait();
  EXPECT_THAT(order, ElementsAre(0, 10, 40));
}

TEST(LoopTest, TimersThatStartOneAnotherStarveNoSocket) {
  for (absl::Duration delay : {absl::ZeroDuration(), absl::Microseconds(1), absl::Milliseconds(1)}) {
    SocketPair pair;
    ASSERT_EQ(write(pair.there, "x", 1), 1);
    std::promise<void> done;
    std::atomic<bool> read{false};
    std::unique_ptr<Loop::Timer> timers[2];
    std::unique_ptr<Loop::Watcher> watcher;
    std::function<void(int)> again;
    Loop loop("test");
    again = [&](int next) {
      // Slow enough for the other timer to be due by now.
      for (auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(3);
           std::chrono::steady_clock::now() < end;) {
      }
      if (!read) timers[next] = loop.After(delay, [&again, next] { again(1 - next); });
    };
    loop.Post([&] {
      for (int i : {0, 1}) timers[i] = loop.After(delay, [&again, i] { again(i); });
      watcher = loop.Watch(pair.here, Loop::kReadable, [&](int) {
        watcher.reset();
        read = true;
        done.set_value();
      });
    });
    EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready) << delay;
    read = true;
  }
}

TEST(LoopTest, ADestroyedTimerDoesNotFire) {
  bool fired = false;
  std::promise<void> done;
  std::unique_ptr<Loop::Timer> later;
  Loop loop("test");
  loop.Post([&] {
    std::unique_ptr<Loop::Timer> timer = loop.After(absl::Milliseconds(1), [&] { fired = true; });
    timer.reset();
    later = loop.After(absl::Milliseconds(20), [&] { done.set_value(); });
  });
  done.get_future().wait();
  EXPECT_FALSE(fired);
}

TEST(LoopTest, ATimerMayDestroyItselfWhileItFires) {
  std::promise<int> done;
  std::unique_ptr<Loop::Timer> timer;
  Loop loop("test");
  loop.Post([&] {
    auto big = std::make_shared<std::string>(100, 'x');
    timer = loop.After(absl::Milliseconds(1), [&, big] {
      timer.reset();
      done.set_value(static_cast<int>(big->size()));
    });
  });
  EXPECT_EQ(done.get_future().get(), 100);
}

TEST(LoopTest, TimersAndWatchersMayOutliveTheLoop) {
  bool fired = false;
  std::unique_ptr<Loop::Timer> timer;
  std::unique_ptr<Loop::Watcher> watcher;
  SocketPair pair;
  {
    Loop loop("test");
    loop.Post([&] {
      timer = loop.After(absl::Hours(1), [&] { fired = true; });
      watcher = loop.Watch(pair.here, Loop::kReadable, [&](int) { fired = true; });
    });
  }
  timer.reset();
  watcher.reset();
  EXPECT_FALSE(fired);
}

TEST(LoopTest, WatchesReadinessUntilWhatCameIsRead) {
  SocketPair pair;
  std::unique_ptr<Loop::Watcher> watcher;
  int calls = 0;
  std::promise<std::string> read_all;
  Loop loop("test");
  loop.Post([&] {
    watcher = loop.Watch(pair.here, Loop::kReadable, [&](int ready) {
      EXPECT_EQ(ready, Loop::kReadable);
      if (++calls < 3) return;  // level-triggered: it is called again
      char buffer[16];
      ssize_t count = read(pair.here, buffer, sizeof(buffer));
      watcher.reset();
      read_all.set_value(std::string(buffer, count));
    });
  });
  ASSERT_EQ(write(pair.there, "hello", 5), 5);
  EXPECT_EQ(read_all.get_future().get(), "hello");
}

TEST(LoopTest, ReportsOnlyWhatWasAskedForLast) {
  SocketPair pair;
  std::unique_ptr<Loop::Watcher> watcher;
  std::vector<int> reports;
  std::promise<void> done;
  Loop loop("test");
  ASSERT_EQ(write(pair.there, "x", 1), 1);
  loop.Post([&] {
    watcher = loop.Watch(pair.here, Loop::kNothing, [&](int ready) {
      reports.push_back(ready);
      if (reports.size() == 1) watcher->Set(Loop::kReadable);
      if (reports.size() == 2) watcher->Set(Loop::kReadable | Loop::kWritable);
      if (reports.size() == 3) {
        watcher.reset();
        done.set_value();
      }
    });
    watcher->Set(Loop::kWritable);
  });
  done.get_future().wait();
  EXPECT_THAT(reports, ElementsAre(Loop::kWritable, Loop::kReadable, Loop::kReadable | Loop::kWritable));
}

TEST(LoopTest, AHangUpIsReportedAsReadable) {
  SocketPair pair;
  std::unique_ptr<Loop::Watcher> watcher;
  std::promise<ssize_t> end;
  Loop loop("test");
  loop.Post([&] {
    watcher = loop.Watch(pair.here, Loop::kReadable, [&](int ready) {
      char byte;
      ssize_t count = read(pair.here, &byte, 1);
      watcher.reset();
      end.set_value(count);
    });
    pair.CloseThere();
  });
  EXPECT_EQ(end.get_future().get(), 0);
}

TEST(LoopTest, AnErrorIsReportedAgainAndAgainAsEverythingAskedFor) {
  // A connect to a port where nobody listens: the port of a socket that is bound and does not listen.
  int closed = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(closed, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(getsockname(closed, reinterpret_cast<sockaddr*>(&address), &size), 0);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

  std::unique_ptr<Loop::Watcher> watcher;
  std::vector<int> reports;
  std::promise<void> done;
  Loop loop("test");
  loop.Post([&] {
    connect(fd, reinterpret_cast<sockaddr*>(&address), size);
    watcher = loop.Watch(fd, Loop::kWritable, [&](int ready) {
      reports.push_back(ready);
      if (reports.size() < 2) return;
      watcher.reset();
      done.set_value();
    });
  });
  done.get_future().wait();
  EXPECT_THAT(reports, ElementsAre(Loop::kWritable, Loop::kWritable));
  close(fd);
  close(closed);
}

TEST(LoopTest, ADescriptorIsWatchedAnewAfterItsWatcherHasGone) {
  SocketPair pair;
  std::promise<void> done;
  std::unique_ptr<Loop::Watcher> watcher;
  bool first_called = false;
  Loop loop("test");
  loop.Post([&] {
    watcher = loop.Watch(pair.here, Loop::kWritable, [&](int) { first_called = true; });
    watcher.reset();
    watcher = loop.Watch(pair.here, Loop::kWritable, [&](int) {
      watcher.reset();
      done.set_value();
    });
  });
  done.get_future().wait();
  EXPECT_FALSE(first_called);
}

TEST(LoopTest, ResolvesANameToAddressesWithThePort) {
  std::promise<absl::StatusOr<std::vector<Loop::Address>>> resolved;
  Loop loop("test");
  loop.Post([&] {
    loop.Resolve("127.0.0.1", 6379, [&](auto addresses) { resolved.set_value(std::move(addresses)); });
  });
  absl::StatusOr<std::vector<Loop::Address>> addresses = resolved.get_future().get();
  ASSERT_TRUE(addresses.ok()) << addresses.status();
  ASSERT_EQ(addresses->size(), 1u);
  const auto& found = reinterpret_cast<const sockaddr_in&>(addresses->front().storage);
  EXPECT_EQ(found.sin_family, AF_INET);
  EXPECT_EQ(ntohs(found.sin_port), 6379);
  EXPECT_EQ(ntohl(found.sin_addr.s_addr), INADDR_LOOPBACK);
}

TEST(LoopTest, SlowLookupsHoldUpNoLiteralAddressAndWhatHasNotBegunIsTakenBack) {
  std::promise<std::vector<size_t>> literals;
  std::promise<std::vector<bool>> taken_back;
  std::promise<void> both_answered;
  std::vector<std::string> answered;  // of the loop's thread, as the next
  std::vector<size_t> sizes;
  std::vector<Loop::TakeBack> take_back;
  {
    Loop loop("test");
    loop.Post([&] {
      // More than are ever looked up at a time.
      for (int i = 0; i < 8; ++i) {
        std::string name = "slow" + std::to_string(i);
        take_back.push_back(loop.Resolve(name, 1, [&, name](auto) {
          answered.push_back(name);
          if (answered.size() == 2) both_answered.set_value();
        }));
      }
      for (const char* literal : {"192.0.2.1", "2001:db8::1"}) {
        loop.Resolve(literal, 1, [&](auto addresses) {
          sizes.push_back(addresses.ok() ? addresses->front().size : 0);
          if (sizes.size() == 2) literals.set_value(sizes);
        });
      }
    });
    EXPECT_THAT(literals.get_future().get(), ElementsAre(sizeof(sockaddr_in), sizeof(sockaddr_in6)));
    slow_names.AwaitAsked(2);
    loop.Post([&] {
      std::vector<bool> taken;
      for (const Loop::TakeBack& take : take_back) taken.push_back(take());
      taken_back.set_value(taken);
    });
    EXPECT_THAT(taken_back.get_future().get(), ElementsAre(false, false, true, true, true, true, true, true));
    slow_names.LetGo();
    std::promise<void> another;
    loop.Post([&] { loop.Resolve("slow8", 1, [&](auto) { another.set_value(); }); });
    another.get_future().wait();
    // In whatever order: each has a thread of its own.
    both_answered.get_future().wait();
  }
  EXPECT_THAT(answered, ::testing::UnorderedElementsAre("slow0", "slow1"));
  EXPECT_THAT(slow_names.asked, ::testing::UnorderedElementsAre("slow0", "slow1", "slow8"));
}

TEST(LoopTest, AnUnknownNameIsUnavailable) {
  std::promise<absl::Status> resolved;
  Loop loop("test");
  loop.Post([&] {
    loop.Resolve("no host has blanks", 1, [&](auto addresses) { resolved.set_value(addresses.status()); });
  });
  absl::Status status = resolved.get_future().get();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
}

TEST(LoopTest, TheEndDropsALookupThatIsStillRunning) {
  for (int i = 0; i < 20; ++i) {
    Loop loop("test");
    loop.Post([&loop] { loop.Resolve("localhost", 1, [](auto) {}); });
  }
}

Task<bool> SleepsOnTheLoop(Loop& loop, absl::Duration delay) {
  auto sleep = loop.Sleep(delay);
  co_await sleep;
  co_return loop.InLoop();
}

TEST(LoopTest, ASleeperResumesOnTheLoopNotBeforeItsTime) {
  Loop loop("test");
  auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(Wait(SleepsOnTheLoop(loop, absl::Milliseconds(30))));
  // The loop's clock has whole milliseconds.
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(29));
}

TEST(LoopTest, ManySleepersAtOnceAllResume) {
  Loop loop("test");
  std::vector<Task<bool>> sleepers;
  for (int i = 0; i < 1000; ++i) sleepers.push_back(SleepsOnTheLoop(loop, absl::Milliseconds(i % 10)));
  std::vector<bool> resumed = Wait(WhenAll(std::move(sleepers)));
  EXPECT_EQ(resumed.size(), 1000u);
}

}  // namespace
}  // namespace prismatic::loop
