#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_OUTCOME_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_OUTCOME_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/common/json/json.h"
#include "services/provider_proxy/adapters/http_message.h"

namespace prismatic::provider_proxy {

// What one upstream call came to, and with it what may be done next.
enum class Verdict {
  // At least one usable image.
  kImages,
  // The upstream provably did not begin: the next route may be asked.
  kNotStarted,
  // Its safety system refused the content. No other route is asked.
  kModerated,
  // It finds the request wrong. No other route is asked.
  kRejected,
  // It may have done the work: no second call, unless the route says that is safe.
  kUnknown,
  // A job has begun and is to be polled. Never the end of a call.
  kPending,
};

// How to ask for a job's state.
struct Poll {
  // Without a credential; who sends it decides whether the host may see one.
  HttpRequest request;
  // Not before this has passed. Absent: as the one who polls sees fit.
  std::optional<absl::Duration> wait;
  // The job has ended, and this asks for what it came to: a 5xx is its answer, and no reason to ask again.
  bool is_result = false;
};

// What an upstream said of its images. Empty: nothing.
struct Remarks {
  std::optional<v1::Usage> usage;
  std::string size;
  std::string quality;
  std::string background;
  std::string output_format;
};

struct Outcome {
  Verdict verdict = Verdict::kUnknown;
  // For metrics and logs: one word of a short list.
  std::string label;
  // OK with images; else what the caller is told if nothing better happens elsewhere.
  absl::Status status;
  std::optional<absl::Duration> retry_after;
  std::vector<v1::GeneratedImage> images;
  Remarks remarks;
  // With kPending; absent in the answer to a poll: the same request again.
  std::optional<Poll> poll;
  // For the log, in our own words: why an answer or an image was not usable.
  std::string note;
};

namespace outcome {

Outcome NotStarted(absl::string_view label, std::optional<absl::Duration> retry_after = std::nullopt);
Outcome Moderated();
Outcome Rejected();
Outcome Failed(absl::string_view label, absl::string_view note = "");
Outcome TimedOut(absl::string_view label);
Outcome Pending(HttpRequest poll, std::optional<absl::Duration> wait = std::nullopt);

// Sorts an answer whose status is not 2xx.
Outcome FromErrorResponse(const HttpResponse& response);
// Sorts an error that came inside a 200: the error object, or the whole answer that holds one.
Outcome FromErrorObject(const json::Value& error);

}  // namespace outcome
}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_OUTCOME_H_
