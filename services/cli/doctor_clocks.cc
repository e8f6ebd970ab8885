#include "services/cli/doctor_clocks.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace prismatic::cli {
namespace {

// Beyond, periods, expiry and logs of several hosts contradict each other.
constexpr int64_t kSkewWarningUs = 1'000'000;
constexpr int64_t kSkewFailedUs = 5'000'000;
// An HTTP date has whole seconds.
constexpr int64_t kDateRoundingUs = 1'000'000;

// How far a clock goes before this machine's; the answer was on its way for an unknown part of the round
// trip.
struct Skew {
  std::string clock;
  int64_t us = 0;
};

template <typename Response>
void AddSkew(const Answer<Response>& answer, absl::string_view clock, int64_t time_us, int64_t rounding_us,
             std::vector<Skew>& skews) {
  if (!answer.ok() || time_us == 0) return;
  int64_t middle = answer.sent_us + (answer.answered_us - answer.sent_us) / 2;
  int64_t unknown = (answer.answered_us - answer.sent_us) / 2 + rounding_us;
  int64_t away = time_us - middle;
  int64_t sure = std::max<int64_t>(0, std::abs(away) - unknown);
  skews.push_back({std::string(clock), away < 0 ? -sure : sure});
}

int64_t DateOf(const HttpReply& reply) {
  absl::Time date;
  std::string error;
  std::string text(reply.header("date"));
  if (!absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", text, absl::UTCTimeZone(), &date, &error)) return 0;
  return absl::ToUnixMicros(date);
}

std::vector<Skew> SkewsOf(const Answers& answers) {
  std::vector<Skew> skews;
  AddSkew(answers.registry, "model-registry", answers.registry.response.process_time_us(), 0, skews);
  AddSkew(answers.registry, "model-registry's Redis", answers.registry.response.redis_time_us(), 0, skews);
  AddSkew(answers.billing, "billing", answers.billing.response.process_time_us(), 0, skews);
  AddSkew(answers.billing, "billing's Redis", answers.billing.response.redis_time_us(), 0, skews);
  AddSkew(answers.states, "provider-proxy", answers.states.response.process_time_us(), 0, skews);
  AddSkew(answers.ready, "the gateway", DateOf(answers.ready.response), kDateRoundingUs, skews);
  return skews;
}

}  // namespace

void CheckClocks(const Answers& answers, std::vector<Finding>& findings) {
  constexpr char kName[] = "clocks";
  std::vector<Skew> skews = SkewsOf(answers);
  if (skews.empty()) return;
  bool fine = true;
  for (const Skew& skew : skews) {
    int64_t size = std::abs(skew.us);
    if (size <= kSkewWarningUs) continue;
    fine = false;
    Verdict verdict = size > kSkewFailedUs ? Verdict::kFailed : Verdict::kWarning;
    findings.push_back({verdict, kName,
                        absl::StrFormat("that of %s is %.1f s %s this machine's: set both by NTP", skew.clock,
                                        static_cast<double>(size) / 1e6, skew.us < 0 ? "behind" : "before")});
  }
  if (fine) findings.push_back({Verdict::kOk, kName, "within a second of this machine's"});
}

}  // namespace prismatic::cli
