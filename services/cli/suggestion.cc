#include "services/cli/suggestion.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace prismatic::cli {
namespace {

using Views = std::vector<absl::string_view>;

// So many letters at the beginning say which word is meant.
constexpr size_t kBeginning = 3;

// Levenshtein distance.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

// How far a word is from the one that may be meant: nothing when it is another one.
std::optional<size_t> WordDistance(absl::string_view said, absl::string_view meant) {
  size_t distance = EditDistance(said, meant);
  if (distance <= 1 + said.size() / 4 && distance < said.size()) return distance;
  if (said.size() >= kBeginning && absl::StartsWith(meant, said)) return 1;
  return std::nullopt;
}

std::optional<size_t> Distance(const Views& said, const Views& meant) {
  if (said.size() < meant.size()) return std::nullopt;
  size_t sum = 0;
  for (size_t i = 0; i < meant.size(); ++i) {
    std::optional<size_t> distance = WordDistance(said[i], meant[i]);
    if (!distance) return std::nullopt;
    sum += *distance;
  }
  return sum;
}

}  // namespace

std::string NearestCommand(const std::vector<Command>& commands, const std::vector<std::string>& said) {
  Views words;
  for (const std::string& word : said) {
    if (absl::StartsWith(word, "-")) break;
    words.push_back(word);
  }
  std::string nearest;
  std::optional<size_t> least;
  size_t most_words = 0;
  auto consider = [&](absl::string_view candidate) {
    Views meant = absl::StrSplit(candidate, ' ');
    std::optional<size_t> distance = Distance(words, meant);
    if (!distance) return;
    bool better = !least || meant.size() > most_words || (meant.size() == most_words && *distance < *least);
    if (!better) return;
    nearest = std::string(candidate);
    least = distance;
    most_words = meant.size();
  };
  for (const Command& command : commands) {
    consider(command.words);
    absl::string_view group = command.words.substr(0, command.words.find(' '));
    // That a group was said is known already.
    if (!words.empty() && words[0] != group) consider(group);
  }
  return nearest;
}

}  // namespace prismatic::cli
