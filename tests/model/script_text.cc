#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/model/operation.h"

// Scripts as text: what a failure prints, a regression test holds and a replay reads.

namespace prismatic::billing::model {
namespace {

constexpr const char* kVerbNames[] = {
    "kReserve",
    "kValidate",
    "kSettle",
    "kRelease",
    "kExpire",
    "kSweep",
    "kTopUp",
    "kCheckKey",
    "kEstimate",
    "kGetReservation",
    "kListLedger",
    "kCreateAccount",
    "kCreateKey",
    "kImportKey",
    "kRevokeKey",
    "kAdjust",
    "kWriteOff",
    "kSuspend",
    "kResume",
    "kUpdateAccount",
    "kUpdateKey",
    "kListUsage",
    "kListReservations",
    "kAudit",
    "kRecount",
    "kTrimLedger",
    "kStep",
    "kForget",
    "kForgetIdempotencyKey",
};
static_assert(sizeof(kVerbNames) / sizeof(kVerbNames[0]) ==
              static_cast<size_t>(Verb::kForgetIdempotencyKey) + 1);

// The numbers of an operation, each with its name.
template <typename Visit>
void ForEachField(Operation& operation, Visit visit) {
  visit("account", operation.account);
  visit("key", operation.key);
  visit("attempt", operation.attempt);
  visit("images", operation.images);
  visit("model", operation.model);
  visit("idempotency_key", operation.idempotency_key);
  visit("body", operation.body);
  visit("amount", operation.amount);
  visit("request", operation.request);
  visit("requests_per_minute", operation.requests_per_minute);
  visit("images_per_minute", operation.images_per_minute);
  visit("concurrent", operation.concurrent);
  visit("models", operation.models);
  visit("policy", operation.policy);
  visit("quota", operation.quota);
  visit("period", operation.period);
  visit("started", operation.started);
}

bool SetField(Operation& operation, absl::string_view name, absl::string_view value) {
  if (name == "verb") {
    absl::ConsumePrefix(&value, "Verb::");
    auto found = std::find(std::begin(kVerbNames), std::end(kVerbNames), value);
    operation.verb = static_cast<Verb>(found - std::begin(kVerbNames));
    return found != std::end(kVerbNames);
  }
  int64_t number = 0;
  bool known = false;
  if (!absl::SimpleAtoi(value, &number)) return false;
  ForEachField(operation, [&](absl::string_view field, auto& place) {
    if (field != name) return;
    place = static_cast<std::decay_t<decltype(place)>>(number);
    known = true;
  });
  return known;
}

}  // namespace

std::string NameOf(Verb verb) { return kVerbNames[static_cast<int>(verb)]; }

std::string Print(const Operation& operation) {
  std::string text = absl::StrCat("{.verb = Verb::", NameOf(operation.verb));
  std::vector<int64_t> usual;
  Operation plain, copy = operation;
  ForEachField(plain, [&usual](const char*, int64_t value) { usual.push_back(value); });
  size_t at = 0;
  ForEachField(copy, [&](const char* name, int64_t value) {
    if (value != usual[at++]) absl::StrAppend(&text, ", .", name, " = ", value);
  });
  return text + "},";
}

std::string Print(const Script& script) {
  std::string text;
  for (const Operation& operation : script) absl::StrAppend(&text, "      ", Print(operation), "\n");
  return text;
}

std::optional<Script> Parse(absl::string_view text) {
  Script script;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty()) continue;
    if (!absl::ConsumePrefix(&line, "{") || !absl::ConsumeSuffix(&line, "},")) return std::nullopt;
    Operation& operation = script.emplace_back();
    for (absl::string_view field : absl::StrSplit(line, ", ")) {
      std::pair<absl::string_view, absl::string_view> pair = absl::StrSplit(field, " = ");
      if (!absl::ConsumePrefix(&pair.first, ".") || !SetField(operation, pair.first, pair.second))
        return std::nullopt;
    }
  }
  return script;
}

}  // namespace prismatic::billing::model
