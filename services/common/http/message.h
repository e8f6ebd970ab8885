#ifndef PRISMATIC_SERVICES_COMMON_HTTP_MESSAGE_H_
#define PRISMATIC_SERVICES_COMMON_HTTP_MESSAGE_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "services/common/byte_budget/byte_budget.h"
#include "services/common/task/cancel.h"
#include "services/common/task/task.h"

namespace prismatic::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

// The first header of that name, in any case; empty when there is none.
inline absl::string_view FindHeader(const Headers& headers, absl::string_view name) {
  for (const auto& [key, value] : headers) {
    if (absl::EqualsIgnoreCase(key, name)) return value;
  }
  return "";
}

// A complete request.
struct Request {
  std::string method;
  // Percent-decoded, without the query.
  std::string path;
  // As sent, without the query, not decoded.
  std::string raw_path;
  std::vector<std::pair<std::string, std::string>> query;
  Headers headers;
  std::string body;
  // The address that the connection comes from, without its port: a proxy's, where one is in front. What is
  // said of others (X-Forwarded-For) has no part in it.
  std::string peer;
  // Cancelled when the client is known to have gone.
  Cancellation cancellation;

  absl::string_view header(absl::string_view name) const { return FindHeader(headers, name); }
};

struct Response {
  int status = 200;
  // Content-Length and the connection's own headers are added by the server.
  Headers headers;
  std::string content_type = "application/json";
  std::string body;
  // What the body takes of the server's budget when somebody has counted it already; kept until it is sent.
  std::shared_ptr<ByteBudget::Share> share;
  // How the server ends the connection; for the sandbox, which plays broken upstreams.
  // -1: as it is. >= 0: announces the whole body, sends this many bytes, and closes.
  int cut_body_at = -1;

  Response& Header(absl::string_view name, absl::string_view value) {
    headers.emplace_back(std::string(name), std::string(value));
    return *this;
  }
};

// Handles one request, which is the handler's to take apart; may wait, never blocks. Called on a worker.
using Handler = std::function<Task<Response>(std::shared_ptr<Request>)>;

}  // namespace prismatic::http

#endif  // PRISMATIC_SERVICES_COMMON_HTTP_MESSAGE_H_
