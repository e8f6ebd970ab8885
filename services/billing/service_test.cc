#include "services/billing/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "prismatic/billing/v1/billing.grpc.pb.h"
#include "services/billing/api_key.h"
#include "services/billing/billing_server.h"
#include "services/billing/functions.h"
#include "services/common/rpc/channel.h"
#include "services/common/rpc/grpc_status.h"
#include "services/common/status/status.h"
#include "services/common/uuid/uuid.h"
#include "tests/support/matchers.h"
#include "tests/support/redis_server.h"
#include "tests/support/wait.h"

namespace prismatic::billing {
namespace {

using namespace common::v1;
using prismatic::testing::HasReason;
using prismatic::testing::IsOk;
using prismatic::testing::WaitUntil;

constexpr char kToken[] = "an-admin-token-for-tests";

// The whole service with its ports, a real Redis, and a catalog in hand.
class ServiceTest : public ::testing::Test {
 protected:
  explicit ServiceTest(testing::RedisServer& redis = testing::RedisServer::Shared())
      : redis_(redis), loop_("billing-test"), catalog_(loop_, metrics_) {
    redis_.Flush();
    char name[] = "/tmp/prismatic-token-XXXXXX";
    token_fd_ = mkstemp(name);
    token_file_ = name;
    std::ofstream(token_file_) << kToken << "\n";
    BillingOptions options{.listen = "127.0.0.1:0",
                           .admin_listen = "127.0.0.1:0",
                           .redis = redis_.url(),
                           .admin_token_file = token_file_};
    auto server = BillingServer::Start(options, catalog_, loop_, metrics_);
    EXPECT_THAT(server, IsOk());
    server_ = *std::move(server);
    auto channel = rpc::MakeChannel("127.0.0.1:" + std::to_string(server_->port()));
    auto admin_channel = rpc::MakeChannel("127.0.0.1:" + std::to_string(server_->admin_port()));
    billing_ = v1::Billing::NewStub(channel);
    admin_ = v1::BillingAdmin::NewStub(admin_channel);
    EXPECT_TRUE(WaitUntil([this] { return server_->redis().connected(); }));
    SetCatalog(1);
  }
  ~ServiceTest() override {
    server_.reset();
    close(token_fd_);
    std::remove(token_file_.c_str());
  }

  void SetCatalog(int64_t version) {
    catalog::v1::Catalog catalog;
    catalog.set_version(version);
    catalog::v1::Model* model = catalog.add_models();
    model->set_name("imagen-4");
    model->add_public_ids("google/imagen-4");
    model->add_prices()->set_retail_generation_nano_usd(40'000'000);
    catalog_.Set(std::move(catalog));
  }

  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Stub& stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request, absl::string_view token = "",
                                const std::string& actor = "") {
    grpc::ClientContext context;
    if (!actor.empty()) context.AddMetadata("x-prismatic-actor", actor);
    context.set_deadline(absl::ToChronoTime(absl::Now() + testing::kPatience));
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + std::string(token));
    Response response;
    grpc::Status status = (stub.*method)(&context, request, &response);
    if (!status.ok()) return rpc::FromGrpc(status);
    return response;
  }
  absl::StatusOr<v1::CreateAccountResponse> CreateAccount(const std::string& name, int64_t wallet,
                                                          absl::string_view token = kToken) {
    v1::CreateAccountRequest request;
    request.set_name(name);
    request.set_wallet_nano_usd(wallet);
    return Call(*admin_, &v1::BillingAdmin::Stub::CreateAccount, request, token);
  }
  std::string NewKey(const std::string& account) {
    v1::CreateKeyRequest request;
    request.set_account(account);
    auto key = Call(*admin_, &v1::BillingAdmin::Stub::CreateKey, request, kToken);
    EXPECT_THAT(key, IsOk());
    return key.ok() ? key->api_key() : "";
  }
  absl::StatusOr<v1::CreateReservationResponse> Reserve(const std::string& key, int images,
                                                        int64_t version = 1) {
    v1::CreateReservationRequest request;
    request.set_api_key(key);
    request.set_attempt_id(NewUuidV7());
    request.set_model("imagen-4");
    request.set_image_count(images);
    request.set_catalog_version(version);
    return Call(*billing_, &v1::Billing::Stub::CreateReservation, request);
  }

  testing::RedisServer& redis_;
  metrics::Registry metrics_;
  loop::Loop loop_;
  catalog_watch::CatalogHolder catalog_;
  int token_fd_ = -1;
  std::string token_file_;
  std::unique_ptr<BillingServer> server_;
  std::unique_ptr<v1::Billing::Stub> billing_;
  std::unique_ptr<v1::BillingAdmin::Stub> admin_;
};

TEST_F(ServiceTest, AnAccountIsOpenedUsedAndReadOverBothPorts) {
  ASSERT_THAT(CreateAccount("acme", 100'000'000), IsOk());
  EXPECT_THAT(CreateAccount("acme", 0), HasReason(ERROR_REASON_ACCOUNT_EXISTS));
  std::string key = NewKey("acme");
  absl::StatusOr<v1::CreateReservationResponse> reserved = Reserve(key, 2);
  ASSERT_THAT(reserved, IsOk());

  absl::StatusOr<v1::CreateReservationResponse> refused = Reserve(key, 1);
  EXPECT_THAT(refused, HasReason(ERROR_REASON_CREDIT_BALANCE_EXHAUSTED));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(MetadataOf(refused.status(), "required_nano_usd"), "40000000");
  EXPECT_EQ(MetadataOf(refused.status(), "available_nano_usd"), "20000000");
  EXPECT_EQ(DetailOf(refused.status())->domain(), "billing.prismatic");

  v1::SettleReservationRequest settle;
  settle.set_reservation_id(reserved->reservation().id());
  settle.set_delivered_count(1);
  auto settled = Call(*billing_, &v1::Billing::Stub::SettleReservation, settle);
  ASSERT_THAT(settled, IsOk());
  EXPECT_EQ(settled->ledger_sequence(), 2);

  v1::ListLedgerEntriesRequest list;
  list.set_account("acme");
  list.set_page_size(1);
  auto first = Call(*admin_, &v1::BillingAdmin::Stub::ListLedgerEntries, list, kToken);
  ASSERT_THAT(first, IsOk());
  ASSERT_EQ(first->entries_size(), 1);
  EXPECT_EQ(first->entries(0).amount_nano_usd(), 100'000'000);
  EXPECT_TRUE(first->more());
  list.set_after_sequence(1);
  auto second = Call(*admin_, &v1::BillingAdmin::Stub::ListLedgerEntries, list, kToken);
  ASSERT_THAT(second, IsOk());
  ASSERT_EQ(second->entries_size(), 1);
  EXPECT_EQ(second->entries(0).balance_nano_usd(), 60'000'000);
  EXPECT_FALSE(second->more());
  std::string text = metrics_.Text();
  EXPECT_NE(text.find("prismatic_reservations_total{result=\"admitted\"} 1"), std::string::npos);
  EXPECT_NE(text.find("prismatic_charged_nano_usd_total{model=\"imagen-4\"} 40000000"), std::string::npos);
}

TEST_F(ServiceTest, TheAdminPortAsksForItsToken) {
  for (const char* token : {"", "wrong", "an-admin-token-for-tests2"}) {
    absl::StatusOr<v1::CreateAccountResponse> refused = CreateAccount("acme", 0, token);
    EXPECT_THAT(refused, HasReason(ERROR_REASON_INVALID_API_KEY)) << token;
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnauthenticated);
  }
  v1::GetAccountRequest get;
  get.set_name("acme");
  EXPECT_THAT(Call(*admin_, &v1::BillingAdmin::Stub::GetAccount, get, kToken),
              HasReason(ERROR_REASON_ACCOUNT_NOT_FOUND));
}

TEST_F(ServiceTest, ACatalogThatIsBehindIsWaitedForAMomentAndThenToldToValidKeysOnly) {
  ASSERT_THAT(CreateAccount("acme", 100'000'000), IsOk());
  std::string key = NewKey("acme");
  absl::StatusOr<v1::CreateReservationResponse> behind = Reserve(key, 1, 5);
  EXPECT_THAT(behind, HasReason(ERROR_REASON_CATALOG_BEHIND));
  EXPECT_EQ(MetadataOf(behind.status(), "have"), "1");
  EXPECT_THAT(Reserve(NewApiKey({"acme", 1}), 1, 5), HasReason(ERROR_REASON_INVALID_API_KEY));
  SetCatalog(5);
  absl::StatusOr<v1::CreateReservationResponse> reserved = Reserve(key, 1, 5);
  ASSERT_THAT(reserved, IsOk());
  EXPECT_EQ(reserved->reservation().catalog_version(), 5);
}

// People estimate what clients send; a reservation names what the gateway has resolved.
TEST_F(ServiceTest, AnEstimateTakesPublicIdsAndAReservationCanonicalNamesOnly) {
  ASSERT_THAT(CreateAccount("acme", 100'000'000), IsOk());
  v1::CreateKeyRequest make;
  make.set_account("acme");
  make.add_allowed_models("google/imagen-4");
  auto made = Call(*admin_, &v1::BillingAdmin::Stub::CreateKey, make, kToken);
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->key().allowed_models(0), "imagen-4");
  for (const char* name : {"imagen-4", "google/imagen-4"}) {
    v1::EstimateCostRequest estimate;
    estimate.set_api_key(made->api_key());
    estimate.set_model(name);
    estimate.set_image_count(2);
    auto told = Call(*billing_, &v1::Billing::Stub::EstimateCost, estimate);
    ASSERT_THAT(told, IsOk()) << name;
    EXPECT_EQ(told->total_nano_usd(), 80'000'000) << name;
    EXPECT_TRUE(told->would_be_admitted()) << name << told->refusal_reason();
    estimate.set_model("google/imagen-5");
    EXPECT_THAT(Call(*billing_, &v1::Billing::Stub::EstimateCost, estimate),
                HasReason(ERROR_REASON_MODEL_NOT_FOUND));
  }
  v1::CreateReservationRequest reserve;
  reserve.set_api_key(made->api_key());
  reserve.set_attempt_id(NewUuidV7());
  reserve.set_model("google/imagen-4");
  reserve.set_image_count(1);
  EXPECT_THAT(Call(*billing_, &v1::Billing::Stub::CreateReservation, reserve),
              HasReason(ERROR_REASON_MODEL_NOT_FOUND));
}

TEST_F(ServiceTest, TheProductionFunctionsTakeTheirTimeFromRedisAlone) {
  ASSERT_THAT(CreateAccount("acme", 1), IsOk());
  AccountKeys names("acme");
  std::string answer =
      redis_.Ask({"FCALL", Functions().name + "_top_up", "4", names.Account(), names.TopUp("x"),
                  names.Ledger(), names.Audit(), "1767225600000000", "5", "x", "somebody"});
  EXPECT_NE(answer.find("no test clock"), std::string::npos) << answer;
}

// By Redis' own clock, over accounts of two buckets; pages are cut anywhere.
TEST_F(ServiceTest, TheAuditLogNamesTheCallersActorAndIsReadInPagesFromTheNewestOn) {
  ASSERT_NE(BucketOf("acme"), BucketOf("beta"));
  ASSERT_THAT(CreateAccount("acme", 0), IsOk());
  ASSERT_THAT(CreateAccount("beta", 0), IsOk());
  std::vector<std::string> expected = {"admin-token/account.create/beta", "admin-token/account.create/acme"};
  for (int i = 0; i < 60; ++i) {
    std::string account = i % 3 == 0 ? "acme" : "beta", actor = absl::StrCat("person ", i);
    v1::UpdateAccountRequest update;
    update.set_name(account);
    update.mutable_limits()->set_max_concurrent(i);
    auto updated = Call(*admin_, &v1::BillingAdmin::Stub::UpdateAccount, update, kToken, actor);
    ASSERT_THAT(updated, IsOk());
    expected.insert(expected.begin(), absl::StrCat(actor, "/account.update/", account));
    // A stranger's call is no change.
    EXPECT_FALSE(Call(*admin_, &v1::BillingAdmin::Stub::UpdateAccount, update, "wrong", actor).ok());
  }
  for (int size : {1, 7, 100}) {
    std::vector<std::string> told;
    v1::ListAuditEntriesRequest list;
    list.set_page_size(size);
    while (true) {
      auto page = Call(*admin_, &v1::BillingAdmin::Stub::ListAuditEntries, list, kToken);
      ASSERT_THAT(page, IsOk());
      for (const v1::AuditEntry& entry : page->entries()) {
        told.push_back(absl::StrCat(entry.actor(), "/", entry.action(), "/", entry.account()));
      }
      if (!page->more()) break;
      list.set_before_time_us(page->entries().rbegin()->time_us());
    }
    EXPECT_EQ(told, expected) << size;
  }
}

TEST_F(ServiceTest, AnActorsNameIsCutAtItsGreatestLength) {
  v1::CreateAccountRequest create;
  create.set_name("acme");
  ASSERT_THAT(
      Call(*admin_, &v1::BillingAdmin::Stub::CreateAccount, create, kToken, "ann " + std::string(200, 'x')),
      IsOk());
  auto page = Call(*admin_, &v1::BillingAdmin::Stub::ListAuditEntries, v1::ListAuditEntriesRequest(), kToken);
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->entries(0).actor(), "ann " + std::string(124, 'x'));
}

TEST_F(ServiceTest, AccountsAndTotalsAreListedOverTheAdminPortForItsTokenOnly) {
  ASSERT_THAT(CreateAccount("acme", 100'000'000), IsOk());
  std::string key = NewKey("acme");
  v1::SettleReservationRequest settle;
  settle.set_reservation_id(Reserve(key, 1)->reservation().id());
  settle.set_delivered_count(1);
  ASSERT_THAT(Call(*billing_, &v1::Billing::Stub::SettleReservation, settle), IsOk());
  auto accounts = Call(*admin_, &v1::BillingAdmin::Stub::ListAccounts, v1::ListAccountsRequest(), kToken);
  ASSERT_THAT(accounts, IsOk());
  ASSERT_EQ(accounts->accounts_size(), 1);
  EXPECT_EQ(accounts->accounts(0).balance_nano_usd(), 60'000'000);
  v1::ListTotalsRequest days;
  absl::CivilDay today = absl::ToCivilDay(absl::Now(), absl::UTCTimeZone()), before = today - 1;
  days.set_first_day(static_cast<int32_t>(before.year() * 10'000 + before.month() * 100 + before.day()));
  days.set_last_day(static_cast<int32_t>(today.year() * 10'000 + today.month() * 100 + today.day()));
  auto totals = Call(*admin_, &v1::BillingAdmin::Stub::ListTotals, days, kToken);
  ASSERT_THAT(totals, IsOk());
  ASSERT_EQ(totals->rows_size(), 1);
  EXPECT_EQ(totals->rows(0).charged_nano_usd(), 40'000'000);
  EXPECT_THAT(Call(*admin_, &v1::BillingAdmin::Stub::ListTotals, days, "wrong"),
              HasReason(ERROR_REASON_INVALID_API_KEY));
  EXPECT_THAT(Call(*admin_, &v1::BillingAdmin::Stub::ListAccounts, v1::ListAccountsRequest(), ""),
              HasReason(ERROR_REASON_INVALID_API_KEY));
}

TEST_F(ServiceTest, TheStatusTellsCatalogClocksAndSettings) {
  SetCatalog(9);
  const int64_t before_us = absl::ToUnixMicros(absl::Now());
  auto status =
      Call(*admin_, &v1::BillingAdmin::Stub::GetBillingStatus, v1::GetBillingStatusRequest(), kToken);
  ASSERT_THAT(status, IsOk());
  EXPECT_EQ(status->catalog_version(), 9);
  EXPECT_GE(status->process_time_us(), before_us);
  EXPECT_GE(status->redis_time_us(), before_us);  // the same machine's clock
  EXPECT_LE(status->redis_time_us(), absl::ToUnixMicros(absl::Now()));
  EXPECT_EQ(status->redis_error(), "");
  EXPECT_EQ(status->unconfirmed_settlements(), 0);
  for (const char* setting : {"appendfsync", "appendonly", "maxmemory-policy", "redis_version"}) {
    EXPECT_EQ(status->redis_settings().count(setting), 1u) << setting;
  }
}

TEST_F(ServiceTest, ATailTellsEveryEntryOnceInOrderAndGoesOnUntilTheCallerLeaves) {
  ASSERT_THAT(CreateAccount("acme", 100'000'000), IsOk());
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + testing::kPatience));
  context.AddMetadata("authorization", std::string("Bearer ") + kToken);
  v1::TailLedgerEntriesRequest request;
  request.set_account("acme");
  auto tail = admin_->TailLedgerEntries(&context, request);
  v1::TailLedgerEntriesResponse next;
  for (int i = 1; i <= 150; ++i) {
    ASSERT_TRUE(tail->Read(&next)) << i;
    EXPECT_EQ(next.entry().sequence(), i);
    v1::TopUpWalletRequest top_up;
    top_up.set_account("acme");
    top_up.set_amount_nano_usd(1);
    // The first makes many, so that the tail is more than a page behind from then on.
    for (int twice = 0; twice < (i == 1 ? 120 : 1); ++twice) {
      top_up.set_request_id(std::to_string(i) + "-" + std::to_string(twice));
      ASSERT_THAT(Call(*admin_, &v1::BillingAdmin::Stub::TopUpWallet, top_up, kToken), IsOk());
    }
  }
  EXPECT_NE(metrics_.Text().find("prismatic_ledger_tails 1"), std::string::npos);
  context.TryCancel();
  while (tail->Read(&next)) {
  }
  EXPECT_EQ(tail->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(
      WaitUntil([this] { return metrics_.Text().find("prismatic_ledger_tails 0") != std::string::npos; }));
}

TEST_F(ServiceTest, ATailNeedsTheTokenAndAnAccountAndEndsWithTheServer) {
  v1::TailLedgerEntriesRequest request;
  request.set_account("acme");
  v1::TailLedgerEntriesResponse next;
  grpc::ClientContext stranger;
  auto refused = admin_->TailLedgerEntries(&stranger, request);
  EXPECT_FALSE(refused->Read(&next));
  EXPECT_THAT(rpc::FromGrpc(refused->Finish()), HasReason(ERROR_REASON_INVALID_API_KEY));
  grpc::ClientContext early;
  early.AddMetadata("authorization", std::string("Bearer ") + kToken);
  auto nobody = admin_->TailLedgerEntries(&early, request);
  EXPECT_FALSE(nobody->Read(&next));
  EXPECT_THAT(rpc::FromGrpc(nobody->Finish()), HasReason(ERROR_REASON_ACCOUNT_NOT_FOUND));

  ASSERT_THAT(CreateAccount("acme", 1), IsOk());
  grpc::ClientContext context;
  context.AddMetadata("authorization", std::string("Bearer ") + kToken);
  auto tail = admin_->TailLedgerEntries(&context, request);
  ASSERT_TRUE(tail->Read(&next));
  server_->Drain(absl::Seconds(10));
  EXPECT_FALSE(tail->Read(&next));
  EXPECT_THAT(rpc::FromGrpc(tail->Finish()), HasReason(ERROR_REASON_SERVER_IS_OVERLOADED));
}

class OwnRedisServiceTest : public ServiceTest {
 protected:
  OwnRedisServiceTest()
      : ServiceTest(*(own_ = new testing::RedisServer({.cluster = false, .append_only = true}))) {}
  ~OwnRedisServiceTest() override {
    server_.reset();
    delete own_;
  }
  static inline testing::RedisServer* own_ = nullptr;
};

TEST_F(OwnRedisServiceTest, WithoutRedisNothingIsAdmittedAndAfterItsReturnMoneyIsThere) {
  ASSERT_THAT(CreateAccount("acme", 80'000'000), IsOk());
  std::string key = NewKey("acme");
  absl::StatusOr<v1::CreateReservationResponse> held = Reserve(key, 1);
  ASSERT_THAT(held, IsOk());
  redis_.Stop();

  absl::StatusOr<v1::CreateReservationResponse> refused = Reserve(key, 1);
  EXPECT_THAT(refused, HasReason(ERROR_REASON_BILLING_UNAVAILABLE));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(RetryAfterOf(refused.status()).has_value());
  EXPECT_TRUE(WaitUntil([this] { return !server_->redis().connected(); }));

  auto status =
      Call(*admin_, &v1::BillingAdmin::Stub::GetBillingStatus, v1::GetBillingStatusRequest(), kToken);
  ASSERT_THAT(status, IsOk());
  EXPECT_NE(status->redis_error(), "");
  EXPECT_EQ(status->redis_time_us(), 0);
  EXPECT_EQ(status->redis_settings_size(), 0);
  EXPECT_EQ(status->catalog_version(), 1);

  redis_.Start();
  v1::SettleReservationRequest settle;
  settle.set_reservation_id(held->reservation().id());
  settle.set_delivered_count(1);
  EXPECT_TRUE(WaitUntil([&] { return Call(*billing_, &v1::Billing::Stub::SettleReservation, settle).ok(); }));
  // The settlement took the lasting connection; reading takes the other one.
  EXPECT_TRUE(WaitUntil([this] { return server_->redis().connected(); }));
  v1::GetAccountRequest get;
  get.set_name("acme");
  auto account = Call(*admin_, &v1::BillingAdmin::Stub::GetAccount, get, kToken);
  ASSERT_THAT(account, IsOk());
  EXPECT_EQ(account->account().balance_nano_usd(), 40'000'000);
  EXPECT_EQ(account->account().held_nano_usd(), 0);
}

}  // namespace
}  // namespace prismatic::billing
