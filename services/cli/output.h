#ifndef PRISMATIC_SERVICES_CLI_OUTPUT_H_
#define PRISMATIC_SERVICES_CLI_OUTPUT_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/common/json/json.h"

namespace prismatic::cli {

// Rows under headers: for people in columns as wide as their widest cell, where empty cells show as "-"; for
// spreadsheets as CSV.
class Table {
 public:
  struct Column {
    std::string header;
    bool right = false;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void Row(std::vector<std::string> cells);
  void Print(std::ostream& out) const;
  // RFC 4180 with line feeds; what spreadsheets would run as a formula has an apostrophe in front. Headers
  // become names: "IN FLIGHT" is in_flight, "IMAGES/MIN" images_per_min.
  void PrintCsv(std::ostream& out) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// One thing, a line for each of its facts: the name, then the value, aligned.
class Facts {
 public:
  Facts& Add(absl::string_view name, absl::string_view value);
  void Print(std::ostream& out) const;

 private:
  std::vector<std::pair<std::string, std::string>> facts_;
};

// --- words of tables ---
// "0.04", "-0.5".
std::string UsdText(int64_t nano_usd);
// RFC 3339 in UTC to the second; empty for 0.
std::string TimeText(int64_t unix_us);
// The same to the microsecond.
std::string ExactTimeText(int64_t unix_us);
std::string YesNo(bool value);
// The value of an enum as people write it: "LEDGER_ENTRY_TYPE_TOP_UP" less its prefix is "top_up".
// A value that this build does not know (an empty name) shows as its number.
std::string EnumWord(absl::string_view name, absl::string_view prefix, int value);

// --- members of JSON objects ---
// `<name>_usd`, a decimal string, and `<name>_nano_usd`, an integer.
void WriteUsd(json::Writer& writer, absl::string_view name, int64_t nano_usd);
// RFC 3339 in UTC to the microsecond; null for 0.
void WriteTime(json::Writer& writer, absl::string_view name, int64_t unix_us);
// A string; null when empty.
void WriteText(json::Writer& writer, absl::string_view name, absl::string_view text);

// Prints one JSON text and a line end.
void PrintJson(std::ostream& out, json::Writer& writer);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_OUTPUT_H_
