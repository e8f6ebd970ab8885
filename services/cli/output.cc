#include "services/cli/output.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "services/admin_json/csv.h"

namespace prismatic::cli {
namespace {

// Characters, not bytes: every byte of UTF-8 that does not continue one.
size_t WidthOf(absl::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// What a service says must not steer the terminal.
std::string Cell(absl::string_view text) {
  if (text.empty()) return "-";
  std::string cell(text);
  for (char& c : cell) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = '?';
  }
  return cell;
}

std::string Pad(absl::string_view text, size_t width, bool right) {
  std::string blanks(width - std::min(width, WidthOf(text)), ' ');
  return right ? absl::StrCat(blanks, text) : absl::StrCat(text, blanks);
}

}  // namespace

void Table::Row(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

void Table::Print(std::ostream& out) const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = WidthOf(columns_[i].header);
    for (const auto& row : rows_) width = std::max(width, WidthOf(Cell(row[i])));
    widths.push_back(std::min(width, columns_[i].width_max));
  }
  auto print_line = [&](auto cell_of) {
    std::string line;
    for (size_t i = 0; i < columns_.size(); ++i) {
      absl::StrAppend(&line, i == 0 ? "" : "  ", Pad(Cell(cell_of(i)), widths[i], columns_[i].right));
    }
    out << absl::StripTrailingAsciiWhitespace(line) << "\n";
  };
  print_line([&](size_t i) -> absl::string_view { return columns_[i].header; });
  for (const auto& row : rows_) print_line([&](size_t i) -> absl::string_view { return row[i]; });
}

void Table::PrintCsv(std::ostream& out) const {
  std::vector<std::string> names;
  for (const Column& column : columns_) {
    names.push_back(absl::StrReplaceAll(absl::AsciiStrToLower(column.header), {{" ", "_"}, {"/", "_per_"}}));
  }
  out << admin_json::CsvLine(names);
  for (const auto& row : rows_) out << admin_json::CsvLine(row);
}

Facts& Facts::Add(absl::string_view name, absl::string_view value) {
  facts_.emplace_back(std::string(name), Cell(value));
  return *this;
}

void Facts::Print(std::ostream& out) const {
  size_t width = 0;
  for (const auto& [name, value] : facts_) width = std::max(width, WidthOf(name));
  for (const auto& [name, value] : facts_) out << Pad(name, width, false) << "  " << value << "\n";
}

std::string TimeText(int64_t unix_us) {
  if (unix_us == 0) return "";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMicros(unix_us), absl::UTCTimeZone());
}

std::string YesNo(bool value) { return value ? "yes" : "no"; }

void PrintJson(std::ostream& out, json::Writer& writer) { out << writer.Take() << "\n"; }

}  // namespace prismatic::cli
