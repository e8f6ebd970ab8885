// docs/reference/cli.md against the table of commands.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/cli/cli.h"
#include "services/cli/command.h"
#include "services/cli/errors.h"
#include "services/cli/settings.h"

namespace prismatic::cli {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Page() {
  std::ifstream in(PRISMATIC_CLI_PAGE);
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
}

// Of a command: the line of help that begins with `--flag`, without the settings, which have their own table.
std::vector<std::string> FlagsOf(const Command& command) {
  config::Flags flags("x", "y");
  flags.ArgumentsOnly(true);
  command.declare(flags);
  std::vector<std::string> names;
  for (absl::string_view line : absl::StrSplit(flags.Help(), '\n')) {
    absl::string_view word = absl::StripLeadingAsciiWhitespace(line);
    if (!absl::ConsumePrefix(&word, "--")) continue;
    names.emplace_back(word.substr(0, word.find_first_of(" =[,")));
  }
  return names;
}

// The first cell of each row of the page's tables of commands, and its second code span's text.
std::vector<std::string> FirstCells(const std::string& page) {
  std::string commands = page.substr(page.find("## Commands"));
  commands = commands.substr(0, commands.find("\n## "));
  std::vector<std::string> cells;
  for (absl::string_view line : absl::StrSplit(commands, '\n')) {
    if (!absl::StartsWith(line, "| `")) continue;
    // "\|" is a bar within a cell.
    size_t end = 2;
    while (end < line.size() && !(line[end] == '|' && line[end - 1] != '\\')) ++end;
    cells.emplace_back(line.substr(2, end - 2));
  }
  return cells;
}

// The command that a code span names, the longest one that fits; empty when none does.
std::string CommandIn(absl::string_view span) {
  std::string found;
  for (const Command& command : AllCommands()) {
    bool fits = span == command.words || absl::StartsWith(span, absl::StrCat(command.words, " "));
    if (fits && command.words.size() > found.size()) found = std::string(command.words);
  }
  return found;
}

TEST(DocsTest, EveryCommandHasARowWithItsFlagsAndEveryRowIsACommand) {
  std::set<std::string> documented;
  for (const std::string& cell : FirstCells(Page())) {
    std::vector<std::string> spans = absl::StrSplit(cell, '`');
    for (size_t i = 1; i < spans.size(); i += 2) {
      std::string command = CommandIn(spans[i]);
      // Tables that are not of commands (outcomes, reasons, steps) begin with other words.
      if (command.empty()) continue;
      documented.insert(command);
      for (const Command& known : AllCommands()) {
        if (known.words != command) continue;
        for (const std::string& flag : FlagsOf(known)) {
          // Rows say "[limits]" and "[change]" for flags that several commands share, explained below the
          // table.
          bool shared =
              flag == "requests-per-minute" || flag == "images-per-minute" || flag == "max-concurrent";
          bool change = flag == "based-on" || flag == "force" || flag == "validate" || flag == "note";
          EXPECT_THAT(cell, AnyOf(HasSubstr("--" + flag), HasSubstr(flag == "out" ? "-o " : "--" + flag),
                                  HasSubstr(shared ? "[limits]" : "--" + flag),
                                  HasSubstr(change ? "[change]" : "--" + flag)))
              << command;
        }
      }
    }
  }
  for (const Command& command : AllCommands()) {
    EXPECT_EQ(documented.count(std::string(command.words)), 1u) << command.words << " is not in cli.md";
  }
}

TEST(DocsTest, EverySettingAndExitCodeHasARow) {
  std::string page = Page();
  config::Flags flags("x", "y");
  Settings settings;
  DeclareSettings(flags, &settings);
  for (absl::string_view line : absl::StrSplit(flags.Help(), '\n')) {
    absl::string_view word = absl::StripLeadingAsciiWhitespace(line);
    if (!absl::StartsWith(word, "--") || absl::StartsWith(word, "--help")) continue;
    EXPECT_THAT(page, HasSubstr(absl::StrCat("\n| `", word.substr(0, word.find_first_of(" =[,")), "` | ")));
  }
  for (int code : {kDone, kRefused, kWrongUsage, kUnreachable, kDifferent}) {
    EXPECT_THAT(page, HasSubstr(absl::StrCat("\n| ", code, " | ")));
  }
}

// A shell's words, as far as examples go: quotes, and what follows a redirection is the shell's.
std::vector<std::string> ShellWords(absl::string_view line) {
  std::vector<std::string> words(1);
  char quote = 0;
  for (char c : line.substr(0, line.find(" <"))) {
    if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (quote == 0 && c == ' ') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

TEST(DocsTest, EveryExampleIsALineThatCanBeRun) {
  // What it would read is empty, and what it would write goes where it is in nobody's way.
  std::istringstream nothing;
  std::streambuf* standard_input = std::cin.rdbuf(nothing.rdbuf());
  ASSERT_EQ(chdir(::testing::TempDir().c_str()), 0);
  for (const Command& command : AllCommands()) {
    std::vector<std::string> words = ShellWords(command.example);
    ASSERT_EQ(words[0], "prismatic");
    std::ostringstream out, err;
    cli::Run({words.begin() + 1, words.end()}, {}, out, err);
    // Its files and services are not here; all else about it must be right.
    for (const char* wrong :
         {"unknown", "usage:", "is required", "is for lists", "--output", "nothing to change"}) {
      EXPECT_THAT(err.str(), Not(HasSubstr(wrong))) << command.example;
    }
  }
  std::cin.rdbuf(standard_input);
}

}  // namespace
}  // namespace prismatic::cli
