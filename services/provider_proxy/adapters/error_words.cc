#include "services/provider_proxy/adapters/error_words.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/provider_proxy/adapters/json_text.h"

namespace prismatic::provider_proxy {
namespace {

// Room for an error that quotes a prompt; what is larger is a page of somebody in between.
constexpr size_t kErrorBodyMax = 1 << 20;
constexpr size_t kCodeMax = 128;
constexpr size_t kCodesMax = 32;
constexpr size_t kMessageMax = 16 << 10;
constexpr int kDepthMax = 6;
constexpr size_t kElementsMax = 16;

bool IsOneOf(absl::string_view text, std::initializer_list<absl::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// Somewhere below it stands `"filtered": true`, as Azure writes what its filter found.
bool SaysFiltered(const json::Value& value, int depth) {
  if (depth > kDepthMax) return false;
  for (const auto& [key, member] : value.members()) {
    if (key == "filtered" && member.Bool() == true) return true;
    if (SaysFiltered(member, depth + 1)) return true;
  }
  return false;
}

}  // namespace

ErrorWords ErrorWords::Of(const json::Value& value) {
  ErrorWords words;
  words.Read(value, 0);
  return words;
}

ErrorWords ErrorWords::OfBody(const std::string& body) {
  if (body.size() > kErrorBodyMax) return {};
  absl::StatusOr<json::Document> document = json::Document::Parse(body);
  if (document.ok()) return Of(document->root());
  ErrorWords words;
  // A page of HTML talks of anything, with its scripts and links.
  absl::string_view text = absl::StripLeadingAsciiWhitespace(body);
  if (!absl::StartsWith(text, "<")) words.message_ = absl::AsciiStrToLower(text.substr(0, kMessageMax));
  return words;
}

void ErrorWords::Read(const json::Value& value, int depth) {
  if (depth > kDepthMax) return;
  if (value.is_string()) return AddMessage(value);
  size_t elements = 0;
  for (const json::Value& each : value.elements()) {
    if (++elements > kElementsMax) break;
    Read(each, depth + 1);
  }
  for (const auto& [key, member] : value.members()) ReadMember(key, member, depth);
}

void ErrorWords::ReadMember(absl::string_view key, const json::Value& value, int depth) {
  if (IsOneOf(key, {"code", "type", "status", "reason", "name"})) {
    std::optional<std::string> text =
        value.is_string() && value.raw().size() <= kCodeMax ? value.String() : std::nullopt;
    if (text && codes_.size() < kCodesMax) codes_.push_back(absl::AsciiStrToLower(*text));
  } else if (IsOneOf(key, {"message", "msg", "title", "raw"})) {
    AddMessage(value);
  } else if (IsOneOf(key,
                     {"error", "errors", "detail", "details", "innererror", "inner_error", "metadata"})) {
    Read(value, depth + 1);
  } else if (IsOneOf(key, {"content_filter_result", "content_filter_results"})) {
    flagged_ = flagged_ || SaysFiltered(value, depth);
  } else if (IsOneOf(key, {"flagged_input", "flagged_categories"})) {
    flagged_ = flagged_ || !value.is_null();
  }
}

void ErrorWords::AddMessage(const json::Value& text) {
  if (!text.is_string() || text.raw().size() > kErrorBodyMax || message_.size() >= kMessageMax) return;
  std::string words = text.String().value_or("");
  if (words.size() > kMessageMax) words.resize(kMessageMax);
  absl::StrAppend(&message_, absl::AsciiStrToLower(words), "\n");
}

bool ErrorWords::HasCode(std::initializer_list<absl::string_view> codes) const {
  return std::any_of(codes_.begin(), codes_.end(),
                     [&](const std::string& code) { return IsOneOf(code, codes); });
}

bool ErrorWords::HasCodeLike(std::initializer_list<absl::string_view> parts) const {
  return std::any_of(codes_.begin(), codes_.end(),
                     [&](const std::string& code) { return ContainsAny(code, parts); });
}

bool ErrorWords::NameModeration() const {
  return flagged_ ||
         HasCodeLike({"moderation", "content_policy", "contentpolicy", "content_filter", "contentfilter",
                      "content_violation", "contentviolation", "policy_violation", "policyviolation",
                      "safety", "sensitivecontent", "sensitive_content", "datainspectionfailed",
                      "data_inspection_failed", "prohibited_content", "nsfw"});
}

bool ErrorWords::SpeakOfModeration() const {
  if (NameModeration()) return true;
  // A code that names the field's fault is believed before the prose is read.
  if (HasCode(
          {"invalid_value", "unknown_parameter", "unsupported_parameter", "missing_required_parameter"})) {
    return false;
  }
  // The account is blocked, not this request.
  if (absl::StrContains(message_, "resource has been temporarily blocked")) return false;
  return ContainsAny(message_, {"safety system",
                                "safety_violations",
                                "safety filter",
                                "safety checker",
                                "content policy",
                                "content_policy",
                                "content policies",
                                "content management policy",
                                "content moderation",
                                "content_filter",
                                "moderation_blocked",
                                "was flagged",
                                "been flagged",
                                "flagged as",
                                "flagged by",
                                "flagged for",
                                "sensitive words",
                                "sensitive content",
                                "sensitive information",
                                "responsible ai",
                                "nsfw",
                                "inappropriate content",
                                "prohibited content",
                                "prohibited_content"});
}

bool ErrorWords::SayOverloaded() const {
  return HasCodeLike(
             {"overloaded", "slow_down", "slowdown", "rate_limit", "ratelimit", "resource_exhausted"}) ||
         ContainsAny(message_, {"overloaded", "at capacity", "too many requests"});
}

bool ErrorWords::BlameCredential() const {
  // xAI says it in words alone. Only at the beginning, where no upstream quotes a prompt: nobody shall have a
  // credential taken out of use by what he writes.
  return HasCode({"invalid_api_key", "api_key_invalid", "failed_precondition"}) ||
         absl::StartsWith(message_, "incorrect api key");
}

bool ErrorWords::BlameFunds() const {
  return HasCode({"insufficient_quota", "billing_hard_limit_reached", "credit_balance_exhausted",
                  "insufficient_credits", "insufficient_balance"});
}

}  // namespace prismatic::provider_proxy
