#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "services/admin_json/provider_json.h"
#include "services/cli/command.h"
#include "services/cli/errors.h"
#include "services/cli/output.h"
#include "services/cli/progress.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = provider_proxy::v1;

// All steps at their limits, 120 s for the image among them, and some time to spare.
constexpr absl::Duration kTestTimeout = absl::Minutes(3);
// Of a terminal that nobody has made wider.
constexpr size_t kWordsWidth = 72;

struct Arguments {
  bool generate = false;
  std::string model;
};

std::string SecondsText(int64_t duration_ms) {
  return absl::StrFormat("%.2f", static_cast<double>(duration_ms) / 1000);
}

// Lines of whole words. What a service says must not steer the terminal.
std::vector<std::string> Wrap(std::string text) {
  for (char& c : text) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  std::vector<std::string> lines;
  for (absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (lines.empty() || lines.back().size() + 1 + word.size() > kWordsWidth) {
      lines.emplace_back(word);
    } else {
      absl::StrAppend(&lines.back(), " ", word);
    }
  }
  return lines;
}

void PrintChecks(std::ostream& out, const pb::TestProviderResponse& response) {
  auto print = [&](absl::string_view name, absl::string_view result, absl::string_view seconds,
                   absl::string_view words) {
    std::string line = absl::StrFormat("%-14s  %-7s  %7s  %s", name, result, seconds, words);
    out << absl::StripTrailingAsciiWhitespace(line) << "\n";
  };
  print("CHECK", "RESULT", "SECONDS", "WHAT WAS FOUND");
  for (const pb::ProviderCheck& check : response.checks()) {
    std::vector<std::string> lines = Wrap(check.words());
    print(absl::StrJoin(Wrap(check.name()), " "), admin_json::CheckResultWord(check.result()),
          SecondsText(check.duration_ms()), lines.empty() ? "" : lines[0]);
    for (size_t i = 1; i < lines.size(); ++i) print("", "", "", lines[i]);
  }
}

void PrintCsv(const Invocation& call, const pb::TestProviderResponse& response) {
  Table table({{"CHECK"}, {"RESULT"}, {"SECONDS", true}, {"WORDS"}});
  for (const pb::ProviderCheck& check : response.checks()) {
    table.Row({check.name(), admin_json::CheckResultWord(check.result()), SecondsText(check.duration_ms()),
               check.words()});
  }
  PrintTable(call, table);
}

void PrintChecksJson(std::ostream& out, const std::string& provider,
                     const pb::TestProviderResponse& response) {
  json::Writer writer;
  writer.BeginObject().Key("provider").String(provider);
  admin_json::WriteTestMembers(writer, response);
  writer.EndObject();
  PrintJson(out, writer);
}

absl::StatusOr<pb::TestProviderResponse> Ask(Invocation& call, const pb::TestProviderRequest& request) {
  Progress progress(
      call, absl::StrCat(request.generate() ? "making an image at " : "testing ", request.provider()));
  return call.connections.TestProvider(request);
}

absl::Status TestProvider(Invocation& call, const Arguments& arguments) {
  const std::string& provider = call.words[0];
  pb::TestProviderRequest request;
  request.set_provider(provider);
  request.set_generate(arguments.generate);
  request.set_model(arguments.model);
  ASSIGN_OR_RETURN(pb::TestProviderResponse response, Ask(call, request));
  if (call.settings.json()) {
    PrintChecksJson(call.out, provider, response);
  } else if (call.settings.csv()) {
    PrintCsv(call, response);
  } else {
    PrintChecks(call.out, response);
  }
  if (response.ok()) return absl::OkStatus();
  std::vector<std::string> failed;
  for (const pb::ProviderCheck& check : response.checks()) {
    bool listed = std::find(failed.begin(), failed.end(), check.name()) != failed.end();
    if (check.result() == pb::CHECK_RESULT_FAILED && !listed) failed.push_back(check.name());
  }
  return Refused("PROVIDER_CHECK_FAILED",
                 absl::StrCat("something is wrong with ", provider, ": ", absl::StrJoin(failed, ", ")));
}

Action DeclareProviderTest(config::Flags& flags) {
  auto arguments = std::make_shared<Arguments>();
  flags.Switch("generate", &arguments->generate, "make one image, which the provider may bill");
  flags.Text(
      "model", &arguments->model,
      "look at the routes of this model alone, and make the image with it; absent: all, and the first");
  return [arguments](Invocation& call) { return TestProvider(call, *arguments); };
}

}  // namespace

std::vector<Command> ProviderTestCommands() {
  return {{"provider test",
           "NAME",
           "Says what is wrong between provider-proxy and a provider, step by step.",
           "prismatic provider test openai --generate",
           DeclareProviderTest,
           {.prints_table = true, .timeout = kTestTimeout}}};
}

}  // namespace prismatic::cli
