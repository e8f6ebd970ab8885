#include "gateway/openai/unknown_parameters.h"

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace prismatic::gateway::openai {
namespace {

constexpr absl::string_view kKnown[] = {"model",
                                        "prompt",
                                        "image_url",
                                        "negative_prompt",
                                        "aspect_ratio",
                                        "seed",
                                        "quality",
                                        "style",
                                        "n",
                                        "size",
                                        "background",
                                        "response_format",
                                        "output_format",
                                        "stream",
                                        "partial_images",
                                        "output_compression",
                                        "user",
                                        "moderation"};
constexpr size_t kNamesMax = 20;
constexpr size_t kNameSizeMax = 64;
constexpr char kCut[] = "...";

std::string HeaderText(absl::string_view name) {
  if (name.empty()) return "\"\"";
  std::string text;
  for (char c : name) {
    bool plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                 absl::string_view("-_.~").find(c) != absl::string_view::npos;
    std::string piece = plain ? std::string(1, c)
                              : absl::AsciiStrToUpper(absl::StrCat(
                                    "%", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2)));
    if (text.size() + piece.size() > kNameSizeMax) return text + kCut;
    text += piece;
  }
  return text;
}

}  // namespace

absl::Span<const absl::string_view> KnownParameters() { return kKnown; }

std::vector<std::string> UnknownParameters(const json::Value& body) {
  std::vector<std::string> names;
  for (const auto& [name, value] : body.members()) {
    // null means absent.
    if (value.is_null() || absl::c_linear_search(kKnown, absl::string_view(name))) continue;
    if (names.size() == kNamesMax) {
      names.push_back(kCut);
      break;
    }
    names.push_back(HeaderText(name));
  }
  return names;
}

}  // namespace prismatic::gateway::openai
