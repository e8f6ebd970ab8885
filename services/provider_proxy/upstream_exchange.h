#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_EXCHANGE_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_EXCHANGE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "services/common/byte_budget/byte_room.h"
#include "services/common/loop/loop.h"
#include "services/common/task/cancel.h"
#include "services/common/task/workers.h"
#include "services/provider_proxy/adapters/outcome.h"
#include "services/provider_proxy/routing/route_picker.h"
#include "services/provider_proxy/upstream/http_client.h"

namespace prismatic::provider_proxy {

// What the header of a credential says.
std::string AuthValue(AuthScheme scheme, const std::string& secret);

// One attempt with one credential: sends the request, follows a job until it has ended, and reads the
// answer on the workers. Decides nothing, counts nothing. Thread-safe.
class UpstreamExchange {
 public:
  struct Parts {
    loop::Loop& loop;
    Workers& workers;
    HttpClient& client;
    // For providers whose catalog entry names none; empty: none.
    std::string egress_proxy;
  };
  explicit UpstreamExchange(Parts parts) : parts_(std::move(parts)) {}

  struct Result {
    Outcome outcome;
    // HTTP status of the last answer; 0 when there was none.
    int status = 0;
    int polls = 0;
    int64_t bytes_sent = 0;
    int64_t bytes_received = 0;
    // What the images take of the generation's room.
    ByteRoom::Entry room;
  };

  // Resumes on the workers. `secret` is empty when the upstream asks for none. The provider's own deadline
  // counts from here. What the candidate points to lives until the task ends.
  Task<Result> Run(CallContext call, HttpRequest request, std::string secret, Candidate candidate, int count,
                   std::shared_ptr<ByteRoom> room);

  // What one call may take, with all that belongs to it.
  static absl::Duration TimeoutOf(const catalog::v1::Provider& provider);
  // The proxy to reach the provider through; empty: none.
  std::string EgressOf(const catalog::v1::Provider& provider) const;

 private:
  // What stays the same from the submission to the last poll.
  struct Errand {
    CallContext call;
    absl::Time until;  // the provider's own deadline
    std::string secret;
    Candidate candidate;
    int count;
    std::shared_ptr<ByteRoom> room;
  };
  Task<Result> FollowJob(std::shared_ptr<const Errand> errand, Result result);
  Task<HttpResult> Send(const Errand& errand, HttpRequest request);
  static void Read(HttpResult answer, bool polled, const Errand& errand, Result& result);

  Parts parts_;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_EXCHANGE_H_
