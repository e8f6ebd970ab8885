#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_SAMPLE_IMAGE_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_SAMPLE_IMAGE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/common/byte_budget/byte_budget.h"
#include "services/common/task/cancel.h"
#include "services/common/task/task.h"
#include "services/common/task/workers.h"
#include "services/provider_proxy/routing/route_picker.h"
#include "services/provider_proxy/upstream/fetch_guard.h"
#include "services/provider_proxy/upstream_exchange.h"

namespace prismatic::provider_proxy {

// Has one image made over a route as it is for a client who wants base64: asked for in that form where the
// route can ask, and fetched where the upstream gives a URL all the same. Counts in no metric. Thread-safe.
class SampleImage {
 public:
  struct Parts {
    Workers& workers;
    UpstreamExchange& exchange;
    Fetcher& fetcher;
    // Null: nothing is counted.
    ByteBudget* bytes_in_flight = nullptr;
  };
  explicit SampleImage(Parts parts) : parts_(parts) {}

  struct Made {
    bool ok = false;
    // What came of it, and what to do about it; as check_words.h has it.
    std::string words;
  };
  // What the candidate points to lives until the task ends. Resumes on the workers.
  Task<Made> Make(CallContext call, Candidate candidate, std::string secret);

 private:
  // Looks at what the URL of the image holds, and sets its facts.
  Task<absl::Status> Fetch(CallContext call, Candidate candidate, std::shared_ptr<ByteRoom> room,
                           v1::GeneratedImage* image);

  Parts parts_;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_SAMPLE_IMAGE_H_
