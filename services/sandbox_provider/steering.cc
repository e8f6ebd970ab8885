#include "services/sandbox_provider/steering.h"

#include <algorithm>
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
constexpr int kPollsMax = 1'000'000;
// A gibibyte is a megabyte compressed.
constexpr int kBombMibMax = 1024;

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

bool SetRefusal(absl::string_view value, Steering& steering) {
  static constexpr absl::string_view kWays[] = {"error", "flagged", "text",    "filter", "prompt",
                                                "image", "request", "content", "nsfw"};
  if (value.empty()) value = "usual";
  if (value != "usual" && std::find(std::begin(kWays), std::end(kWays), value) == std::end(kWays)) {
    return false;
  }
  steering.refuse = std::string(value);
  return true;
}

bool SetPlace(absl::string_view value, Steering& steering) {
  if (value == "answer") steering.at = FaultPlace::kAnswer;
  if (value == "result") steering.at = FaultPlace::kResult;
  if (value == "picture") steering.at = FaultPlace::kPicture;
  return value == "answer" || value == "result" || value == "picture";
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
    {"refuse", SetRefusal},
    {"body", SetBody},
    {"at", SetPlace},
    {"polls", SetNumber<&Steering::polls, 0, kPollsMax>},
    {"poll_status", SetNumber<&Steering::poll_status, 300, 599>},
    {"url_only", SetFlag<&Steering::url_only>},
    {"revised", SetFlag<&Steering::revised>},
    {"usage", SetFlag<&Steering::usage>},
    {"grid", SetFlag<&Steering::grid>},
    {"thought", SetFlag<&Steering::thought>},
    {"markdown", SetFlag<&Steering::markdown>},
    {"huge_dimensions", SetFlag<&Steering::huge_dimensions>},
    {"gzip", SetFlag<&Steering::gzip>},
    {"gzip_bomb", SetNumber<&Steering::gzip_bomb_mib, 1, kBombMibMax>},
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
  absl::StrAppend(&steering.words, " ", words);
  if (wrong.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("The sandbox does not understand ", absl::StrJoin(wrong, ", "), "."));
}

Steering Here(const Steering& steering, FaultPlace place) {
  if (steering.at == place) return steering;
  Steering rest = steering;
  rest.status.reset();
  rest.retry_after_seconds.reset();
  rest.delay = absl::ZeroDuration();
  rest.cut_body_at.reset();
  rest.gzip = false;
  rest.gzip_bomb_mib.reset();
  if (rest.body == BodyFault::kHtml || rest.body == BodyFault::kBrokenJson) rest.body = BodyFault::kNone;
  return rest;
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
