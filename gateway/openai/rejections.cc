#include "gateway/openai/rejections.h"

#include "services/common/http/server.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::openai {
namespace {

metrics::Counter CounterOf(metrics::Registry& registry, const char* reason) {
  return http::RejectedCounter(registry, "prismatic_http", reason);
}

}  // namespace

Rejections::Rejections(metrics::Registry& registry)
    : auth_(CounterOf(registry, "auth")),
      bad_request_(CounterOf(registry, "bad_request")),
      overload_(CounterOf(registry, "overload")),
      rate_limit_(CounterOf(registry, "rate_limit")) {}

void Rejections::CountMalformed(const absl::Status& status) const {
  bool no_key = HasReason(status, common::v1::ERROR_REASON_INVALID_API_KEY);
  (no_key ? auth_ : bad_request_).Add();
}

void Rejections::Count(const absl::Status& status) const {
  switch (ReasonOf(status)) {
    case common::v1::ERROR_REASON_INVALID_API_KEY:
    case common::v1::ERROR_REASON_ACCOUNT_SUSPENDED:
    case common::v1::ERROR_REASON_MODEL_NOT_ALLOWED:
      return auth_.Add();
    case common::v1::ERROR_REASON_RATE_LIMIT_EXCEEDED:
      return rate_limit_.Add();
    case common::v1::ERROR_REASON_SERVER_IS_OVERLOADED:
      return overload_.Add();
    default:
      return;
  }
}

}  // namespace prismatic::gateway::openai
