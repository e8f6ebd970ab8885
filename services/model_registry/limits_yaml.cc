#include "services/model_registry/limits_yaml.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/model_registry/catalog_keys.h"
#include "services/model_registry/catalog_words.h"

namespace prismatic::model_registry {
namespace {

namespace pb = catalog::v1;

constexpr size_t kChoicesMax = 64;
// As of a delivered image.
constexpr int32_t kSideMax = 16'384;
constexpr int32_t kSideMultipleMax = 1'024;

// Digits that begin with no zero: 1 to `max`.
std::optional<int> PlainNumber(absl::string_view text, int max) {
  int number = 0;
  bool digits = !text.empty() && text.size() <= 6 && text[0] != '0' &&
                std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
  if (!digits || !absl::SimpleAtoi(text, &number) || number > max) return std::nullopt;
  return number;
}

// A number from above 0 to `max`, with at most 2 decimals.
bool IsNumberTo(absl::string_view text, double max) {
  size_t point = text.find('.');
  absl::string_view decimals = point == absl::string_view::npos ? "0" : text.substr(point + 1);
  absl::string_view whole = text.substr(0, point);
  bool plain = !whole.empty() && whole.size() <= 5 && !decimals.empty() && decimals.size() <= 2 &&
               (whole == "0" || whole[0] != '0') &&
               std::all_of(whole.begin(), whole.end(), absl::ascii_isdigit) &&
               std::all_of(decimals.begin(), decimals.end(), absl::ascii_isdigit);
  double number = 0;
  return plain && absl::SimpleAtod(text, &number) && number > 0 && number <= max;
}

struct Sides {
  int width = 0;
  int height = 0;
};

std::optional<Sides> SidesOf(absl::string_view size) {
  size_t x = size.find('x');
  if (x == absl::string_view::npos) return std::nullopt;
  std::optional<int> width = PlainNumber(size.substr(0, x), kSideMax);
  std::optional<int> height = PlainNumber(size.substr(x + 1), kSideMax);
  if (!width.has_value() || !height.has_value()) return std::nullopt;
  return Sides{*width, *height};
}

// `2K`, `0.5K`, `512`.
bool IsTier(absl::string_view size) {
  if (absl::EndsWithIgnoreCase(size, "k")) return IsNumberTo(size.substr(0, size.size() - 1), 16);
  return PlainNumber(size, kSideMax).has_value();
}

std::string CheckSize(absl::string_view size) {
  bool fine = size == "auto" || SidesOf(size).has_value() || IsTier(size);
  return fine ? ""
              : "must be a size such as 1024x1024 with sides from 1 to 16384, a tier such as 2K, or auto";
}

std::string CheckRatio(absl::string_view ratio) {
  size_t colon = ratio.find(':');
  bool fine =
      ratio == "auto" || (colon != absl::string_view::npos && IsNumberTo(ratio.substr(0, colon), 10'000) &&
                          IsNumberTo(ratio.substr(colon + 1), 10'000));
  return fine ? "" : "must be a ratio of two numbers such as 16:9, or auto";
}

// As what a client may send.
std::string CheckChoice(absl::string_view text) {
  bool fine = !text.empty() && text.size() <= 64 &&
              std::none_of(text.begin(), text.end(), [](unsigned char c) { return absl::ascii_iscntrl(c); });
  return fine ? "" : "must be 1 to 64 bytes without control characters";
}

// What is wrong with a size as this route writes it and within these sides.
std::string SizeTrouble(absl::string_view size, pb::SizeForm form, const pb::ParameterLimits& limits) {
  std::optional<Sides> sides = SidesOf(size);
  if (form == pb::SIZE_FORM_TIER && sides.has_value()) {
    return "is no tier, and the route writes sizes as tiers; see size_form";
  }
  if (form == pb::SIZE_FORM_WIDTH_HEIGHT && !sides.has_value()) {
    return "has no width and height, and the route writes these two; see size_form";
  }
  if (!sides.has_value()) return "";
  int shorter = std::min(sides->width, sides->height), longer = std::max(sides->width, sides->height);
  if (shorter < limits.side_min() || (limits.side_max() > 0 && longer > limits.side_max())) {
    return "has a side outside side_min and side_max";
  }
  int multiple = std::max(limits.side_multiple(), 1);
  return shorter % multiple != 0 || longer % multiple != 0 ? "has a side that is no multiple of side_multiple"
                                                           : "";
}

void ReadSides(const YamlFields& fields, pb::ParameterLimits& limits) {
  auto side = [&](absl::string_view key, int32_t max) {
    return static_cast<int32_t>(fields.Integer(key, 0, max).value_or(0));
  };
  limits.set_side_min(side("side_min", kSideMax));
  limits.set_side_max(side("side_max", kSideMax));
  limits.set_side_multiple(side("side_multiple", kSideMultipleMax));
  if (limits.side_max() == 0) return;
  if (limits.side_min() > limits.side_max()) {
    fields.Note("side_min", absl::StrCat("is larger than side_max, which is ", limits.side_max()));
  } else if (limits.side_multiple() > 0 &&
             limits.side_max() / limits.side_multiple() * limits.side_multiple() <
                 std::max(limits.side_min(), 1)) {
    fields.Note("side_multiple", "has no multiple between side_min and side_max");
  }
}

void ReadSizes(const YamlFields& fields, pb::SizeForm form, YamlErrors& errors, pb::ParameterLimits& limits) {
  const YamlNode* node = fields.Find("sizes");
  if (node == nullptr) return;
  absl::flat_hash_set<std::string> seen;
  ReadList(*node, fields.Path("sizes"), kChoicesMax, errors,
           [&](const YamlNode& element, const std::string& path) {
             std::optional<std::string> size = ReadChecked(element, path, CheckSize, errors);
             if (!size.has_value()) return;
             std::string wrong = SizeTrouble(*size, form, limits);
             if (!seen.insert(*size).second) wrong = "is there twice";
             if (!wrong.empty()) return errors.Add(element, path, wrong);
             limits.add_sizes(*size);
           });
}

}  // namespace

void ReadLimits(const YamlNode& node, const std::string& path, pb::SizeForm form, YamlErrors& errors,
                pb::ParameterLimits& limits) {
  YamlFields fields(node, path, LimitsKeys(), errors);
  ReadSides(fields, limits);
  ReadSizes(fields, form, errors, limits);
  auto add = [](std::vector<std::string> values, auto* list) {
    for (std::string& value : values) list->Add(std::move(value));
  };
  add(fields.Texts("aspect_ratios", kChoicesMax, CheckRatio), limits.mutable_aspect_ratios());
  add(fields.Texts("qualities", kChoicesMax, CheckChoice), limits.mutable_qualities());
  add(fields.Texts("styles", kChoicesMax, CheckChoice), limits.mutable_styles());
  fields.EachWord("output_formats", OutputFormats(), [&](const YamlNode& word, const std::string&, int) {
    limits.add_output_formats(word.text);
  });
  limits.set_seed_max(fields.Integer("seed_max", 0, std::numeric_limits<int64_t>::max()).value_or(0));
}

}  // namespace prismatic::model_registry
