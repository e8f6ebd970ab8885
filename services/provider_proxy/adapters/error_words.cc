#include "services/provider_proxy/adapters/error_words.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "services/provider_proxy/adapters/json_text.h"

namespace prismatic::provider_proxy {
namespace {

// Room for an error that quotes a prompt; what is larger is a page of somebody in between.
constexpr size_t kErrorBodyMax = 1 << 20;
constexpr size_t kCodeMax = 128;
constexpr size_t kCodesMax = 32;
// Of all messages together.
constexpr size_t kMessageMax = 16 << 10;
constexpr size_t kMessagesMax = 64;
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

bool GivesReasons(const json::Value& metadata) {
  const json::Value* reasons = metadata.FindNonNull("reasons");
  return reasons != nullptr && !reasons->elements().empty() && reasons->elements().front().is_string();
}

constexpr size_t kNowhere = absl::string_view::npos;

// Where the first of them begins.
size_t FirstOf(absl::string_view text, std::initializer_list<absl::string_view> words) {
  size_t first = kNowhere;
  for (absl::string_view word : words) first = std::min(first, text.find(word));
  return first;
}

bool IsNameCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '/';
}

// Where a word that begins so stands by itself: not in `omni-moderation`, `generateContent` or
// `content-type`.
size_t FindWord(absl::string_view text, absl::string_view beginning) {
  for (size_t at = text.find(beginning); at != kNowhere; at = text.find(beginning, at + 1)) {
    size_t end = at + beginning.size();
    while (end < text.size() && absl::ascii_isalpha(static_cast<unsigned char>(text[end]))) ++end;
    bool begins = at == 0 || !IsNameCharacter(text[at - 1]);
    if (begins && (end == text.size() || !IsNameCharacter(text[end]))) return at;
  }
  return kNowhere;
}

// A quotation mark, typographic ones too, and no apostrophe; or a new line.
bool IsQuotationMark(absl::string_view text, size_t at) {
  if (text[at] == '\'') {
    bool apostrophe = at > 0 && at + 1 < text.size() && absl::ascii_isalnum(text[at - 1]) &&
                      absl::ascii_isalnum(text[at + 1]);
    return !apostrophe;
  }
  if (text[at] == '"' || text[at] == '`' || text[at] == '\n') return true;
  absl::string_view rest = text.substr(at);
  return absl::StartsWith(rest, "\xe2\x80\x98") || absl::StartsWith(rest, "\xe2\x80\x9c") ||
         absl::StartsWith(rest, "\xe2\x80\x9e") || absl::StartsWith(rest, "\xc2\xab");
}

bool IsColonBeforeText(absl::string_view text, size_t at) {
  return text[at] == ':' && !absl::StripAsciiWhitespace(text.substr(at + 1)).empty();
}

// What the upstream says itself: up to a quotation mark, or to `prompt:` and the like.
absl::string_view OwnWords(absl::string_view message) {
  for (size_t at = 0; at < message.size(); ++at) {
    if (IsQuotationMark(message, at)) return message.substr(0, at);
    if (!IsColonBeforeText(message, at)) continue;
    for (absl::string_view name : {"prompt", "input", "text", "description", "caption", "query"}) {
      if (absl::EndsWith(message.substr(0, at), name)) return message.substr(0, at);
    }
  }
  return message;
}

// Short, and neither a quotation mark nor a colon with text behind it: an upstream that quotes needs one of
// them.
bool CannotQuote(absl::string_view message) {
  constexpr size_t kOwnWordsMax = 120;
  if (message.size() > kOwnWordsMax) return false;
  for (size_t at = 0; at < message.size(); ++at) {
    if (IsQuotationMark(message, at) || IsColonBeforeText(message, at)) return false;
  }
  return true;
}

// How refusals are worded.
constexpr std::initializer_list<absl::string_view> kRefusals = {
    "safety system",
    "safety_violations",
    "safety filter",
    "safety check",
    "content policy",
    "content_policy",
    "content policies",
    "content management policy",
    "content moderation",
    "content moderated",
    "request moderated",
    "prompt moderated",
    "advanced moderation",
    "moderation failed",
    "failed moderation",
    "by moderation",
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
    "prohibited_content",
    "unsafe content",
    "explicit content",
    "usage policies",
    "usage guidelines",
    "prompt violates",
    "prompt may violate",
    "content violates",
    "content may violate",
    "image violates",
    "image may violate",
};

// Those that no prompt holds by chance.
constexpr std::initializer_list<absl::string_view> kRefusalNames = {
    "safety_violations", "content_policy_violation", "content_filter", "moderation_blocked",
    "prohibited_content"};

// What is held against the account, and not against this request.
constexpr std::initializer_list<absl::string_view> kAccounts = {
    "resource has been", "resource was",        "resource is",           "account has been",
    "account was",       "account is",          "account violates",      "organization has been",
    "organization was",  "organization is",     "key has been",          "key was",
    "key violates",      "flagged for unusual", "flagged for suspicious"};

// What a 402, 404 or 429 is about when it is no refusal.
constexpr std::initializer_list<absl::string_view> kLimitsAndNames = {
    "account",        "traffic",       "ip address",   "rate limit", "rate_limit",     "ratelimit",
    "quota",          "too many",      "requests per", "not found",  "does not exist", "not exist",
    "no such",        "unknown model", "no endpoints", "deprecat",   "insufficient",   "limit reached",
    "limit exceeded", "not available", "not supported"};

// What is held against the account comes first where it is meant; what threatens it comes behind.
bool Refuses(absl::string_view message, absl::string_view own) {
  return FirstOf(message, kRefusals) < FirstOf(own, kAccounts);
}

bool Flags(absl::string_view message) {
  absl::string_view own = OwnWords(message);
  size_t other = FirstOf(own, kLimitsAndNames);
  size_t flagged = FirstOf(message, {"flagged", "content polic", "safety system"});
  if (flagged < other && flagged < FirstOf(own, kAccounts)) return true;
  if (other != kNowhere) return false;
  return FindWord(message, "moderation") != kNowhere || FindWord(message, "moderated") != kNowhere ||
         FindWord(message, "moderator") != kNowhere;
}

bool Forbids(absl::string_view own) {
  bool prompt = FindWord(own, "prompt") != kNowhere;
  if (!prompt && FindWord(own, "content") == kNowhere) return false;
  // Of the account, its resources and rights, or of HTTP.
  if (ContainsAny(own, {"account", "resource", "organization", "organisation", "subscription", "billing",
                        "content type", "access to", "to access", "country", "region"})) {
    return false;
  }
  if (prompt && absl::StrContains(own, "blocked")) return true;
  return ContainsAny(own, {"violat", "policy", "policies", "not allowed", "disallowed", "prohibited"});
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
  absl::string_view text = body;
  absl::ConsumePrefix(&text, "\xef\xbb\xbf");
  text = absl::StripLeadingAsciiWhitespace(text);
  if (!absl::StartsWith(text, "<")) words.AddMessage(std::string(text.substr(0, kMessageMax)));
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
    if (key == "metadata") has_reasons_ = has_reasons_ || GivesReasons(value);
  } else if (IsOneOf(key, {"content_filter_result", "content_filter_results"})) {
    flagged_ = flagged_ || SaysFiltered(value, depth);
  } else if (IsOneOf(key, {"flagged_input", "flagged_categories"})) {
    flagged_ = flagged_ || !value.is_null();
  }
}

void ErrorWords::AddMessage(const json::Value& text) {
  if (text.is_string() && text.raw().size() <= kErrorBodyMax) AddMessage(text.String().value_or(""));
}

void ErrorWords::AddMessage(std::string text) {
  absl::string_view stripped = absl::StripAsciiWhitespace(text);
  if (stripped.empty() || messages_.size() >= kMessagesMax) return;
  messages_.push_back(absl::AsciiStrToLower(stripped.substr(0, kMessageMax - messages_size_)));
  messages_size_ += messages_.back().size();
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
         HasCodeLike({"moderation", "moderated", "content_policy", "contentpolicy", "content_filter",
                      "contentfilter", "content_violation", "contentviolation", "policy_violation",
                      "policyviolation", "safety", "sensitivecontent", "sensitive_content",
                      "datainspectionfailed", "data_inspection_failed", "prohibited_content", "nsfw"});
}

bool ErrorWords::SpeakOfModeration() const {
  if (NameModeration() || has_reasons_) return true;
  // A code that names the field's fault is believed before the prose is read.
  if (HasCode(
          {"invalid_value", "unknown_parameter", "unsupported_parameter", "missing_required_parameter"})) {
    return false;
  }
  return std::any_of(messages_.begin(), messages_.end(),
                     [](const std::string& message) { return Refuses(message, OwnWords(message)); });
}

bool ErrorWords::SpeakOfModerationThemselves() const {
  if (NameModeration()) return true;
  return std::any_of(messages_.begin(), messages_.end(), [](const std::string& message) {
    absl::string_view own = OwnWords(message);
    return Refuses(own, own) || FirstOf(message, kRefusalNames) != kNowhere;
  });
}

bool ErrorWords::SayFlagged() const {
  return NameModeration() || std::any_of(messages_.begin(), messages_.end(), Flags);
}

bool ErrorWords::ForbidContent() const {
  return std::any_of(messages_.begin(), messages_.end(),
                     [](const std::string& message) { return Forbids(OwnWords(message)); });
}

bool ErrorWords::SayOverloaded() const {
  if (HasCodeLike({"overloaded", "at capacity", "at_capacity", "too many requests", "too_many_requests",
                   "slow_down", "slowdown", "rate_limit", "ratelimit", "resource_exhausted"})) {
    return true;
  }
  return std::any_of(messages_.begin(), messages_.end(), [](const std::string& message) {
    return CannotQuote(message) && ContainsAny(message, {"overloaded", "at capacity", "too many requests"});
  });
}

bool ErrorWords::SayNeverFits() const {
  // OpenAI says it in words alone, with the code of a limit that lets a later call through. Only at the
  // beginning, where no upstream quotes a prompt.
  return HasCode({"request_too_large"}) ||
         (!messages_.empty() && absl::StartsWith(messages_.front(), "request too large for "));
}

bool ErrorWords::BlameCredential() const {
  // xAI says it in words alone. Only at the beginning, where no upstream quotes a prompt: nobody shall have a
  // credential taken out of use by what he writes.
  return HasCode({"invalid_api_key", "api_key_invalid", "failed_precondition"}) ||
         (!messages_.empty() && absl::StartsWith(messages_.front(), "incorrect api key"));
}

bool ErrorWords::BlameFunds() const {
  return HasCode({"insufficient_quota", "billing_hard_limit_reached", "credit_balance_exhausted",
                  "insufficient_credits", "insufficient_balance"});
}

}  // namespace prismatic::provider_proxy
