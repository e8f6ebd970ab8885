#ifndef PRISMATIC_TESTS_MODEL_RUN_H_
#define PRISMATIC_TESTS_MODEL_RUN_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "tests/model/operation.h"
#include "tests/model/subject.h"

namespace prismatic::billing::model {

// Where a script first went wrong, and how.
struct Failure {
  size_t step = 0;
  std::string what;
};

// How often each verb was answered with what: {"kSettle RESERVATION_RESOLVED", 12}; a repeat is "OK
// replayed".
using Tally = std::map<std::string, int64_t>;

// Applies each step to a new model and to an empty Redis; after each, answers and every byte must be equal, a
// refusal must have changed nothing, and the invariants must hold.
std::optional<Failure> Play(Subject& subject, const Script& script, Tally* tally = nullptr);

// The same failure's shortest script that this finds: cuts off what follows it, then takes out ever smaller
// pieces as long as it still fails.
Script Shrink(Subject& subject, Script script, const Failure& failure);

// For a person: the shortest script, ready for a regression test, and what goes wrong in it.
std::string Explain(Subject& subject, const Script& script, const Failure& failure);

}  // namespace prismatic::billing::model

#endif  // PRISMATIC_TESTS_MODEL_RUN_H_
