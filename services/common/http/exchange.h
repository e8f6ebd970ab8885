#ifndef PRISMATIC_SERVICES_COMMON_HTTP_EXCHANGE_H_
#define PRISMATIC_SERVICES_COMMON_HTTP_EXCHANGE_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "services/common/http/message.h"
#include "services/common/http/socket.h"

namespace prismatic::http {

// One request and its answer on one connection.
struct Exchange {
  int fd = -1;
  const Socket* socket = nullptr;
  std::shared_ptr<Request> request;
  // What the library would do wrong is refused with this status before it reads the body.
  int refusal = 0;
  // The library has read the body, so the next bytes on the connection begin a request.
  bool body_read = false;
  // The handler's answer is in the library's response.
  bool answered = false;
  bool close = false;
};

// Waits on the connection's own thread for a handler, and meanwhile for the client to go, which
// cancels the request.
class AnswerWait {
 public:
  AnswerWait();
  ~AnswerWait();
  AnswerWait(const AnswerWait&) = delete;

  Response Run(const Handler& handler, std::shared_ptr<Request> request, int client_fd);

 private:
  enum State { kRunning, kWaitedFor, kDone };
  void Done(Response response);
  void WaitOrCancel(Cancellation& cancellation, int client_fd);

  int done_fd_;
  std::atomic<State> state_{kRunning};
  std::optional<Response> response_;  // written before state_ becomes kDone
};

}  // namespace prismatic::http

#endif  // PRISMATIC_SERVICES_COMMON_HTTP_EXCHANGE_H_
