#include "tests/model/operation.h"

#include <algorithm>
#include <initializer_list>
#include <vector>

namespace prismatic::billing::model {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kHour = 3600 * kSecond;
constexpr int64_t kDay = 24 * kHour;

// Draws what a script needs, and remembers what it asked for: what follows is mostly about that.
class Dice {
 public:
  explicit Dice(std::mt19937_64& random) : random_(random) {
    for (bool& rich : rich_) rich = Once(3);
  }
  int Below(int end) { return static_cast<int>(random_() % static_cast<uint64_t>(end)); }
  bool Once(int in) { return Below(in) == 0; }
  template <typename T>
  T Of(std::initializer_list<T> choices) {
    return choices.begin()[Below(static_cast<int>(choices.size()))];
  }
  // An account with more than anybody can spend, or one that is soon at its end.
  bool IsRich(int account) const { return rich_[account]; }

  int NewAttempt() { return next_attempt_++; }
  void Remember(const Operation& admission) { admissions_.push_back(admission); }
  // One of the last admissions; before the first one, something that was never asked for.
  Operation Recent() {
    if (admissions_.empty()) return {.attempt = NewAttempt()};
    size_t back = static_cast<size_t>(Below(Once(8) ? 40 : 6));
    return admissions_[admissions_.size() - 1 - std::min(back, admissions_.size() - 1)];
  }

 private:
  std::mt19937_64& random_;
  int next_attempt_ = 1;
  bool rich_[kAccounts] = {};
  std::vector<Operation> admissions_;
};

int64_t DrawLimit(Dice& dice, std::initializer_list<int64_t> tight, std::initializer_list<int64_t> wide) {
  if (dice.Once(2)) return kUnlimited;
  return dice.Once(3) ? dice.Of(tight) : dice.Of(wide);
}

void DrawLimits(Dice& dice, Operation& operation) {
  operation.requests_per_minute = DrawLimit(dice, {0, 1, 2, 3}, {7, 59, 60, 61, 1000, 999'999});
  operation.images_per_minute = DrawLimit(dice, {0, 1, 4, 5}, {7, 12, 61, 600, 1'000'000});
  operation.concurrent = DrawLimit(dice, {0, 1, 2}, {3, 3, 5, 100});
}

int64_t DrawStep(Dice& dice) {
  switch (dice.Below(14)) {
    case 0:
      return dice.Of<int64_t>(
          {-1, -kSecond, -5 * kSecond + 1, -5 * kSecond, -5 * kSecond - 1, -kHour, -49 * kHour});
    case 1:
      return dice.Of<int64_t>({420 * kSecond - 1, 420 * kSecond, 420 * kSecond + 1});
    case 2:
      return dice.Of<int64_t>({1, 419 * kSecond, 60 * kSecond, 61 * kSecond, kHour, kDay});
    case 3:
      return dice.Of<int64_t>({kDay, 7 * kDay, 31 * kDay, 28 * kDay + 12 * kHour});
    case 4:  // what a place in a rate limit takes to come back
      return 60 * kSecond / dice.Of<int64_t>({1, 2, 3, 4, 5, 12, 60, 600}) + dice.Of<int64_t>({-1, -1, 0, 1});
    default:
      return dice.Below(4) * kSecond + dice.Below(3) * 333'333;
  }
}

int64_t DrawMoney(Dice& dice, int account) {
  if (!dice.IsRich(account) && !dice.Once(40)) {
    return dice.Of<int64_t>({1, 20, 40'000'000, 40'000'000, 80'000'000, 120'000'000, 200'000'001});
  }
  return dice.Of<int64_t>({1, 200'000'001, 100'000'000'000'001, 2'000'000'000'000'003, 4'000'000'000'000'007,
                           8'999'999'999'999'999, 9'000'000'000'000'000});
}

// A plan with a quota that a few requests use up.
void DrawPlan(Dice& dice, Operation& operation) {
  operation.quota = dice.Of<int64_t>({0, 1, 4, 6, 6, 12, 30, 1'000'000'000});
  operation.period = dice.Of<int>({1, 1, 2, 3, 3});
  if (dice.Once(2))
    operation.started = dice.Of<int64_t>({1, kHour, 5 * kDay, 61 * kDay, 330 * kDay, -kSecond});
}

// What is changed of an account or a key; the rest stays.
void DrawUpdate(Dice& dice, Operation& operation) {
  DrawLimits(dice, operation);
  for (int64_t* limit :
       {&operation.requests_per_minute, &operation.images_per_minute, &operation.concurrent}) {
    if (dice.Once(2)) *limit = kStays;
  }
  if (operation.verb == Verb::kUpdateKey) {
    operation.amount = dice.Of<int64_t>({0, 0, 0, kForEver, kForEver, kForEver, kSecond, kHour});
    operation.models = dice.Below(3);
    return;
  }
  if (dice.Once(4)) operation.policy = 1 + dice.Below(3);
  if (!dice.Once(3)) return;
  DrawPlan(dice, operation);
  operation.started = 0;
  if (dice.Once(5)) operation.quota = kQuotaEnds;
}

Verb DrawVerb(Dice& dice) {
  struct Weight {
    Verb verb;
    int weight;
  };
  static constexpr Weight kWeights[] = {
      {Verb::kReserve, 70},      {Verb::kSettle, 40},
      {Verb::kStep, 28},         {Verb::kRelease, 12},
      {Verb::kTopUp, 8},         {Verb::kExpire, 6},
      {Verb::kSweep, 6},         {Verb::kUpdateAccount, 6},
      {Verb::kValidate, 4},      {Verb::kCheckKey, 4},
      {Verb::kEstimate, 4},      {Verb::kGetReservation, 3},
      {Verb::kAdjust, 4},        {Verb::kWriteOff, 2},
      {Verb::kUpdateKey, 3},     {Verb::kForget, 2},
      {Verb::kSuspend, 1},       {Verb::kResume, 6},
      {Verb::kCreateKey, 2},     {Verb::kForgetIdempotencyKey, 2},
      {Verb::kRevokeKey, 1},     {Verb::kAudit, 1},
      {Verb::kRecount, 1},       {Verb::kListReservations, 1},
      {Verb::kListLedger, 1},    {Verb::kListUsage, 1},
      {Verb::kCreateAccount, 1}, {Verb::kImportKey, 1},
      {Verb::kTrimLedger, 1},
  };
  int total = 0;
  for (const Weight& weight : kWeights) total += weight.weight;
  int at = dice.Below(total);
  for (const Weight& weight : kWeights) {
    at -= weight.weight;
    if (at < 0) return weight.verb;
  }
  return Verb::kStep;
}

// Mostly one of those that a script begins with.
int DrawKey(Dice& dice) {
  if (dice.Once(40)) return dice.Of<int>({kStranger, kThief, 4});
  if (dice.Once(16)) return kFirstImported + dice.Below(3);
  return dice.Of<int>({0, 1, 1, 1, 2, 2, 3});
}

int DrawModel(Dice& dice) {
  return dice.Once(10) ? dice.Below(kCatalogSize) : dice.Of<int>({0, 0, 0, 0, 1, 1, 2});
}

int DrawImages(Dice& dice) { return dice.Once(12) ? 10 : 1 + dice.Below(4); }

// A new attempt; or one of the last again, as it was or with something changed.
void DrawAdmission(Dice& dice, Operation& operation) {
  if (dice.Once(6)) {
    Verb verb = operation.verb;
    operation = dice.Recent();
    operation.verb = verb;
    if (dice.Once(3)) operation.images = DrawImages(dice);
    if (dice.Once(3)) operation.body = 1 - operation.body;
    if (dice.Once(3)) operation.key = DrawKey(dice);
    if (dice.Once(3)) operation.attempt = dice.NewAttempt();
    return;
  }
  operation.key = DrawKey(dice);
  operation.attempt = dice.NewAttempt();
  operation.images = DrawImages(dice);
  operation.model = DrawModel(dice);
  if (dice.Once(3)) operation.idempotency_key = 1 + dice.Below(4);
  operation.body = dice.Once(6) ? 1 : 0;
  if (operation.verb == Verb::kReserve) dice.Remember(operation);
}

// What is done to a reservation: one of the last, seldom one that never was.
void DrawFollowUp(Dice& dice, Operation& operation) {
  Operation admission = dice.Recent();
  operation.account = dice.Once(20) ? 1 - admission.account : admission.account;
  operation.attempt = dice.Once(12) ? dice.NewAttempt() : admission.attempt;
  if (operation.verb == Verb::kSettle) {
    operation.images = dice.Once(6) ? 0 : 1 + dice.Below(admission.images + (dice.Once(6) ? 1 : 0));
  }
  if (operation.verb == Verb::kRelease) {
    operation.key = dice.Once(2) ? 0 : dice.Once(4) ? DrawKey(dice) : admission.key;
    if (operation.attempt != admission.attempt) dice.Remember(operation);  // it may still be asked for
  }
}

Operation Draw(Dice& dice) {
  Operation operation{.verb = DrawVerb(dice), .account = dice.Once(5) ? 1 : 0};
  switch (operation.verb) {
    case Verb::kReserve:
    case Verb::kValidate:
      DrawAdmission(dice, operation);
      break;
    case Verb::kSettle:
    case Verb::kRelease:
    case Verb::kExpire:
    case Verb::kGetReservation:
    case Verb::kForget:
      DrawFollowUp(dice, operation);
      break;
    case Verb::kTopUp:
    case Verb::kAdjust:
    case Verb::kWriteOff:
      operation.amount = DrawMoney(dice, operation.account);
      if (operation.verb == Verb::kAdjust && dice.Once(2)) operation.amount = -operation.amount;
      operation.request = dice.Below(40);
      operation.body = operation.verb != Verb::kTopUp && dice.Once(6) ? 1 : 0;
      break;
    case Verb::kCheckKey:
    case Verb::kEstimate:
      operation.key = DrawKey(dice);
      if (operation.verb == Verb::kCheckKey && operation.key == 0)
        operation.key = 1;  // it takes no account's name
      operation.images = DrawImages(dice);
      operation.model = DrawModel(dice);
      break;
    case Verb::kImportKey:
    case Verb::kCreateKey:
      operation.key = operation.verb == Verb::kImportKey ? kFirstImported + dice.Below(3) : 1 + dice.Below(5);
      if (dice.Once(3)) operation.amount = dice.Of<int64_t>({kSecond, 60 * kSecond, kHour});
      operation.models = dice.Once(3) ? 1 : 0;
      DrawLimits(dice, operation);
      break;
    case Verb::kRevokeKey:
      operation.key = dice.Once(3) ? 1 + dice.Below(5) : 4;  // mostly one that is not used much
      break;
    case Verb::kUpdateAccount:
    case Verb::kUpdateKey:
      operation.key = 1 + dice.Below(4);
      DrawUpdate(dice, operation);
      break;
    case Verb::kRecount:
      operation.body = dice.Below(2);
      break;
    case Verb::kTrimLedger:
      operation.images = dice.Below(6);
      operation.body = dice.Once(6) ? 1 : 0;
      break;
    case Verb::kForgetIdempotencyKey:
      operation.idempotency_key = 1 + dice.Below(4);
      break;
    case Verb::kStep:
      operation.amount = DrawStep(dice);
      break;
    default:
      break;
  }
  return operation;
}

// What chance alone seldom brings together: a hold that expires, what may be done in between (by the same
// idempotency key, with the money that came back, in another period), and its settlement after all.
void TellALateSettlement(Dice& dice, Script& script) {
  Operation first{.verb = Verb::kReserve, .account = dice.Once(5) ? 1 : 0};
  DrawAdmission(dice, first);
  script.push_back(first);
  script.push_back(
      {.verb = Verb::kStep,
       .amount = dice.Of<int64_t>({420 * kSecond - 1, 420 * kSecond, 421 * kSecond, kDay, 31 * kDay})});
  script.push_back({.verb = dice.Once(4) ? Verb::kExpire : Verb::kSweep,
                    .account = first.account,
                    .attempt = first.attempt});
  if (dice.Once(2)) {
    Operation second = first;
    second.attempt = dice.NewAttempt();
    if (dice.Once(3)) second.images = 10;
    dice.Remember(second);
    script.push_back(second);
  }
  while (dice.Once(2)) script.push_back(Draw(dice));
  script.push_back({.verb = Verb::kSettle,
                    .account = first.account,
                    .attempt = first.attempt,
                    .images = 1 + dice.Below(first.images)});
  if (dice.Once(3)) {
    script.push_back({.verb = Verb::kWriteOff,
                      .account = first.account,
                      .amount = dice.Of<int64_t>({1, 20, 40'000'000}),
                      .request = dice.Below(40)});
  }
}

// A free image for a key, which nothing but its limits and its end refuses.
Operation AskFor(Dice& dice, int account, int key, int images) {
  constexpr int kFree = 3;
  return {.verb = Verb::kReserve,
          .account = account,
          .key = key,
          .attempt = dice.NewAttempt(),
          .images = images,
          .model = kFree};
}

// The money of an expired hold is taken out of the wallet before the hold is settled after all; then the debt
// is met, written off or paid.
void TellADebt(Dice& dice, Script& script) {
  constexpr int kWalletOnly = 3;
  const int account = dice.IsRich(0) ? 1 : 0;
  auto change = [&](Verb verb, int64_t amount) {
    script.push_back({.verb = verb, .account = account, .amount = amount, .request = dice.NewAttempt()});
  };
  change(Verb::kTopUp, 120'000'000);
  if (dice.Once(2))
    script.push_back({.verb = Verb::kUpdateAccount, .account = account, .policy = kWalletOnly});
  Operation hold{
      .verb = Verb::kReserve, .account = account, .key = 0, .attempt = dice.NewAttempt(), .images = 2};
  script.push_back(hold);
  script.push_back({.verb = Verb::kStep, .amount = 420 * kSecond});
  script.push_back({.verb = Verb::kSweep});
  for (int64_t amount :
       {800'000'000, 400'000'000, 200'000'001, 120'000'000, 80'000'000, 40'000'000, 40'000'000}) {
    change(Verb::kAdjust, -amount);
  }
  script.push_back({.verb = Verb::kSettle, .account = account, .attempt = hold.attempt, .images = 2});
  if (dice.Once(2))
    script.push_back({.verb = Verb::kUpdateAccount, .account = account, .policy = 1 + dice.Below(3)});
  script.push_back(AskFor(dice, account, 0, 1));
  while (dice.Once(2)) script.push_back(Draw(dice));
  change(dice.Once(2) ? Verb::kWriteOff : Verb::kTopUp, dice.Of<int64_t>({1, 20, 40'000'000}));
}

// A limit is used up, and asked again around the time when a place comes back.
void TellALimit(Dice& dice, Script& script) {
  const int account = dice.Once(3) ? 1 : 0, key = 1 + dice.Below(3);
  const int64_t limit = dice.Of<int64_t>({1, 2, 3, 4, 5, 7});
  script.push_back({.verb = Verb::kUpdateKey,
                    .account = account,
                    .key = key,
                    .requests_per_minute = kUnlimited,
                    .images_per_minute = limit,
                    .concurrent = kUnlimited});
  script.push_back(AskFor(dice, account, key, static_cast<int>(limit)));
  script.push_back({.verb = Verb::kStep, .amount = (60 * kSecond + limit - 1) / limit - dice.Below(3)});
  script.push_back(AskFor(dice, account, key, 1));
  script.push_back({.verb = Verb::kStep, .amount = 1});
  script.push_back(AskFor(dice, account, key, 1));
}

// A key is asked for around the end of its life.
void TellTheEndOfAKey(Dice& dice, Script& script) {
  const int account = dice.Once(3) ? 1 : 0, key = 1 + dice.Below(4);
  script.push_back({.verb = Verb::kUpdateKey, .account = account, .key = key, .amount = kSecond});
  script.push_back({.verb = Verb::kStep, .amount = kSecond - dice.Below(3)});
  script.push_back(AskFor(dice, account, key, 1));
  script.push_back({.verb = Verb::kStep, .amount = 1});
  script.push_back(AskFor(dice, account, key, 1));
  script.push_back({.verb = Verb::kUpdateKey, .account = account, .key = key, .amount = kForEver});
}

}  // namespace

Script RandomScript(std::mt19937_64& random, int size) {
  Dice dice(random);
  Script script;
  for (int account = 0; account < kAccounts; ++account) {
    Operation open{.verb = Verb::kCreateAccount, .account = account};
    if (!dice.Once(4)) open.amount = DrawMoney(dice, account);
    if (dice.Once(3)) DrawLimits(dice, open);
    if (dice.Once(2)) DrawPlan(dice, open);
    open.policy = dice.Below(4);
    script.push_back(open);
    if (open.started < 0) script.push_back({.verb = Verb::kCreateAccount, .account = account});
    for (int key = 1; key <= 3; ++key) {
      Operation create{.verb = Verb::kCreateKey, .account = account, .key = key};
      if (dice.Once(3)) DrawLimits(dice, create);
      script.push_back(create);
    }
    if (dice.Once(2))
      script.push_back({.verb = Verb::kImportKey, .account = account, .key = kFirstImported + account});
  }
  while (static_cast<int>(script.size()) < size) {
    if (script.size() > 12 && dice.Once(12)) {
      script.push_back(script.back());  // a call that came twice
    } else if (dice.Once(25)) {
      TellALateSettlement(dice, script);
    } else if (dice.Once(150)) {
      TellADebt(dice, script);
    } else if (dice.Once(80)) {
      dice.Once(2) ? TellALimit(dice, script) : TellTheEndOfAKey(dice, script);
    } else {
      script.push_back(Draw(dice));
    }
  }
  script.resize(static_cast<size_t>(size));
  return script;
}

}  // namespace prismatic::billing::model
