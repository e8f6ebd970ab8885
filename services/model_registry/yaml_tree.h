#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_YAML_TREE_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_YAML_TREE_H_

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace prismatic::model_registry {

// A place in the text and what is wrong there. Lines and columns count from 1; 0: not in this text.
struct YamlError {
  int line = 1;
  int column = 1;
  std::string message;
};

// One node as written: nothing is converted, so that a price is read from its text.
struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMap };
  Kind kind = Kind::kNull;
  int line = 1;
  int column = 1;
  // Of a scalar. Quoted, also by `|`, `>` or `!!str`: certainly text.
  std::string text;
  bool quoted = false;
  std::vector<const YamlNode*> elements;                             // kSequence
  std::vector<std::pair<const YamlNode*, const YamlNode*>> entries;  // kMap, keys that are there twice too
};

// The nodes of one YAML document. An alias is the node that it names, so a tree may reach one node by
// many ways (who walks it has to bound the walk) but never by way of itself.
class YamlTree {
 public:
  // A larger text is refused: a catalog of 10,000 models takes 5 MiB.
  static constexpr size_t kBytesMax = size_t{8} << 20;
  // About 140 bytes each, so a hostile 8 MiB takes less than 100 MiB.
  static constexpr int kNodesMax = 500'000;
  // A catalog needs 6, and 8 more below extra_fields.
  static constexpr int kDepthMax = 16;

  // Reads the text, which must be UTF-8 as a whole. On failure error() says where and why, and there is no
  // root.
  explicit YamlTree(absl::string_view text);
  YamlTree(const YamlTree&) = delete;

  bool ok() const { return root_ != nullptr; }
  const YamlNode& root() const { return *root_; }
  const YamlError& error() const { return error_; }
  // Whether one node may be reached by several ways.
  bool has_aliases() const { return has_aliases_; }

  // For a text that nobody has seen: what is wrong there has a path and no place.
  void ForgetPlaces();

 private:
  class Builder;

  std::deque<YamlNode> nodes_;
  const YamlNode* root_ = nullptr;
  bool has_aliases_ = false;
  YamlError error_;
};

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_YAML_TREE_H_
