#include "services/cli/cli.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "services/cli/command.h"
#include "services/cli/errors.h"
#include "services/common/status/status_macros.h"

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
    "--provider-addr, --admin-token, --admin-token-file, --base-url, --api-key, --output, --timeout) can be "
    "given to every\ncommand, or as "
    "PRISMATIC_BILLING_ADMIN_ADDR and so on: `scripts/run` writes a file `env` with them, to be sourced.\n"
    "\n"
    "exit codes:\n"
    "  0  done\n"
    "  1  refused by the service, or its result could not be written; `error: REASON: message` says why;\n"
    "     `ledger verify` found a difference; `settlement replay` could not settle everything;\n"
    "     `provider test` found something wrong\n"
    "  2  wrong usage; nothing was sent\n"
    "  3  a service is unreachable or did not answer in time\n";

std::vector<Command> AllCommands() {
  std::vector<Command> all;
  for (auto group :
       {AccountCommands, WalletCommands, KeyCommands, LedgerCommands, LedgerFileCommands, VerifyCommands,
        MeteringCommands, SettlementCommands, CatalogCommands, ProviderTestCommands, GenerateCommands}) {
    for (Command& command : group()) all.push_back(command);
  }
  return all;
}

Words WordsOf(absl::string_view text) { return absl::StrSplit(text, ' ', absl::SkipEmpty()); }

bool IsHelp(absl::string_view argument) { return argument == "--help" || argument == "-h"; }

// Settings may stand before the command: moves them behind it, so that the command comes first.
Words CommandFirst(const Words& arguments) {
  size_t i = 0;
  while (i < arguments.size()) {
    absl::string_view flag = arguments[i];
    if (!absl::ConsumePrefix(&flag, "--")) break;
    bool has_value = absl::StrContains(flag, "=");
    if (!IsSetting(flag.substr(0, flag.find('=')))) break;
    i += has_value ? 1 : 2;
  }
  i = std::min(i, arguments.size());
  Words result(arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
  result.insert(result.end(), arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(i));
  return result;
}

bool BeginsWith(const Words& words, const Words& beginning) {
  return words.size() >= beginning.size() && std::equal(beginning.begin(), beginning.end(), words.begin());
}

std::string CommandList(const std::vector<Command>& commands, absl::string_view group) {
  size_t width = 0;
  for (const Command& command : commands) {
    width = std::max(width, command.words.size() + 1 + command.arguments.size());
  }
  std::string list = "commands:\n";
  for (const Command& command : commands) {
    if (!group.empty() && WordsOf(command.words)[0] != group) continue;
    std::string words = absl::StrCat(command.words, " ", command.arguments);
    words.resize(width, ' ');
    absl::StrAppend(&list, "  ", words, "  ", command.about, "\n");
  }
  return list;
}

// What was said that is no command: the whole list, or that of a group such as `account`.
int Explain(const std::vector<Command>& commands, const Words& arguments, std::ostream& out,
            std::ostream& err) {
  std::string first = arguments.empty() ? "" : arguments[0];
  bool is_group = std::any_of(commands.begin(), commands.end(),
                              [&](const Command& command) { return WordsOf(command.words)[0] == first; });
  std::string list = CommandList(commands, is_group ? first : "");
  bool asked = first == "help" || std::any_of(arguments.begin(), arguments.end(), IsHelp);
  if (asked && (is_group || first == "help" || IsHelp(first))) {
    out << kHelpHead << list << kHelpTail;
    return kDone;
  }
  err << "error: USAGE: ";
  if (arguments.empty()) {
    err << "a command is missing";
  } else if (is_group && (arguments.size() == 1 || absl::StartsWith(arguments[1], "-"))) {
    err << "`" << first << "` asks for one more word";
  } else {
    err << "unknown command `" << first << (is_group ? " " + arguments[1] : "") << "`";
  }
  err << "\n" << list << "`prismatic --help` tells more.\n";
  return kWrongUsage;
}

// `-o FILE` is short for `--out FILE`; everything else is spelled out. The value of another flag is
// left alone, be it `-o`.
Words SpellOut(const Words& arguments) {
  Words result;
  bool is_value = false;
  for (const std::string& argument : arguments) {
    bool short_out = argument == "-o" && !is_value;
    is_value =
        !is_value && (short_out || (absl::StartsWith(argument, "--") && !absl::StrContains(argument, "=")));
    result.push_back(short_out ? "--out" : argument);
  }
  return result;
}

std::string HelpOf(const Command& command, const config::Flags& flags) {
  return absl::StrCat(flags.Help(), "\nexample:\n  ", command.example, "\n");
}

absl::Status RunCommand(const Command& command, const Words& arguments, const Words& environment,
                        std::ostream& out, std::ostream& err) {
  config::Flags flags(absl::StrCat("prismatic ", command.words), command.about);
  Settings settings;
  settings.timeout = command.traits.timeout;
  // A forgotten PRISMATIC_USD must not move money.
  flags.ArgumentsOnly(true);
  Action action = command.declare(flags);
  flags.ArgumentsOnly(false);
  DeclareSettings(flags, &settings);
  flags.AllowWords(command.arguments);
  if (std::any_of(arguments.begin(), arguments.end(), IsHelp)) {
    out << HelpOf(command, flags);
    return absl::OkStatus();
  }
  Words spelled_out = command.traits.writes_file ? SpellOut(arguments) : arguments;
  absl::Status parsed = flags.ParseFrom(spelled_out, SettingsOf(environment));
  if (!parsed.ok()) return UsageError(parsed.message());
  if (flags.words().size() != WordsOf(command.arguments).size()) {
    return UsageError(absl::StrCat("usage: prismatic ", command.words, " ", command.arguments,
                                   command.arguments.empty() ? "" : " ", "[flags]; the words given are: ",
                                   flags.words().empty() ? "none" : absl::StrJoin(flags.words(), " ")));
  }
  RETURN_IF_ERROR(CheckSettings(&settings));
  if (settings.csv() && !command.traits.prints_table) {
    return UsageError(absl::StrCat("--output csv is for lists; `prismatic ", command.words, "` prints none"));
  }
  Connections connections(settings);
  Invocation invocation{settings, connections, flags.words(), out, err};
  RETURN_IF_ERROR(action(invocation));
  if (!out.flush()) return OutputFailed("cannot write to standard output");
  return absl::OkStatus();
}

}  // namespace

void PrintTable(const Invocation& call, const Table& table) {
  if (call.settings.csv()) {
    table.PrintCsv(call.out);
  } else {
    table.Print(call.out);
  }
}

int Run(const Words& arguments, const Words& environment, std::ostream& out, std::ostream& err) {
  std::vector<Command> commands = AllCommands();
  Words ordered = CommandFirst(arguments);
  for (const Command& command : commands) {
    Words words = WordsOf(command.words);
    if (!BeginsWith(ordered, words)) continue;
    Words rest(ordered.begin() + static_cast<std::ptrdiff_t>(words.size()), ordered.end());
    absl::Status status = RunCommand(command, rest, environment, out, err);
    if (!status.ok()) err << "error: " << ErrorText(status) << "\n";
    return ExitCodeOf(status);
  }
  return Explain(commands, ordered, out, err);
}

}  // namespace prismatic::cli
