#include "services/model_registry/operators/first_owner.h"

#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/common/log/log.h"
#include "services/common/status/status.h"
#include "services/model_registry/operators/audit_entries.h"
#include "services/model_registry/operators/operator_errors.h"

namespace prismatic::model_registry {
namespace {

// No operator can be called so.
constexpr char kActor[] = "first start";

}  // namespace

FirstOwner::FirstOwner(loop::Loop& loop, OperatorStore& store, Passwords& passwords, std::string file,
                       std::function<void()> settled)
    : store_(store), passwords_(passwords), settled_(std::move(settled)), file_(std::move(file)) {
  loop.Post([this] { Try(); });
  ticker_ = std::make_unique<loop::Ticker>(loop, kInterval, [this] { Try(); });
}

FirstOwner::~FirstOwner() {
  ticker_.reset();
  std::unique_lock<std::mutex> lock(mutex_);
  ended_.wait(lock, [this] { return !trying_; });
}

void FirstOwner::Try() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (done_ || trying_) return;
    trying_ = true;
  }
  Start<absl::Status>(Attempt(), [this](absl::Status status) { EndTry(status); });
}

Task<absl::Status> FirstOwner::Attempt() {
  // What was begun is ended first: whether our hash is there is not known after a lost answer.
  if (hash_.empty()) {
    auto has = store_.HasOperators();
    absl::StatusOr<bool> others = co_await has;
    if (!others.ok()) co_return others.status();
    if (*others) co_return absl::OkStatus();
  }
  auto prepare = Prepare();
  absl::Status prepared = co_await prepare;
  if (!prepared.ok()) co_return prepared;
  v1::AuditEntry entry = MakeAuditEntry(kActor, "operator.create", kFirstOwner);
  AddChange(entry, "role", "", RoleName(v1::ROLE_OWNER));
  auto put = store_.PutFirst(kFirstOwner, hash_, std::move(entry));
  absl::StatusOr<bool> ours = co_await put;
  if (!ours.ok()) co_return ours.status();
  Conclude(*ours);
  co_return absl::OkStatus();
}

Task<absl::Status> FirstOwner::Prepare() {
  if (hash_.empty()) {
    password_ = Passwords::Random();
    auto make_hash = passwords_.Hash(Passwords::Caller::kKnown, password_);
    absl::StatusOr<std::string> hash = co_await make_hash;
    if (!hash.ok()) co_return hash.status();
    // On the passwords' thread, which may wait for the disk.
    if (file_.wanted()) {
      absl::Status written = file_.Write(password_);
      if (!written.ok()) co_return written;
    }
    hash_ = *std::move(hash);
  }
  co_return absl::OkStatus();
}

void FirstOwner::Conclude(bool ours) {
  if (!ours) {
    file_.Remove();
  } else if (file_.wanted()) {
    log::Info("the first operator was made", {{"name", kFirstOwner}, {"password_file", file_.path()}});
  } else {
    // Not into the log: logs are kept, and read by many.
    std::printf("The first operator is `%s`, its password: %s\n", kFirstOwner, password_.c_str());
    std::fflush(stdout);
    log::Info("the first operator was made", {{"name", kFirstOwner}});
  }
  password_.clear();
}

void FirstOwner::EndTry(const absl::Status& status) {
  // Anything that Redis has no part in is the file's, and does not go away by itself.
  bool stuck = !status.ok() && ReasonOf(status) == common::v1::ERROR_REASON_UNSPECIFIED;
  bool tell = false;
  bool complain = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    done_ = status.ok();
    tell = (done_ || stuck) && !std::exchange(settled_told_, true);
    complain = stuck && !std::exchange(complained_, true);
  }
  if (complain) {
    log::Error("the first operator's password cannot be written; nobody can log in until it can",
               {{"password_file", file_.path()}, {"error", status.message()}});
  }
  if (tell && settled_) settled_();
  std::lock_guard<std::mutex> lock(mutex_);
  trying_ = false;
  ended_.notify_all();
}

}  // namespace prismatic::model_registry
