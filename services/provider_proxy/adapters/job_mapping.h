#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_JOB_MAPPING_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_JOB_MAPPING_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "services/common/json/json.h"
#include "services/provider_proxy/adapters/adapter.h"
#include "services/provider_proxy/adapters/endpoint.h"
#include "services/provider_proxy/adapters/outcome.h"
#include "services/provider_proxy/adapters/parameters.h"
#include "services/provider_proxy/adapters/request_object.h"

namespace prismatic::provider_proxy {

// What one call of a job is to ask for.
struct JobRequest {
  const v1::GenerateImagesRequest& request;
  const Target& target;
  const Parameters& parameters;
  int count;
};

// The words in which one vendor takes, reports and ends jobs. Pure and thread-safe, as adapters are.
class JobMapping {
 public:
  virtual ~JobMapping() = default;

  virtual const FormatFields& Fields() const = 0;
  virtual EndpointDefaults Endpoint() const = 0;
  // The submission's JSON object.
  virtual std::string WriteBody(const JobRequest& job) const = 0;

  // A 2xx to the submission, and one to a poll.
  virtual Outcome ReadSubmission(const json::Value& root, const Target& target, int count) const = 0;
  virtual Outcome ReadState(const json::Value& root, const Target& target, int count) const = 0;
  // An answer to a poll that is none, and yet speaks of the job. Never NotStarted.
  virtual Outcome ReadPollError(const HttpResponse& response) const;

 protected:
  // The job goes on and is asked for at `url`, which the upstream named.
  Outcome PollAt(absl::string_view url, const Target& target,
                 std::optional<absl::Duration> wait = std::nullopt) const;
};

// nullptr for one that is not known.
const JobMapping* MappingFor(catalog::v1::JobMapping mapping);
const JobMapping& BlackForestLabs();
const JobMapping& Fal();
const JobMapping& Replicate();

// The job goes on, and the answer did not say where to ask: the same again.
Outcome StillPending();
// It ended without images.
Outcome JobFailed(absl::string_view note);

// Whether an error's words, in lower case, blame the vendor's safety system.
bool SpeaksOfSafety(absl::string_view words);

// Everything after `?` and `&` that needs it, escaped.
std::string EscapedQuery(absl::string_view text);

// Fields that need no words of the vendor's own: negative_prompt, aspect_ratio, seed, quality, style,
// background, moderation, output_format, output_compression, user.
void WritePlainFields(const Parameters& parameters, RequestObject& object);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_JOB_MAPPING_H_
