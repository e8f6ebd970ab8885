#include "services/provider_proxy/adapters/outcome.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "services/provider_proxy/adapters/error_words.h"
#include "services/provider_proxy/adapters/json_text.h"
#include "services/provider_proxy/adapters/provider_errors.h"

namespace prismatic::provider_proxy::outcome {
namespace {

// Answers whose status alone says too little.
Outcome FromBadRequest(const ErrorWords& words) {
  // Some say as a 400 what others say as 401 or 402: xAI and Google that the key is wrong or may not be used
  // from here, OpenAI that the organisation's limit is reached. It is checked before any work, and it is no
  // fault of the client's.
  if (words.BlameCredential()) return NotStarted("unauthorized");
  if (words.BlameFunds()) return NotStarted("payment_required");
  return Rejected();
}

// Only one that says so: a bare 503 may come from a proxy that lost a busy backend.
Outcome FromUnavailable(const HttpResponse& response, const ErrorWords& words) {
  if (response.retry_after || words.SayOverloaded()) return NotStarted("overloaded", response.retry_after);
  return Failed("server_error");
}

Outcome FromTooMany(const HttpResponse& response, const ErrorWords& words) {
  if (words.BlameFunds()) return NotStarted("payment_required", response.retry_after);
  // What can never fit needs another request, not another time; elsewhere the limit is as good as the same.
  if (words.SayNeverFits()) return Rejected();
  return NotStarted("rate_limited", response.retry_after);
}

// A web application firewall blocks what it finds in one prompt and says nothing of the credential.
bool IsPage(const std::string& body) {
  constexpr size_t kHeadMax = 1 << 10;
  std::string head = absl::AsciiStrToLower(absl::string_view(body).substr(0, kHeadMax));
  absl::string_view text = head;
  absl::ConsumePrefix(&text, "\xef\xbb\xbf");
  text = absl::StripLeadingAsciiWhitespace(text);
  return absl::StartsWith(text, "<") && ContainsAny(text, {"<!doctype html", "<html", "<head", "<body"});
}

// A refusal is never offered to another provider, whatever its status is: some report a flagged prompt as
// 403, resellers pass one on as 500. A wrong refusal costs one client one request, a wrong failover sends
// refused content to somebody else; so prose counts also where it may be the prompt that is quoted. It does
// not where that wins nothing: after a 408 or 5xx nobody else is asked, and an upstream in trouble shall not
// be taken for a healthy one that refuses, only since a prompt speaks of safety.
bool IsRefusal(int status, const ErrorWords& words) {
  switch (status) {
    case 401:
      return words.NameModeration();
    case 402:
    case 404:
    case 429:
      return words.SayFlagged();
    case 400:
    case 413:
    case 422:
      return words.SpeakOfModeration();
    case 403:
      return words.SpeakOfModeration() || words.ForbidContent();
    case 451:
      return true;
    default:
      return status >= 400 && words.SpeakOfModerationThemselves();
  }
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
  ErrorWords words = ErrorWords::OfBody(response.body);
  if (IsRefusal(response.status, words)) return Moderated();
  switch (response.status) {
    case 400:
    case 422:
      return FromBadRequest(words);
    case 413:
      return Rejected();
    case 401:
      return NotStarted("unauthorized");
    case 402:
      return NotStarted("payment_required");
    case 403:
      return NotStarted(IsPage(response.body) ? "forbidden_page" : "forbidden");
    case 404:
      return NotStarted("not_found");
    case 429:
      return FromTooMany(response, words);
    case 503:
    case 529:
      return FromUnavailable(response, words);
    // By the book a 408 means that the request did not arrive whole; gateways send it when the model
    // behind them takes too long, which is a picture that may be made and paid for.
    case 408:
    case 504:
    case 524:
      return TimedOut("gateway_timeout");
    // Among them 409 (what it conflicts with may be our own request, at work), 425 (we send no early data,
    // so whoever says it does not speak of ours) and redirects, which are not followed: they prove nothing.
    default:
      return Failed(response.status >= 500 ? "server_error" : "unexpected_status");
  }
}

Outcome FromErrorObject(const json::Value& error) {
  // A code of 429 or 503 in there proves nothing: with the 200 the work had been begun.
  return ErrorWords::Of(error).SpeakOfModeration() ? Moderated() : Failed("error_in_200");
}

}  // namespace prismatic::provider_proxy::outcome
