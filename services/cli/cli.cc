#include "services/cli/cli.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/cli/command.h"
#include "services/cli/errors.h"
#include "services/cli/help.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

using Words = std::vector<std::string>;

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

// The command first; `--version` is one, and `help account create` asks for the help of one.
Words Ordered(const Words& arguments) {
  Words ordered = CommandFirst(arguments);
  if (ordered.empty()) return ordered;
  if (ordered[0] == "--version") ordered[0] = "version";
  if (ordered[0] == "help" && ordered.size() > 1 && !absl::StartsWith(ordered[1], "-")) {
    ordered.erase(ordered.begin());
    ordered.emplace_back("--help");
  }
  return ordered;
}

bool BeginsWith(const Words& words, const Words& beginning) {
  return words.size() >= beginning.size() && std::equal(beginning.begin(), beginning.end(), words.begin());
}

// The one with the most words that are there: `usage totals` and not `usage`.
const Command* CommandOf(const std::vector<Command>& commands, const Words& arguments) {
  const Command* found = nullptr;
  for (const Command& command : commands) {
    if (!BeginsWith(arguments, WordsOf(command.words))) continue;
    if (found == nullptr || command.words.size() > found->words.size()) found = &command;
  }
  return found;
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

struct Streams {
  std::ostream& out;
  std::ostream& err;
  Terminals terminals;
};

absl::Status RunCommand(const std::vector<Command>& commands, const Command& command, const Words& arguments,
                        const Words& environment, const Streams& streams) {
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
    streams.out << HelpOf(commands, command, flags);
    return absl::OkStatus();
  }
  Words spelled_out = command.traits.writes_file ? SpellOut(arguments) : arguments;
  absl::Status parsed = flags.ParseFrom(spelled_out, SettingsOf(environment));
  // First, for they may be of another command: `usage total`.
  if (flags.words().size() != WordsOf(command.arguments).size()) {
    return WrongWords(commands, command, flags.words());
  }
  if (!parsed.ok()) return WrongFlags(command, parsed);
  RETURN_IF_ERROR(CheckSettings(&settings));
  if (settings.csv() && !command.traits.prints_table) {
    return UsageError(absl::StrCat("--output csv is for lists; `prismatic ", command.words, "` prints none"));
  }
  Connections connections(settings);
  Invocation invocation{settings, connections, flags.words(), streams.out, streams.err, streams.terminals};
  absl::Status done = action(invocation);
  if (!done.ok() && ExitCodeOf(done) != kDifferent) return done;
  if (!streams.out.flush()) return OutputFailed("cannot write to standard output");
  return done;
}

}  // namespace

void PrintTable(const Invocation& call, const Table& table) {
  if (call.settings.csv()) {
    table.PrintCsv(call.out);
  } else {
    table.Print(call.out);
  }
}

std::vector<Command> AllCommands() {
  std::vector<Command> all;
  for (auto group : {AccountCommands, WalletCommands, KeyCommands, LedgerCommands, LedgerFileCommands,
                     VerifyCommands, MeteringCommands, SettlementCommands, CatalogCommands,
                     CatalogHistoryCommands, ProviderCommands, ProviderTestCommands, ModelCommands,
                     OperatorCommands, AuditCommands, DoctorCommands, GenerateCommands, VersionCommands}) {
    for (Command& command : group()) {
      // Behind the last one of its group, wherever in the sources it stands.
      auto same_group = [&](const Command& other) {
        return WordsOf(other.words)[0] == WordsOf(command.words)[0];
      };
      auto last = std::find_if(all.rbegin(), all.rend(), same_group);
      all.insert(last == all.rend() ? all.end() : last.base(), command);
    }
  }
  return all;
}

int Run(const Words& arguments, const Words& environment, std::ostream& out, std::ostream& err,
        Terminals terminals) {
  std::vector<Command> commands = AllCommands();
  Words ordered = Ordered(arguments);
  const Command* command = CommandOf(commands, ordered);
  absl::Status status;
  if (command != nullptr) {
    Words rest(ordered.begin() + static_cast<std::ptrdiff_t>(WordsOf(command->words).size()), ordered.end());
    status = RunCommand(commands, *command, rest, environment, {out, err, terminals});
  } else if (std::optional<std::string> help = GeneralHelp(commands, ordered)) {
    out << *help;
  } else {
    status = NoSuchCommand(commands, ordered);
  }
  // What is different has been printed; that it is, the exit code says.
  if (!status.ok() && ExitCodeOf(status) != kDifferent) err << "error: " << ErrorText(status) << "\n";
  return ExitCodeOf(status);
}

}  // namespace prismatic::cli
