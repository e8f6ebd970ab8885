// What is wrong with the suite, as far as it can be seen from here.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/cli/command.h"
#include "services/cli/doctor_checks.h"
#include "services/cli/doctor_questions.h"
#include "services/cli/errors.h"
#include "services/cli/output.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

int64_t Count(const std::vector<Finding>& findings, Verdict verdict) {
  return std::count_if(findings.begin(), findings.end(),
                       [&](const Finding& finding) { return finding.verdict == verdict; });
}

void PrintFindings(const Invocation& call, const std::vector<Finding>& findings) {
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject().Key("ok").Bool(Count(findings, Verdict::kFailed) == 0);
    writer.Key("warnings").Int(Count(findings, Verdict::kWarning));
    writer.Key("checks").BeginArray();
    for (const Finding& finding : findings) {
      writer.BeginObject().Key("result").String(VerdictWord(finding.verdict));
      writer.Key("name").String(finding.name).Key("words").String(finding.words).EndObject();
    }
    writer.EndArray().EndObject();
    return PrintJson(call.out, writer);
  }
  Table table({{"RESULT"}, {"CHECK"}, {"WHAT WAS FOUND"}});
  for (const Finding& finding : findings) {
    table.Row({VerdictWord(finding.verdict), finding.name, finding.words});
  }
  PrintTable(call, table);
}

absl::Status Doctor(Invocation& call) {
  std::vector<Finding> findings = Examine(AskEverybody(call));
  PrintFindings(call, findings);
  int64_t failed = Count(findings, Verdict::kFailed);
  if (failed == 0) return absl::OkStatus();
  return Refused("DOCTOR_FAILED", absl::StrCat(failed, failed == 1 ? " check" : " checks", " failed"));
}

Action DeclareDoctor(config::Flags&) { return Doctor; }

}  // namespace

std::vector<Command> DoctorCommands() {
  return {{"doctor",
           "",
           "Looks for the usual mistakes: addresses, token, clocks, Redis, credentials, models, versions.",
           "prismatic doctor",
           DeclareDoctor,
           {.prints_table = true}}};
}

}  // namespace prismatic::cli
