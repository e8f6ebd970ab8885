#ifndef PRISMATIC_SERVICES_ADMIN_JSON_CSV_H_
#define PRISMATIC_SERVICES_ADMIN_JSON_CSV_H_

#include <string>
#include <vector>

// Lists for spreadsheets: RFC 4180 with line feeds.

namespace prismatic::admin_json {

// One line with its end. What holds commas, quotes or line ends is quoted; a text that spreadsheets would run
// as a formula has an apostrophe in front, numbers stay as they are.
std::string CsvLine(const std::vector<std::string>& cells);

}  // namespace prismatic::admin_json

#endif  // PRISMATIC_SERVICES_ADMIN_JSON_CSV_H_
