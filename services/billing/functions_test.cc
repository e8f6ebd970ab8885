#include "services/billing/functions.h"

#include <filesystem>
#include <fstream>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/billing/billing_fixture.h"
#include "services/billing/books_watch.h"
#include "tests/support/wait.h"

// The library as Redis has it.

namespace prismatic::billing {
namespace {

using namespace common::v1;
using prismatic::testing::HasReason;
using prismatic::testing::IsOk;

class FunctionsTest : public BillingFixture {
 protected:
  // All texts of an answer.
  static std::string Flat(const redis::Reply& reply) {
    std::string all = reply.text + "\n";
    for (const redis::Reply& element : reply.elements) all += Flat(element);
    return all;
  }
  std::string Ask(std::vector<std::string> words) {
    absl::StatusOr<redis::Reply> reply = Wait(client_->Command(redis::Lane::kFast, std::move(words)));
    EXPECT_THAT(reply, IsOk());
    return reply.ok() ? Flat(*reply) : "";
  }
  std::string CodeOf(const redis::FunctionLibrary& library) {
    return Ask({"FUNCTION", "LIST", "LIBRARYNAME", library.name, "WITHCODE"});
  }
  // Names of the libraries that Redis has.
  std::set<std::string> Libraries() {
    std::set<std::string> names;
    std::string list = Ask({"FUNCTION", "LIST"});
    for (size_t at = list.find("billing_1_"); at != std::string::npos; at = list.find("billing_1_", at + 1)) {
      names.insert(list.substr(at, std::string("billing_1_12345678").size()));
    }
    return names;
  }
};

// What every verb does, once; the calls are compared below.
class EveryFunctionTest : public FunctionsTest {
 protected:
  void UseAll() {
    std::string key = OpenSubscribed("acme", 2, kDollar);
    const char old_key[] = "sk-an-old-key";
    v1::ImportKeyRequest import;
    import.set_account("acme");
    import.set_api_key_sha256(crypto::Sha256(old_key));
    EXPECT_THAT(Wait(admin_->ImportKey(import)), IsOk());
    std::string late = Reserved(WithIdempotencyKey(Asking(key, 2), "k", "b"));
    EXPECT_THAT(Reserve(WithIdempotencyKey(Asking(key, 2), "k", "b")),
                HasReason(ERROR_REASON_IDEMPOTENCY_KEY_IN_USE));  // names the other's reservation too
    Advance(420'000'000);
    EXPECT_EQ(Wait(sweeper_->SweepAll()), 1);
    EXPECT_THAT(Release(Reserved(Asking(key))), IsOk());
    EXPECT_THAT(Settle(Reserved(Asking(key)), 1), IsOk());
    EXPECT_THAT(Settle(late, 2), IsOk());
    v1::CreateReservationRequest only_check = Asking(key);
    only_check.set_validate_only(true);
    EXPECT_THAT(Reserve(only_check), IsOk());
    EXPECT_THAT(TopUp("acme", 5, "t"), IsOk());
    UseAdministration();
    UseBooks(key);
  }
  void UseAdministration() {
    v1::AdjustWalletRequest adjust;
    adjust.set_account("acme");
    adjust.set_amount_nano_usd(1);
    adjust.set_reason("r");
    adjust.set_request_id("a");
    EXPECT_THAT(Wait(admin_->AdjustWallet(adjust)), IsOk());
    v1::WriteOffDebtRequest write_off;
    write_off.set_account("acme");
    write_off.set_amount_nano_usd(1);
    write_off.set_reason("r");
    write_off.set_request_id("w");
    EXPECT_THAT(Wait(admin_->WriteOffDebt(write_off)), HasReason(ERROR_REASON_INVALID_VALUE));
    v1::UpdateAccountRequest update;
    update.set_name("acme");
    update.set_remove_subscription(true);
    EXPECT_THAT(Wait(admin_->UpdateAccount(update)), IsOk());
    v1::SuspendAccountRequest suspend;
    suspend.set_name("acme");
    EXPECT_THAT(Wait(admin_->SuspendAccount(suspend)), IsOk());
    v1::UpdateKeyRequest update_key;
    update_key.set_key_id("acme.2");
    EXPECT_THAT(Wait(admin_->UpdateKey(update_key)), IsOk());
    v1::RevokeKeyRequest revoke;
    revoke.set_key_id("acme.2");
    EXPECT_THAT(Wait(admin_->RevokeKey(revoke)), IsOk());
    v1::ListKeysRequest keys;
    keys.set_account("acme");
    EXPECT_EQ(Wait(admin_->ListKeys(keys))->keys_size(), 2);
    v1::ResumeAccountRequest resume;
    resume.set_name("acme");
    EXPECT_THAT(Wait(admin_->ResumeAccount(resume)), IsOk());
  }
  void UseBooks(const std::string& key) {
    v1::CheckKeyRequest check;
    check.set_api_key(key);
    EXPECT_THAT(Wait(billing_->CheckKey(check)), IsOk());
    v1::EstimateCostRequest estimate;
    estimate.set_api_key(key);
    estimate.set_model(kModel);
    estimate.set_image_count(1);
    EXPECT_THAT(Wait(billing_->EstimateCost(estimate)), IsOk());
    std::string held = Reserved(Asking(key));
    v1::GetReservationRequest get;
    get.set_reservation_id(held);
    EXPECT_THAT(Wait(admin_->GetReservation(get)), IsOk());
    v1::ListReservationsRequest list;
    list.set_account("acme");
    EXPECT_EQ(Wait(admin_->ListReservations(list))->reservations_size(), 1);
    v1::ListUsageRequest usage;
    usage.set_account("acme");
    usage.set_first_day(20260101);
    usage.set_last_day(20260103);
    EXPECT_THAT(Wait(admin_->ListUsage(usage)), IsOk());
    EXPECT_THAT(Wait(ledger_->Audit("acme")), IsOk());
    EXPECT_THAT(Wait(ledger_->Recount("acme")), IsOk());
    EXPECT_THAT(Wait(ledger_->TrimLedger("acme", 1, kDollar)), IsOk());
    Reserved(Asking(key));
    LookAtAll();
  }
  void WatchTheBooks(int holds_max) {
    BooksWatch::Options options;
    options.pause = absl::ZeroDuration();
    options.limits.holds_max = holds_max;
    BooksWatch watch(*ledger_, metrics_, options);
    watch.Look();
    EXPECT_EQ(metrics_.GetGauge("prismatic_ledger_drift_accounts", "").value(), 0);
  }
  void LookAtAll() {
    WatchTheBooks(1'000);
    redis_.Ask({"DEL", BooksTurnKey()});
    WatchTheBooks(1);  // two are too many for one call
    EXPECT_EQ(Wait(admin_->ListAccounts({}))->accounts_size(), 1);
    v1::ListTotalsRequest totals;
    totals.set_first_day(20260101);
    totals.set_last_day(20260102);
    EXPECT_GT(Wait(admin_->ListTotals(totals))->rows_size(), 0);
    EXPECT_GT(Wait(admin_->ListAuditEntries({}))->entries_size(), 5);
    absl::StatusOr<v1::GetBillingStatusResponse> status = Wait(admin_->GetBillingStatus({}));
    ASSERT_THAT(status, IsOk());
    EXPECT_EQ(status->redis_error(), "");
    EXPECT_GT(status->redis_time_us(), 0);
    EXPECT_EQ(status->redis_settings().count("redis_version"), 1u);
  }
};

// Redis in cluster mode refuses a call across slots by itself; this says the same of every call that was
// made, and that no function was left out.
TEST_F(EveryFunctionTest, EveryFunctionIsCalledWithKeysOfOneSlot) {
  UseAll();
  for (const std::vector<std::string>& keys : lossy_->keys_of_calls()) {
    ASSERT_FALSE(keys.empty());
    for (const std::string& key : keys) {
      EXPECT_EQ(key.substr(0, key.find('}')), keys[0].substr(0, keys[0].find('}'))) << key;
      EXPECT_EQ(redis_.Ask({"CLUSTER", "KEYSLOT", key}), redis_.Ask({"CLUSTER", "KEYSLOT", keys[0]}));
    }
  }
  std::set<std::string> called = lossy_->functions();
  called.insert("due");  // by pipeline
  for (const std::string& name :
       Lines("for w in ARGV[1]:gmatch(\"function_name = '@LIBRARY@_([%a_]+)'\") do out[#out + 1] = w end",
             kFunctionsBody)) {
    EXPECT_EQ(called.count(name), 1u) << name << " was not called";
  }
  EXPECT_GE(called.size(), 26u);
}

// A key that is not declared could be in another slot: of all that was written, nothing is outside of the
// account's bucket but the mapping of the imported key, and whose turn it is to look at the books.
TEST_F(EveryFunctionTest, NothingIsWrittenOutsideOfTheAccountsBucket) {
  UseAll();
  std::string tag = DueKey(BucketOf("acme"));
  tag = tag.substr(0, tag.find('}') + 1);
  std::vector<std::string> elsewhere;
  for (const std::string& key : Lines("out = redis.call('KEYS', '*')")) {
    if (key.substr(0, tag.size()) != tag) elsewhere.push_back(key);
  }
  EXPECT_THAT(elsewhere,
              ::testing::ElementsAre(ImportedKeyName(crypto::Sha256Hex("sk-an-old-key")), BooksTurnKey()));
}

// As docs/how-to/redis.md gives them, and in Redis' cluster mode.
TEST_F(EveryFunctionTest, TheDocumentedRightsAreEnoughForAllOfBilling) {
  std::filesystem::path tree = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
  std::ifstream page(tree / "docs/how-to/redis.md");
  std::vector<std::string> user;
  for (std::string line; std::getline(page, line);) {
    if (absl::StartsWith(line, "ACL SETUSER prismatic-billing ")) user = absl::StrSplit(line, ' ');
  }
  ASSERT_FALSE(user.empty());
  ASSERT_EQ(redis_.Ask(user), "OK");
  absl::StatusOr<std::unique_ptr<redis::Client>> restricted = redis::Client::Create(
      loop_, metrics_,
      {.url =
           absl::StrCat("redis://prismatic-billing:change-this-billing-password@127.0.0.1:", redis_.port()),
       .fast_deadline = testing::kPatience,
       .lasting_deadline = testing::kPatience});
  ASSERT_THAT(restricted, IsOk());
  ASSERT_THAT(Wait((*restricted)->WaitUntilConnected(testing::kPatience)), IsOk());
  lossy_.emplace(**restricted);
  UseAll();
  EXPECT_THAT(Reserve(Asking("sk-nobodys-key")), HasReason(ERROR_REASON_INVALID_API_KEY));
  lossy_.emplace(*client_);
  redis_.Ask({"ACL", "DELUSER", "prismatic-billing"});
}

TEST_F(FunctionsTest, TwoVersionsLiveSideBySideAndNeitherReplacesTheOther) {
  std::string key = Open("acme", kDollar);
  std::string first = Reserved(Asking(key));
  redis::FunctionLibrary ours = FunctionsWithTestClock();
  std::string before = CodeOf(ours);
  ASSERT_NE(before.find(ours.source), std::string::npos);

  // The next version's code has another hash, which is all that tells them apart.
  std::string body = kFunctionsBody;
  ASSERT_EQ(absl::StrReplaceAll({{"local TEST_CLOCK = false", "local TEST_CLOCK = true"}}, &body), 1);
  absl::StrAppend(&body, "\n-- the next version\n");
  redis::FunctionLibrary next = redis::FunctionLibrary::FromSource("billing_1", body);
  ASSERT_NE(next.name, ours.name);
  RedisLedger upgraded(*client_, metrics_,
                       {.library = next, .test_clock = [this] { return now_us_.load(); }});
  ASSERT_THAT(Wait(upgraded.Settle(*ParseReservationId(first), 1)), IsOk());
  EXPECT_THAT(Libraries(), ::testing::UnorderedElementsAre(ours.name, next.name));
  EXPECT_EQ(CodeOf(ours), before);

  // Each goes on with what the other has written.
  EXPECT_TRUE(Settle(first, 1)->replayed());
  std::string second = Reserved(Asking(key));
  EXPECT_THAT(Wait(upgraded.Settle(*ParseReservationId(second), 1)), IsOk());
  EXPECT_EQ(Wait(upgraded.GetAccount("acme"))->account.balance_nano_usd(), kDollar - 2 * kPrice);
}

TEST_F(FunctionsTest, AnotherLibraryOfTheSameNameIsNotReplaced) {
  redis_.Flush();
  redis::FunctionLibrary ours = FunctionsWithTestClock();
  std::string foreign = absl::StrCat("#!lua name=", ours.name, "\nredis.register_function('", ours.name,
                                     "_somebody_elses', function() return 'mine' end)");
  ASSERT_EQ(redis_.Ask({"FUNCTION", "LOAD", foreign}), ours.name);
  v1::CreateAccountRequest create;
  create.set_name("acme");
  EXPECT_FALSE(Wait(admin_->CreateAccount(create)).ok());
  EXPECT_EQ(redis_.Ask({"FCALL", ours.name + "_somebody_elses", "0"}), "mine");
}

TEST_F(FunctionsTest, ANodeThatLostTheLibraryGetsItByTheNextCall) {
  std::string key = Open("acme", kDollar);
  std::string held = Reserved(Asking(key));
  redis_.Ask({"FUNCTION", "FLUSH"});
  EXPECT_THAT(Settle(held, 1), IsOk());
  redis_.Ask({"FUNCTION", "FLUSH"});
  Reserved(Asking(key));
  Advance(420'000'000);
  redis_.Ask({"FUNCTION", "FLUSH"});
  Wait(sweeper_->SweepAll());  // loads it, and may leave the rest to the next one
  Wait(sweeper_->SweepAll());
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), 0);
}

TEST_F(FunctionsTest, WithoutMemoryNothingIsAdmittedAndWhatIsHeldIsSettledReleasedAndExpired) {
  std::string key = Open("acme", kDollar);
  std::string settled = Reserved(Asking(key)), released = Reserved(Asking(key));
  Reserved(Asking(key));
  redis_.Ask({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_THAT(Reserve(Asking(key)), HasReason(ERROR_REASON_BILLING_UNAVAILABLE));
  EXPECT_THAT(TopUp("acme", 1, "t"), HasReason(ERROR_REASON_BILLING_UNAVAILABLE));
  EXPECT_THAT(Settle(settled, 1), IsOk());
  EXPECT_THAT(Release(released), IsOk());
  Advance(420'000'000);
  EXPECT_EQ(Wait(sweeper_->SweepAll()), 1);
  v1::RevokeKeyRequest revoke;
  revoke.set_key_id("acme.1");
  EXPECT_THAT(Wait(admin_->RevokeKey(revoke)), IsOk());
  redis_.Ask({"CONFIG", "SET", "maxmemory", "0"});
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), 0);
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), kDollar - kPrice);
}

}  // namespace
}  // namespace prismatic::billing
