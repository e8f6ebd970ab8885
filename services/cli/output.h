#ifndef PRISMATIC_SERVICES_CLI_OUTPUT_H_
#define PRISMATIC_SERVICES_CLI_OUTPUT_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/admin_json/words.h"
#include "services/common/json/json.h"

namespace prismatic::cli {

// Rows under headers: for people in columns as wide as their widest cell (up to a limit), where empty cells
// show as "-"; for spreadsheets as CSV.
class Table {
 public:
  struct Column {
    std::string header;
    bool right = false;
    // A wider cell pushes what stands behind it in its own row, and not in every other one.
    size_t width_max = 1000;
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

// Words and members that the admin API writes as well.
using admin_json::EnumWord;
using admin_json::ExactTimeText;
using admin_json::UsdText;
using admin_json::WriteText;
using admin_json::WriteTime;
using admin_json::WriteUsd;

// RFC 3339 in UTC to the second, for tables; empty for 0.
std::string TimeText(int64_t unix_us);
std::string YesNo(bool value);

// Prints one JSON text and a line end.
void PrintJson(std::ostream& out, json::Writer& writer);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_OUTPUT_H_
