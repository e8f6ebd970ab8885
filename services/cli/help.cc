#include "services/cli/help.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "services/cli/errors.h"
#include "services/cli/suggestion.h"

namespace prismatic::cli {
namespace {

using Words = std::vector<std::string>;

constexpr char kHelpHead[] =
    "prismatic: administers a Prismatic suite and generates images with it.\n"
    "\n"
    "usage: prismatic COMMAND [flags]\n"
    "\n";

constexpr char kHelpTail[] =
    "\n"
    "`prismatic COMMAND --help` has the flags of a command and an example. Where the services are and how\n"
    "to speak to them (--billing-admin-addr, --billing-addr, --registry-admin-addr, --registry-addr,\n"
    "--provider-addr, --admin-token, --admin-token-file, --actor, --base-url, --api-key, --output,\n"
    "--timeout) can be given to every command, or as PRISMATIC_BILLING_ADMIN_ADDR and so on:\n"
    "`scripts/run` writes a file `env` with them, to be sourced. `prismatic doctor` looks for what is\n"
    "wrong with it all; `prismatic --version` says which version this is.\n"
    "\n"
    "exit codes:\n"
    "  0  done\n"
    "  1  refused by the service, or its result could not be written; `error: REASON: message` says why;\n"
    "     `ledger verify` found a difference; `settlement replay` could not settle everything;\n"
    "     `provider test` or `doctor` found something wrong\n"
    "  2  wrong usage; nothing was sent\n"
    "  3  a service is unreachable or did not answer in time\n"
    "  4  `catalog diff` found differences\n";

constexpr char kGroupTail[] =
    "\n"
    "With --help behind it each has its flags and an example; `prismatic --help` has the exit codes.\n";

absl::string_view GroupOf(const Command& command) { return command.words.substr(0, command.words.find(' ')); }

bool IsGroup(const std::vector<Command>& commands, absl::string_view word) {
  return std::any_of(commands.begin(), commands.end(),
                     [&](const Command& command) { return GroupOf(command) == word; });
}

std::string WholeLine(const Command& command) {
  return absl::StrCat(command.words, command.arguments.empty() ? "" : " ", command.arguments);
}

// All of them, or those of a group.
std::string CommandList(const std::vector<Command>& commands, absl::string_view group) {
  std::vector<const Command*> listed;
  size_t width = 0;
  for (const Command& command : commands) {
    if (!group.empty() && GroupOf(command) != group) continue;
    listed.push_back(&command);
    width = std::max(width, WholeLine(command).size());
  }
  std::string list = "commands:\n";
  for (const Command* command : listed) {
    std::string line = WholeLine(*command);
    line.resize(width, ' ');
    absl::StrAppend(&list, "  ", line, "  ", command->about, "\n");
  }
  return list;
}

// "; did you mean `account list`?", or nothing.
std::string DidYouMean(absl::string_view command) {
  return command.empty() ? "" : absl::StrCat("; did you mean `prismatic ", command, "`?");
}

std::string See(absl::string_view command) {
  return absl::StrCat(" See `prismatic ", command, command.empty() ? "" : " ", "--help`");
}

// "create, list, show".
std::string WordsBehind(const std::vector<Command>& commands, absl::string_view group) {
  Words behind;
  for (const Command& command : commands) {
    if (GroupOf(command) == group && command.words != group) {
      behind.emplace_back(command.words.substr(group.size() + 1));
    }
  }
  return absl::StrJoin(behind, ", ");
}

}  // namespace

Words WordsOf(absl::string_view text) { return absl::StrSplit(text, ' ', absl::SkipEmpty()); }

bool IsHelp(absl::string_view argument) { return argument == "--help" || argument == "-h"; }

std::optional<std::string> GeneralHelp(const std::vector<Command>& commands, const Words& arguments) {
  if (arguments.empty()) return std::nullopt;
  if (arguments[0] == "help" || IsHelp(arguments[0])) {
    return absl::StrCat(kHelpHead, CommandList(commands, ""), kHelpTail);
  }
  bool only_group = arguments.size() > 1 && IsHelp(arguments[1]) && IsGroup(commands, arguments[0]);
  if (!only_group) return std::nullopt;
  return absl::StrCat(CommandList(commands, arguments[0]), kGroupTail);
}

std::string HelpOf(const std::vector<Command>& commands, const Command& command, const config::Flags& flags) {
  std::string help = absl::StrCat(absl::StrReplaceAll(flags.Help(), {{"[flags] \n", "[flags]\n"}}),
                                  "\nexample:\n  ", command.example, "\n");
  // A command that others begin with, as `usage totals` does with `usage`.
  std::string begins = absl::StrCat(command.words, " ");
  for (const Command& other : commands) {
    if (!absl::StartsWith(other.words, begins)) continue;
    absl::StrAppend(&help, "\nsee also:\n  prismatic ", WholeLine(other), "  ", other.about, "\n");
  }
  return help;
}

absl::Status NoSuchCommand(const std::vector<Command>& commands, const Words& arguments) {
  if (arguments.empty()) return UsageError(absl::StrCat("a command is missing.", See("")));
  const std::string& first = arguments[0];
  bool has_second = arguments.size() > 1 && !absl::StartsWith(arguments[1], "-");
  if (!IsGroup(commands, first)) {
    std::string said = absl::StrCat(first, has_second ? " " : "", has_second ? arguments[1] : "");
    std::string meant = DidYouMean(NearestCommand(commands, arguments));
    if (meant.empty()) return UsageError(absl::StrCat("unknown command `", first, "`.", See("")));
    return UsageError(absl::StrCat("unknown command `", said, "`", meant, See("")));
  }
  if (!has_second) {
    return UsageError(absl::StrCat("`", first, "` asks for one more word: ", WordsBehind(commands, first),
                                   ".", See(first)));
  }
  std::string meant = DidYouMean(NearestCommand(commands, arguments));
  return UsageError(absl::StrCat("unknown command `", first, " ", arguments[1], "`",
                                 meant.empty() ? "." : meant, See(first)));
}

absl::Status WrongWords(const std::vector<Command>& commands, const Command& command, const Words& words) {
  Words said = WordsOf(command.words);
  said.insert(said.end(), words.begin(), words.end());
  std::string nearest = NearestCommand(commands, said);
  bool another = nearest != command.words;
  return UsageError(absl::StrCat("usage: prismatic ", WholeLine(command), " [flags]; the words given are: ",
                                 words.empty() ? "none" : absl::StrJoin(words, " "),
                                 another ? DidYouMean(nearest) : ".", See(command.words)));
}

absl::Status WrongFlags(const Command& command, const absl::Status& parsed) {
  std::string message = absl::StrReplaceAll(parsed.message(), {{"?\n", "? "}, {"\n", "; "}});
  return UsageError(absl::StrCat(message, absl::EndsWith(message, "?") ? "" : ".", See(command.words)));
}

}  // namespace prismatic::cli
