#ifndef PRISMATIC_SERVICES_CLI_HTTP_POST_H_
#define PRISMATIC_SERVICES_CLI_HTTP_POST_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace prismatic::cli {

struct HttpPostRequest {
  std::string url;
  std::string bearer_token;
  std::string json_body;
  absl::Duration timeout;
};

struct HttpGetRequest {
  std::string url;
  // Empty: none is sent.
  std::string bearer_token;
  absl::Duration timeout;
};

struct HttpReply {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  // In any case; empty when absent.
  absl::string_view header(absl::string_view name) const;
};

// Sends the body and waits for the whole answer, of whatever status. Unreachable when none came.
// Follows no redirect, so that the key goes nowhere else.
absl::StatusOr<HttpReply> HttpPost(const HttpPostRequest& request);
// The same without a body, of what changes nothing.
absl::StatusOr<HttpReply> HttpGet(const HttpGetRequest& request);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_HTTP_POST_H_
