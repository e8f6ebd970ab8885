#include "services/common/redis/client.h"

#include <future>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/common/log/log.h"
#include "services/common/redis/connection.h"
#include "services/common/redis/protocol.h"
#include "services/common/redis/url.h"

namespace prismatic::redis {
namespace {

SteadyTime Now() { return std::chrono::steady_clock::now(); }

// A Redis that answers so has not begun to execute the command.
bool IsRefusalToStart(absl::string_view error) {
  return absl::StartsWith(error, "LOADING ") || absl::StartsWith(error, "BUSY ") ||
         absl::StartsWith(error, "CLUSTERDOWN ");
}

absl::StatusOr<Reply> ErrorsAsStatus(absl::StatusOr<Reply> reply) {
  if (!reply.ok() || !reply->is_error()) return reply;
  if (IsRefusalToStart(reply->text)) return absl::UnavailableError(reply->text);
  return absl::FailedPreconditionError(reply->text);
}

bool IsFunctionNotFound(const absl::StatusOr<Reply>& reply) {
  return reply.ok() && reply->is_error() && absl::StartsWith(reply->text, "ERR Function not found");
}

bool IsLibraryThere(const Reply& loaded) {
  return !loaded.is_error() || absl::StrContains(loaded.text, "already exists");
}

using PipelineDone = std::function<void(absl::StatusOr<std::vector<Reply>>)>;

// Collects the answers of a pipeline.
class Collector {
 public:
  Collector(size_t count, PipelineDone done) : replies_(count), left_(count), done_(std::move(done)) {}

  void Set(size_t index, absl::StatusOr<Reply> reply) {
    if (reply.ok()) {
      replies_[index] = *std::move(reply);
    } else {
      ++failed_;
      bool not_executed = absl::IsUnavailable(reply.status());
      if (not_executed) ++unavailable_;
      if (failure_.ok() || (absl::IsUnavailable(failure_) && !not_executed)) failure_ = reply.status();
    }
    if (--left_ == 0) Finish();
  }

 private:
  void Finish() {
    if (failed_ == 0) return done_(std::move(replies_));
    bool some_executed = unavailable_ < replies_.size();
    if (absl::IsUnavailable(failure_) && some_executed) failure_ = absl::AbortedError(failure_.message());
    done_(std::move(failure_));
  }

  std::vector<Reply> replies_;
  size_t left_;
  size_t failed_ = 0;
  size_t unavailable_ = 0;
  absl::Status failure_;
  PipelineDone done_;
};

// What lives on the loop. Posted work shares it, so that it may outlive the client.
class Core : public std::enable_shared_from_this<Core> {
 public:
  Core(loop::Loop& loop, metrics::Registry& registry, const Options& options, const Endpoint& endpoint)
      : loop_(loop) {
    auto make = [&](const std::string& name, absl::Duration deadline) {
      return std::make_shared<Connection>(loop, registry,
                                          Connection::Settings{.endpoint = endpoint,
                                                               .lane = name,
                                                               .deadline = deadline,
                                                               .stall_max = options.stall_max,
                                                               .pending_max = options.pending_max},
                                          [this] { OnConnected(); });
    };
    fast_.connection = make("fast", options.fast_deadline);
    lasting_.connection = make("lasting", options.lasting_deadline);
  }

  void Open() {
    OnLoop([self = shared_from_this()] {
      self->fast_.connection->Open();
      self->lasting_.connection->Open();
    });
  }

  // Returns when the connections are closed.
  void Close() {
    if (loop_.InLoop()) return CloseOnLoop();
    std::promise<void> closed;
    loop_.Post([this, &closed] {
      CloseOnLoop();
      closed.set_value();
    });
    closed.get_future().wait();
  }

  bool connected() const { return fast_.connection->connected() && lasting_.connection->connected(); }

  void Send(Lane lane, std::string bytes, ReplyDone done) {
    OnLoop([self = shared_from_this(), lane, start = Now(), bytes = std::move(bytes),
            done = std::move(done)]() mutable {
      self->Of(lane).connection->Send(std::move(bytes), start, std::move(done));
    });
  }

  void SendAll(Lane lane, std::vector<std::string> commands, PipelineDone done) {
    OnLoop([self = shared_from_this(), lane, start = Now(), commands = std::move(commands),
            done = std::move(done)]() mutable {
      Connection& connection = *self->Of(lane).connection;
      absl::Status admitted = connection.Admits(commands.size());
      if (!admitted.ok()) {
        self->loop_.Post([done = std::move(done), admitted = std::move(admitted)]() mutable {
          done(std::move(admitted));
        });
        return;
      }
      auto collector = std::make_shared<Collector>(commands.size(), std::move(done));
      for (size_t i = 0; i < commands.size(); ++i) {
        connection.Send(std::move(commands[i]), start,
                        [collector, i](absl::StatusOr<Reply> reply) { collector->Set(i, std::move(reply)); });
      }
    });
  }

  void Call(Lane lane, const FunctionLibrary* library, std::string bytes, ReplyDone done) {
    OnLoop([self = shared_from_this(), lane, library, start = Now(), bytes = std::move(bytes),
            done = std::move(done)] {
      Connection& connection = *self->Of(lane).connection;
      uint64_t number = connection.next_number();
      connection.Send(bytes, start, [self, lane, library, number, bytes, done](absl::StatusOr<Reply> reply) {
        if (!IsFunctionNotFound(reply)) return done(std::move(reply));
        self->LoadAndRepeat(lane, library, number, bytes, done);
      });
    });
  }

  void WaitUntilConnected(absl::Duration timeout, std::function<void(absl::Status)> done) {
    OnLoop([self = shared_from_this(), timeout, done = std::move(done)] {
      if (self->connected()) return done(absl::OkStatus());
      int id = self->next_waiter_++;
      std::unique_ptr<loop::Loop::Timer> timer =
          self->loop_.After(timeout, [core = self.get(), id] { core->GiveUpWaiting(id); });
      self->waiters_[id] = {std::move(timer), done};
    });
  }

 private:
  struct LaneState {
    std::shared_ptr<Connection> connection;
    // By library: the number of the newest command that loads it.
    std::map<std::string, uint64_t> loads;
  };
  struct Waiter {
    std::unique_ptr<loop::Loop::Timer> timer;
    std::function<void(absl::Status)> done;
  };

  void OnLoop(std::function<void()> work) {
    if (loop_.InLoop()) {
      work();
    } else {
      loop_.Post(std::move(work));
    }
  }

  LaneState& Of(Lane lane) { return lane == Lane::kFast ? fast_ : lasting_; }

  // `number` is that of the call that found no function. A load sent after it is ahead of the repeated
  // call in the same connection: a thousand calls at once load once.
  void LoadAndRepeat(Lane lane, const FunctionLibrary* library, uint64_t number, const std::string& bytes,
                     ReplyDone done) {
    LaneState& state = Of(lane);
    Connection& connection = *state.connection;
    auto load_error = std::make_shared<std::string>();
    uint64_t& newest_load = state.loads[library->name];
    // A load that the connection would not take was never sent: the next call tries again.
    if (newest_load < number && connection.connected()) {
      newest_load = connection.next_number();
      connection.Send(
          FormatCommand({"FUNCTION", "LOAD", library->source}), Now(),
          [load_error, name = library->name](absl::StatusOr<Reply> loaded) {
            if (!loaded.ok() || IsLibraryThere(*loaded)) return;
            *load_error = loaded->text;
            log::Error("redis refused a function library", {{"library", name}, {"error", loaded->text}});
          });
    }
    connection.Send(bytes, Now(), [load_error, done = std::move(done)](absl::StatusOr<Reply> reply) {
      if (IsFunctionNotFound(reply) && !load_error->empty()) reply->text = *load_error;
      done(std::move(reply));
    });
  }

  void OnConnected() {
    if (!connected()) return;
    for (auto& [id, waiter] : std::exchange(waiters_, {})) {
      loop_.Post([done = std::move(waiter.done)] { done(absl::OkStatus()); });
    }
  }

  void GiveUpWaiting(int id) {
    Waiter waiter = std::move(waiters_[id]);
    waiters_.erase(id);
    const Connection& missing = fast_.connection->connected() ? *lasting_.connection : *fast_.connection;
    waiter.done(absl::DeadlineExceededError(missing.NotConnected().message()));
  }

  void CloseOnLoop() {
    fast_.connection->Close();
    lasting_.connection->Close();
    for (auto& [id, waiter] : std::exchange(waiters_, {})) {
      loop_.Post(
          [done = std::move(waiter.done)] { done(absl::AbortedError("the Redis client was closed")); });
    }
  }

  loop::Loop& loop_;
  LaneState fast_;
  LaneState lasting_;
  std::map<int, Waiter> waiters_;
  int next_waiter_ = 0;
};

class ClientImpl final : public Client {
 public:
  explicit ClientImpl(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  ~ClientImpl() override { core_->Close(); }

  Task<absl::StatusOr<Reply>> Command(Lane lane, std::vector<std::string> words) override {
    if (words.empty()) co_return absl::InvalidArgumentError("an empty Redis command");
    std::string bytes = FormatCommand(words);
    Callback<absl::StatusOr<Reply>> answer(
        [&](ReplyDone done) { core_->Send(lane, std::move(bytes), std::move(done)); });
    absl::StatusOr<Reply> reply = co_await answer;
    co_return ErrorsAsStatus(std::move(reply));
  }

  Task<absl::StatusOr<std::vector<Reply>>> Pipeline(Lane lane,
                                                    std::vector<std::vector<std::string>> commands) override {
    if (commands.empty()) co_return std::vector<Reply>();
    std::vector<std::string> formatted;
    for (const std::vector<std::string>& words : commands) {
      if (words.empty()) co_return absl::InvalidArgumentError("an empty Redis command");
      formatted.push_back(FormatCommand(words));
    }
    Callback<absl::StatusOr<std::vector<Reply>>> answer(
        [&](PipelineDone done) { core_->SendAll(lane, std::move(formatted), std::move(done)); });
    absl::StatusOr<std::vector<Reply>> replies = co_await answer;
    co_return replies;
  }

  Task<absl::StatusOr<Reply>> Call(Lane lane, const FunctionLibrary& library, std::string function,
                                   std::vector<std::string> keys,
                                   std::vector<std::string> arguments) override {
    std::vector<std::string> words = {"FCALL", absl::StrCat(library.name, "_", function),
                                      absl::StrCat(keys.size())};
    words.insert(words.end(), keys.begin(), keys.end());
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::string bytes = FormatCommand(words);
    Callback<absl::StatusOr<Reply>> answer(
        [&](ReplyDone done) { core_->Call(lane, &library, std::move(bytes), std::move(done)); });
    absl::StatusOr<Reply> reply = co_await answer;
    co_return ErrorsAsStatus(std::move(reply));
  }

  bool connected() const override { return core_->connected(); }

  Task<absl::Status> WaitUntilConnected(absl::Duration timeout) override {
    Callback<absl::Status> answer(
        [&](Callback<absl::Status>::Done done) { core_->WaitUntilConnected(timeout, std::move(done)); });
    absl::Status connected = co_await answer;
    co_return connected;
  }

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Create(loop::Loop& loop, metrics::Registry& metrics,
                                                       Options options) {
  absl::StatusOr<Endpoint> endpoint = ParseUrl(options.url);
  if (!endpoint.ok()) return endpoint.status();
  log::RegisterSecret(endpoint->password);
  auto core = std::make_shared<Core>(loop, metrics, options, *endpoint);
  core->Open();
  return std::make_unique<ClientImpl>(std::move(core));
}

}  // namespace prismatic::redis
