#ifndef PRISMATIC_SERVICES_COMMON_REDIS_WIRE_H_
#define PRISMATIC_SERVICES_COMMON_REDIS_WIRE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/common/loop/loop.h"
#include "services/common/redis/channel.h"
#include "services/common/redis/protocol.h"
#include "services/common/redis/reply.h"
#include "services/common/redis/url.h"

namespace prismatic::redis {

// One connection to one server, from looking up its host to its end: bytes out, replies in. It has no
// deadlines and is not made anew: its owner throws it away. All of it belongs to the loop's thread; a
// shared_ptr holds it. No callback comes after Close, nor from inside Open and Send.
class Wire : public std::enable_shared_from_this<Wire> {
 public:
  struct Callbacks {
    // Connected, TLS included: bytes may be sent.
    std::function<void()> opened;
    std::function<void(Reply)> replied;
    // Called once; it is closed by then.
    std::function<void(const std::string& why)> lost;
  };
  // `skip` of the host's addresses are tried last: for who knows that the first ones do not answer.
  Wire(loop::Loop& loop, NodeAddress node, std::optional<TlsFiles> tls, size_t skip, Callbacks callbacks);

  void Open();
  // What is not written yet never goes.
  void Close();

  // Takes bytes that Flush writes.
  void Append(std::string bytes);
  void Flush();
  // Takes what has come, also when the loop has not told yet.
  void Read();

  // Counted from the beginning. What is not written has not left this process.
  uint64_t bytes_appended() const { return bytes_appended_; }
  uint64_t bytes_written() const { return bytes_written_; }

 private:
  enum class State { kNew, kConnecting, kHandshaking, kOpen, kClosed };

  void LoseSoon(std::string why);
  void TryNextAddress(std::string error);
  void OnReady(int ready);
  void Handshake();
  void Lose(absl::string_view why);
  bool TakeReplies();

  loop::Loop& loop_;
  const NodeAddress node_;
  const size_t skip_;
  const Callbacks callbacks_;

  State state_ = State::kNew;
  std::vector<loop::Loop::Address> addresses_;
  size_t next_address_ = 0;
  std::unique_ptr<Channel> channel_;
  std::unique_ptr<loop::Loop::Watcher> watcher_;  // destroyed before channel_
  ReplyReader reader_;
  std::string output_;
  size_t output_begin_ = 0;  // of what is not written yet
  uint64_t bytes_appended_ = 0;
  uint64_t bytes_written_ = 0;
};

}  // namespace prismatic::redis

#endif  // PRISMATIC_SERVICES_COMMON_REDIS_WIRE_H_
