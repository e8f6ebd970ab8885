#ifndef PRISMATIC_TESTS_MODEL_INVARIANTS_H_
#define PRISMATIC_TESTS_MODEL_INVARIANTS_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/model/mirror.h"
#include "tests/model/model.h"

namespace prismatic::billing::model {

// One step as it went: what was asked, what was answered, and which keys of Redis are not as before.
struct Done {
  const Operation& operation;
  const std::string& answer;
  const std::vector<std::string>& changed;
  const Bytes& bytes;
};

// The promises about money, looked at in a state that was found equal in the model and in Redis: so a mistake
// that both make is seen too. Keeps what it must remember of the step before. Each answer names the broken
// promise, or is empty. What is not here needs no look: that a call touches one slot only (I15) Redis itself
// sees to in cluster mode, and that slots come back (I10) and times are billing's own (I12) is what the
// comparison with the model says, which counts the pending and has no other clock.
class Invariants {
 public:
  std::string Check(const Model& model, const Done& done);

 private:
  std::string CheckHistory(int name, const Account& account, int64_t now);
  std::string CheckCharges(int name, const Account& account) const;

  struct Seen {
    v1::ReservationState state;
    int64_t charge;
    // The ledger's length when it was first seen.
    int64_t born;
  };
  std::map<std::pair<int, int>, Seen> seen_;
};

}  // namespace prismatic::billing::model

#endif  // PRISMATIC_TESTS_MODEL_INVARIANTS_H_
