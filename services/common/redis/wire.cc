#include "services/common/redis/wire.h"

#include <algorithm>
#include <utility>

namespace prismatic::redis {
namespace {

// Read at once, and how often before other sockets of the loop get their turn.
constexpr size_t kReadBytes = 64 * 1024;
constexpr int kReadsPerTurn = 16;
// What is written leaves the front of the buffer in steps of this, so that a slow reader costs no copying.
constexpr size_t kWrittenKept = 1024 * 1024;

}  // namespace

Wire::Wire(loop::Loop& loop, NodeAddress node, std::optional<TlsFiles> tls, size_t skip, Callbacks callbacks)
    : loop_(loop),
      node_(std::move(node)),
      skip_(skip),
      callbacks_(std::move(callbacks)),
      channel_(std::make_unique<Channel>(std::move(tls), node_.host)) {}

void Wire::Open() {
  state_ = State::kConnecting;
  if (!node_.unix_path.empty()) {
    addresses_.push_back(UnixAddress(node_.unix_path));
    TryNextAddress("");
    return;
  }
  std::weak_ptr<Wire> weak = weak_from_this();
  loop_.Resolve(node_.host, node_.port, [weak](absl::StatusOr<std::vector<loop::Loop::Address>> addresses) {
    std::shared_ptr<Wire> self = weak.lock();
    if (self == nullptr || self->state_ != State::kConnecting) return;
    std::string error(addresses.status().message());
    if (addresses.ok()) {
      self->addresses_ = *std::move(addresses);
      auto first = self->addresses_.begin() + static_cast<ptrdiff_t>(self->skip_ % self->addresses_.size());
      std::rotate(self->addresses_.begin(), first, self->addresses_.end());
    }
    self->TryNextAddress(std::move(error));
  });
}

void Wire::Close() {
  state_ = State::kClosed;
  watcher_.reset();
  channel_.reset();
}

// From a fresh stack: the owner may throw this wire away.
void Wire::LoseSoon(std::string why) {
  std::weak_ptr<Wire> weak = weak_from_this();
  loop_.Post([weak, why = std::move(why)] {
    std::shared_ptr<Wire> self = weak.lock();
    if (self != nullptr && self->state_ != State::kClosed) self->Lose(why);
  });
}

void Wire::Lose(absl::string_view why) {
  std::string reason(why);
  Close();
  callbacks_.lost(reason);
}

void Wire::TryNextAddress(std::string error) {
  while (next_address_ < addresses_.size()) {
    watcher_.reset();
    absl::Status begun = channel_->Connect(addresses_[next_address_++]);
    if (begun.ok()) {
      watcher_ = loop_.Watch(channel_->fd(), loop::Loop::kWritable, [this](int ready) { OnReady(ready); });
      return;
    }
    error = std::string(begun.message());
  }
  LoseSoon(std::move(error));
}

void Wire::OnReady(int ready) {
  std::shared_ptr<Wire> self = shared_from_this();
  if (state_ == State::kConnecting) {
    std::string error = channel_->ConnectError();
    if (!error.empty()) return TryNextAddress(std::move(error));
    state_ = State::kHandshaking;
  }
  if (state_ == State::kHandshaking) return Handshake();
  if (ready & loop::Loop::kReadable) Read();
  if (state_ == State::kOpen) Flush();
}

void Wire::Handshake() {
  absl::StatusOr<bool> made = channel_->Handshake();
  if (!made.ok()) return Lose(made.status().message());
  if (!*made) {
    watcher_->Set(loop::Loop::kReadable |
                  (channel_->wants_write() ? loop::Loop::kWritable : loop::Loop::kNothing));
    return;
  }
  state_ = State::kOpen;
  callbacks_.opened();
  if (state_ == State::kOpen) Flush();
}

void Wire::Append(std::string bytes) {
  bytes_appended_ += bytes.size();
  if (output_.empty()) {
    output_ = std::move(bytes);
  } else {
    output_.append(bytes);
  }
}

void Wire::Flush() {
  if (state_ != State::kOpen) return;
  while (output_begin_ < output_.size()) {
    absl::StatusOr<size_t> count = channel_->Write(absl::string_view(output_).substr(output_begin_));
    // Reading tells the owner; what the server said last may still be there to be read.
    if (!count.ok()) return LoseSoon(std::string(count.status().message()));
    if (*count == 0) break;
    output_begin_ += *count;
    bytes_written_ += *count;
  }
  bool empty = output_begin_ == output_.size();
  if (empty || output_begin_ > kWrittenKept) {
    output_.erase(0, output_begin_);
    output_begin_ = 0;
  }
  if (channel_->wants_write() && empty) (void)channel_->Write("");
  bool waits = !empty || channel_->wants_write();
  watcher_->Set(loop::Loop::kReadable | (waits ? loop::Loop::kWritable : loop::Loop::kNothing));
}

void Wire::Read() {
  if (state_ != State::kOpen) return;
  std::shared_ptr<Wire> self = shared_from_this();
  static thread_local std::vector<char> buffer(kReadBytes);
  for (int i = 0; i < kReadsPerTurn; ++i) {
    absl::StatusOr<size_t> count = channel_->Read(buffer.data(), buffer.size());
    if (!count.ok()) return Lose(count.status().message());
    if (*count == 0) return;
    absl::Status fed = reader_.Feed(absl::string_view(buffer.data(), *count));
    if (!fed.ok()) return Lose(fed.message());
    if (!TakeReplies()) return;
  }
  // More may be waiting inside of TLS, of which the descriptor knows nothing.
  std::weak_ptr<Wire> weak = self;
  loop_.Post([weak] {
    if (std::shared_ptr<Wire> wire = weak.lock()) wire->Read();
  });
}

// False when the wire was closed meanwhile.
bool Wire::TakeReplies() {
  for (;;) {
    absl::StatusOr<std::optional<Reply>> reply = reader_.Next();
    if (!reply.ok()) {
      Lose(reply.status().message());
      return false;
    }
    if (!reply->has_value()) return true;
    callbacks_.replied(**std::move(reply));
    if (state_ != State::kOpen) return false;
  }
}

}  // namespace prismatic::redis
