#include "services/admin_json/csv.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace prismatic::admin_json {
namespace {

bool IsNumber(absl::string_view text) {
  absl::ConsumePrefix(&text, "-");
  std::vector<absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits('.', 1));
  return std::all_of(parts.begin(), parts.end(), [](absl::string_view part) {
    return !part.empty() && std::all_of(part.begin(), part.end(), absl::ascii_isdigit);
  });
}

// Spreadsheets run a cell that begins like this, unless it is a number, as a formula; an apostrophe in front
// makes it text.
bool LooksLikeAFormula(absl::string_view text) {
  return text.find_first_of("=+-@\t\r") == 0 && !IsNumber(text);
}

std::string CsvCell(absl::string_view plain) {
  std::string text = absl::StrCat(LooksLikeAFormula(plain) ? "'" : "", plain);
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

}  // namespace

std::string CsvLine(const std::vector<std::string>& cells) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) absl::StrAppend(&line, i == 0 ? "" : ",", CsvCell(cells[i]));
  line += '\n';
  return line;
}

}  // namespace prismatic::admin_json
