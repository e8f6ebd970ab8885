// Each command against services that are in this process and real on the wire.

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/cli/commands_fixture.h"
#include "services/cli/errors.h"
#include "services/common/status/status.h"

namespace prismatic::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(CommandsTest, AccountCreateSendsMoneyInNanosAndOnlyTheLimitsThatWereGiven) {
  Outcome outcome = RunCli({"account", "create", "acme", "--wallet-usd", "25.000000001",
                            "--requests-per-minute=600", "--max-concurrent", "0"});
  EXPECT_EQ(outcome.code, kDone) << outcome.err;
  EXPECT_EQ(
      billing_.recorder.request,
      "name: \"acme\" limits { requests_per_minute: 600 max_concurrent: 0 } wallet_nano_usd: 25000000001");
  EXPECT_EQ(billing_.recorder.authorization, absl::StrCat("Bearer ", kToken));
  EXPECT_EQ(outcome.out,
            "name                 acme\n"
            "suspended            no\n"
            "balance USD          25\n"
            "held USD             0.04\n"
            "available USD        24.96\n"
            "owed USD             0\n"
            "paid by              subscription_first\n"
            "requests per minute  600\n"
            "images per minute    unlimited\n"
            "max concurrent       unlimited\n"
            "in flight            0\n"
            "ledger entries       1\n"
            "created              2026-01-01T12:00:00Z\n");
  EXPECT_THAT(outcome.err, IsEmpty());
}

TEST_F(CommandsTest, AccountShowAsJson) {
  Outcome outcome = RunJson({"account", "show", "acme"});
  EXPECT_EQ(billing_.recorder.request, "name: \"acme\"");
  EXPECT_EQ(
      outcome.out,
      R"({"name":"acme","suspended":false,"balance_usd":"25","balance_nano_usd":25000000000,)"
      R"("held_usd":"0.04","held_nano_usd":40000000,"available_usd":"24.96","available_nano_usd":24960000000,)"
      R"("owed_usd":"0","owed_nano_usd":0,"requests_per_minute":600,"images_per_minute":null,)"
      R"("max_concurrent":null,"concurrent":0,"ledger_sequence":1,"create_time":"2026-01-01T12:00:00.000000Z",)"
      R"("funding_policy":"subscription_first","subscription":null})"
      "\n");
}

TEST_F(CommandsTest, SettingsMayStandBeforeTheCommand) {
  Outcome outcome = RunCli({"--output", "json", "--timeout=5s", "account", "show", "acme"});
  EXPECT_EQ(outcome.code, kDone) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("{\"name\":\"acme\""));
}

TEST_F(CommandsTest, TopUpSendsAmountAndRequestIdAndTellsARepeat) {
  Outcome outcome = RunJson({"account", "top-up", "acme", "--usd", "0.04", "--request-id", "invoice-1"});
  EXPECT_EQ(billing_.recorder.request,
            "account: \"acme\" amount_nano_usd: 40000000 request_id: \"invoice-1\"");
  EXPECT_EQ(
      outcome.out,
      R"({"account":"acme","amount_usd":"0.04","amount_nano_usd":40000000,"balance_usd":"25",)"
      R"("balance_nano_usd":25000000000,"owed_usd":"0","owed_nano_usd":0,"ledger_sequence":7,"replayed":true})"
      "\n");
  EXPECT_THAT(RunCli({"account", "top-up", "acme", "--usd", "1", "--request-id", "x"}).out,
              HasSubstr("done before   yes\n"));
}

TEST_F(CommandsTest, KeyCreateShowsTheSecretAndSendsLimitsModelsAndExpiry) {
  Outcome outcome = RunCli({"key", "create", "--account", "acme", "--images-per-minute", "60", "--models",
                            "imagen-4,b", "--expires-in", "30d"});
  EXPECT_EQ(outcome.code, kDone) << outcome.err;
  EXPECT_EQ(billing_.recorder.request,
            "account: \"acme\" limits { images_per_minute: 60 } expires_in_seconds: 2592000 "
            "allowed_models: \"imagen-4\" allowed_models: \"b\"");
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("key ID               acme.1\n"), HasSubstr("pk_acme.1_secret_sum\n"),
                    HasSubstr("expires              never\n")));
  EXPECT_THAT(outcome.err, HasSubstr("shown this once"));

  Outcome as_json = RunJson({"key", "create", "--account", "acme"});
  EXPECT_EQ(
      as_json.out,
      R"({"id":"acme.1","account":"acme","revoked":false,"requests_per_minute":null,"images_per_minute":null,)"
      R"("max_concurrent":null,"models":["imagen-4"],"concurrent":0,"create_time":"2026-01-01T12:00:00.000000Z",)"
      R"("expire_time":null,"imported":false,"api_key":"pk_acme.1_secret_sum"})"
      "\n");
  EXPECT_EQ(billing_.recorder.request, "account: \"acme\" limits { }");
  EXPECT_THAT(as_json.err, IsEmpty());
}

TEST_F(CommandsTest, AnExpiryOfAFractionIsRoundedUpNotToNever) {
  RunCli({"key", "create", "--account", "acme", "--expires-in", "1500ms"});
  EXPECT_THAT(billing_.recorder.request, HasSubstr("expires_in_seconds: 2"));
}

TEST_F(CommandsTest, KeyRevokeAndListShowNoSecret) {
  Outcome revoked = RunCli({"key", "revoke", "acme.1"});
  EXPECT_EQ(billing_.recorder.request, "key_id: \"acme.1\"");
  EXPECT_THAT(revoked.out, AllOf(HasSubstr("revoked              yes\n"), Not(HasSubstr("API key"))));
  Outcome list = RunCli({"key", "list", "--account", "acme"});
  EXPECT_EQ(billing_.recorder.request, "account: \"acme\"");
  EXPECT_EQ(
      list.out,
      "KEY ID  REVOKED  REQUESTS/MIN  IMAGES/MIN  CONCURRENT MAX  IN FLIGHT  MODELS    EXPIRES  CREATED\n"
      "acme.1  no          unlimited   unlimited       unlimited          0  imagen-4  never    "
      "2026-01-01T12:00:00Z\n");
  EXPECT_THAT(RunJson({"key", "list", "--account", "acme"}).out, HasSubstr(R"({"keys":[{"id":"acme.1",)"));
}

bpb::LedgerEntry Entry(int64_t sequence) {
  bpb::LedgerEntry entry;
  entry.set_account("acme");
  entry.set_sequence(sequence);
  entry.set_time_us(kNoon);
  entry.set_balance_nano_usd(1'000'000'000 - (sequence - 1) * 40'000'000);
  if (sequence == 1) {
    entry.set_type(bpb::LEDGER_ENTRY_TYPE_TOP_UP);
    entry.set_amount_nano_usd(1'000'000'000);
    entry.set_request_id("invoice-1");
    return entry;
  }
  entry.set_type(bpb::LEDGER_ENTRY_TYPE_CHARGE);
  entry.set_amount_nano_usd(-40'000'000);
  entry.set_reservation_id("acme.r");
  entry.set_model("imagen-4");
  entry.set_image_count(1);
  entry.set_delivered_count(1);
  entry.set_unit_price_nano_usd(40'000'000);
  entry.set_funding_source(bpb::FUNDING_SOURCE_WALLET);
  return entry;
}

TEST_F(CommandsTest, LedgerListShowsOnePageAndSaysWhenThereIsMore) {
  for (int i = 1; i <= 103; ++i) billing_.ledger.push_back(Entry(i));
  Outcome first = RunCli({"ledger", "list", "--account", "acme"});
  EXPECT_EQ(billing_.recorder.request, "account: \"acme\" page_size: 100");
  EXPECT_THAT(first.out, HasSubstr(" NO  TIME                  TYPE    AMOUNT USD"));
  EXPECT_THAT(first.out, HasSubstr("  2  2026-01-01T12:00:00Z  charge       -0.04"));
  EXPECT_EQ(first.err, "note: there are more entries: --after 100, or --all\n");

  Outcome rest = RunCli({"ledger", "list", "--account", "acme", "--after", "102"});
  EXPECT_EQ(
      rest.out,
      " NO  TIME                  TYPE    AMOUNT USD  BALANCE USD  OWED USD  IMAGES  MODEL     RESERVATION "
      "OR REQUEST\n"
      "103  2026-01-01T12:00:00Z  charge       -0.04        -3.08         0       1  imagen-4  acme.r\n");
  EXPECT_THAT(rest.err, IsEmpty());
}

TEST_F(CommandsTest, LedgerListAllReadsPageAfterPage) {
  for (int i = 1; i <= 2001; ++i) billing_.ledger.push_back(Entry(i));
  Outcome all = RunJson({"ledger", "list", "--account", "acme", "--all"});
  EXPECT_EQ(billing_.recorder.request, "account: \"acme\" after_sequence: 2000 page_size: 1000");
  EXPECT_THAT(all.out, AllOf(HasSubstr(R"({"sequence":1,"type":"top_up")"), HasSubstr(R"({"sequence":2001,)"),
                             HasSubstr(R"("more":false})")));
}

TEST_F(CommandsTest, LedgerListAsJson) {
  billing_.ledger = {Entry(1), Entry(2)};
  Outcome outcome = RunJson({"ledger", "list", "--account", "acme", "--after", "1"});
  EXPECT_EQ(
      outcome.out,
      R"({"account":"acme","entries":[{"sequence":2,"type":"charge","time":"2026-01-01T12:00:00.000000Z",)"
      R"("amount_usd":"-0.04","amount_nano_usd":-40000000,"owed_change_usd":"0","owed_change_nano_usd":0,)"
      R"("balance_usd":"0.96","balance_nano_usd":960000000,"owed_usd":"0","owed_nano_usd":0,)"
      R"("reservation_id":"acme.r","key_id":null,"model":"imagen-4","image_count":1,"delivered_count":1,)"
      R"("unit_price_usd":"0.04","unit_price_nano_usd":40000000,"funding_source":"wallet",)"
      R"("catalog_version":0,"request_id":null,"units":0,"over_units":0,"reason":null,"quota_units":0,)"
      R"("period_start":null,"period_end":null,"carried_amount_usd":"0","carried_amount_nano_usd":0,)"
      R"("carried_owed_change_usd":"0","carried_owed_change_nano_usd":0}],"more":false})"
      "\n");
}

TEST_F(CommandsTest, ReservationShow) {
  Outcome outcome = RunCli({"reservation", "show", "acme.r"});
  EXPECT_EQ(billing_.recorder.request, "reservation_id: \"acme.r\"");
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("state             settled\n"), HasSubstr("images delivered  3\n"),
                    HasSubstr("paid by           wallet\n"), HasSubstr("charged USD       0.12\n")));
  EXPECT_THAT(RunJson({"reservation", "show", "acme.r"}).out,
              AllOf(HasSubstr(R"("state":"settled")"), HasSubstr(R"("charge_usd":"0.12")")));
}

TEST_F(CommandsTest, ProviderListAndImagesSwitch) {
  EXPECT_EQ(RunCli({"provider", "list"}).out,
            "NAME     IMAGES  HEALTH  FLIPPED  WIRE FORMAT    BASE URL                  CREDENTIALS  EGRESS "
            "PROXY  MAX  "
            "SECONDS\n"
            "sandbox  on      -       -        openai_images  http://127.0.0.1:9100/v1  -            -       "
            "       64  "
            "    295\n");
  Outcome off = RunCli({"provider", "images", "sandbox", "off"});
  EXPECT_EQ(admin_.recorder.request, "provider: \"sandbox\"");
  EXPECT_EQ(admin_.recorder.authorization, absl::StrCat("Bearer ", kToken));
  EXPECT_THAT(off.out, AllOf(HasSubstr("images           off\n"),
                             HasSubstr("flipped          by admin at 2026-01-01T12:00:00Z\n")));
  Outcome on = RunJson({"provider", "images", "sandbox", "on"});
  EXPECT_EQ(admin_.recorder.request, "provider: \"sandbox\" enabled: true");
  EXPECT_EQ(
      on.out,
      R"({"provider":{"name":"sandbox","wire_format":"openai_images","base_url":"http://127.0.0.1:9100/v1",)"
      R"("credentials":[],"images_enabled":true,"images_override":{"enabled":true,"actor":"admin",)"
      R"("time":"2026-01-01T12:00:00.000000Z","file_enabled":false},"max_concurrent":64,"timeout_seconds":295,"egress_proxy":null,)"
      R"("job_mapping":null},"catalog_version":10})"
      "\n");
}

TEST_F(CommandsTest, ProviderListShowsHowAProviderIsReached) {
  admin_.provider.set_wire_format(catalog::v1::WIRE_FORMAT_ASYNC_JOB);
  admin_.provider.set_job_mapping(catalog::v1::JOB_MAPPING_BLACK_FOREST_LABS);
  admin_.provider.add_credentials("file:bfl-1");
  admin_.provider.add_credentials("env:PROVIDER_KEY_BFL");
  admin_.provider.set_timeout_seconds(60);
  admin_.provider.set_egress_proxy("direct");
  EXPECT_THAT(RunCli({"provider", "list"}).out,
              HasSubstr("async_job (black_forest_labs)  http://127.0.0.1:9100/v1  "
                        "file:bfl-1, env:PROVIDER_KEY_BFL  direct         64       60\n"));
  EXPECT_THAT(
      RunJson({"provider", "list"}).out,
      AllOf(HasSubstr(R"("wire_format":"async_job")"),
            HasSubstr(R"("credentials":["file:bfl-1","env:PROVIDER_KEY_BFL"])"),
            HasSubstr(R"("timeout_seconds":60,"egress_proxy":"direct","job_mapping":"black_forest_labs")")));
}

TEST_F(CommandsTest, ModelListUsesTheCallersPortWithoutTheToken) {
  EXPECT_EQ(RunCli({"model", "list"}).out,
            "PUBLIC ID        MODEL     OWNED BY  AVAILABLE  USD PER IMAGE\n"
            "google/imagen-4  imagen-4  google    yes                 0.04\n"
            "plain            plain     -         no                     -\n");
  EXPECT_EQ(registry_.recorder.authorization, "");
  EXPECT_EQ(
      RunJson({"model", "list"}).out,
      R"({"models":[{"public_id":"google/imagen-4","model":"imagen-4","owned_by":"google","available":true,)"
      R"("retail_generation_usd":"0.04","retail_generation_nano_usd":40000000,)"
      R"("create_time":"2026-01-01T12:00:00.000000Z"},{"public_id":"plain","model":"plain","owned_by":null,)"
      R"("available":false,"retail_generation_usd":null,"retail_generation_nano_usd":null,)"
      R"("create_time":null}],"catalog_version":9})"
      "\n");
}

TEST_F(CommandsTest, CatalogApplyAndValidateSendTheWholeFile) {
  std::string file = TemporaryFile("providers: []\n");
  Outcome applied = RunCli({"catalog", "apply", file, "--drop-overrides"});
  EXPECT_EQ(admin_.recorder.request, "yaml: \"providers: []\\n\" drop_overrides: true");
  EXPECT_EQ(applied.out, "catalog version  12\nchanged          yes\n");
  Outcome validated = RunJson({"catalog", "validate", file});
  EXPECT_EQ(admin_.recorder.request, "yaml: \"providers: []\\n\" validate_only: true");
  EXPECT_EQ(validated.out,
            R"({"valid":true,"applied":false,"catalog_version":12,"changed":false,"changes":[],)"
            R"("kept_overrides":[],"conflict":null,"not_allowed":null})"
            "\n");
  EXPECT_THAT(RunCli({"catalog", "apply", "--validate", file}).out,
              HasSubstr("is valid; nothing was changed"));
}

TEST_F(CommandsTest, EveryErrorOfACatalogIsPrinted) {
  for (int i = 1; i <= 100; ++i) admin_.catalog_errors.push_back(absl::StrCat(i, ":1: models: wrong"));
  std::string file = TemporaryFile("models: []\n");
  Outcome refused = RunCli({"catalog", "validate", file});
  EXPECT_EQ(refused.code, kRefused);
  EXPECT_THAT(refused.err, HasSubstr("error: CATALOG_INVALID: nothing was changed"));
  EXPECT_THAT(refused.err, HasSubstr(absl::StrCat(file, ":1:1: models: wrong")));
  EXPECT_THAT(refused.err, HasSubstr(absl::StrCat(file, ":100:1: models: wrong")));
}

TEST_F(CommandsTest, TheTokenMayComeFromAFile) {
  std::string file = TemporaryFile("  token-from-a-file\n");
  RunCli({"provider", "list", "--admin-token-file", file});
  EXPECT_EQ(admin_.recorder.authorization, "Bearer token-from-a-file");
}

TEST_F(CommandsTest, ARefusalPrintsReasonAndMessageAndEndsWithOne) {
  billing_.recorder.failure = Error(absl::StatusCode::kNotFound, common::v1::ERROR_REASON_ACCOUNT_NOT_FOUND,
                                    "There is no account `acme`.");
  for (const Outcome& outcome : {RunCli({"account", "show", "acme"}), RunJson({"account", "show", "acme"})}) {
    EXPECT_EQ(outcome.code, kRefused);
    EXPECT_EQ(outcome.err, "error: ACCOUNT_NOT_FOUND: There is no account `acme`.\n");
    EXPECT_THAT(outcome.out, IsEmpty());
  }
}

TEST_F(CommandsTest, UnavailableWithAReasonIsARefusalOfAServiceThatWasReached) {
  billing_.recorder.failure =
      Error(absl::StatusCode::kUnavailable, common::v1::ERROR_REASON_BILLING_UNAVAILABLE, "Redis is away.");
  Outcome outcome = RunCli({"account", "show", "acme"});
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_EQ(outcome.err, "error: BILLING_UNAVAILABLE: Redis is away.\n");
}

TEST_F(CommandsTest, ARefusalWithoutAReasonIsNamedByItsCode) {
  billing_.recorder.failure = absl::UnimplementedError("not here");
  Outcome outcome = RunCli({"account", "show", "acme"});
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_EQ(outcome.err, "error: UNIMPLEMENTED: not here\n");
}

TEST_F(CommandsTest, NobodyAtTheAddressEndsWithThree) {
  server_->Shutdown(std::chrono::system_clock::now());
  Outcome outcome = RunCli({"account", "show", "acme"});
  EXPECT_EQ(outcome.code, kUnreachable);
  EXPECT_EQ(outcome.err, absl::StrCat("error: SERVICE_UNREACHABLE: billing's admin port at ", address(),
                                      " does not answer; `prismatic doctor` looks why.\n"));
}

TEST_F(CommandsTest, AServiceThatDoesNotAnswerInTimeEndsWithThree) {
  std::promise<void> release;
  billing_.recorder.wait = release.get_future().share();
  Outcome outcome = RunCli({"account", "show", "acme", "--timeout", "200ms"});
  release.set_value();
  EXPECT_EQ(outcome.code, kUnreachable);
  EXPECT_THAT(outcome.err, HasSubstr("does not answer in time (--timeout); `prismatic doctor` looks why.\n"));
}

}  // namespace
}  // namespace prismatic::cli
