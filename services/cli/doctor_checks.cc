#include "services/cli/doctor_checks.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "services/admin_json/registry_json.h"
#include "services/cli/doctor_catalog.h"
#include "services/cli/doctor_clocks.h"
#include "services/cli/doctor_redis.h"
#include "services/cli/errors.h"
#include "services/common/status/status.h"

namespace prismatic::cli {
namespace {

using Findings = std::vector<Finding>;

std::string VariableOf(absl::string_view flag) {
  return absl::StrCat("PRISMATIC_", absl::StrReplaceAll(absl::AsciiStrToUpper(flag), {{"-", "_"}}));
}

bool NobodyAnswered(const absl::Status& status) { return ExitCodeOf(status) == kUnreachable; }
bool IsTooOld(const absl::Status& status) { return status.code() == absl::StatusCode::kUnimplemented; }
bool TokenRefused(const absl::Status& status) {
  return HasReason(status, common::v1::ERROR_REASON_INVALID_API_KEY);
}

std::string WordsOf(PortKind port) {
  switch (port) {
    case PortKind::kNoAddress:
      return "is no host:port";
    case PortKind::kUnknownName:
      return "has a name that this machine does not know: look for a typing error, or at DNS";
    case PortKind::kRefused:
      return "has nobody who listens: is the service started, and is it this port?";
    case PortKind::kUnreachable:
      return "cannot be reached: look at the host's name, the network and its firewalls";
    case PortKind::kSilent:
    case PortKind::kClosed:
      return "takes connections and speaks no gRPC: another program listens there";
    case PortKind::kTls:
      return "speaks TLS, and this tool plain gRPC: give the service's port without TLS";
    case PortKind::kHttp1:
      return "speaks HTTP/1.1 and no gRPC: it is the gateway's port, or one for metrics";
    case PortKind::kHttp2:
      return "speaks gRPC and did not answer in time: it hangs, or is overloaded";
  }
  return "";
}

template <typename Response>
void CheckReach(const Answer<Response>& answer, Findings& findings) {
  if (!answer.asked()) {
    findings.push_back(
        {Verdict::kWarning, answer.service,
         absl::StrCat("was not asked: give --", answer.flag, " or ", VariableOf(answer.flag))});
  } else if (NobodyAnswered(answer.status)) {
    findings.push_back(
        {Verdict::kFailed, answer.service, absl::StrCat(answer.address, " ", WordsOf(answer.port))});
  } else if (IsTooOld(answer.status)) {
    findings.push_back({Verdict::kWarning, answer.service,
                        absl::StrCat("answers at ", answer.address,
                                     ", and is older than this tool: part of what follows is not known")});
  } else {
    findings.push_back({Verdict::kOk, answer.service, absl::StrCat("answers at ", answer.address)});
  }
}

// An empty environment must not look like a suite in good health to what runs this every hour.
void CheckThatSomebodyWasAsked(const Answers& answers, Findings& findings) {
  if (answers.registry.asked() || answers.models.asked() || answers.billing.asked() ||
      answers.metering.asked() || answers.states.asked() || answers.ready.asked()) {
    return;
  }
  findings.push_back({Verdict::kFailed, "addresses",
                      "none is given, so nothing was asked: read the file `env` that scripts/run writes "
                      "(`. .run/env`), or give --registry-admin-addr and the other addresses"});
}

// What a service that was reached could not tell.
template <typename Response>
void CheckRefusal(const Answer<Response>& answer, Findings& findings) {
  if (!answer.asked() || answer.ok() || NobodyAnswered(answer.status) || IsTooOld(answer.status)) return;
  if (TokenRefused(answer.status)) return;
  findings.push_back({Verdict::kFailed, answer.service, absl::StrCat("says ", ErrorText(answer.status))});
}

void CheckToken(const Answers& answers, Findings& findings) {
  constexpr char kName[] = "admin token";
  if (!answers.registry.asked() && !answers.billing.asked()) return;
  if (!answers.has_token) {
    findings.push_back({Verdict::kFailed, kName,
                        "there is none, so the admin ports were not asked: give PRISMATIC_ADMIN_TOKEN or "
                        "--admin-token-file"});
    return;
  }
  std::vector<std::string> refused;
  if (TokenRefused(answers.registry.status)) refused.push_back("model-registry");
  if (TokenRefused(answers.billing.status)) refused.push_back("billing");
  if (!refused.empty()) {
    findings.push_back({Verdict::kFailed, kName,
                        absl::StrCat("is not accepted by ", absl::StrJoin(refused, " and "),
                                     ": is it the one of their --admin-token-file? (A session's token is for "
                                     "model-registry, and may have ended.)")});
    return;
  }
  if (!answers.registry.ok() && !answers.billing.ok()) return;
  std::string role;
  if (answers.who.ok()) {
    role = absl::StrCat(": ", answers.who.response.actor(), ", ",
                        admin_json::RoleWord(answers.who.response.role()));
  }
  findings.push_back({Verdict::kOk, kName, absl::StrCat("is accepted", role)});
}

void CheckGateway(const Answers& answers, Findings& findings) {
  const Answer<HttpReply>& ready = answers.ready;
  if (!ready.asked()) return CheckReach(ready, findings);
  std::string at = absl::StrCat(ready.address, " ");
  if (!ready.status.ok()) {
    findings.push_back({Verdict::kFailed, ready.service,
                        absl::StrCat(ready.status.message(),
                                     "; is --base-url right, with http:// or https:// as the port speaks?")});
  } else if (ready.response.status == 200) {
    findings.push_back({Verdict::kOk, ready.service, at + "is ready"});
  } else if (ready.response.status == 503) {
    findings.push_back(
        {Verdict::kFailed, ready.service,
         absl::StrCat(at, "is not ready: ", absl::StripAsciiWhitespace(ready.response.body.substr(0, 80)),
                      "; without a catalog, look at its way to model-registry")});
  } else {
    findings.push_back({Verdict::kFailed, ready.service,
                        absl::StrCat(at, "answers ", ready.response.status,
                                     ", as no gateway of ours: is --base-url right, with its /v1?")});
  }
}

void CheckApiKey(const Answers& answers, Findings& findings) {
  const Answer<HttpReply>& listing = answers.listing;
  if (!listing.asked() || !listing.status.ok()) return;
  constexpr char kName[] = "API key";
  if (listing.response.status == 200) {
    findings.push_back({Verdict::kOk, kName, "the gateway accepts it, and lists its models"});
  } else if (listing.response.status == 401) {
    findings.push_back(
        {Verdict::kFailed, kName,
         "the key in PRISMATIC_API_KEY (or --api-key) was refused: it is revoked, expired, mistyped, "
         "or of another suite; `prismatic key create` makes one"});
  } else {
    findings.push_back({Verdict::kFailed, kName,
                        absl::StrCat("the gateway answers ", listing.response.status,
                                     " to GET /v1/models: look at its log, and at billing")});
  }
}

// --- versions ---

std::map<std::string, int64_t> VersionsOf(const Answers& answers) {
  std::map<std::string, int64_t> versions;
  if (answers.registry.ok()) versions["model-registry"] = answers.registry.response.catalog_version();
  if (answers.billing.ok()) versions["billing"] = answers.billing.response.catalog_version();
  if (answers.states.ok()) versions["provider-proxy"] = answers.states.response.catalog_version();
  return versions;
}

void CheckVersions(const Answers& answers, Findings& findings) {
  constexpr char kName[] = "catalog";
  std::map<std::string, int64_t> versions = VersionsOf(answers);
  if (versions.empty()) return;
  for (const auto& [process, version] : versions) {
    if (version != 0) continue;
    findings.push_back({Verdict::kFailed, kName,
                        absl::StrCat(process, " holds none: look at its log",
                                     process == "model-registry" ? ", and at `prismatic catalog apply`"
                                                                 : ", and at its way to model-registry")});
    return;
  }
  if (!VersionsDiffer(answers)) {
    findings.push_back(
        {Verdict::kOk, kName,
         absl::StrCat("version ", versions.begin()->second,
                      versions.size() > 1 ? " everywhere"
                                          : absl::StrCat(" at ", versions.begin()->first,
                                                         "; the others did not tell theirs"))});
    return;
  }
  std::string list = absl::StrJoin(versions, ", ", absl::PairFormatter(" has "));
  findings.push_back({Verdict::kFailed, kName,
                      absl::StrCat("not the same everywhere: ", list,
                                   "; those that are behind have lost their way to model-registry")});
}

// --- what the services hold ---

// What would have been asked of one that gave no answer: a check that is missing must not look like one that
// passed.
template <typename Response>
void ListAsSkipped(const Answer<Response>& answer, std::vector<absl::string_view> names, Findings& findings) {
  if (!answer.asked() || answer.ok()) return;
  for (absl::string_view name : names) {
    findings.push_back({Verdict::kSkipped, std::string(name),
                        absl::StrCat("not looked at, for ", answer.service, " did not tell")});
  }
}

void CheckOperators(const Answers& answers, Findings& findings) {
  if (!answers.registry.ok()) return;
  if (answers.registry.response.first_password_in_use()) {
    findings.push_back({Verdict::kWarning, "operators",
                        "the first owner's random password was never changed: log in and change it"});
  } else {
    findings.push_back({Verdict::kOk, "operators", "the first password is not in use"});
  }
}

void CheckSettlements(const Answers& answers, Findings& findings) {
  if (!answers.billing.ok()) return;
  int64_t unconfirmed = answers.billing.response.unconfirmed_settlements();
  if (unconfirmed == 0) {
    findings.push_back({Verdict::kOk, "settlements", "none waits for a replica of Redis"});
  } else {
    findings.push_back(
        {Verdict::kWarning, "settlements",
         absl::StrCat(unconfirmed,
                      " of this billing are confirmed by no replica of Redis and would be lost with its "
                      "primary: look at the replicas; after a failover see `prismatic settlement "
                      "replay`")});
  }
}

void CheckCounters(const Answers& answers, Findings& findings) {
  if (!answers.billing.ok()) return;
  const auto& damaged = answers.billing.response.damaged();
  if (damaged.empty()) return;
  findings.push_back({Verdict::kWarning, "usage",
                      absl::StrCat("counters of yesterday and today are damaged in Redis, so usage shows too "
                                   "little; the ledger has it all: ",
                                   absl::StrJoin(damaged, " "))});
}

}  // namespace

std::string VerdictWord(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kWarning:
      return "warning";
    case Verdict::kFailed:
      return "FAILED";
    case Verdict::kSkipped:
      return "skipped";
  }
  return "";
}

bool VersionsDiffer(const Answers& answers) {
  std::map<std::string, int64_t> versions = VersionsOf(answers);
  return std::any_of(versions.begin(), versions.end(),
                     [&](const auto& entry) { return entry.second != versions.begin()->second; });
}

std::vector<Finding> Examine(const Answers& answers) {
  Findings findings;
  CheckThatSomebodyWasAsked(answers, findings);
  CheckReach(answers.registry, findings);
  CheckReach(answers.models, findings);
  CheckReach(answers.billing, findings);
  CheckReach(answers.metering, findings);
  CheckReach(answers.states, findings);
  CheckGateway(answers, findings);
  CheckToken(answers, findings);
  if (answers.has_token) {
    CheckRefusal(answers.registry, findings);
    CheckRefusal(answers.billing, findings);
  }
  CheckRefusal(answers.models, findings);
  CheckRefusal(answers.metering, findings);
  CheckRefusal(answers.states, findings);
  CheckApiKey(answers, findings);
  CheckVersions(answers, findings);
  CheckClocks(answers, findings);
  if (answers.registry.ok()) {
    CheckRedis("model-registry's Redis", /*keeps_money=*/false, RedisFactsOf(answers.registry.response),
               findings);
  }
  if (answers.billing.ok()) {
    CheckRedis("billing's Redis", /*keeps_money=*/true, RedisFactsOf(answers.billing.response), findings);
  }
  ListAsSkipped(answers.registry, {"model-registry's Redis"}, findings);
  ListAsSkipped(answers.billing, {"billing's Redis"}, findings);
  CheckImport(answers, findings);
  CheckModels(answers, findings);
  CheckProviders(answers, findings);
  ListAsSkipped(answers.states, {"providers"}, findings);
  CheckOperators(answers, findings);
  CheckSettlements(answers, findings);
  CheckCounters(answers, findings);
  ListAsSkipped(answers.registry, {"import", "models", "operators"}, findings);
  ListAsSkipped(answers.billing, {"settlements"}, findings);
  return findings;
}

}  // namespace prismatic::cli
