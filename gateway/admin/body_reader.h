#ifndef PRISMATIC_GATEWAY_ADMIN_BODY_READER_H_
#define PRISMATIC_GATEWAY_ADMIN_BODY_READER_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/common/json/json.h"

namespace prismatic::gateway::admin {

struct IntRange {
  int64_t min = 0;
  int64_t max = 0;
};

// Reads the fields of an object strictly: each is asked for by name, and Done() then tells the first thing
// that is wrong: a missing field, a wrong type, a value out of range, a field that was not asked for or is
// there twice.
//
//   BodyReader body(call->body->root());
//   std::string name = body.Text("name");
//   std::optional<int64_t> based_on = body.OptionalInt("based_on", {1, kVersionMax});
//   if (absl::Status read = body.Done(); !read.ok()) co_return read;
//
// What an `Optional...` finds null is absent; Has and IsNull tell them apart. After an error the values mean
// nothing.
class BodyReader {
 public:
  // An object that outlives the reader. `where` stands before the fields' names in `param`: `quota.`.
  explicit BodyReader(const json::Value& object, std::string where = "");

  bool Has(absl::string_view name) const { return object_.Find(name) != nullptr; }
  // There, and null; counts as asked for.
  bool IsNull(absl::string_view name);

  // Required and not empty.
  std::string Text(absl::string_view name);
  int64_t Int(absl::string_view name, IntRange range);
  bool Bool(absl::string_view name);

  std::optional<std::string> OptionalText(absl::string_view name);
  std::optional<int64_t> OptionalInt(absl::string_view name, IntRange range);
  bool OptionalBool(absl::string_view name, bool otherwise);
  // Texts, none of them empty.
  std::optional<std::vector<std::string>> OptionalTexts(absl::string_view name);
  // An object, to be read with a reader of its own; nullptr when absent or null.
  const json::Value* OptionalObject(absl::string_view name);
  // Any value, nullptr when absent: for bodies that somebody else reads.
  const json::Value* OptionalValue(absl::string_view name);

  // Something that the caller found wrong, or another reader's Done(); the first one counts.
  void Fail(absl::string_view name, absl::string_view message);
  void Fail(const absl::Status& status);

  // INVALID_VALUE or MISSING_REQUIRED_PARAMETER, with `param`.
  absl::Status Done();

 private:
  const json::Value* Ask(absl::string_view name);
  const json::Value* AskRequired(absl::string_view name);

  const json::Value& object_;
  const std::string where_;
  std::set<std::string> asked_;
  absl::Status error_;
};

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_BODY_READER_H_
