#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_YAML_DRAFT_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_YAML_DRAFT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace prismatic::model_registry {

// A value on its way to YAML. Two drafts are equal exactly when they say the same in the same order.
class YamlDraft {
 public:
  enum class Kind { kText, kQuoted, kAsIs, kList, kMap };
  using Entry = std::pair<std::string, YamlDraft>;

  // Quoted where YAML needs it.
  static YamlDraft Text(absl::string_view text) { return {Kind::kText, text}; }
  // Always quoted: a decimal that must not become a double.
  static YamlDraft Quoted(absl::string_view text) { return {Kind::kQuoted, text}; }
  // As it is: a number, true, false, null.
  static YamlDraft AsIs(absl::string_view text) { return {Kind::kAsIs, text}; }
  static YamlDraft List() { return {Kind::kList, ""}; }
  static YamlDraft Map() { return {Kind::kMap, ""}; }
  // A map that takes a line for each entry, however short.
  static YamlDraft TallMap() {
    YamlDraft map(Kind::kMap, "");
    map.tall_ = true;
    return map;
  }
  // What a JSON text says; a text that is no JSON, as text.
  static YamlDraft FromJson(const std::string& json);

  // To a list.
  void Add(YamlDraft element) { elements_.push_back(std::move(element)); }
  // To a map.
  void Put(absl::string_view key, YamlDraft value) {
    entries_.emplace_back(std::string(key), std::move(value));
  }

  Kind kind() const { return kind_; }
  bool is_scalar() const { return kind_ != Kind::kList && kind_ != Kind::kMap; }
  bool is_map() const { return kind_ == Kind::kMap; }
  bool tall() const { return tall_; }
  const std::string& text() const { return text_; }
  const std::vector<YamlDraft>& elements() const { return elements_; }
  const std::vector<Entry>& entries() const { return entries_; }
  // nullptr when a map has no such key.
  const YamlDraft* Find(absl::string_view key) const;

  friend bool operator==(const YamlDraft& a, const YamlDraft& b) {
    return a.kind_ == b.kind_ && a.text_ == b.text_ && a.elements_ == b.elements_ && a.entries_ == b.entries_;
  }

 private:
  YamlDraft(Kind kind, absl::string_view text) : kind_(kind), text_(text) {}

  Kind kind_;
  bool tall_ = false;
  std::string text_;
  std::vector<YamlDraft> elements_;
  std::vector<Entry> entries_;
};

// A list or a map over several lines, each indented and ended with a line feed. Within it, lists of scalars
// and short maps of scalars stand in flow style.
std::string YamlLines(const YamlDraft& draft, int indent);

// An entry of a list: as YamlLines, its first line behind a `- ` at `indent`.
std::string YamlItem(const YamlDraft& draft, int indent);

// In one line, in flow style.
std::string YamlLine(const YamlDraft& draft);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_YAML_DRAFT_H_
