#ifndef PRISMATIC_SERVICES_COMMON_LOOP_LOOP_H_
#define PRISMATIC_SERVICES_COMMON_LOOP_LOOP_H_

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/common/task/task.h"

namespace prismatic::loop {

// One thread that waits for sockets and timers (libuv). Nothing may block on it.
//
// Post and Sleep may be called from any thread; everything else from the loop's thread only, that
// is, inside a posted function or a callback. The destructor stops the thread: what was posted before
// runs, timers and watchers that are still there never fire again. Timers and Watchers are destroyed
// on the loop's thread, or after the loop has ended.
class Loop : public Executor {
 public:
  // `name` is the thread's, at most 15 characters.
  explicit Loop(const std::string& name);
  ~Loop() override;
  Loop(const Loop&) = delete;

  void Post(std::function<void()> work) override;
  bool InLoop() const;

  // Fires once; destroying it earlier cancels it. It may destroy itself while firing.
  class Timer {
   public:
    virtual ~Timer() = default;
  };
  // Without a delay it fires in the loop's next turn. However timers start one another, sockets get their
  // turn in between.
  std::unique_ptr<Timer> After(absl::Duration delay, std::function<void()> fire);

  // Readiness of a file descriptor, level-triggered. The watcher does not own the descriptor, and must
  // be destroyed before the descriptor is closed. It may destroy itself while it is called.
  enum Readiness : int { kNothing = 0, kReadable = 1, kWritable = 2 };
  class Watcher {
   public:
    virtual ~Watcher() = default;
    // Which of kReadable | kWritable to report from now on.
    virtual void Set(int readiness) = 0;
  };
  // `ready` gets what is ready; errors and hang-ups are reported as everything that was asked for.
  std::unique_ptr<Watcher> Watch(int fd, int readiness, std::function<void(int ready)> callback);

  struct Address {
    sockaddr_storage storage;
    socklen_t size;
  };
  // Takes a lookup back that has not begun: true, and it is never answered. False when it is under way or
  // over: it cannot be stopped, and is answered if it was not. On the loop.
  using TakeBack = std::function<bool()>;
  // Looks a host up without blocking the loop; `done` is called on the loop, later, with at least one address
  // or UNAVAILABLE: who may be gone by then looks first. Few lookups run at a time, for all the process; the
  // others wait for them, but a literal address never does. The loop's end drops what is not answered, after
  // the lookup that is running has come back.
  TakeBack Resolve(const std::string& host, int port,
                   std::function<void(absl::StatusOr<std::vector<Address>>)> done);

  // Resumes on the loop. From any thread. A coroutine that still sleeps when the loop ends never resumes.
  Task<void> Sleep(absl::Duration delay);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace prismatic::loop

#endif  // PRISMATIC_SERVICES_COMMON_LOOP_LOOP_H_
