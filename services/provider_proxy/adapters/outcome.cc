#include "services/provider_proxy/adapters/outcome.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/provider_proxy/adapters/provider_errors.h"

namespace prismatic::provider_proxy::outcome {
namespace {

// What an error body says of itself, in lower case.
struct ErrorWords {
  std::string code;
  std::string type;
  std::string message;
};

std::string LowerText(const json::Value* value) {
  if (value == nullptr) return "";
  std::optional<std::string> text = value->String();
  return text ? absl::AsciiStrToLower(*text) : "";
}

// `{"error":{...}}`, `{"error":"..."}`, `{"detail":{"error":"..."}}`, `{"code":..,"message":..}`.
ErrorWords WordsOf(const json::Value& error) {
  ErrorWords words;
  if (error.is_string()) {
    words.message = LowerText(&error);
    return words;
  }
  words.code = LowerText(error.Find("code"));
  words.type = LowerText(error.Find("type"));
  words.message = LowerText(error.Find("message"));
  // Azure puts the filter's verdict one level deeper.
  if (const json::Value* inner = error.FindNonNull("innererror"); inner != nullptr) {
    absl::StrAppend(&words.type, " ", LowerText(inner->Find("code")));
  }
  return words;
}

ErrorWords WordsOfBody(const std::string& body) {
  // Error bodies are small; what is larger is a page of somebody in between.
  constexpr size_t kErrorBodyMax = 64 << 10;
  if (body.size() > kErrorBodyMax) return {};
  absl::StatusOr<json::Document> document = json::Document::Parse(body);
  if (!document.ok()) return {};
  const json::Value& root = document->root();
  if (const json::Value* error = root.FindNonNull("error"); error != nullptr) return WordsOf(*error);
  if (const json::Value* detail = root.FindNonNull("detail"); detail != nullptr) {
    if (const json::Value* error = detail->FindNonNull("error"); error != nullptr) return WordsOf(*error);
    return WordsOf(*detail);
  }
  return WordsOf(root);
}

bool ContainsAny(absl::string_view text, std::initializer_list<absl::string_view> words) {
  for (absl::string_view word : words) {
    if (absl::StrContains(text, word)) return true;
  }
  return false;
}

bool SpeaksOfModeration(const ErrorWords& words) {
  for (const std::string* field : {&words.code, &words.type}) {
    if (ContainsAny(*field, {"moderation", "content_policy", "contentpolicy", "content_filter",
                             "contentfilter", "responsibleaipolicy", "content_violation", "safety"})) {
      return true;
    }
  }
  // A code that names the field's fault is believed before the prose is read.
  if (words.code == "invalid_value" || words.code == "unknown_parameter") return false;
  return ContainsAny(words.message, {"safety system", "safety_violations", "content policy", "content_policy",
                                     "content management policy", "content moderation", "was flagged"});
}

bool SaysOverloaded(const ErrorWords& words) {
  for (const std::string* field : {&words.code, &words.type}) {
    if (ContainsAny(*field, {"overloaded", "slow_down", "rate_limit"})) return true;
  }
  return false;
}

}  // namespace

Outcome NotStarted(absl::string_view label, std::optional<absl::Duration> retry_after) {
  Outcome outcome;
  outcome.verdict = Verdict::kNotStarted;
  outcome.label = std::string(label);
  outcome.status = error::UpstreamError();
  outcome.retry_after = retry_after;
  return outcome;
}

Outcome Moderated() {
  Outcome outcome;
  outcome.verdict = Verdict::kModerated;
  outcome.label = "moderation_blocked";
  outcome.status = error::ModerationBlocked();
  return outcome;
}

Outcome Rejected() {
  Outcome outcome;
  outcome.verdict = Verdict::kRejected;
  outcome.label = "rejected";
  outcome.status = error::RejectedByUpstream();
  return outcome;
}

Outcome Failed(absl::string_view label, absl::string_view note) {
  Outcome outcome;
  outcome.verdict = Verdict::kUnknown;
  outcome.label = std::string(label);
  outcome.status = error::UpstreamError();
  outcome.note = std::string(note);
  return outcome;
}

Outcome TimedOut(absl::string_view label) {
  Outcome outcome = Failed(label);
  outcome.status = error::UpstreamTimeout();
  return outcome;
}

Outcome Pending(HttpRequest poll, std::optional<absl::Duration> wait) {
  Outcome outcome;
  outcome.verdict = Verdict::kPending;
  outcome.label = "pending";
  outcome.poll = Poll{.request = std::move(poll), .wait = wait};
  return outcome;
}

Outcome FromErrorResponse(const HttpResponse& response) {
  ErrorWords words = WordsOfBody(response.body);
  switch (response.status) {
    case 400:
    case 422:
      return SpeaksOfModeration(words) ? Moderated() : Rejected();
    case 413:
      return Rejected();
    case 401:
      return NotStarted("unauthorized");
    case 402:
      return NotStarted("payment_required");
    case 403:
      // Some report a flagged prompt as 403; asking another provider with it would be a way around.
      return SpeaksOfModeration(words) ? Moderated() : NotStarted("forbidden");
    case 404:
      return NotStarted("not_found");
    case 429:
      return NotStarted("rate_limited", response.retry_after);
    case 451:
      return Moderated();
    case 503:
    case 529:
      // Only one that says so: a bare 503 may come from a proxy that lost a busy backend.
      if (response.retry_after || SaysOverloaded(words))
        return NotStarted("overloaded", response.retry_after);
      return Failed("server_error");
    case 504:
    case 524:
      return TimedOut("gateway_timeout");
    default:
      return Failed(response.status >= 500 ? "server_error" : "unexpected_status");
  }
}

Outcome FromErrorObject(const json::Value& error) {
  return SpeaksOfModeration(WordsOf(error)) ? Moderated() : Failed("error_in_200");
}

}  // namespace prismatic::provider_proxy::outcome
