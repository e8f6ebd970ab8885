#ifndef PRISMATIC_SERVICES_COMMON_HTTP_CONNECTION_H_
#define PRISMATIC_SERVICES_COMMON_HTTP_CONNECTION_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "services/common/http/exchange.h"
#include "services/common/http/head.h"
#include "services/common/http/limits.h"

namespace prismatic::http {

using TimePoint = std::chrono::steady_clock::time_point;

// Why a request is refused that no handler sees; what it is counted under.
enum class Rejection { kOverload, kTooLarge, kBadRequest, kHeadTimeout, kBodyTimeout };

// What a connection asks of the gate that owns it.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  // The time of this turn of the loop.
  virtual TimePoint now() const = 0;
  virtual const Limits& limits() const = 0;
  // When idle connections are to be closed soon.
  virtual bool draining() const = 0;
  // When no connection is to be used once more.
  virtual bool winding_down() const = 0;
  // A new request; null when the server is full.
  virtual std::unique_ptr<Exchange> Admit(const Head& head) = 0;
  // Gives a complete request to its handler, and nulls it; Connection::OnAnswer follows, once. Left alone
  // when the server has become full while the body came.
  virtual void HandOver(std::unique_ptr<Exchange>& exchange) = 0;
  // Tells a handler, not on this thread, that its client has gone.
  virtual void Cancel(const Cancellation& cancellation) = 0;
  virtual Response Refusal(int status, Rejection why) = 0;
};

// One client's connection: reads requests, one after the other, checks their framing, has them handled, and
// writes the answers. Never blocks. All calls come from the gate's thread; after each the gate looks at
// closed(), interest() and due().
class Connection {
 public:
  // Takes `fd`, which does not block.
  Connection(int fd, ConnectionHost& host);
  Connection(const Connection&) = delete;
  ~Connection();

  // What epoll says is ready.
  void OnEvents(uint32_t events);
  void OnAnswer(std::unique_ptr<Exchange> exchange);
  // due() is over.
  void OnDue();
  // Ends the connection now; a handler that is at work is told.
  void Abort();

  int fd() const { return fd_; }
  bool closed() const { return phase_ == Phase::kClosed; }
  // The handler has the exchange: the connection must not be freed, even when it is closed.
  bool handed_over() const { return cancellation_.has_value(); }
  // Nothing has been accepted from this client that would be lost with the connection. A request that has
  // begun counts, too, or slow ones could take all places.
  bool gives_way() const {
    return phase_ == Phase::kIdle || phase_ == Phase::kHead || phase_ == Phase::kBody ||
           phase_ == Phase::kLingering;
  }
  // When the phase began that it is in.
  TimePoint began() const { return began_; }
  // Idle connections are to be closed soon.
  void OnDrain();
  // The epoll events to wait for.
  uint32_t interest() const;
  // When OnDue is to be called; TimePoint::max() for never.
  TimePoint due() const;

 private:
  enum class Phase { kIdle, kHead, kBody, kHandling, kWriting, kLingering, kClosed };

  void Enter(Phase phase);
  void Read();
  void EndOfInput();
  // Each goes one step on; false: there is nothing to be done before something arrives.
  void Advance();
  bool Step();
  bool BeginHead();
  bool ReadHead();
  bool BeginRequest(Head head);
  bool ReadBody();
  void LookAtRate();
  bool CountBody(size_t bytes);
  bool Write();
  void HandOver();
  void BeginAnswer(Response response, bool head_only);
  // Answers with a refusal and, unless the next request's beginning is known, closes.
  void Refuse(int status, bool close = true, bool head_only = false);
  void AfterAnswer();
  void SendContinue();
  void Close();

  ConnectionHost& host_;
  int fd_;
  const std::string peer_;
  Phase phase_ = Phase::kIdle;
  // The client sends nothing more.
  bool input_ended_ = false;
  // No request follows this answer. `linger_`: the client may still be sending, and is read and dropped for
  // a while, since closing would reset the connection before it has read the answer.
  bool close_after_ = false;
  bool linger_ = false;
  TimePoint began_;  // the phase
  // kWriting: the last time that the client took something. kBody: when the window began in which its rate
  // is looked at, with so many bytes.
  TimePoint progress_;
  size_t window_bytes_ = 0;
  std::string in_;  // received and not consumed
  HeadScanner scanner_;
  bool skipped_line_ = false;
  // The request that is being read or answered. Null while its handler has it.
  std::unique_ptr<Exchange> exchange_;
  std::optional<Cancellation> cancellation_;
  std::string out_head_;
  std::string out_body_;
  size_t written_ = 0;
};

}  // namespace prismatic::http

#endif  // PRISMATIC_SERVICES_COMMON_HTTP_CONNECTION_H_
