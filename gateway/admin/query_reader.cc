#include "gateway/admin/query_reader.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "services/common/json/json.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::admin {
namespace {

constexpr absl::string_view kDayForm = "%Y-%m-%d";

// `2026-01-31` and nothing else: the library reads more spellings than the contract has.
bool IsDayText(absl::string_view text) {
  if (text.size() != 10) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    bool dash = i == 4 || i == 7;
    if (dash ? text[i] != '-' : (text[i] < '0' || text[i] > '9')) return false;
  }
  return true;
}

}  // namespace

QueryReader::QueryReader(const http::Request& request) : request_(request) {}

std::optional<std::string> QueryReader::Text(absl::string_view name) {
  asked_.insert(std::string(name));
  for (const auto& [key, value] : request_.query) {
    if (key == name && !value.empty()) return value;
  }
  return std::nullopt;
}

std::optional<int64_t> QueryReader::Int(absl::string_view name, IntRange range) {
  std::optional<std::string> text = Text(name);
  if (!text) return std::nullopt;
  int64_t number = 0;
  bool digits = text->find_first_not_of("-0123456789") == std::string::npos;
  if (!digits || !absl::SimpleAtoi(*text, &number) || number < range.min || number > range.max) {
    Fail(name, absl::StrCat("must be an integer from ", range.min, " to ", range.max, "."));
  }
  return number;
}

bool QueryReader::Bool(absl::string_view name, bool otherwise) {
  std::optional<std::string> text = Text(name);
  if (!text) return otherwise;
  if (*text != "true" && *text != "false") Fail(name, "must be true or false.");
  return *text == "true";
}

std::optional<absl::CivilDay> QueryReader::Day(absl::string_view name) {
  std::optional<std::string> text = Text(name);
  if (!text) return std::nullopt;
  absl::Time time;
  std::string error;
  if (!IsDayText(*text) || !absl::ParseTime(std::string(kDayForm), *text, &time, &error)) {
    Fail(name, "must be a day like 2026-01-31.");
    return std::nullopt;
  }
  return absl::ToCivilDay(time, absl::UTCTimeZone());
}

std::optional<absl::Time> QueryReader::Time(absl::string_view name) {
  std::optional<std::string> text = Text(name);
  if (!text) return std::nullopt;
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, *text, &time, &error) || time == absl::InfiniteFuture() ||
      time == absl::InfinitePast()) {
    Fail(name, "must be a time like 2026-01-31T12:00:00Z.");
    return std::nullopt;
  }
  return time;
}

std::vector<std::string> QueryReader::List(absl::string_view name) {
  std::optional<std::string> text = Text(name);
  if (!text) return {};
  return absl::StrSplit(*text, ',', absl::SkipEmpty());
}

void QueryReader::Fail(absl::string_view name, absl::string_view message) {
  if (error_.ok()) error_ = InvalidValue(name, absl::StrCat("`", name, "` ", message));
}

absl::Status QueryReader::Done() {
  std::set<absl::string_view> seen;
  for (const auto& [key, value] : request_.query) {
    // Whatever is no text goes no further: the services speak UTF-8.
    if (!json::IsUtf8(key) || !json::IsUtf8(value)) {
      Fail("query", "must be UTF-8.");
    } else if (asked_.count(key) == 0) {
      Fail(key.substr(0, 64), "is not a parameter that is known here.");
    } else if (!seen.insert(key).second) {
      Fail(key, "is there twice.");
    }
  }
  return error_;
}

}  // namespace prismatic::gateway::admin
