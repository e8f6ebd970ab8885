#include "services/common/http/exchange.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

namespace prismatic::http {

AnswerWait::AnswerWait() : done_fd_(eventfd(0, EFD_CLOEXEC)) {}

AnswerWait::~AnswerWait() { close(done_fd_); }

Response AnswerWait::Run(const Handler& handler, std::shared_ptr<Request> request, int client_fd) {
  state_ = kRunning;
  Cancellation cancellation = request->cancellation;
  Start<Response>(handler(std::move(request)), [this](Response response) { Done(std::move(response)); });
  State running = kRunning;
  // Most answers are there at once; only the others cost system calls.
  if (state_.compare_exchange_strong(running, kWaitedFor)) WaitOrCancel(cancellation, client_fd);
  return *std::exchange(response_, std::nullopt);
}

void AnswerWait::Done(Response response) {
  response_.emplace(std::move(response));
  if (state_.exchange(kDone) == kWaitedFor) eventfd_write(done_fd_, 1);
}

void AnswerWait::WaitOrCancel(Cancellation& cancellation, int client_fd) {
  pollfd events[2] = {{done_fd_, POLLIN, 0}, {client_fd, POLLRDHUP, 0}};
  while (true) {
    poll(events, 2, -1);
    if ((events[0].revents & POLLIN) != 0) break;
    if (events[1].revents != 0) {
      // poll ignores negative descriptors.
      events[1].fd = -1;
      cancellation.Cancel();
    }
  }
  eventfd_t count;
  eventfd_read(done_fd_, &count);
}

}  // namespace prismatic::http
