#include <algorithm>
#include <map>
#include <random>

#include "services/billing/billing_fixture.h"

// Random histories against a model in plain C++ that has the same rules: after every step the account must
// be what the model says.

namespace prismatic::billing {
namespace {

using namespace common::v1;

struct ModelHold {
  char state = 'P';
  int images = 0;
  int delivered = 0;
  int64_t charge = 0;
  int64_t ends_us = 0;
};

struct ModelAccount {
  int64_t balance = 0, held = 0, owed = 0, concurrent = 0, sequence = 0;
  std::map<std::string, ModelHold> holds;
};

constexpr int64_t kOddPrice = 33'333'333;

class HistoryTest : public BillingFixture, public ::testing::WithParamInterface<int> {
 protected:
  int Random(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

  std::string AnyHold() {
    auto at = model_.holds.begin();
    std::advance(at, Random(static_cast<int>(model_.holds.size())));
    return at->first;
  }

  void Charge(ModelHold& hold, int delivered) {
    hold.delivered = delivered;
    hold.charge = kOddPrice * delivered;
    ++model_.sequence;
    if (hold.state == 'P') {
      model_.balance -= hold.charge;
      hold.state = 'S';
      return;
    }
    int64_t taken = std::min(hold.charge, model_.balance - model_.held);
    model_.balance -= taken;
    model_.owed += hold.charge - taken;
    hold.state = 'L';
  }

  void GiveBack(ModelHold& hold) {
    model_.held -= kOddPrice * hold.images;
    --model_.concurrent;
  }

  void StepReserve() {
    int images = 1 + Random(10);
    int64_t amount = kOddPrice * images;
    absl::StatusOr<v1::CreateReservationResponse> answer = Reserve(Asking(key_, images));
    // An admission that lacks money sweeps what is due first.
    if (model_.owed == 0 && model_.balance - model_.held < amount) StepSweep(/*ask=*/false);
    bool expected = model_.owed == 0 && model_.balance - model_.held >= amount;
    ASSERT_EQ(answer.ok(), expected) << answer.status().ToString();
    if (!expected) return;
    model_.held += amount;
    ++model_.concurrent;
    model_.holds[answer->reservation().id()] = {.images = images, .ends_us = now_us_ + 420'000'000};
  }

  void StepSettle() {
    if (model_.holds.empty()) return;
    std::string id = AnyHold();
    ModelHold& hold = model_.holds[id];
    int delivered = Random(12);
    absl::StatusOr<v1::SettleReservationResponse> answer = Settle(id, delivered);
    if (hold.state == 'P' || hold.state == 'E') {
      ASSERT_EQ(answer.ok(), delivered <= hold.images) << answer.status().ToString();
      if (delivered > hold.images) return;
      if (hold.state == 'P') GiveBack(hold);
      if (delivered == 0) {
        hold.state = 'R';
        return;
      }
      Charge(hold, delivered);
      EXPECT_EQ(answer->ledger_sequence(), model_.sequence);
      EXPECT_EQ(answer->reservation().charge_nano_usd(), hold.charge);
      return;
    }
    bool same = hold.delivered == delivered;
    ASSERT_EQ(answer.ok(), same);
    if (!same) return;
    EXPECT_TRUE(answer->replayed());
    EXPECT_EQ(answer->reservation().charge_nano_usd(), hold.charge);
  }

  void StepRelease() {
    if (model_.holds.empty()) return;
    std::string id = AnyHold();
    ModelHold& hold = model_.holds[id];
    absl::StatusOr<v1::ReleaseReservationResponse> answer = Release(id);
    bool charged = hold.state == 'S' || hold.state == 'L';
    ASSERT_EQ(answer.ok(), !charged);
    if (charged) return;
    EXPECT_EQ(answer->replayed(), hold.state != 'P');
    if (hold.state == 'P') GiveBack(hold);
    hold.state = 'R';
  }

  void StepSweep(bool ask = true) {
    int due = 0;
    for (auto& [id, hold] : model_.holds) {
      if (hold.state != 'P' || hold.ends_us > now_us_) continue;
      GiveBack(hold);
      hold.state = 'E';
      ++due;
    }
    if (!ask) return;
    EXPECT_EQ(Wait(sweeper_->SweepAll()), due);
  }

  void StepTopUp() {
    int64_t amount = 1 + Random(500'000'000);
    std::string id = "t" + std::to_string(Random(30));
    absl::StatusOr<v1::TopUpWalletResponse> answer = TopUp("acme", amount, id);
    auto [known, fresh] = top_ups_.emplace(id, amount);
    ASSERT_EQ(answer.ok(), known->second == amount);
    if (!fresh) return;
    int64_t paid = std::min(model_.owed, amount);
    model_.owed -= paid;
    model_.balance += amount - paid;
    ++model_.sequence;
  }

  void ExpectTheModel() {
    v1::Account account = AccountOf("acme");
    ASSERT_EQ(account.balance_nano_usd(), model_.balance);
    ASSERT_EQ(account.held_nano_usd(), model_.held);
    ASSERT_EQ(account.owed_nano_usd(), model_.owed);
    ASSERT_EQ(account.concurrent(), model_.concurrent);
    ASSERT_EQ(account.ledger_sequence(), model_.sequence);
    ASSERT_GE(model_.held, 0);
    ASSERT_GE(model_.balance, model_.held);
  }

  std::mt19937 random_;
  std::string key_;
  ModelAccount model_;
  std::map<std::string, int64_t> top_ups_;
};

TEST_P(HistoryTest, EveryStepLeavesTheAccountAsTheModelSays) {
  random_.seed(GetParam());
  prices_.Set(kModel, kOddPrice);
  model_.balance = kDollar;
  model_.sequence = 1;
  key_ = Open("acme", kDollar);
  for (int step = 0; step < 400 && !HasFatalFailure(); ++step) {
    SCOPED_TRACE("seed " + std::to_string(GetParam()) + ", step " + std::to_string(step));
    switch (Random(10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        StepReserve();
        break;
      case 4:
      case 5:
      case 6:
        StepSettle();
        break;
      case 7:
        StepRelease();
        break;
      case 8:
        Random(2) == 0 ? StepSweep() : StepTopUp();
        break;
      default:
        Advance(Random(120'000'000));
        break;
    }
    if (!HasFatalFailure()) ExpectTheModel();
  }
  ExpectLedgerChains("acme");
}

INSTANTIATE_TEST_SUITE_P(Seeds, HistoryTest, ::testing::Range(1, 7));

}  // namespace
}  // namespace prismatic::billing
