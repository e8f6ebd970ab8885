#include "tests/model/run.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/model/invariants.h"
#include "tests/model/layout.h"
#include "tests/model/mirror.h"
#include "tests/model/model.h"

namespace prismatic::billing::model {
namespace {

void Count(Tally* tally, const Operation& operation, const std::string& answer) {
  if (!tally) return;
  std::string word = answer.substr(0, answer.find(' '));
  for (const char* special : {"replayed: true", "passed on", "SETTLED_LATE", "FUNDING_SOURCE_SUBSCRIPTION"}) {
    if (word == "OK" && absl::StrContains(answer, special))
      ++(*tally)[absl::StrCat(NameOf(operation.verb), " OK ", special)];
  }
  ++(*tally)[absl::StrCat(NameOf(operation.verb), " ", word)];
}

// Does one step in both, and compares answers, every byte and the promises.
Task<std::optional<Failure>> PlayStep(Subject& subject, Model& model, Invariants& invariants,
                                      Operation operation, Tally* tally) {
  std::string expected = model.Apply(operation);
  auto apply = subject.Apply(operation);
  std::string answered = co_await apply;
  if (answered != expected) {
    co_return Failure{.what = absl::StrCat("  must answer ", expected, "\n  answers     ", answered, "\n")};
  }
  Count(tally, operation, answered);
  auto follow = subject.mirror().Follow();
  std::vector<std::string> changed = co_await follow;
  const Bytes& found = subject.mirror().bytes();
  std::string difference = Difference(ExpectedBytes(model), found);
  if (!difference.empty()) {
    co_return Failure{.what = absl::StrCat("  answered ", answered, "\n", difference)};
  }
  std::string broken = invariants.Check(model, {operation, answered, changed, found});
  if (!broken.empty()) {
    co_return Failure{.what = absl::StrCat("  answered ", answered, "\n  ", broken, "\n")};
  }
  co_return std::nullopt;
}

// The whole script as one coroutine, so that no thread is woken between its steps. At the end all is read
// once more from the start, and all of every ledger.
Task<std::optional<Failure>> PlayAll(Subject& subject, const Script& script, Tally* tally) {
  Model model;
  Invariants invariants;
  Script all = script;
  for (int account = 0; account < kAccounts; ++account) {
    all.push_back({.verb = Verb::kAudit, .account = account});
    all.push_back({.verb = Verb::kListLedger, .account = account});
  }
  for (size_t i = 0; i < all.size(); ++i) {
    if (i == script.size()) subject.mirror().ReadAnew();
    auto play = PlayStep(subject, model, invariants, all[i], tally);
    std::optional<Failure> failure = co_await play;
    if (!failure) continue;
    failure->step = std::min(i, script.empty() ? 0 : script.size() - 1);
    co_return failure;
  }
  co_return std::nullopt;
}

}  // namespace

std::optional<Failure> Play(Subject& subject, const Script& script, Tally* tally) {
  subject.Reset();
  return Wait(PlayAll(subject, script, tally));
}

Script Shrink(Subject& subject, Script script, const Failure& failure) {
  script.resize(std::min(script.size(), failure.step + 1));
  for (size_t piece = script.size() / 2; piece > 0; piece = piece > 1 ? (piece + 1) / 2 : 0) {
    for (size_t end = script.size(); end > 0;) {
      size_t begin = end > piece ? end - piece : 0;
      Script shorter(script.begin(), script.begin() + static_cast<ptrdiff_t>(begin));
      shorter.insert(shorter.end(), script.begin() + static_cast<ptrdiff_t>(end), script.end());
      std::optional<Failure> still = Play(subject, shorter);
      if (still) {
        shorter.resize(std::min(shorter.size(), still->step + 1));
        script = std::move(shorter);
      }
      end = std::min(begin, script.size());
    }
  }
  return script;
}

std::string Explain(Subject& subject, const Script& script, const Failure& failure) {
  Script shortest = Shrink(subject, script, failure);
  std::optional<Failure> last = Play(subject, shortest);
  std::string what = last ? last->what : absl::StrCat("  (not again; at first:)\n", failure.what);
  return absl::StrCat("after ", shortest.size(), " steps:\n", Print(shortest), what);
}

}  // namespace prismatic::billing::model
