#include "services/admin_json/ledger_entry.h"

#include <google/protobuf/descriptor.h>

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "services/admin_json/billing_json.h"
#include "services/admin_json/words.h"
#include "services/common/json/json.h"
#include "services/common/status/status_macros.h"

namespace prismatic::admin_json {
namespace {

using Entry = billing::v1::LedgerEntry;
using Field = google::protobuf::FieldDescriptor;

constexpr char kNanoUsd[] = "_nano_usd";
constexpr char kMicroseconds[] = "_us";

enum class Form { kMoney, kTime, kWord, kText, kNumber };

Form FormOf(const Field& field) {
  if (field.cpp_type() == Field::CPPTYPE_ENUM) return Form::kWord;
  if (field.cpp_type() == Field::CPPTYPE_STRING) return Form::kText;
  if (absl::EndsWith(field.name(), kNanoUsd)) return Form::kMoney;
  if (absl::EndsWith(field.name(), kMicroseconds)) return Form::kTime;
  return Form::kNumber;
}

// The field's name less what tells its unit.
std::string StemOf(const Field& field) {
  absl::string_view name = field.name();
  if (!absl::ConsumeSuffix(&name, kNanoUsd)) absl::ConsumeSuffix(&name, kMicroseconds);
  return std::string(name);
}

int64_t IntegerOf(const Entry& entry, const Field& field) {
  const google::protobuf::Reflection& reflection = *entry.GetReflection();
  if (field.cpp_type() == Field::CPPTYPE_INT32) return reflection.GetInt32(entry, &field);
  if (field.cpp_type() == Field::CPPTYPE_ENUM) return reflection.GetEnumValue(entry, &field);
  return reflection.GetInt64(entry, &field);
}

absl::Status SetInteger(Entry& entry, const Field& field, int64_t value) {
  const google::protobuf::Reflection& reflection = *entry.GetReflection();
  if (field.cpp_type() == Field::CPPTYPE_INT64) {
    reflection.SetInt64(&entry, &field, value);
    return absl::OkStatus();
  }
  if (value < INT32_MIN || value > INT32_MAX) {
    return absl::InvalidArgumentError(absl::StrCat("\"", field.name(), "\" is out of range"));
  }
  if (field.cpp_type() == Field::CPPTYPE_ENUM) {
    reflection.SetEnumValue(&entry, &field, static_cast<int>(value));
  } else {
    reflection.SetInt32(&entry, &field, static_cast<int32_t>(value));
  }
  return absl::OkStatus();
}

// "LEDGER_ENTRY_TYPE_" of the enum whose first value is LEDGER_ENTRY_TYPE_UNSPECIFIED.
std::string PrefixOf(const Field& field) {
  return std::string(absl::StripSuffix(field.enum_type()->value(0)->name(), "UNSPECIFIED"));
}

// Empty for UNSPECIFIED; a value that this build does not know is its number.
std::string WordOf(const Entry& entry, const Field& field) {
  int value = static_cast<int>(IntegerOf(entry, field));
  if (value == 0) return "";
  const auto* known = field.enum_type()->FindValueByNumber(value);
  return EnumWord(known == nullptr ? "" : known->name(), PrefixOf(field), value);
}

std::string TextOf(const Entry& entry, const Field& field) {
  return field.cpp_type() == Field::CPPTYPE_STRING ? entry.GetReflection()->GetString(entry, &field)
                                                   : WordOf(entry, field);
}

void WriteMember(json::Writer& writer, const Entry& entry, const Field& field) {
  switch (FormOf(field)) {
    case Form::kMoney:
      return WriteUsd(writer, StemOf(field), IntegerOf(entry, field));
    case Form::kTime:
      return WriteTime(writer, StemOf(field), IntegerOf(entry, field));
    case Form::kWord:
    case Form::kText:
      return WriteText(writer, field.name(), TextOf(entry, field));
    case Form::kNumber:
      writer.Key(field.name()).Int(IntegerOf(entry, field));
  }
}

absl::Status Wrong(absl::string_view name, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" ", what));
}

absl::Status ReadMoney(const json::Value& object, const Field& field, Entry& entry) {
  const json::Value* nanos = object.Find(field.name());
  const json::Value* decimal = object.Find(StemOf(field) + "_usd");
  if (nanos == nullptr && decimal == nullptr) return absl::OkStatus();
  if (nanos == nullptr || decimal == nullptr) return Wrong(field.name(), "or its decimal is missing");
  std::optional<int64_t> value = nanos->Int();
  if (!value) return Wrong(field.name(), "is not an integer");
  if (decimal->String() != UsdText(*value)) return Wrong(field.name(), "and its decimal differ");
  return SetInteger(entry, field, *value);
}

absl::Status ReadTime(const json::Value& member, const Field& field, Entry& entry) {
  if (member.is_null()) return absl::OkStatus();
  std::optional<std::string> text = member.String();
  absl::Time time;
  std::string error;
  if (!text || !absl::ParseTime(absl::RFC3339_full, *text, &time, &error)) {
    return Wrong(StemOf(field), "is not a time");
  }
  return SetInteger(entry, field, absl::ToUnixMicros(time));
}

absl::Status ReadWord(absl::string_view word, const Field& field, Entry& entry) {
  const auto* known =
      field.enum_type()->FindValueByName(absl::StrCat(PrefixOf(field), absl::AsciiStrToUpper(word)));
  if (known != nullptr) return SetInteger(entry, field, known->number());
  int64_t number = 0;
  if (!absl::SimpleAtoi(word, &number)) return Wrong(field.name(), "is an unknown word");
  return SetInteger(entry, field, number);
}

absl::Status ReadText(const json::Value& member, const Field& field, Entry& entry) {
  if (member.is_null()) return absl::OkStatus();
  std::optional<std::string> text = member.String();
  if (!text) return Wrong(field.name(), "is not a text");
  if (FormOf(field) == Form::kWord) return ReadWord(*text, field, entry);
  entry.GetReflection()->SetString(&entry, &field, *std::move(text));
  return absl::OkStatus();
}

absl::Status ReadMember(const json::Value& object, const Field& field, Entry& entry) {
  Form form = FormOf(field);
  if (form == Form::kMoney) return ReadMoney(object, field, entry);
  std::string name = form == Form::kTime ? StemOf(field) : field.name();
  const json::Value* member = object.Find(name);
  if (member == nullptr) return absl::OkStatus();  // the line is older than the field
  if (form == Form::kTime) return ReadTime(*member, field, entry);
  if (form != Form::kNumber) return ReadText(*member, field, entry);
  std::optional<int64_t> number = member->Int();
  if (!number) return Wrong(name, "is not an integer");
  return SetInteger(entry, field, *number);
}

template <typename Use>
void ForEachField(Use use) {
  const google::protobuf::Descriptor& descriptor = *Entry::descriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) use(*descriptor.field(i));
}

}  // namespace

void WriteEntryMembers(json::Writer& writer, const Entry& entry) {
  ForEachField([&](const Field& field) {
    if (field.number() != Entry::kAccountFieldNumber) WriteMember(writer, entry, field);
  });
}

std::string EntryLine(const Entry& entry) {
  json::Writer writer(1024);
  writer.BeginObject();
  ForEachField([&](const Field& field) { WriteMember(writer, entry, field); });
  writer.EndObject();
  return writer.Take();
}

absl::StatusOr<Entry> ParseEntryLine(absl::string_view line) {
  ASSIGN_OR_RETURN(json::Document document, json::Document::Parse(std::string(line)));
  if (!document.root().is_object()) return absl::InvalidArgumentError("is no JSON object");
  Entry entry;
  absl::Status status;
  ForEachField([&](const Field& field) {
    if (status.ok()) status = ReadMember(document.root(), field, entry);
  });
  RETURN_IF_ERROR(status);
  if (entry.account().empty() || entry.sequence() < 1 || entry.type() == 0) {
    return absl::InvalidArgumentError("is no ledger entry: account, sequence or type is missing");
  }
  return entry;
}

std::vector<std::string> EntryColumns() {
  std::vector<std::string> columns;
  ForEachField([&](const Field& field) {
    columns.push_back(StemOf(field) + (FormOf(field) == Form::kMoney ? "_usd" : ""));
  });
  return columns;
}

std::vector<std::string> EntryCells(const Entry& entry) {
  std::vector<std::string> cells;
  ForEachField([&](const Field& field) {
    switch (FormOf(field)) {
      case Form::kMoney:
        cells.push_back(UsdText(IntegerOf(entry, field)));
        break;
      case Form::kTime:
        cells.push_back(ExactTimeText(IntegerOf(entry, field)));
        break;
      case Form::kWord:
      case Form::kText:
        cells.push_back(TextOf(entry, field));
        break;
      case Form::kNumber:
        cells.push_back(absl::StrCat(IntegerOf(entry, field)));
    }
  });
  return cells;
}

}  // namespace prismatic::admin_json
