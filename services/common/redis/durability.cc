#include "services/common/redis/durability.h"

#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/common/log/log.h"

namespace prismatic::redis {
namespace {

using Severity = DurabilityFinding::Severity;
using Findings = std::vector<DurabilityFinding>;
using Settings = std::map<std::string, std::string>;

// CONFIG GET's answer: name, value, name, value ...
Settings ReadSettings(const Reply& reply) {
  Settings settings;
  for (size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    settings[reply.elements[i].text] = reply.elements[i + 1].text;
  }
  return settings;
}

// -1 when INFO says nothing.
int ConnectedReplicas(const Reply& info) {
  int replicas = -1;
  if (info.is_error()) return replicas;
  for (absl::string_view line : absl::StrSplit(info.text, '\n')) {
    if (!absl::ConsumePrefix(&line, "connected_slaves:")) continue;
    if (!absl::SimpleAtoi(absl::StripSuffix(line, "\r"), &replicas)) replicas = -1;
  }
  return replicas;
}

void CheckFile(const Settings& settings, Findings& findings) {
  const std::string appendonly = settings.count("appendonly") ? settings.at("appendonly") : "";
  const std::string fsync = settings.count("appendfsync") ? settings.at("appendfsync") : "";
  if (appendonly != "yes") {
    findings.push_back({Severity::kWarning,
                        absl::StrCat("appendonly is ", appendonly,
                                     ": a Redis that crashes loses everything since its last snapshot, and "
                                     "with it charges, top-ups and revocations; set appendonly yes")});
  } else if (fsync == "no") {
    findings.push_back(
        {Severity::kWarning,
         "appendfsync is no: a host that crashes loses what the kernel had not written, half a minute and "
         "more of charges, top-ups and revocations; set appendfsync always"});
  } else if (fsync != "always") {
    findings.push_back({Severity::kWarning,
                        absl::StrCat("appendfsync is ", fsync,
                                     ": a host that crashes loses up to a second or two of charges, top-ups "
                                     "and revocations that were acknowledged; set appendfsync always")});
  }
}

void CheckMemory(const Settings& settings, Findings& findings) {
  auto policy = settings.find("maxmemory-policy");
  if (policy == settings.end() || policy->second == "noeviction") return;
  findings.push_back(
      {Severity::kError, absl::StrCat("maxmemory-policy is ", policy->second,
                                      ": a full Redis throws records away instead of refusing new ones; set "
                                      "maxmemory-policy noeviction")});
}

void CheckReplicas(const Settings& settings, int replicas, int waits_for, Findings& findings) {
  int writes_need = 0;
  auto setting = settings.find("min-replicas-to-write");
  if (setting != settings.end() && absl::SimpleAtoi(setting->second, &writes_need) && writes_need > 0) {
    findings.push_back({Severity::kWarning,
                        absl::StrCat("min-replicas-to-write is ", writes_need,
                                     ": when replicas are lost every write is refused, sales included; set "
                                     "min-replicas-to-write 0")});
  }
  if (replicas > 0 && waits_for == 0) {
    findings.push_back({Severity::kWarning,
                        "there are replicas, but nothing waits for them: a failover may lose acknowledged "
                        "charges, top-ups and revocations; add ?wait=1 to the Redis URL"});
  }
  if (replicas >= 0 && replicas < waits_for) {
    findings.push_back({Severity::kWarning,
                        absl::StrCat("the Redis URL says wait=", waits_for, ", but ", replicas,
                                     " replicas are connected: top-ups, adjustments and revocations are not "
                                     "confirmed, and each lasting write takes 50 ms longer")});
  }
}

}  // namespace

Task<absl::StatusOr<Findings>> CheckDurability(Client& client) {
  std::vector<std::vector<std::string>> commands = {
      {"CONFIG", "GET", "appendonly", "appendfsync", "maxmemory-policy", "min-replicas-to-write"},
      {"INFO", "replication"}};
  auto pipeline = client.Pipeline(Lane::kFast, std::move(commands));
  absl::StatusOr<std::vector<Reply>> replies = co_await pipeline;
  if (!replies.ok()) co_return replies.status();
  const Reply& config = (*replies)[0];
  Settings settings;
  Findings findings;
  if (config.is_error()) {
    findings.push_back({Severity::kWarning, absl::StrCat("Redis' settings cannot be checked (grant "
                                                         "+config|get, or look at them yourself): ",
                                                         config.text)});
  } else {
    settings = ReadSettings(config);
    CheckFile(settings, findings);
    CheckMemory(settings, findings);
  }
  CheckReplicas(settings, ConnectedReplicas((*replies)[1]), client.wait_replicas(), findings);
  co_return findings;
}

void LogFindings(const Findings& findings) {
  for (const DurabilityFinding& finding : findings) {
    if (finding.severity == Severity::kError) {
      log::Error("redis is not set up for records that last", {{"finding", finding.text}});
    } else {
      log::Warning("redis is not set up for records that last", {{"finding", finding.text}});
    }
  }
}

}  // namespace prismatic::redis
