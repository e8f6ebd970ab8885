#ifndef PRISMATIC_GATEWAY_OPENAI_REJECTIONS_H_
#define PRISMATIC_GATEWAY_OPENAI_REJECTIONS_H_

#include "absl/status/status.h"
#include "services/common/metrics/metrics.h"

namespace prismatic::gateway::openai {

// Counts what the API turns away, beside what the gate does: prismatic_http_rejected_total{reason}.
// Thread-safe.
class Rejections {
 public:
  explicit Rejections(metrics::Registry& registry);
  // What the edge alone refuses: malformed, or without a key.
  void CountMalformed(const absl::Status& status) const;
  // What was refused behind it: counted when its key, a rate limit or a full suite is why.
  void Count(const absl::Status& status) const;

 private:
  metrics::Counter auth_;
  metrics::Counter bad_request_;
  metrics::Counter overload_;
  metrics::Counter rate_limit_;
};

}  // namespace prismatic::gateway::openai

#endif  // PRISMATIC_GATEWAY_OPENAI_REJECTIONS_H_
