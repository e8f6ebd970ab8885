#include "services/model_registry/yaml_draft.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/common/json/json.h"
#include "services/model_registry/yaml_scalar.h"

namespace prismatic::model_registry {
namespace {

// A line of flow style is at most this long.
constexpr size_t kLineMax = 120;
// Readers look no further than 1,024 characters for the colon behind a key; a longer one says `?` before it.
constexpr size_t kPlainKeyMax = 1000;
constexpr int kStep = 2;

bool AllScalars(const std::vector<YamlDraft>& elements) {
  return std::all_of(elements.begin(), elements.end(),
                     [](const YamlDraft& each) { return each.is_scalar(); });
}

std::string Blanks(size_t count) { return std::string(count, ' '); }

// `key:`, without a blank behind it. `indent` is that of the line.
std::string KeyText(absl::string_view key, bool in_flow, int indent) {
  std::string text = YamlText(key, in_flow);
  if (text.size() <= kPlainKeyMax) return absl::StrCat(text, ":");
  return in_flow ? absl::StrCat("? ", text, " :") : absl::StrCat("? ", text, "\n", Blanks(indent), ":");
}

std::string ScalarText(const YamlDraft& draft, bool in_flow) {
  if (draft.kind() == YamlDraft::Kind::kAsIs) return draft.text();
  bool quoted = draft.kind() == YamlDraft::Kind::kQuoted;
  return quoted ? QuotedYamlText(draft.text()) : YamlText(draft.text(), in_flow);
}

YamlDraft DraftOf(const json::Value& value) {
  switch (value.type()) {
    case json::Value::Type::kString:
      return YamlDraft::Text(value.String().value_or(std::string(value.raw())));
    case json::Value::Type::kArray: {
      YamlDraft list = YamlDraft::List();
      for (const json::Value& each : value.elements()) list.Add(DraftOf(each));
      return list;
    }
    case json::Value::Type::kObject: {
      YamlDraft map = YamlDraft::Map();
      for (const auto& [key, each] : value.members()) map.Put(key, DraftOf(each));
      return map;
    }
    default:
      return YamlDraft::AsIs(value.raw());
  }
}

class BlockWriter {
 public:
  void Lines(const YamlDraft& draft, int indent) {
    if (draft.is_map()) {
      for (const auto& [key, value] : draft.entries()) {
        absl::StrAppend(&out_, Blanks(indent), KeyText(key, false, indent));
        Value(value, indent);
      }
    } else {
      for (const YamlDraft& each : draft.elements()) Item(each, indent);
    }
  }

  void Item(const YamlDraft& draft, int indent) {
    if (Inline(draft, indent + kStep)) {
      absl::StrAppend(&out_, Blanks(indent), "-");
      Value(draft, indent);
    } else {
      BlockItem(draft, indent);
    }
  }

  // The first line of what is within takes the dash in the place of its blanks.
  void BlockItem(const YamlDraft& draft, int indent) {
    if (draft.elements().empty() && draft.entries().empty()) {
      absl::StrAppend(&out_, Blanks(indent), "- ", YamlLine(draft), "\n");
      return;
    }
    size_t start = out_.size();
    Lines(draft, indent + kStep);
    out_.replace(start + static_cast<size_t>(indent), kStep, "- ");
  }

  std::string Take() { return std::move(out_); }

 private:
  // Whether the value stands on the line of its key.
  static bool Inline(const YamlDraft& value, size_t used) {
    if (value.is_scalar()) return true;
    if (!value.is_map()) return AllScalars(value.elements());
    bool scalars =
        std::all_of(value.entries().begin(), value.entries().end(), [](const YamlDraft::Entry& entry) {
          return entry.second.is_scalar() && !IsYamlLiteral(entry.second.text());
        });
    return scalars && !value.tall() && used + YamlLine(value).size() <= kLineMax;
  }

  // Behind a key or a dash; the line's start is at `indent`.
  void Value(const YamlDraft& value, int indent) {
    if (value.kind() == YamlDraft::Kind::kText && IsYamlLiteral(value.text()))
      return TextBlock(value.text(), indent);
    size_t column = out_.size() - std::min(out_.size(), out_.rfind('\n') + 1) + 1;
    if (!Inline(value, column)) {
      out_ += '\n';
      return Lines(value, indent + kStep);
    }
    out_ += ' ';
    if (value.is_scalar()) {
      out_ += ScalarText(value, false);
    } else if (value.is_map()) {
      out_ += YamlLine(value);
    } else {
      WrappedList(value, column);
    }
    out_ += '\n';
  }

  // Further lines of a long list begin below its first element.
  void WrappedList(const YamlDraft& list, size_t column) {
    size_t used = column + 1;
    absl::string_view before = "[";
    for (const YamlDraft& each : list.elements()) {
      std::string text = ScalarText(each, true);
      bool fits = used + 2 + text.size() <= kLineMax || before == "[";
      absl::StrAppend(&out_, before,
                      before == "[" ? ""
                      : fits        ? " "
                                    : absl::StrCat("\n", Blanks(column + 1)),
                      text);
      used = fits ? used + 2 + text.size() : column + 2 + text.size();
      before = ",";
    }
    out_ += list.elements().empty() ? "[]" : "]";
  }

  void TextBlock(absl::string_view text, int indent) {
    bool ended = absl::EndsWith(text, "\n");
    absl::StrAppend(&out_, ended ? " |\n" : " |-\n");
    if (ended) text.remove_suffix(1);
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      absl::StrAppend(&out_, line.empty() ? "" : Blanks(indent + kStep), line, "\n");
    }
  }

  std::string out_;
};

}  // namespace

YamlDraft YamlDraft::FromJson(const std::string& json) {
  absl::StatusOr<json::Document> document = json::Document::Parse(json);
  return document.ok() ? DraftOf(document->root()) : Text(json);
}

const YamlDraft* YamlDraft::Find(absl::string_view key) const {
  for (const auto& [name, value] : entries_) {
    if (name == key) return &value;
  }
  return nullptr;
}

std::string YamlLines(const YamlDraft& draft, int indent) {
  BlockWriter writer;
  writer.Lines(draft, indent);
  return writer.Take();
}

std::string YamlItem(const YamlDraft& draft, int indent) {
  BlockWriter writer;
  writer.BlockItem(draft, indent);
  return writer.Take();
}

std::string YamlLine(const YamlDraft& draft) {
  if (draft.is_scalar()) return ScalarText(draft, true);
  std::string out(1, draft.is_map() ? '{' : '[');
  absl::string_view before = "";
  for (const YamlDraft& each : draft.elements()) {
    absl::StrAppend(&out, before, YamlLine(each));
    before = ", ";
  }
  for (const auto& [key, value] : draft.entries()) {
    absl::StrAppend(&out, before, KeyText(key, true, 0), " ", YamlLine(value));
    before = ", ";
  }
  return absl::StrCat(out, draft.is_map() ? "}" : "]");
}

}  // namespace prismatic::model_registry
