#include "gateway/admin/router.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "services/common/json/json.h"

namespace prismatic::gateway::admin {
namespace {

bool IsHexDigit(char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); }

// Nothing when a `%` is not followed by two hexadecimal digits, or what comes out is no text.
std::optional<std::string> Decoded(absl::string_view word) {
  std::string text;
  while (!word.empty()) {
    size_t plain = std::min(word.find('%'), word.size());
    text.append(word.data(), plain);
    word.remove_prefix(plain);
    if (word.empty()) break;
    if (word.size() < 3 || !IsHexDigit(word[1]) || !IsHexDigit(word[2])) return std::nullopt;
    text += absl::HexStringToBytes(word.substr(1, 2));
    word.remove_prefix(3);
  }
  if (!json::IsUtf8(text)) return std::nullopt;
  return text;
}

bool IsPlaceholder(absl::string_view word) { return absl::StartsWith(word, "{"); }

// The decoded words at the placeholders; nothing when the path is another one.
std::optional<std::vector<std::string>> WordsAt(const std::vector<std::string>& pattern,
                                                const std::vector<absl::string_view>& path) {
  if (pattern.size() != path.size()) return std::nullopt;
  std::vector<std::string> words;
  for (size_t i = 0; i < path.size(); ++i) {
    if (!IsPlaceholder(pattern[i])) {
      if (path[i] != pattern[i]) return std::nullopt;
      continue;
    }
    std::optional<std::string> word = Decoded(path[i]);
    if (!word || word->empty()) return std::nullopt;
    words.push_back(*std::move(word));
  }
  return words;
}

}  // namespace

Router::Router(Endpoints endpoints) : endpoints_(std::move(endpoints)) {
  for (const Endpoint& endpoint : endpoints_) {
    routes_.push_back({&endpoint, absl::StrSplit(endpoint.path, '/')});
  }
}

Router::Match Router::Find(absl::string_view method, absl::string_view raw_path) const {
  std::vector<absl::string_view> path = absl::StrSplit(raw_path, '/');
  Match match;
  std::vector<absl::string_view> allowed;
  for (const Route& route : routes_) {
    std::optional<std::vector<std::string>> words = WordsAt(route.words, path);
    if (!words) continue;
    absl::string_view has = route.endpoint->method;
    allowed.push_back(has);
    if (has == "GET") allowed.push_back("HEAD");
    if (has != method && !(has == "GET" && method == "HEAD")) continue;
    match.endpoint = route.endpoint;
    match.words = *std::move(words);
  }
  match.allow = absl::StrJoin(allowed, ", ");
  return match;
}

}  // namespace prismatic::gateway::admin
