#include "services/admin_json/words.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "services/common/money/money.h"

namespace prismatic::admin_json {

std::string UsdText(int64_t nano_usd) { return Money::FromNanos(nano_usd).ToDecimal(); }

std::string ExactTimeText(int64_t unix_us) {
  if (unix_us == 0) return "";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::FromUnixMicros(unix_us), absl::UTCTimeZone());
}

std::string DayText(int32_t day) {
  return absl::StrFormat("%04d-%02d-%02d", day / 10'000, day / 100 % 100, day % 100);
}

std::string EnumWord(absl::string_view name, absl::string_view prefix, int value) {
  if (name.empty()) return absl::StrCat(value);
  return absl::AsciiStrToLower(absl::StripPrefix(name, prefix));
}

void WriteUsd(json::Writer& writer, absl::string_view name, int64_t nano_usd) {
  writer.Key(absl::StrCat(name, "_usd")).String(UsdText(nano_usd));
  writer.Key(absl::StrCat(name, "_nano_usd")).Int(nano_usd);
}

void WriteTime(json::Writer& writer, absl::string_view name, int64_t unix_us) {
  writer.Key(name);
  if (unix_us == 0) {
    writer.Null();
    return;
  }
  writer.String(ExactTimeText(unix_us));
}

void WriteTexts(json::Writer& writer, absl::string_view name,
                const google::protobuf::RepeatedPtrField<std::string>& texts) {
  writer.Key(name).BeginArray();
  for (const std::string& text : texts) writer.String(text);
  writer.EndArray();
}

void WriteText(json::Writer& writer, absl::string_view name, absl::string_view text) {
  writer.Key(name);
  if (text.empty()) {
    writer.Null();
  } else {
    writer.String(text);
  }
}

}  // namespace prismatic::admin_json
