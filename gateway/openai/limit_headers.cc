#include "gateway/openai/limit_headers.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace prismatic::gateway::openai {
namespace {

// "120ms", "1.5s", "6m0s": the form of OpenAI's reset headers.
std::string ResetText(int64_t microseconds) {
  int64_t milliseconds = (microseconds + 999) / 1000;
  if (milliseconds < 1000) return absl::StrCat(milliseconds, "ms");
  int64_t minutes = milliseconds / 60'000;
  int64_t rest = milliseconds % 60'000;
  std::string seconds = absl::StrCat(rest / 1000);
  if (rest % 1000 != 0) {
    std::string fraction = absl::StrCat(1000 + rest % 1000).substr(1);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    absl::StrAppend(&seconds, ".", fraction);
  }
  return minutes > 0 ? absl::StrCat(minutes, "m", seconds, "s") : absl::StrCat(seconds, "s");
}

}  // namespace

void AddLimitHeaders(absl::string_view metric, const billing::v1::RateLimitStatus& limit,
                     http::Response& response) {
  if (!limit.has_limit()) return;
  response.Header(absl::StrCat("x-ratelimit-limit-", metric), absl::StrCat(limit.limit()));
  response.Header(absl::StrCat("x-ratelimit-remaining-", metric), absl::StrCat(limit.remaining()));
  response.Header(absl::StrCat("x-ratelimit-reset-", metric), ResetText(limit.reset_after_us()));
}

}  // namespace prismatic::gateway::openai
