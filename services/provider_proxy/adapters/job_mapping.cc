#include "services/provider_proxy/adapters/job_mapping.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/provider_proxy/adapters/json_text.h"

namespace prismatic::provider_proxy {
namespace {

// The longest that any of these vendors gives has some 200 bytes.
constexpr size_t kPollUrlMax = 2048;

// A web address that every reader takes apart in the same way.
bool IsPollUrl(absl::string_view url) {
  if (url.size() > kPollUrlMax) return false;
  if (!absl::StartsWithIgnoreCase(url, "https://") && !absl::StartsWithIgnoreCase(url, "http://"))
    return false;
  if (!std::all_of(url.begin(), url.end(), [](char c) { return absl::ascii_isgraph(c); })) return false;
  absl::string_view rest = url.substr(url.find("//") + 2);
  absl::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  return !authority.empty() && authority.find_first_of("@\\") == absl::string_view::npos;
}

}  // namespace

Outcome JobMapping::ReadPollError(const HttpResponse& response) const {
  Outcome outcome = outcome::FromErrorResponse(response);
  if (outcome.verdict == Verdict::kModerated) return outcome;
  // The job was begun: what cannot be asked for may have been made, and costs.
  if (response.status == 404 || response.status == 410) return outcome::Failed("job_lost");
  return outcome::Failed("unexpected_status", "while polling");
}

Outcome JobMapping::PollAt(absl::string_view url, const Target& target,
                           std::optional<absl::Duration> wait) const {
  if (!IsPollUrl(url)) return outcome::Failed("bad_answer", "no usable URL to poll");
  HttpRequest http = AddressedRequest(target, Endpoint(), false);
  http.method = "GET";
  http.url = std::string(url);
  http.headers.erase(
      std::remove_if(http.headers.begin(), http.headers.end(),
                     [](const auto& header) { return absl::EqualsIgnoreCase(header.first, "Content-Type"); }),
      http.headers.end());
  return outcome::Pending(std::move(http), wait);
}

const JobMapping* MappingFor(catalog::v1::JobMapping mapping) {
  switch (mapping) {
    case catalog::v1::JOB_MAPPING_BLACK_FOREST_LABS:
      return &BlackForestLabs();
    case catalog::v1::JOB_MAPPING_FAL:
      return &Fal();
    case catalog::v1::JOB_MAPPING_REPLICATE:
      return &Replicate();
    default:
      return nullptr;
  }
}

Outcome StillPending() {
  Outcome outcome = outcome::Pending({});
  outcome.poll.reset();
  return outcome;
}

Outcome JobFailed(absl::string_view note) { return outcome::Failed("job_failed", note); }

bool SpeaksOfSafety(absl::string_view words) {
  return ContainsAny(words, {"nsfw", "safety", "flagged", "moderat", "content policy", "content_policy",
                             "prohibited content"});
}

std::string EscapedQuery(absl::string_view text) {
  std::string out;
  for (char c : text) {
    if (absl::ascii_isalnum(c) || absl::StrContains("-._~", c)) {
      out += c;
    } else {
      absl::StrAppend(&out, "%", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return out;
}

void WritePlainFields(const Parameters& parameters, RequestObject& object) {
  auto text = [&](absl::string_view name, const std::optional<std::string>& value) {
    if (value) object.Field(name, name).String(*value);
  };
  text("negative_prompt", parameters.negative_prompt);
  text("aspect_ratio", parameters.aspect_ratio);
  if (parameters.seed) object.Field("seed", "seed").Int(*parameters.seed);
  text("quality", parameters.quality);
  text("style", parameters.style);
  text("background", parameters.background);
  text("moderation", parameters.moderation);
  text("output_format", parameters.output_format);
  if (parameters.output_compression) {
    object.Field("output_compression", "output_compression").Int(*parameters.output_compression);
  }
  text("user", parameters.user);
}

}  // namespace prismatic::provider_proxy
