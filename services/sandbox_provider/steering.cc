#include "services/sandbox_provider/steering.h"

#include <iterator>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace prismatic::sandbox {
namespace {

constexpr int kDelayMsMax = 600'000;
constexpr int kImagesMax = 10;
// Beyond any limit that the suite has, to show that it holds.
constexpr int kSizeBytesMax = 32 << 20;
constexpr int kCutMax = 1 << 30;

std::optional<int> Number(absl::string_view text, int min, int max) {
  int number;
  if (!absl::SimpleAtoi(text, &number) || number < min || number > max) return std::nullopt;
  return number;
}

bool SetBody(absl::string_view value, Steering& steering) {
  static constexpr struct {
    absl::string_view name;
    BodyFault fault;
  } kFaults[] = {{"html", BodyFault::kHtml},
                 {"broken_json", BodyFault::kBrokenJson},
                 {"empty_data", BodyFault::kEmptyData},
                 {"wrong_base64", BodyFault::kWrongBase64},
                 {"not_image", BodyFault::kNotImage}};
  for (const auto& [name, fault] : kFaults) {
    if (value != name) continue;
    steering.body = fault;
    return true;
  }
  return false;
}

bool SetDelay(absl::string_view value, Steering& steering) {
  std::optional<int> ms = Number(value, 0, kDelayMsMax);
  steering.delay = absl::Milliseconds(ms.value_or(0));
  return ms.has_value();
}

bool SetSize(absl::string_view value, Steering& steering) {
  std::optional<int> bytes = Number(value, 0, kSizeBytesMax);
  steering.size_bytes = bytes.value_or(0);
  return bytes.has_value();
}

// A word that takes a number.
template <std::optional<int> Steering::*field, int min, int max>
bool SetNumber(absl::string_view value, Steering& steering) {
  steering.*field = Number(value, min, max);
  return (steering.*field).has_value();
}

// A word that stands alone.
template <bool Steering::*field>
bool SetFlag(absl::string_view value, Steering& steering) {
  steering.*field = true;
  return value.empty();
}

constexpr struct {
  absl::string_view name;
  bool (*set)(absl::string_view value, Steering& steering);
} kWords[] = {
    {"status", SetNumber<&Steering::status, 200, 599>},
    {"retry_after", SetNumber<&Steering::retry_after_seconds, 0, 86'400>},
    {"delay_ms", SetDelay},
    {"cut", SetNumber<&Steering::cut_body_at, 0, kCutMax>},
    {"images", SetNumber<&Steering::images, 0, kImagesMax>},
    {"refuse", SetFlag<&Steering::refuse>},
    {"body", SetBody},
    {"url_only", SetFlag<&Steering::url_only>},
    {"revised", SetFlag<&Steering::revised>},
    {"usage", SetFlag<&Steering::usage>},
    {"size_bytes", SetSize},
};

bool SetWord(absl::string_view word, Steering& steering) {
  std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(word, absl::MaxSplits('=', 1));
  for (const auto& known : kWords) {
    if (known.name == parts.first) return known.set(parts.second, steering);
  }
  return false;
}

}  // namespace

absl::Status Steer(absl::string_view words, Steering& steering) {
  std::vector<std::string> wrong;
  for (absl::string_view word : absl::StrSplit(words, absl::ByAnyChar(", \t\r\n"), absl::SkipEmpty())) {
    if (!SetWord(word, steering)) wrong.push_back(absl::StrCat("`", word, "`"));
  }
  if (wrong.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("The sandbox does not understand ", absl::StrJoin(wrong, ", "), "."));
}

absl::StatusOr<DirectedPrompt> TakeDirectives(absl::string_view prompt) {
  static constexpr absl::string_view kBegin = "[[sandbox";
  static constexpr absl::string_view kEnd = "]]";
  DirectedPrompt taken;
  while (true) {
    size_t begin = prompt.find(kBegin);
    absl::StrAppend(&taken.prompt, prompt.substr(0, begin));
    if (begin == absl::string_view::npos) break;
    prompt.remove_prefix(begin + kBegin.size());
    size_t end = prompt.find(kEnd);
    if (end == absl::string_view::npos) {
      return absl::InvalidArgumentError("A `[[sandbox` directive does not end with `]]`.");
    }
    absl::StrAppend(&taken.words, " ", prompt.substr(0, end));
    prompt.remove_prefix(end + kEnd.size());
  }
  absl::StripAsciiWhitespace(&taken.prompt);
  return taken;
}

}  // namespace prismatic::sandbox
