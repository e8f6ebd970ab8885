#include "services/model_registry/yaml_fields.h"

#include <algorithm>
#include <functional>
#include <tuple>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace prismatic::model_registry {
namespace {

// A longer key is quoted and cut in a path.
constexpr size_t kKeyShownMax = 64;

// What an error message quotes of a text.
std::string Quoted(absl::string_view text) {
  constexpr size_t kShown = 60;
  if (text.size() <= kShown) return absl::StrCat("`", absl::CHexEscape(text), "`");
  return absl::StrCat("`", absl::CHexEscape(text.substr(0, kShown)), "...`");
}

const char* KindName(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
    case YamlNode::Kind::kScalar:
      return node.quoted ? "text in quotes" : "plain text";
  }
  return "";
}

bool IsPlain(const YamlNode& node) { return node.kind == YamlNode::Kind::kScalar && !node.quoted; }

// Plain scalars that YAML readers take for something other than text.
bool LooksLikeAnotherType(absl::string_view text) {
  static constexpr absl::string_view kWords[] = {"true", "false", "yes", "no", "on", "off", "null"};
  for (absl::string_view word : kWords) {
    if (absl::EqualsIgnoreCase(text, word)) return true;
  }
  double number;
  return absl::SimpleAtod(text, &number);
}

int EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      int changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row[b.size()];
}

std::string DidYouMean(absl::string_view nearest) {
  return nearest.empty() ? "" : absl::StrCat("; did you mean `", nearest, "`?");
}

std::string Joined(const std::vector<absl::string_view>& words) { return absl::StrJoin(words, ", "); }

// What stands in the place of something else, and what to do about it.
std::string Shown(const YamlNode& node) {
  if (IsPlain(node)) return Quoted(node.text);
  bool quoted = node.kind == YamlNode::Kind::kScalar;
  return quoted ? "text in quotes; leave the quotes out" : KindName(node);
}

// `yes` was a switch in YAML 1.1, and still is in many minds.
std::string SwitchMeant(absl::string_view text) {
  for (absl::string_view on : {"yes", "on", "y", "1", "true", "enabled"}) {
    if (absl::EqualsIgnoreCase(text, on)) return "true";
  }
  for (absl::string_view off : {"no", "off", "n", "0", "false", "disabled"}) {
    if (absl::EqualsIgnoreCase(text, off)) return "false";
  }
  return "";
}

}  // namespace

std::string NearestWord(absl::string_view word, const std::vector<absl::string_view>& candidates) {
  if (word.size() > 64) return "";
  std::string lower = absl::AsciiStrToLower(word);
  int best = std::max<int>(2, static_cast<int>(word.size()) / 3) + 1;
  absl::string_view nearest;
  for (absl::string_view candidate : candidates) {
    int distance = EditDistance(lower, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return std::string(nearest);
}

void YamlErrors::Add(const YamlNode& node, absl::string_view path, absl::string_view message) {
  Add({node.line, node.column, path.empty() ? std::string(message) : absl::StrCat(path, ": ", message)});
}

void YamlErrors::Add(YamlError error) {
  if (errors_.size() >= kErrorsMax) {
    ++dropped_;
    return;
  }
  errors_.push_back(std::move(error));
}

bool YamlErrors::Step(const YamlNode& node, absl::string_view path) {
  ++steps_;
  if (steps_ == kStepsMax) {
    Add(node, path, absl::StrCat("more than ", kStepsMax, " values, counting each use of an alias"));
  }
  return steps_ < kStepsMax;
}

void YamlErrors::KeepPlaced() {
  auto placed = [](const YamlError& error) { return error.line > 0; };
  if (std::none_of(errors_.begin(), errors_.end(), placed)) return;
  errors_.erase(std::remove_if(errors_.begin(), errors_.end(), std::not_fn(placed)), errors_.end());
}

std::vector<std::string> YamlErrors::Lines() const {
  std::vector<YamlError> sorted = errors_;
  auto place = [](const YamlError& error) { return std::tuple(error.line == 0, error.line, error.column); };
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const YamlError& a, const YamlError& b) { return place(a) < place(b); });
  std::vector<std::string> lines;
  for (const YamlError& error : sorted) {
    bool placed = error.line > 0;
    lines.push_back(placed ? absl::StrCat(error.line, ":", error.column, ": ", error.message)
                           : error.message);
  }
  if (dropped_ > 0) lines.push_back(absl::StrCat("and ", dropped_, " more"));
  return lines;
}

std::optional<std::string> ReadText(const YamlNode& node, absl::string_view path, YamlErrors& errors) {
  if (!errors.Step(node, path)) return std::nullopt;
  if (node.kind != YamlNode::Kind::kScalar) {
    errors.Add(node, path, absl::StrCat("must be text, is ", KindName(node)));
    return std::nullopt;
  }
  if (!node.quoted && LooksLikeAnotherType(node.text)) {
    errors.Add(node, path, absl::StrCat("must be text; put ", Quoted(node.text), " in quotes"));
    return std::nullopt;
  }
  return node.text;
}

std::optional<int64_t> ReadInteger(const YamlNode& node, absl::string_view path, int64_t min, int64_t max,
                                   YamlErrors& errors) {
  if (!errors.Step(node, path)) return std::nullopt;
  int64_t value;
  bool digits = IsPlain(node) && !node.text.empty() &&
                std::all_of(node.text.begin(), node.text.end(), absl::ascii_isdigit);
  bool number = digits || (IsPlain(node) && absl::SimpleAtoi(node.text, &value));
  if (!number) {
    errors.Add(node, path, absl::StrCat("must be a whole number, is ", Shown(node)));
    return std::nullopt;
  }
  // YAML 1.1 readers take it for octal.
  if (digits && node.text.size() > 1 && node.text[0] == '0') {
    errors.Add(node, path,
               absl::StrCat("must be a whole number without leading zeros, is ", Quoted(node.text)));
    return std::nullopt;
  }
  if (!digits || !absl::SimpleAtoi(node.text, &value) || value < min || value > max) {
    errors.Add(node, path, absl::StrCat("must be from ", min, " to ", max, ", is ", Quoted(node.text)));
    return std::nullopt;
  }
  return value;
}

std::optional<bool> ReadSwitch(const YamlNode& node, absl::string_view path, YamlErrors& errors) {
  if (!errors.Step(node, path)) return std::nullopt;
  if (IsPlain(node) && (node.text == "true" || node.text == "false")) return node.text == "true";
  std::string meant = IsPlain(node) ? SwitchMeant(node.text) : "";
  errors.Add(node, path, absl::StrCat("must be true or false, is ", Shown(node), DidYouMean(meant)));
  return std::nullopt;
}

std::optional<int> ReadWord(const YamlNode& node, absl::string_view path, const Words& words,
                            YamlErrors& errors) {
  std::optional<std::string> text = ReadText(node, path, errors);
  if (!text.has_value()) return std::nullopt;
  std::vector<absl::string_view> names;
  for (const auto& [name, value] : words) {
    if (*text == name) return value;
    names.push_back(name);
  }
  errors.Add(node, path,
             absl::StrCat("must be one of ", Joined(names), "; is ", Quoted(*text),
                          DidYouMean(NearestWord(*text, names))));
  return std::nullopt;
}

void ReadList(const YamlNode& node, absl::string_view path, size_t count_max, YamlErrors& errors,
              const ElementReader& element) {
  if (node.kind != YamlNode::Kind::kSequence) {
    bool map = node.kind == YamlNode::Kind::kMap;
    absl::string_view remedy = map             ? "; begin each entry with `- `"
                               : IsPlain(node) ? "; write it as [a, b]"
                                               : "";
    std::string is = IsPlain(node) ? Quoted(node.text) : KindName(node);
    errors.Add(node, path, absl::StrCat("must be a list, is ", is, remedy));
    return;
  }
  if (node.elements.size() > count_max) {
    errors.Add(node, path, absl::StrCat("has ", node.elements.size(), " entries; at most ", count_max));
    return;
  }
  for (size_t i = 0; i < node.elements.size(); ++i) {
    if (!errors.Step(*node.elements[i], path)) return;
    element(*node.elements[i], absl::StrCat(path, "[", i, "]"));
  }
}

void ReadMap(const YamlNode& node, absl::string_view path, size_t count_max, YamlErrors& errors,
             const EntryReader& entry) {
  if (node.kind != YamlNode::Kind::kMap) {
    errors.Add(node, path, absl::StrCat("must be a map, is ", KindName(node)));
    return;
  }
  if (node.entries.size() > count_max) {
    errors.Add(node, path, absl::StrCat("has ", node.entries.size(), " entries; at most ", count_max));
    return;
  }
  absl::flat_hash_set<absl::string_view> seen;
  for (const auto& [key, value] : node.entries) {
    if (!errors.Step(*key, path) || !errors.Step(*value, path)) return;
    if (key->kind != YamlNode::Kind::kScalar) {
      errors.Add(*key, path, absl::StrCat("a key must be text, is ", KindName(*key)));
    } else if (!seen.insert(key->text).second) {
      errors.Add(*key, path, absl::StrCat("the key ", Quoted(key->text), " is there twice"));
    } else {
      bool shown = key->text.size() <= kKeyShownMax && !absl::StrContains(key->text, '\n');
      entry(*key, *value, absl::StrCat(path, ".", shown ? key->text : Quoted(absl::string_view(key->text))));
    }
  }
}

std::optional<std::string> ReadChecked(const YamlNode& node, absl::string_view path, TextCheck check,
                                       YamlErrors& errors) {
  std::optional<std::string> text = ReadText(node, path, errors);
  if (!text.has_value()) return std::nullopt;
  std::string wrong = check(*text);
  if (wrong.empty()) return text;
  errors.Add(node, path, wrong);
  return std::nullopt;
}

YamlFields::YamlFields(const YamlNode& node, std::string path, std::vector<absl::string_view> known,
                       YamlErrors& errors)
    : node_(node), path_(std::move(path)), errors_(errors) {
  if (node.kind != YamlNode::Kind::kMap) {
    errors.Add(node, path_, absl::StrCat("must be a map, is ", KindName(node)));
    return;
  }
  for (const auto& [key, value] : node.entries) {
    if (!errors.Step(*key, path_)) return;
    if (key->kind != YamlNode::Kind::kScalar) {
      errors.Add(*key, path_, absl::StrCat("a key must be text, is ", KindName(*key)));
    } else if (std::find(known.begin(), known.end(), key->text) == known.end()) {
      meant_.push_back(NearestWord(key->text, known));
      errors.Add(*key, path_,
                 absl::StrCat("unknown key ", Quoted(key->text),
                              meant_.back().empty() ? absl::StrCat("; known here: ", Joined(known))
                                                    : DidYouMean(meant_.back())));
    } else if (Find(key->text) != nullptr) {
      errors.Add(*key, path_, absl::StrCat("the key ", Quoted(key->text), " is there twice"));
    } else {
      values_.emplace_back(key->text, value);
    }
  }
}

const YamlNode* YamlFields::Find(absl::string_view key) const {
  for (const auto& [name, value] : values_) {
    if (name == key) return value;
  }
  return nullptr;
}

const YamlNode* YamlFields::Required(absl::string_view key) const {
  const YamlNode* value = Find(key);
  bool misspelt = std::find(meant_.begin(), meant_.end(), key) != meant_.end();
  if (value == nullptr && !misspelt && node_.kind == YamlNode::Kind::kMap) {
    errors_.Add(node_, path_, absl::StrCat("`", key, "` is missing"));
  }
  return value;
}

std::string YamlFields::Path(absl::string_view key) const {
  return path_.empty() ? std::string(key) : absl::StrCat(path_, ".", key);
}

std::optional<std::string> YamlFields::Text(absl::string_view key) const {
  const YamlNode* value = Find(key);
  return value == nullptr ? std::nullopt : ReadText(*value, Path(key), errors_);
}

std::optional<std::string> YamlFields::RequiredText(absl::string_view key) const {
  const YamlNode* value = Required(key);
  return value == nullptr ? std::nullopt : ReadText(*value, Path(key), errors_);
}

std::optional<int64_t> YamlFields::Integer(absl::string_view key, int64_t min, int64_t max) const {
  const YamlNode* value = Find(key);
  return value == nullptr ? std::nullopt : ReadInteger(*value, Path(key), min, max, errors_);
}

std::optional<bool> YamlFields::Switch(absl::string_view key) const {
  const YamlNode* value = Find(key);
  return value == nullptr ? std::nullopt : ReadSwitch(*value, Path(key), errors_);
}

std::optional<int> YamlFields::Word(absl::string_view key, const Words& words) const {
  const YamlNode* value = Find(key);
  return value == nullptr ? std::nullopt : ReadWord(*value, Path(key), words, errors_);
}

std::optional<int> YamlFields::RequiredWord(absl::string_view key, const Words& words) const {
  return Required(key) == nullptr ? std::nullopt : Word(key, words);
}

std::string YamlFields::Checked(absl::string_view key, TextCheck check) const {
  const YamlNode* value = Find(key);
  return value == nullptr ? "" : ReadChecked(*value, Path(key), check, errors_).value_or("");
}

std::string YamlFields::RequiredChecked(absl::string_view key, TextCheck check) const {
  return Required(key) == nullptr ? "" : Checked(key, check);
}

std::vector<std::string> YamlFields::Texts(absl::string_view key, size_t count_max, TextCheck check) const {
  std::vector<std::string> texts;
  const YamlNode* value = Find(key);
  if (value == nullptr) return texts;
  absl::flat_hash_set<std::string> seen;
  ReadList(*value, Path(key), count_max, errors_, [&](const YamlNode& element, const std::string& path) {
    std::optional<std::string> text = ReadChecked(element, path, check, errors_);
    if (!text.has_value()) return;
    if (!seen.insert(*text).second) return errors_.Add(element, path, "is there twice");
    texts.push_back(*std::move(text));
  });
  return texts;
}

void YamlFields::EachWord(absl::string_view key, const Words& words, const WordReader& element) const {
  const YamlNode* value = Find(key);
  if (value == nullptr) return;
  absl::flat_hash_set<int> seen;
  ReadList(*value, Path(key), words.size(), errors_, [&](const YamlNode& node, const std::string& path) {
    std::optional<int> word = ReadWord(node, path, words, errors_);
    if (!word.has_value()) return;
    if (!seen.insert(*word).second) return errors_.Add(node, path, "is there twice");
    element(node, path, *word);
  });
}

void YamlFields::Note(absl::string_view key, absl::string_view message) const {
  const YamlNode* value = Find(key);
  errors_.Add(value == nullptr ? node_ : *value, value == nullptr ? path_ : Path(key), message);
}

}  // namespace prismatic::model_registry
