#ifndef PRISMATIC_SERVICES_COMMON_HTTP_EXCHANGE_H_
#define PRISMATIC_SERVICES_COMMON_HTTP_EXCHANGE_H_

#include <memory>
#include <utility>

#include "services/common/byte_budget/byte_budget.h"
#include "services/common/http/chunked.h"
#include "services/common/http/head.h"
#include "services/common/http/message.h"

namespace prismatic::http {

class Connection;

// One of the requests that a server works on at a time.
class RequestSlot {
 public:
  RequestSlot() = default;
  explicit RequestSlot(int& count) : count_(&count) { ++count; }
  RequestSlot(RequestSlot&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  RequestSlot& operator=(RequestSlot&& other) noexcept {
    if (count_ != nullptr) --*count_;
    count_ = std::exchange(other.count_, nullptr);
    return *this;
  }
  ~RequestSlot() {
    if (count_ != nullptr) --*count_;
  }

 private:
  int* count_ = nullptr;
};

// One request and its answer. It has one owner at a time: the connection while it is read and answered, the
// handler in between. It is made and destroyed on the gate's thread.
struct Exchange {
  // Lives at least as long as the exchange.
  Connection* connection = nullptr;
  Head head;
  ChunkedReader chunks;
  std::shared_ptr<Request> request = std::make_shared<Request>();
  Response response;
  // What the body takes, and later the answer.
  ByteBudget::Share bytes;
  // Until the answer is there.
  RequestSlot slot;
};

}  // namespace prismatic::http

#endif  // PRISMATIC_SERVICES_COMMON_HTTP_EXCHANGE_H_
