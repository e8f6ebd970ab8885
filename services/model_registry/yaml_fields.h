#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_YAML_FIELDS_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_YAML_FIELDS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/model_registry/yaml_tree.h"

// A strict reader over YamlTree: it notes every error with its place and reads on.

namespace prismatic::model_registry {

// The errors of one text, and the budget for walking it.
class YamlErrors {
 public:
  // Beyond, errors are counted and not kept: nobody reads the thousandth.
  static constexpr size_t kErrorsMax = 1000;
  // Steps of one walk. A file of 8 MiB without aliases needs less than 500,000; one in which aliases
  // multiply ends here.
  static constexpr int kStepsMax = 2'000'000;

  void Add(const YamlNode& node, absl::string_view path, absl::string_view message);
  void Add(YamlError error);
  // False when the budget is spent: the reader then looks at nothing more.
  bool Step(const YamlNode& node, absl::string_view path);
  bool spent() const { return steps_ >= kStepsMax; }

  bool empty() const { return errors_.empty(); }
  // Leaves out what is not in the text itself, if something in it is wrong.
  void KeepPlaced();
  // `line:column: path: message`, a line each, in the order of the text; at the end, as `path: message`, what
  // is not in the text itself.
  std::vector<std::string> Lines() const;

 private:
  std::vector<YamlError> errors_;
  size_t dropped_ = 0;
  int steps_ = 0;
};

// Scalars. What is not as asked for is noted and gives nullopt.
std::optional<std::string> ReadText(const YamlNode& node, absl::string_view path, YamlErrors& errors);
std::optional<int64_t> ReadInteger(const YamlNode& node, absl::string_view path, int64_t min, int64_t max,
                                   YamlErrors& errors);
std::optional<bool> ReadSwitch(const YamlNode& node, absl::string_view path, YamlErrors& errors);

// The word's value in a table; others are noted with the nearest word.
using Words = std::vector<std::pair<absl::string_view, int>>;
std::optional<int> ReadWord(const YamlNode& node, absl::string_view path, const Words& words,
                            YamlErrors& errors);

// `element` gets each element with its path. Not a list, or longer than `count_max`: noted.
using ElementReader = std::function<void(const YamlNode& node, const std::string& path)>;
void ReadList(const YamlNode& node, absl::string_view path, size_t count_max, YamlErrors& errors,
              const ElementReader& element);

// `entry` gets each entry of a map whose keys are free, in the order of the file, with the value's path.
// Not a map, longer than `count_max`, or a key that is no text or there twice: noted.
using EntryReader = std::function<void(const YamlNode& key, const YamlNode& value, const std::string& path)>;
void ReadMap(const YamlNode& node, absl::string_view path, size_t count_max, YamlErrors& errors,
             const EntryReader& entry);

// Gives what is wrong with a text; empty when nothing is.
using TextCheck = std::string (*)(absl::string_view);

// Text that passes the check; what does not is noted and gives nullopt.
std::optional<std::string> ReadChecked(const YamlNode& node, absl::string_view path, TextCheck check,
                                       YamlErrors& errors);

// One map. Unknown and repeated keys are noted when it is made.
class YamlFields {
 public:
  YamlFields(const YamlNode& node, std::string path, std::vector<absl::string_view> known,
             YamlErrors& errors);

  // nullptr when absent; Required notes that.
  const YamlNode* Find(absl::string_view key) const;
  const YamlNode* Required(absl::string_view key) const;
  std::string Path(absl::string_view key) const;

  // These read the value of a key; an absent one gives nullopt without a note, unless required.
  std::optional<std::string> Text(absl::string_view key) const;
  std::optional<std::string> RequiredText(absl::string_view key) const;
  std::optional<int64_t> Integer(absl::string_view key, int64_t min, int64_t max) const;
  std::optional<bool> Switch(absl::string_view key) const;
  std::optional<int> Word(absl::string_view key, const Words& words) const;
  std::optional<int> RequiredWord(absl::string_view key, const Words& words) const;
  // Empty when absent or wrong.
  std::string Checked(absl::string_view key, TextCheck check) const;
  std::string RequiredChecked(absl::string_view key, TextCheck check) const;
  // A list of texts that pass the check, each once.
  std::vector<std::string> Texts(absl::string_view key, size_t count_max, TextCheck check) const;
  // A list of words, each once: `element` gets those that are fine.
  using WordReader = std::function<void(const YamlNode& node, const std::string& path, int value)>;
  void EachWord(absl::string_view key, const Words& words, const WordReader& element) const;
  // Notes something about the value of a key that is there, or about the map.
  void Note(absl::string_view key, absl::string_view message) const;

 private:
  const YamlNode& node_;
  const std::string path_;
  YamlErrors& errors_;
  std::vector<std::pair<absl::string_view, const YamlNode*>> values_;
  std::vector<std::string> meant_;  // by unknown keys: not missing, misspelt
};

// The candidate that a mistyped word most likely meant; empty when none is near.
std::string NearestWord(absl::string_view word, const std::vector<absl::string_view>& candidates);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_YAML_FIELDS_H_
