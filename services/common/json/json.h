#ifndef PRISMATIC_SERVICES_COMMON_JSON_JSON_H_
#define PRISMATIC_SERVICES_COMMON_JSON_JSON_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace prismatic::json {

class Document;
class Reader;

// One JSON value of a Document. Strings are not copied or unescaped until asked for, so that a 20 MiB
// base64 string costs a scan and no copy. Valid as long as its Document.
class Value {
 public:
  enum class Type { kNull, kBool, kNumber, kString, kArray, kObject };
  Type type() const { return type_; }
  bool is_null() const { return type_ == Type::kNull; }
  bool is_string() const { return type_ == Type::kString; }
  bool is_array() const { return type_ == Type::kArray; }
  bool is_object() const { return type_ == Type::kObject; }

  // Empty when it is not of that type, or a number is not an integer that fits.
  std::optional<bool> Bool() const;
  std::optional<int64_t> Int() const;
  std::optional<double> Double() const;
  // Unescaped, valid UTF-8. Empty too for a lone surrogate, which no UTF-8 can say.
  std::optional<std::string> String() const;
  // The string's bytes between its quotes as they stand in the text, when no escape is among them.
  std::optional<absl::string_view> PlainString() const;
  // As it stands in the text, without surrounding blanks.
  absl::string_view raw() const { return raw_; }

  // Of an array, in order; empty for others.
  const std::vector<Value>& elements() const { return elements_; }
  // Of an object, in order, keys unescaped; empty for others.
  const std::vector<std::pair<std::string, Value>>& members() const { return members_; }
  // The member of that name (the last, when it is there twice); nullptr when there is none.
  const Value* Find(absl::string_view key) const;
  // Find that takes JSON null for absent.
  const Value* FindNonNull(absl::string_view key) const;

 private:
  friend class Document;
  friend class Reader;
  Type type_ = Type::kNull;
  bool escaped_ = false;  // of a string: a backslash is in it
  absl::string_view raw_;
  std::vector<Value> elements_;
  std::vector<std::pair<std::string, Value>> members_;
};

// A parsed text, which it owns.
class Document {
 public:
  static constexpr int kDepthMax = 32;
  // A value takes about 80 bytes, so that 32 MiB of `[0,0,...]` would take over a gigabyte.
  static constexpr int kValuesMax = 1 << 18;
  // A text with this much spare capacity is parsed where it is; another one is moved once.
  static constexpr size_t kPadding = 64;

  // INVALID_ARGUMENT with a position or a reason when the text is not one JSON value in valid UTF-8,
  // is nested deeper than kDepthMax, or has more than kValuesMax values. Says nothing of the content.
  static absl::StatusOr<Document> Parse(std::string text);
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();

  const Value& root() const { return *root_; }

 private:
  Document();
  std::unique_ptr<std::string> text_;
  std::unique_ptr<Value> root_;
};

// Writes one JSON text into a string. Commas are its business; balance is the caller's.
class Writer {
 public:
  // Room for `expected_size` bytes is reserved.
  explicit Writer(size_t expected_size = 256) { out_.reserve(expected_size); }

  Writer& BeginObject();
  Writer& EndObject();
  Writer& BeginArray();
  Writer& EndArray();
  Writer& Key(absl::string_view key);
  // Escapes; bytes that are not UTF-8 become U+FFFD.
  Writer& String(absl::string_view text);
  // Between quotes as it is: for base64 and other text known to need no escape.
  Writer& PlainString(absl::string_view text);
  Writer& Int(int64_t number);
  Writer& Double(double number);
  Writer& Bool(bool value);
  Writer& Null();
  // A complete JSON value as it is.
  Writer& Raw(absl::string_view json);

  // Gives the text away.
  std::string Take() { return std::move(out_); }

 private:
  void Separate();
  std::string out_;
  bool needs_comma_ = false;
};

// The text with quotes, escaped.
std::string Quote(absl::string_view text);

// Whether the bytes are UTF-8 as a whole.
bool IsUtf8(absl::string_view text);

}  // namespace prismatic::json

#endif  // PRISMATIC_SERVICES_COMMON_JSON_JSON_H_
