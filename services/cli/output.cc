#include "services/cli/output.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "services/common/money/money.h"

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

void Table::Row(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

void Table::Print(std::ostream& out) const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = WidthOf(columns_[i].header);
    for (const auto& row : rows_) width = std::max(width, WidthOf(Cell(row[i])));
    widths.push_back(width);
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
  auto print_line = [&](auto cell_of) {
    for (size_t i = 0; i < columns_.size(); ++i) out << (i == 0 ? "" : ",") << CsvCell(cell_of(i));
    out << "\n";
  };
  print_line([&](size_t i) {
    return absl::StrReplaceAll(absl::AsciiStrToLower(columns_[i].header), {{" ", "_"}, {"/", "_per_"}});
  });
  for (const auto& row : rows_) print_line([&](size_t i) { return row[i]; });
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

std::string UsdText(int64_t nano_usd) { return Money::FromNanos(nano_usd).ToDecimal(); }

std::string TimeText(int64_t unix_us) {
  if (unix_us == 0) return "";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMicros(unix_us), absl::UTCTimeZone());
}

std::string ExactTimeText(int64_t unix_us) {
  if (unix_us == 0) return "";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::FromUnixMicros(unix_us), absl::UTCTimeZone());
}

std::string YesNo(bool value) { return value ? "yes" : "no"; }

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

void WriteText(json::Writer& writer, absl::string_view name, absl::string_view text) {
  writer.Key(name);
  if (text.empty()) {
    writer.Null();
  } else {
    writer.String(text);
  }
}

void PrintJson(std::ostream& out, json::Writer& writer) { out << writer.Take() << "\n"; }

}  // namespace prismatic::cli
