#ifndef PRISMATIC_SERVICES_ADMIN_JSON_WORDS_H_
#define PRISMATIC_SERVICES_ADMIN_JSON_WORDS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/repeated_field.h"
#include "services/common/json/json.h"

// How administration writes money, times and words, in the command line's JSON and in the admin API's.

namespace prismatic::admin_json {

// "0.04", "-0.5".
std::string UsdText(int64_t nano_usd);
// RFC 3339 in UTC to the microsecond; empty for 0.
std::string ExactTimeText(int64_t unix_us);
// 20261130, as billing counts days, as "2026-11-30".
std::string DayText(int32_t day);
// The value of an enum as people write it: "LEDGER_ENTRY_TYPE_TOP_UP" less its prefix is "top_up".
// A value that this build does not know (an empty name) shows as its number.
std::string EnumWord(absl::string_view name, absl::string_view prefix, int value);

// Members of JSON objects.
// `<name>_usd`, a decimal string, and `<name>_nano_usd`, an integer.
void WriteUsd(json::Writer& writer, absl::string_view name, int64_t nano_usd);
// RFC 3339 in UTC to the microsecond; null for 0.
void WriteTime(json::Writer& writer, absl::string_view name, int64_t unix_us);
// A list of strings.
void WriteTexts(json::Writer& writer, absl::string_view name,
                const google::protobuf::RepeatedPtrField<std::string>& texts);
// A string; null when empty.
void WriteText(json::Writer& writer, absl::string_view name, absl::string_view text);

}  // namespace prismatic::admin_json

#endif  // PRISMATIC_SERVICES_ADMIN_JSON_WORDS_H_
