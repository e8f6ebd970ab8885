#include <gtest/gtest.h>

#include "services/billing/billing_fixture.h"
#include "tests/support/wait.h"

// Writes that no replica confirms, and what a failover loses of them.

namespace prismatic::billing {
namespace {

using namespace common::v1;
using prismatic::testing::HasReason;
using prismatic::testing::IsOk;
using prismatic::testing::kPatience;
using prismatic::testing::RedisServer;

// One billing without waiting and one with `?wait=1`, on a Redis of their own that can be set back.
class ConfirmationTest : public ::testing::Test {
 protected:
  struct Replica {
    Replica(const std::string& url, FakePriceBook& prices) {
      client = *redis::Client::Create(
          loop, metrics, {.url = url, .fast_deadline = kPatience, .lasting_deadline = kPatience});
      EXPECT_THAT(Wait(client->WaitUntilConnected(kPatience)), IsOk());
      ledger.emplace(*client, metrics);
      sweeper.emplace(*ledger, metrics);
      billing.emplace(*ledger, prices, *sweeper, metrics);
      admin.emplace(*ledger, catalog);
    }
    metrics::Registry metrics;
    loop::Loop loop{"confirmation-test"};
    catalog_watch::CatalogHolder catalog{loop, metrics};
    std::unique_ptr<redis::Client> client;
    std::optional<RedisLedger> ledger;
    std::optional<Sweeper> sweeper;
    std::optional<Billing> billing;
    std::optional<Admin> admin;

    double Resent(const std::string& result) {
      return metrics.GetCounter("prismatic_settlements_resent_total", "", {{"result", result}}).value();
    }
  };

  ConfirmationTest() {
    prices_.Set(kModel, kPrice);
    v1::CreateAccountRequest create;
    create.set_name("acme");
    create.set_wallet_nano_usd(kDollar);
    EXPECT_THAT(Wait(careless_.admin->CreateAccount(create)), IsOk());
    v1::CreateKeyRequest key;
    key.set_account("acme");
    key_ = Wait(careless_.admin->CreateKey(key))->api_key();
  }

  std::string Reserved() {
    v1::CreateReservationRequest request;
    request.set_api_key(key_);
    request.set_attempt_id(NewUuidV7());
    request.set_model(kModel);
    request.set_image_count(1);
    absl::StatusOr<v1::CreateReservationResponse> response =
        Wait(careful_.billing->CreateReservation(request));
    EXPECT_THAT(response, IsOk());
    return response.ok() ? response->reservation().id() : "";
  }
  static absl::StatusOr<v1::SettleReservationResponse> Settle(Replica& replica, const std::string& id) {
    v1::SettleReservationRequest request;
    request.set_reservation_id(id);
    request.set_delivered_count(1);
    return Wait(replica.billing->SettleReservation(request));
  }
  v1::Account Account() { return Wait(careless_.ledger->GetAccount("acme"))->account; }
  // What a promoted replica that was behind looks like: all since the last save is gone.
  void LoseAllSinceTheSave() {
    std::map<Replica*, uint64_t> before;
    for (Replica* replica : {&careless_, &careful_}) before[replica] = replica->client->replication().changes;
    server_.Stop();
    server_.Start();
    // `connected` alone may still speak of the connections of before.
    for (Replica* replica : {&careless_, &careful_}) {
      EXPECT_TRUE(testing::WaitUntil([&] {
        return replica->client->replication().changes > before[replica] && replica->client->connected();
      }));
    }
  }

  RedisServer server_{{.cluster = false}};
  FakePriceBook prices_;
  Replica careless_{server_.url(), prices_};
  Replica careful_{server_.url() + "?wait=1", prices_};  // there is no replica at all
  std::string key_;
};

TEST_F(ConfirmationTest, AnUnconfirmedSettlementStandsAndIsMadeAgainWhenAFailoverHasLostIt) {
  std::string lost = Reserved(), kept = Reserved();
  ASSERT_THAT(Settle(careful_, kept), IsOk());
  ASSERT_EQ(server_.Ask({"SAVE"}), "OK");
  ASSERT_THAT(Settle(careful_, lost), IsOk());
  EXPECT_EQ(Account().balance_nano_usd(), kDollar - 2 * kPrice);
  EXPECT_EQ(Wait(careful_.ledger->ResendUnconfirmed()), 0) << "nothing was lost yet";
  EXPECT_EQ(Wait(careful_.ledger->Status()).unconfirmed_settlements(), 2);

  LoseAllSinceTheSave();
  EXPECT_EQ(Account().balance_nano_usd(), kDollar - kPrice);
  EXPECT_EQ(Account().held_nano_usd(), kPrice);
  EXPECT_EQ(Wait(careful_.ledger->ResendUnconfirmed()), 1);
  EXPECT_EQ(Account().balance_nano_usd(), kDollar - 2 * kPrice);
  EXPECT_EQ(Account().held_nano_usd(), 0);
  EXPECT_EQ(Account().ledger_sequence(), 3);
  EXPECT_EQ(careful_.Resent("restored"), 1);
  EXPECT_EQ(careful_.Resent("kept"), 1);
  EXPECT_EQ(Wait(careful_.ledger->ResendUnconfirmed()), 0);
}

TEST_F(ConfirmationTest, WithoutAReplicaEverythingCanBeReadAndKeysCanBeMade) {
  std::string id = Reserved();
  v1::CreateKeyRequest key;
  key.set_account("acme");
  EXPECT_THAT(Wait(careful_.admin->CreateKey(key)), IsOk());
  EXPECT_THAT(Wait(careful_.ledger->GetAccount("acme")), IsOk());
  EXPECT_THAT(Wait(careful_.ledger->Audit("acme")), IsOk());
  EXPECT_THAT(Wait(careful_.ledger->ListUsage("acme", {20260101}, 1)), IsOk());
  v1::ListKeysRequest keys;
  keys.set_account("acme");
  EXPECT_THAT(Wait(careful_.admin->ListKeys(keys)), IsOk());
  v1::ListLedgerEntriesRequest entries;
  entries.set_account("acme");
  EXPECT_THAT(Wait(careful_.admin->ListLedgerEntries(entries)), IsOk());
  v1::GetReservationRequest reservation;
  reservation.set_reservation_id(id);
  EXPECT_THAT(Wait(careful_.admin->GetReservation(reservation)), IsOk());
}

TEST_F(ConfirmationTest, ThousandsThatAreSentAgainKeepNobodyFromSweeping) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(Reserved());
  ASSERT_EQ(server_.Ask({"SAVE"}), "OK");
  for (const std::string& id : ids) ASSERT_THAT(Settle(careful_, id), IsOk());
  LoseAllSinceTheSave();
  // No time at all: they stay for the next call, which makes all of them in one wait for the replicas.
  EXPECT_EQ(Wait(careful_.ledger->ResendUnconfirmed(absl::ZeroDuration())), 0);
  EXPECT_EQ(Account().balance_nano_usd(), kDollar);
  EXPECT_EQ(Wait(careful_.ledger->ResendUnconfirmed()), 5);
  EXPECT_EQ(Account().balance_nano_usd(), kDollar - 5 * kPrice);
}

TEST_F(ConfirmationTest, TheSweeperSendsAgainBeforeItEndsHolds) {
  std::string lost = Reserved();
  ASSERT_EQ(server_.Ask({"SAVE"}), "OK");
  ASSERT_THAT(Settle(careful_, lost), IsOk());
  LoseAllSinceTheSave();
  careful_.sweeper->Start();
  EXPECT_TRUE(testing::WaitUntil([&] { return Account().balance_nano_usd() == kDollar - kPrice; }));
}

TEST_F(ConfirmationTest, ASettlementWhoseReservationAFailoverLostIsNamedAndChargesNothing) {
  ASSERT_EQ(server_.Ask({"SAVE"}), "OK");
  std::string lost = Reserved();
  ASSERT_THAT(Settle(careful_, lost), IsOk());
  LoseAllSinceTheSave();
  EXPECT_EQ(Wait(careful_.ledger->ResendUnconfirmed()), 0);
  EXPECT_EQ(careful_.Resent("refused"), 1);
  EXPECT_EQ(Account().balance_nano_usd(), kDollar);
}

TEST_F(ConfirmationTest, UnconfirmedMoneyAndRevocationsAreRefusedAndRepeatedWithoutDoingItTwice) {
  v1::TopUpWalletRequest top_up;
  top_up.set_account("acme");
  top_up.set_amount_nano_usd(5);
  top_up.set_request_id("payment");
  v1::AdjustWalletRequest adjust;
  adjust.set_account("acme");
  adjust.set_amount_nano_usd(7);
  adjust.set_reason("r");
  adjust.set_request_id("case");
  v1::RevokeKeyRequest revoke;
  revoke.set_key_id("acme.1");
  v1::SuspendAccountRequest suspend;
  suspend.set_name("acme");
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Wait(careful_.admin->TopUpWallet(top_up)), HasReason(ERROR_REASON_BILLING_UNAVAILABLE));
    EXPECT_THAT(Wait(careful_.admin->AdjustWallet(adjust)), HasReason(ERROR_REASON_BILLING_UNAVAILABLE));
    EXPECT_THAT(Wait(careful_.admin->RevokeKey(revoke)), HasReason(ERROR_REASON_BILLING_UNAVAILABLE));
    EXPECT_THAT(Wait(careful_.admin->SuspendAccount(suspend)), HasReason(ERROR_REASON_BILLING_UNAVAILABLE));
  }
  EXPECT_EQ(Account().balance_nano_usd(), kDollar + 12);
  EXPECT_TRUE(Account().suspended());
  // A refusal changed nothing that could be lost, so it is told as it is.
  top_up.set_amount_nano_usd(6);
  EXPECT_THAT(Wait(careful_.admin->TopUpWallet(top_up)), HasReason(ERROR_REASON_IDEMPOTENCY_KEY_REUSED));
}

// The first call's write came over another connection, and the repeat writes nothing: WAIT must speak of all
// that came before it.
TEST_F(ConfirmationTest, ARepeatOverAnotherReplicaIsConfirmedOnlyWhenTheReplicaHasTheFirst) {
  RedisServer replica({.cluster = false, .replica_of = server_.port()});
  v1::TopUpWalletRequest warm_up;
  warm_up.set_account("acme");
  warm_up.set_amount_nano_usd(1);
  warm_up.set_request_id("warm-up");
  EXPECT_TRUE(testing::WaitUntil([&] { return Wait(careful_.admin->TopUpWallet(warm_up)).ok(); }));
  replica.Pause();
  v1::TopUpWalletRequest payment = warm_up;
  payment.set_request_id("payment");
  ASSERT_THAT(Wait(careless_.admin->TopUpWallet(payment)), IsOk());
  EXPECT_THAT(Wait(careful_.admin->TopUpWallet(payment)), HasReason(ERROR_REASON_BILLING_UNAVAILABLE));
  replica.Resume();
  EXPECT_TRUE(testing::WaitUntil([&] { return Wait(careful_.admin->TopUpWallet(payment)).ok(); }));
  EXPECT_EQ(Account().balance_nano_usd(), kDollar + 2);
}

TEST_F(ConfirmationTest, WhatALaterWriteConfirmedIsNotSentAgain) {
  std::string early = Reserved();
  ASSERT_THAT(Settle(careful_, early), IsOk());
  RedisServer replica({.cluster = false, .replica_of = server_.port()});
  metrics::Counter unconfirmed =
      careful_.metrics.GetCounter("prismatic_redis_unconfirmed_total", "", {{"lane", "lasting"}});
  EXPECT_TRUE(testing::WaitUntil([&] {
    double before = unconfirmed.value();
    EXPECT_THAT(Settle(careful_, Reserved()), IsOk());
    return unconfirmed.value() == before;
  }));
  ASSERT_EQ(server_.Ask({"SAVE"}), "OK");
  LoseAllSinceTheSave();
  Wait(careful_.ledger->ResendUnconfirmed());
  EXPECT_EQ(careful_.Resent("kept"), 0);
}

// Two that have it look both, which changes nothing.
TEST_F(ConfirmationTest, TheTurnToLookThroughTheBooksIsHadUnconfirmed) {
  absl::StatusOr<bool> ours = Wait(careful_.ledger->TakeBooksTurn("one", absl::Minutes(1)));
  ASSERT_THAT(ours, IsOk());
  EXPECT_TRUE(*ours);
  ours = Wait(careful_.ledger->TakeBooksTurn("another", absl::Minutes(1)));
  ASSERT_THAT(ours, IsOk());
  EXPECT_FALSE(*ours);
}

}  // namespace
}  // namespace prismatic::billing
