#include "services/cli/doctor_redis.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace prismatic::cli {
namespace {

// Redis Functions came with it.
constexpr int kMajorMin = 7;

struct Rule {
  const char* setting;
  const char* wanted;
  // What happens otherwise.
  const char* otherwise;
  // Without money at stake.
  Verdict verdict;
};

constexpr Rule kRules[] = {
    {"appendonly", "yes", "a restart of Redis forgets what was written since its last snapshot",
     Verdict::kFailed},
    {"appendfsync", "always", "a crash of its host forgets the last writes", Verdict::kWarning},
    {"maxmemory-policy", "noeviction", "Redis throws data away when its memory is full", Verdict::kFailed},
};

void CheckRule(const std::string& name, const Rule& rule, bool keeps_money, const std::string& found,
               std::vector<Finding>& findings) {
  if (found == rule.wanted) return;
  findings.push_back({keeps_money ? Verdict::kFailed : rule.verdict, name,
                      absl::StrCat("has ", rule.setting, " ", found, ": ", rule.otherwise, ". CONFIG SET ",
                                   rule.setting, " ", rule.wanted, ", and write it into redis.conf")});
}

void CheckVersion(const std::string& name, const std::string& version, std::vector<Finding>& findings) {
  std::vector<std::string> parts = absl::StrSplit(version, '.');
  int major = 0;
  if (absl::SimpleAtoi(parts[0], &major) && major >= kMajorMin) return;
  findings.push_back(
      {Verdict::kFailed, name, absl::StrCat("is version ", version, "; it must be at least 7.0")});
}

}  // namespace

void CheckRedis(const std::string& name, bool keeps_money, const RedisFacts& facts,
                std::vector<Finding>& findings) {
  if (!facts.error.empty()) {
    findings.push_back({Verdict::kFailed, name, absl::StrCat("cannot be used: ", facts.error)});
    return;
  }
  size_t before = findings.size();
  std::vector<std::string> untold;
  auto told = [&](const char* setting) -> const std::string* {
    auto found = facts.settings.find(setting);
    if (found != facts.settings.end()) return &found->second;
    untold.push_back(setting);
    return nullptr;
  };
  for (const Rule& rule : kRules) {
    if (const std::string* found = told(rule.setting)) CheckRule(name, rule, keeps_money, *found, findings);
  }
  if (const std::string* version = told("redis_version")) CheckVersion(name, *version, findings);
  if (!untold.empty()) {
    findings.push_back(
        {Verdict::kWarning, name,
         absl::StrCat("does not tell ", absl::StrJoin(untold, ", "),
                      ": let the service's user run CONFIG GET and INFO, or look for yourself")});
  }
  if (findings.size() == before) {
    findings.push_back({Verdict::kOk, name, "keeps what it is given: append-only file, no eviction"});
  }
}

}  // namespace prismatic::cli
