#include "services/common/redis/core.h"

#include <future>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/common/log/log.h"
#include "services/common/redis/protocol.h"

namespace prismatic::redis {
namespace {

// How often the sentinels are asked while we are connected.
constexpr absl::Duration kAskAgain = absl::Seconds(1);

SteadyTime Now() { return std::chrono::steady_clock::now(); }

bool IsFunctionNotFound(const absl::StatusOr<Reply>& reply) {
  return reply.ok() && reply->is_error() && absl::StartsWith(reply->text, "ERR Function not found");
}

bool IsLibraryThere(const Reply& loaded) {
  return !loaded.is_error() || absl::StrContains(loaded.text, "already exists");
}

std::string ReplicationId(absl::string_view info) {
  for (absl::string_view line : absl::StrSplit(info, '\n')) {
    if (absl::ConsumePrefix(&line, "master_replid:")) return std::string(absl::StripSuffix(line, "\r"));
  }
  return "";
}

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

}  // namespace

Core::Core(loop::Loop& loop, metrics::Registry& registry, const Options& options, const Endpoint& endpoint)
    : loop_(loop),
      endpoint_(endpoint),
      replication_changes_(registry.GetCounter("prismatic_redis_replication_id_changes_total",
                                               "How often another replication ID than before was met")),
      finder_(std::make_shared<MasterFinder>(loop, registry, endpoint)) {
  fast_.connection = MakeConnection(registry, options, Lane::kFast);
  lasting_.connection = MakeConnection(registry, options, Lane::kLasting);
}

std::shared_ptr<Connection> Core::MakeConnection(metrics::Registry& registry, const Options& options,
                                                 Lane lane) {
  bool lasting = lane == Lane::kLasting;
  Connection::Settings settings{.endpoint = endpoint_,
                                .lane = lasting ? "lasting" : "fast",
                                .deadline = lasting ? options.lasting_deadline : options.fast_deadline,
                                .stall_max = options.stall_max,
                                .pending_max = options.pending_max,
                                .breaker_misses = options.breaker_misses,
                                .wait_replicas = lasting ? endpoint_.wait_replicas : 0,
                                .learn_replication = lasting};
  Connection::Events events{.connected = [this, lane](const std::string& info) { OnConnected(lane, info); },
                            .demoted = [this] { OnDemoted(); }};
  return std::make_shared<Connection>(loop_, registry, finder_, std::move(settings), std::move(events));
}

void Core::Open() {
  OnLoop([self = shared_from_this()] {
    self->fast_.connection->Open();
    self->lasting_.connection->Open();
    if (self->endpoint_.sentinel()) self->AskAgainLater();
  });
}

void Core::Close() {
  if (loop_.InLoop()) return CloseOnLoop();
  std::promise<void> closed;
  loop_.Post([this, &closed] {
    CloseOnLoop();
    closed.set_value();
  });
  closed.get_future().wait();
}

void Core::CloseOnLoop() {
  closed_ = true;
  ask_again_.reset();
  finder_->Close();
  fast_.connection->Close();
  lasting_.connection->Close();
  for (auto& [id, waiter] : std::exchange(waiters_, {})) {
    loop_.Post([done = std::move(waiter.done)] { done(absl::AbortedError("the Redis client was closed")); });
  }
}

void Core::OnLoop(std::function<void()> work) {
  if (loop_.InLoop()) {
    work();
  } else {
    loop_.Post(std::move(work));
  }
}

// --- commands ---

void Core::Send(Lane lane, std::string bytes, ReplyDone done) {
  OnLoop([self = shared_from_this(), lane, start = Now(), bytes = std::move(bytes),
          done = std::move(done)]() mutable {
    self->Of(lane).connection->Send(std::move(bytes), start, std::move(done));
  });
}

void Core::SendAll(Lane lane, std::vector<std::string> commands, PipelineDone done) {
  OnLoop([self = shared_from_this(), lane, start = Now(), commands = std::move(commands),
          done = std::move(done)]() mutable {
    Connection& connection = *self->Of(lane).connection;
    absl::Status admitted = connection.Admits(commands.size());
    if (!admitted.ok()) {
      self->loop_.Post(
          [done = std::move(done), admitted = std::move(admitted)]() mutable { done(std::move(admitted)); });
      return;
    }
    auto collector = std::make_shared<Collector>(commands.size(), std::move(done));
    for (size_t i = 0; i < commands.size(); ++i) {
      connection.Send(std::move(commands[i]), start,
                      [collector, i](absl::StatusOr<Reply> reply) { collector->Set(i, std::move(reply)); });
    }
  });
}

void Core::Call(Lane lane, const FunctionLibrary* library, std::string bytes, ReplyDone done) {
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

// `number` is that of the call that found no function. A load sent after it is ahead of the repeated
// call in the same connection: a thousand calls at once load once.
void Core::LoadAndRepeat(Lane lane, const FunctionLibrary* library, uint64_t number, const std::string& bytes,
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

// --- connections ---

void Core::OnConnected(Lane lane, const std::string& replication_info) {
  Connection& mine = *Of(lane).connection;
  Connection& other = *Of(lane == Lane::kFast ? Lane::kLasting : Lane::kFast).connection;
  if (lane == Lane::kLasting) NoteReplication(replication_info);
  // A hold taken on one server is not settled on another: both lanes go to what was found last.
  if (other.connected() && other.node() != mine.node()) {
    other.Retire(absl::StrCat("the master is ", mine.node(), " now"));
  }
  if (!connected()) return;
  for (auto& [id, waiter] : std::exchange(waiters_, {})) {
    loop_.Post([done = std::move(waiter.done)] { done(absl::OkStatus()); });
  }
}

// Reads on the other lane would go on without an error, and be old.
void Core::OnDemoted() {
  fast_.connection->Retire("the server is no longer the master");
  lasting_.connection->Retire("the server is no longer the master");
}

void Core::NoteReplication(const std::string& info) {
  std::string id = ReplicationId(info);
  std::lock_guard<std::mutex> lock(mutex_);
  if (id.empty() || id == replication_.id) return;
  if (!replication_.id.empty()) {
    ++replication_.changes;
    replication_changes_.Add();
    log::Warning("redis has another replication ID: what no replica had confirmed may be lost",
                 {{"redis", lasting_.connection->node()}, {"before", replication_.id}, {"now", id}});
  }
  replication_.id = id;
}

Replication Core::replication() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return replication_;
}

void Core::AskAgainLater() {
  ask_again_ = loop_.After(kAskAgain, [this] {
    AskAgainLater();
    if (!connected()) return;
    std::weak_ptr<Core> weak = weak_from_this();
    finder_->Find([weak](absl::StatusOr<NodeAddress> node) {
      std::shared_ptr<Core> self = weak.lock();
      if (self != nullptr && !self->closed_) self->OnMasterNamed(node);
    });
  });
}

// Twice, so that an answer that crossed a failover does no harm.
void Core::OnMasterNamed(const absl::StatusOr<NodeAddress>& node) {
  if (!node.ok() || !connected()) return;
  named_another_ = node->Name() == lasting_.connection->node() ? 0 : named_another_ + 1;
  if (named_another_ < 2) return;
  named_another_ = 0;
  fast_.connection->Retire(absl::StrCat("the sentinels name another master: ", node->Name()));
  lasting_.connection->Retire(absl::StrCat("the sentinels name another master: ", node->Name()));
}

void Core::WaitUntilConnected(absl::Duration timeout, std::function<void(absl::Status)> done) {
  OnLoop([self = shared_from_this(), timeout, done = std::move(done)] {
    if (self->connected()) return done(absl::OkStatus());
    int id = self->next_waiter_++;
    std::unique_ptr<loop::Loop::Timer> timer =
        self->loop_.After(timeout, [core = self.get(), id] { core->GiveUpWaiting(id); });
    self->waiters_[id] = {std::move(timer), done};
  });
}

void Core::GiveUpWaiting(int id) {
  Waiter waiter = std::move(waiters_[id]);
  waiters_.erase(id);
  const Connection& missing = fast_.connection->connected() ? *lasting_.connection : *fast_.connection;
  waiter.done(absl::DeadlineExceededError(missing.NotConnected().message()));
}

}  // namespace prismatic::redis
