// The one file that includes yaml-cpp. Its event parser is used instead of its Node, because Node
// loses what a strict reader needs (quoting, the second of two equal keys) and bounds nothing.
#include "services/model_registry/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <exception>
#include <istream>
#include <map>
#include <optional>
#include <streambuf>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace prismatic::model_registry {
namespace {

// Bytes of the UTF-8 character that the text begins with; 0 when it begins with none (overlong forms,
// surrogates and what is beyond U+10FFFF are none).
size_t Utf8Length(absl::string_view text) {
  auto at = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto follows = [&](size_t i) { return at(i) >= 0x80 && at(i) <= 0xbf; };
  unsigned first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    bool second = first == 0xe0 ? at(1) >= 0xa0 : first == 0xed ? at(1) <= 0x9f : true;
    return second && follows(1) && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    bool second = first == 0xf0 ? at(1) >= 0x90 : first == 0xf4 ? at(1) <= 0x8f : true;
    return second && follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

// The first place that is no text: bytes that are not UTF-8, which a protobuf could not be parsed with
// again, and control characters, one of which (U+0004) yaml-cpp takes for the end. Columns count bytes,
// as yaml-cpp's do.
std::optional<YamlError> FirstNonText(absl::string_view text) {
  YamlError error;
  for (size_t i = 0; i < text.size();) {
    auto byte = static_cast<unsigned char>(text[i]);
    size_t length = Utf8Length(text.substr(i));
    bool control = (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f;
    if (length == 0 || control) {
      error.message = absl::StrFormat("the byte 0x%02x is %s; the text must be UTF-8", byte,
                                      control ? "a control character" : "not UTF-8");
      return error;
    }
    error.line += byte == '\n' ? 1 : 0;
    error.column = byte == '\n' ? 1 : error.column + static_cast<int>(length);
    i += length;
  }
  return std::nullopt;
}

// Reads from a view without copying it.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(absl::string_view text) {
    char* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

absl::string_view LineOf(absl::string_view text, int line) {
  for (; line > 1 && !text.empty(); --line) {
    size_t end = text.find('\n');
    text.remove_prefix(end == absl::string_view::npos ? text.size() : end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// What most often is behind what the parser says.
absl::string_view Remedy(absl::string_view said, absl::string_view line) {
  if (line.substr(0, line.find_first_not_of(" \t")).find('\t') != absl::string_view::npos) {
    return "; a tab stands at the beginning of the line, and YAML wants blanks";
  }
  bool indentation = absl::StrContains(said, "end of map not found") ||
                     absl::StrContains(said, "end of sequence not found") ||
                     absl::StrContains(said, "illegal map value");
  return indentation ? "; is the line indented like its neighbours?" : "";
}

constexpr char kStringTag[] = "tag:yaml.org,2002:str";

}  // namespace

// Receives yaml-cpp's events. Ends the parse early by throwing, the only way that it offers.
class YamlTree::Builder : public YAML::EventHandler {
 public:
  explicit Builder(YamlTree& tree) : tree_(tree) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    New(YamlNode::Kind::kNull, mark, anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode* node = New(YamlNode::Kind::kScalar, mark, anchor);
    node->text = value;
    node->quoted = tag == "!" || tag == kStringTag;
    if (!node->quoted) CheckTag(mark, tag);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    CheckTag(mark, tag);
    Push(New(YamlNode::Kind::kSequence, mark, anchor), mark);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    CheckTag(mark, tag);
    Push(New(YamlNode::Kind::kMap, mark, anchor), mark);
  }
  void OnSequenceEnd() override { Pop(); }
  void OnMapEnd() override { Pop(); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw YAML::ParserException(mark, "unknown alias");
    for (const Open& open : open_) {
      if (open.node == found->second)
        throw YAML::ParserException(mark, "an alias must not be inside what it names");
    }
    tree_.has_aliases_ = true;
    Attach(found->second);
  }

 private:
  struct Open {
    YamlNode* node;
    const YamlNode* key = nullptr;  // of a map: read, its value not yet
  };

  static void CheckTag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    throw YAML::ParserException(mark, "tags are not supported");
  }

  YamlNode* New(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (tree_.nodes_.size() >= kNodesMax) {
      throw YAML::ParserException(mark, absl::StrCat("more than ", kNodesMax, " values"));
    }
    YamlNode* node = &tree_.nodes_.emplace_back();
    node->kind = kind;
    node->line = mark.line + 1;
    node->column = mark.column + 1;
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    Attach(node);
    return node;
  }

  void Attach(const YamlNode* node) {
    if (open_.empty()) {
      tree_.root_ = node;
      return;
    }
    Open& parent = open_.back();
    if (parent.node->kind == YamlNode::Kind::kSequence) {
      parent.node->elements.push_back(node);
    } else if (parent.key == nullptr) {
      parent.key = node;
    } else {
      parent.node->entries.emplace_back(parent.key, node);
      parent.key = nullptr;
    }
  }

  void Push(YamlNode* node, const YAML::Mark& mark) {
    if (open_.size() >= kDepthMax) {
      throw YAML::ParserException(mark, absl::StrCat("nested deeper than ", kDepthMax));
    }
    open_.push_back({node});
  }
  void Pop() { open_.pop_back(); }

  YamlTree& tree_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode*> anchors_;
};

YamlTree::YamlTree(absl::string_view text) {
  if (text.size() > kBytesMax) {
    error_.message =
        absl::StrCat("the text has ", text.size(), " bytes, more than the ", kBytesMax, " allowed");
    return;
  }
  if (std::optional<YamlError> wrong = FirstNonText(text)) {
    error_ = *std::move(wrong);
    return;
  }
  try {
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    Builder builder(*this);
    parser.HandleNextDocument(builder);
    const YamlNode* first = root_;
    size_t nodes = nodes_.size();
    if (parser.HandleNextDocument(builder) && nodes_.size() > nodes) {
      error_ = {nodes_[nodes].line, nodes_[nodes].column, "a second document; a catalog is one"};
      root_ = nullptr;
      return;
    }
    root_ = first;
    if (root_ == nullptr) error_.message = "the text is empty";
  } catch (const YAML::Exception& failure) {
    root_ = nullptr;
    bool placed = !failure.mark.is_null();
    // yaml-cpp may quote one byte of a character of several.
    std::string said = FirstNonText(failure.msg).has_value() ? absl::CHexEscape(failure.msg) : failure.msg;
    int line = placed ? failure.mark.line + 1 : 1;
    error_ = {line, placed ? failure.mark.column + 1 : 1,
              absl::StrCat("not valid YAML: ", said, Remedy(said, LineOf(text, line)))};
  } catch (const std::exception&) {
    root_ = nullptr;
    error_.message = "not valid YAML";
  }
}

void YamlTree::ForgetPlaces() {
  for (YamlNode& node : nodes_) node.line = node.column = 0;
}

}  // namespace prismatic::model_registry
