#ifndef PRISMATIC_SERVICES_COMMON_TASK_TASK_H_
#define PRISMATIC_SERVICES_COMMON_TASK_TASK_H_

#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace prismatic {

// A coroutine that computes a T. Lazy: it runs when it is awaited, once; it resumes on whatever
// thread finishes what it waits for. Parameters of a Task function are taken by value.
//
// g++ 12: bind what is awaited to a named local; temporaries inside a co_await expression are
// mishandled.
template <typename T>
class [[nodiscard]] Task;

namespace task_internal {

struct FinalAwaiter {
  bool await_ready() noexcept { return false; }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) noexcept {
    std::coroutine_handle<> next = done.promise().continuation;
    return next ? next : std::noop_coroutine();
  }
  void await_resume() noexcept {}
};

struct PromiseBase {
  std::coroutine_handle<> continuation;
  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  // We throw nothing; what the standard library throws (bad_alloc) ends the process.
  void unhandled_exception() noexcept { std::terminate(); }
};

template <typename T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <typename U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T Take() { return std::move(*value); }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() {}
  void Take() {}
};

}  // namespace task_internal

template <typename T>
class [[nodiscard]] Task {
 public:
  using promise_type = task_internal::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) noexcept {
    handle_.promise().continuation = waiting;
    return handle_;
  }
  T await_resume() { return handle_.promise().Take(); }

 private:
  Handle handle_;
};

namespace task_internal {

template <typename T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

// A coroutine that nobody waits for; its frame frees itself at the end.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

// The task's frame, with all that it held, is gone when `done` is called: what is told may end the owner
// of what the frame refers to, and an answer that is handed over must not keep its making in memory.
template <typename T>
Detached RunThen(Task<T> task, std::function<void(T)> done) {
  std::optional<T> result;
  {
    Task<T> running = std::move(task);
    T value = co_await running;
    result.emplace(std::move(value));
  }
  done(*std::move(result));
}
inline Detached RunThenVoid(Task<void> task, std::function<void()> done) {
  {
    Task<void> running = std::move(task);
    co_await running;
  }
  if (done) done();
}

}  // namespace task_internal

// Starts `task` on this thread; `done` gets its value on whatever thread it ends on, when the task's frame
// is gone.
template <typename T>
void Start(Task<T> task, std::function<void(T)> done) {
  task_internal::RunThen(std::move(task), std::move(done));
}
inline void Start(Task<void> task, std::function<void()> done = nullptr) {
  task_internal::RunThenVoid(std::move(task), std::move(done));
}

// Starts `task` and blocks this thread until it has ended: for main functions, tests, and threads
// that exist to wait. Never inside a gRPC handler or on a loop.
template <typename T>
T Wait(Task<T> task) {
  std::mutex mutex;
  std::condition_variable ended;
  std::optional<T> value;
  Start<T>(std::move(task), [&](T result) {
    std::lock_guard<std::mutex> lock(mutex);
    value.emplace(std::move(result));
    ended.notify_one();
  });
  std::unique_lock<std::mutex> lock(mutex);
  ended.wait(lock, [&] { return value.has_value(); });
  return std::move(*value);
}
inline Task<bool> ThenTrue(Task<void> task) {
  co_await task;
  co_return true;
}
inline void Wait(Task<void> task) { Wait<bool>(ThenTrue(std::move(task))); }

// Turns a callback into something to await:
//
//   auto reply = Callback<int>([&](std::function<void(int)> done) { StartSomething(done); });
//   int value = co_await reply;
//
// `done` must be called exactly once, from any thread, also before the starter returns; the coroutine
// resumes inside that call.
template <typename T>
class [[nodiscard]] Callback {
 public:
  using Done = std::function<void(T)>;
  explicit Callback(std::function<void(Done)> start) : start_(std::move(start)) {}
  Callback(const Callback&) = delete;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    // The frame may be gone before start returns, hence the local copy.
    std::function<void(Done)> start = std::move(start_);
    start([this, waiting](T value) {
      value_.emplace(std::move(value));
      waiting.resume();
    });
  }
  T await_resume() { return std::move(*value_); }

 private:
  std::function<void(Done)> start_;
  std::optional<T> value_;
};

// Runs all tasks at once and gives their values in order.
template <typename T>
Task<std::vector<T>> WhenAll(std::vector<Task<T>> tasks) {
  if (tasks.empty()) co_return std::vector<T>();
  auto values = std::make_shared<std::vector<std::optional<T>>>(tasks.size());
  auto left = std::make_shared<std::atomic<size_t>>(tasks.size());
  Callback<bool> all([&tasks, values, left](Callback<bool>::Done done) {
    std::vector<Task<T>> mine = std::move(tasks);
    for (size_t i = 0; i < mine.size(); ++i) {
      Start<T>(std::move(mine[i]), [i, values, left, done](T value) {
        (*values)[i].emplace(std::move(value));
        if (left->fetch_sub(1) == 1) done(true);
      });
    }
  });
  co_await all;
  std::vector<T> result;
  result.reserve(values->size());
  for (std::optional<T>& value : *values) result.push_back(std::move(*value));
  co_return result;
}

// A place where work runs: a loop's thread or a set of workers.
class Executor {
 public:
  virtual ~Executor() = default;
  // Runs `work` soon, in order of posting per executor thread. Thread-safe.
  virtual void Post(std::function<void()> work) = 0;
};

// co_await ResumeOn(&executor): what follows runs there.
class ResumeOn {
 public:
  explicit ResumeOn(Executor* executor) : executor_(executor) {}
  bool await_ready() const noexcept { return executor_ == nullptr; }
  void await_suspend(std::coroutine_handle<> waiting) {
    executor_->Post([waiting] { waiting.resume(); });
  }
  void await_resume() const noexcept {}

 private:
  Executor* executor_;
};

}  // namespace prismatic

#endif  // PRISMATIC_SERVICES_COMMON_TASK_TASK_H_
