#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_TEST_ODD_YAML_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_TEST_ODD_YAML_H_

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

// Values as YAML in every spelling that a person or a tool may choose: flow and block style, quotes of either
// kind, escapes, anchors and aliases, `? key`, comments, keys in any order.

namespace prismatic::model_registry {

using Random = std::mt19937_64;

inline int Below(Random& random, int count) {
  return static_cast<int>(random() % static_cast<uint64_t>(count));
}
inline bool Chance(Random& random, int percent) { return Below(random, 100) < percent; }
template <typename T>
const T& OneOf(Random& random, const std::vector<T>& choices) {
  return choices[static_cast<size_t>(Below(random, static_cast<int>(choices.size())))];
}

// A value to be spelled. `plain`: a number or a word such as true, never in quotes.
struct Spelled {
  enum class Kind { kText, kPlain, kList, kMap } kind = Kind::kText;
  std::string text;
  std::vector<Spelled> elements;
  std::vector<std::pair<std::string, Spelled>> entries;
  // The order of the keys is a value of its own.
  bool ordered = false;

  static Spelled Text(std::string text) { return {Kind::kText, std::move(text)}; }
  static Spelled Plain(std::string text) { return {Kind::kPlain, std::move(text)}; }
  static Spelled List() { return {Kind::kList}; }
  static Spelled Map(bool ordered = false) { return {.kind = Kind::kMap, .ordered = ordered}; }
  void Put(std::string key, Spelled value) { entries.emplace_back(std::move(key), std::move(value)); }
  void Add(Spelled value) { elements.push_back(std::move(value)); }
};

class OddWriter {
 public:
  explicit OddWriter(Random& random) : random_(random) {}

  std::string Document(Spelled value) {
    Shuffle(value);
    std::string start = Chance(random_, 20) ? "# A catalog.\n---\n" : "";
    if (Chance(random_, 20)) return absl::StrCat(start, Flow(value, 2), "\n");
    return absl::StrCat(start, Block(value, 0), Chance(random_, 10) ? "...\n" : "");
  }

 private:
  void Shuffle(Spelled& value) {
    if (!value.ordered) std::shuffle(value.entries.begin(), value.entries.end(), random_);
    for (auto& [key, each] : value.entries) Shuffle(each);
    for (Spelled& each : value.elements) Shuffle(each);
  }

  static std::string Identity(const Spelled& value) {
    std::string all =
        absl::StrCat(static_cast<int>(value.kind), ":", value.text.size(), ":", value.text, "(");
    for (const Spelled& each : value.elements) absl::StrAppend(&all, Identity(each), ",");
    for (const auto& [key, each] : value.entries) absl::StrAppend(&all, key, "=", Identity(each), ",");
    return all + ")";
  }

  // The alias of an equal value before it; or an anchor in front of the value; or nothing.
  std::pair<bool, std::string> Anchor(const Spelled& value) {
    std::string identity = Identity(value);
    auto known = anchors_.find(identity);
    if (known != anchors_.end() && Chance(random_, 50)) return {true, absl::StrCat("*", known->second, " ")};
    if (!Chance(random_, 10)) return {false, ""};
    pending_.push_back({identity, absl::StrCat("a", ++count_)});
    return {false, absl::StrCat("&", pending_.back().second, " ")};
  }
  // An anchor may be named once what it stands before has ended.
  void EndAnchor(const std::string& anchor) {
    if (anchor.empty()) return;
    anchors_[pending_.back().first] = pending_.back().second;
    pending_.pop_back();
  }

  static bool SurelyPlain(const std::string& text) {
    bool letters = !text.empty() && text.size() < 100 &&
                   absl::ascii_isalpha(static_cast<unsigned char>(text[0])) &&
                   std::all_of(text.begin(), text.end(), [](unsigned char c) {
                     return absl::ascii_isalnum(c) || c == '_' || c == '/' || c == '-' || c == '.';
                   });
    static const std::vector<std::string> words = {"true", "false", "yes", "no",  "on",
                                                   "off",  "null",  "nan", "inf", "infinity"};
    return letters && std::find(words.begin(), words.end(), absl::AsciiStrToLower(text)) == words.end();
  }

  std::string DoubleQuoted(const std::string& text) {
    std::string out = "\"";
    for (char c : text) {
      auto byte = static_cast<unsigned char>(c);
      bool ascii = byte < 0x80;
      if (c == '"' || c == '\\') {
        absl::StrAppend(&out, "\\", std::string(1, c));
      } else if (byte < 0x20 || byte == 0x7f || (ascii && Chance(random_, 5))) {
        int form = Below(random_, 3);
        out += form == 0   ? absl::StrFormat("\\x%02x", byte)
               : form == 1 ? absl::StrFormat("\\u%04x", byte)
                           : absl::StrFormat("\\U%08x", byte);
      } else {
        out += c;
      }
    }
    return out + "\"";
  }

  std::string Text(const std::string& text) {
    bool visible =
        std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
    if (SurelyPlain(text) && Chance(random_, 50)) return text;
    if (SurelyPlain(text) && Chance(random_, 10)) return absl::StrCat("!!str ", text);
    if (visible && Chance(random_, 50))
      return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "''"}}), "'");
    return DoubleQuoted(text);
  }

  std::string Scalar(const Spelled& value) {
    return value.kind == Spelled::Kind::kPlain ? value.text : Text(value.text);
  }

  std::string KeyColon(const std::string& key, bool block, int indent) {
    std::string text = Text(key);
    bool asked = text.size() > 900 || Chance(random_, 3);
    if (asked && block)
      return absl::StrCat("? ", text, "\n", std::string(static_cast<size_t>(indent), ' '), ":");
    return asked ? absl::StrCat("? ", text, " :") : absl::StrCat(text, ":");
  }

  std::string Flow(const Spelled& value, int indent) {
    auto [alias, anchor] = Anchor(value);
    if (alias) return anchor;
    std::string out = anchor;
    std::string line =
        Chance(random_, 20) ? absl::StrCat("\n", std::string(static_cast<size_t>(indent), ' ')) : "";
    if (value.kind == Spelled::Kind::kMap) {
      out += "{";
      for (const auto& [key, each] : value.entries) {
        absl::StrAppend(&out, out.back() == '{' ? "" : ", ", line, KeyColon(key, false, 0), " ",
                        Flow(each, indent));
      }
      out += "}";
    } else if (value.kind == Spelled::Kind::kList) {
      out += "[";
      for (const Spelled& each : value.elements) {
        absl::StrAppend(&out, out.back() == '[' ? "" : ",", line, " ", Flow(each, indent));
      }
      out += Chance(random_, 10) && !value.elements.empty() ? ", ]" : "]";
    } else {
      out += Scalar(value);
    }
    EndAnchor(anchor);
    return out;
  }

  std::string Comment() { return Chance(random_, 5) ? " # said \"so\": {" : ""; }

  // A list or a map, each line indented.
  std::string Block(const Spelled& value, int indent) {
    std::string out, blanks(static_cast<size_t>(indent), ' ');
    for (const auto& [key, each] : value.entries) {
      absl::StrAppend(&out, Chance(random_, 3) ? "\n" : "", blanks, KeyColon(key, true, indent));
      out += Behind(each, indent);
    }
    for (const Spelled& each : value.elements) absl::StrAppend(&out, blanks, "-", Behind(each, indent));
    return out;
  }

  // What stands behind a colon or a dash, to the end of its line or lines.
  std::string Behind(const Spelled& value, int indent) {
    bool empty = value.entries.empty() && value.elements.empty();
    bool flow = empty || Chance(random_, 25);
    if (flow) return absl::StrCat(" ", Flow(value, indent + 3), Comment(), "\n");
    auto [alias, anchor] = Anchor(value);
    if (alias) return absl::StrCat(" ", anchor, Comment(), "\n");
    std::string out = absl::StrCat(anchor.empty() ? "" : " ", anchor, Comment(), "\n",
                                   Block(value, indent + 1 + Below(random_, 4)));
    EndAnchor(anchor);
    return out;
  }

  Random& random_;
  std::map<std::string, std::string> anchors_;
  std::vector<std::pair<std::string, std::string>> pending_;
  int count_ = 0;
};

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_TEST_ODD_YAML_H_
