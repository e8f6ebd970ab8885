#ifndef PRISMATIC_GATEWAY_OPENAI_LIMIT_HEADERS_H_
#define PRISMATIC_GATEWAY_OPENAI_LIMIT_HEADERS_H_

#include "absl/strings/string_view.h"
#include "prismatic/billing/v1/billing.pb.h"
#include "services/common/http/message.h"

namespace prismatic::gateway::openai {

// x-ratelimit-{limit,remaining,reset}-METRIC, reset as a duration such as `120ms` or `6m0s`. Nothing
// when there is no limit.
void AddLimitHeaders(absl::string_view metric, const billing::v1::RateLimitStatus& limit,
                     http::Response& response);

}  // namespace prismatic::gateway::openai

#endif  // PRISMATIC_GATEWAY_OPENAI_LIMIT_HEADERS_H_
