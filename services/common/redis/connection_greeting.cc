// How a Connection comes to be: the master found, connected to, greeted and checked.

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/common/log/log.h"
#include "services/common/redis/connection.h"
#include "services/common/redis/protocol.h"
#include "services/common/redis/refusals.h"

namespace prismatic::redis {

void Connection::Connect() {
  state_ = State::kFinding;
  std::weak_ptr<Connection> weak = weak_from_this();
  finder_->Find([weak](absl::StatusOr<NodeAddress> node) {
    std::shared_ptr<Connection> self = weak.lock();
    if (self != nullptr && self->state_ == State::kFinding) self->OnFound(std::move(node));
  });
}

void Connection::OnFound(absl::StatusOr<NodeAddress> node) {
  if (!node.ok()) return Lose(std::string(node.status().message()));
  state_ = State::kConnecting;
  attempt_start_ = std::chrono::steady_clock::now();
  node_ = node->Name();
  // Held while it is called: an answer may end the client.
  std::weak_ptr<Connection> weak = weak_from_this();
  Wire::Callbacks callbacks;
  callbacks.opened = [weak] {
    if (std::shared_ptr<Connection> self = weak.lock()) self->Greet();
  };
  callbacks.replied = [weak](Reply reply) {
    if (std::shared_ptr<Connection> self = weak.lock()) self->OnReply(std::move(reply));
  };
  callbacks.lost = [weak](const std::string& why) {
    if (std::shared_ptr<Connection> self = weak.lock()) self->Lose(why);
  };
  wire_ = std::make_shared<Wire>(loop_, *std::move(node), settings_.endpoint.tls, silent_attempts_,
                                 std::move(callbacks));
  ArmTimer();
  wire_->Open();
}

// ROLE: only a master is used, whatever the sentinels or a name in the DNS say. INFO: the replication ID.
// PING: is refused as long as Redis is loading its data, as the other two are not.
void Connection::Greet() {
  state_ = State::kGreeting;
  auto send = [this](Kind kind, const std::vector<std::string>& words) {
    Enqueue(kind, FormatCommand(words), std::chrono::steady_clock::now(), nullptr);
  };
  const Credentials& credentials = settings_.endpoint.credentials;
  if (!credentials.empty()) {
    absl::StatusOr<std::string> password = credentials.Password();
    if (!password.ok()) return Lose(std::string(password.status().message()));
    std::vector<std::string> auth = {"AUTH"};
    if (!credentials.user.empty()) auth.push_back(credentials.user);
    auth.push_back(*password);
    send(Kind::kAuth, auth);
  }
  send(Kind::kRole, {"ROLE"});
  if (settings_.learn_replication) send(Kind::kInfo, {"INFO", "replication"});
  send(Kind::kPing, {"PING"});
  wire_->Flush();
}

void Connection::OnGreetingReply(Kind kind, const Reply& reply) {
  switch (kind) {
    case Kind::kRole:
      return OnRole(reply);
    case Kind::kInfo:
      replication_info_ = reply.is_error() ? "" : reply.text;
      if (IsForbidden(reply.text)) NoteError(reply.text);
      return;
    case Kind::kAuth:
    case Kind::kPing:
      if (reply.is_error()) return Lose(absl::StrCat("Redis refused the greeting: ", reply.text));
      if (kind == Kind::kPing) Establish();
      return;
    case Kind::kCommand:
    case Kind::kProbe:
    case Kind::kWait:
      return;
  }
}

void Connection::OnRole(const Reply& reply) {
  if (reply.is_error()) {
    // Where one server is named it is taken at its word. Sentinels may be behind: there it must be known.
    bool may_not_ask = IsForbidden(reply.text) && !absl::StartsWith(reply.text, "NOAUTH");
    if (may_not_ask && !settings_.endpoint.sentinel()) return NoteError(reply.text);
    return Lose(absl::StrCat("Redis refused the greeting: ", reply.text));
  }
  std::string role = reply.elements.empty() ? "unknown" : reply.elements[0].text;
  if (role == "master") return;
  if (settings_.endpoint.sentinel()) finder_->Doubt();
  if (role == "sentinel") return Lose("it is a sentinel (its URL begins with redis+sentinel://)");
  Lose(absl::StrCat("it is not the master (its role is ", role, ")"));
}

void Connection::Establish() {
  state_ = State::kConnected;
  connected_.store(true, std::memory_order_release);
  metrics_.connected.Add(1);
  backoff_ = kBackoffMin;
  silent_attempts_ = 0;
  logged_error_.clear();
  log::Info("redis connected", {{"redis", node_}, {"lane", settings_.lane}});
  if (breaker_.open()) Probe();
  ArmTimer();
  events_.connected(replication_info_);
}

}  // namespace prismatic::redis
