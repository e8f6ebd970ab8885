#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "services/admin_json/billing_json.h"
#include "services/admin_json/csv.h"
#include "services/admin_json/provider_json.h"
#include "services/admin_json/registry_json.h"
#include "services/admin_json/words.h"

namespace prismatic::admin_json {
namespace {

namespace rpb = model_registry::v1;
namespace bpb = billing::v1;
namespace ppb = provider_proxy::v1;
namespace cpb = catalog::v1;

constexpr int64_t kNoon = 1'767'268'800'000'000;  // 2026-01-01T12:00:00Z

template <typename Write>
std::string Text(Write write) {
  json::Writer writer;
  write(writer);
  return writer.Take();
}

template <typename Write>
std::string Object(Write write) {
  return Text([&](json::Writer& writer) {
    writer.BeginObject();
    write(writer);
    writer.EndObject();
  });
}

TEST(WordsTest, MoneyIsADecimalStringAndAnIntegerSideBySide) {
  EXPECT_EQ(Object([](json::Writer& writer) {
              WriteUsd(writer, "amount", -40'000'000);
              WriteUsd(writer, "balance", 9'000'000'000'000'000);
            }),
            R"({"amount_usd":"-0.04","amount_nano_usd":-40000000,)"
            R"("balance_usd":"9000000","balance_nano_usd":9000000000000000})");
}

TEST(WordsTest, TimesAreRfc3339InUtcAndDaysAreWrittenWithDashes) {
  EXPECT_EQ(Object([](json::Writer& writer) {
              WriteTime(writer, "a", 1'767'225'600'000'001);
              WriteTime(writer, "b", 0);
            }),
            R"({"a":"2026-01-01T00:00:00.000001Z","b":null})");
  EXPECT_EQ(DayText(20'261'130), "2026-11-30");
}

TEST(WordsTest, EnumsAreWordsAndNewValuesAreNumbers) {
  EXPECT_EQ(EnumWord("LEDGER_ENTRY_TYPE_TOP_UP", "LEDGER_ENTRY_TYPE_", 1), "top_up");
  EXPECT_EQ(EnumWord("", "LEDGER_ENTRY_TYPE_", 99), "99");
}

TEST(CsvTest, ACellIsNoFormulaAndNumbersStayAsTheyAre) {
  EXPECT_EQ(CsvLine({"=1+1", "+2", "@SUM(A1)", "\tx", "-", "-1.", "=a,\"b\""}),
            "'=1+1,'+2,'@SUM(A1),'\tx,'-,'-1.,\"'=a,\"\"b\"\"\"\n");
  EXPECT_EQ(CsvLine({"-1", "-0.000000001", "a=b", "", "two\nlines"}),
            "-1,-0.000000001,a=b,,\"two\nlines\"\n");
}

TEST(RegistryJsonTest, AModelHasItsRoutesAndNoPriceIsNull) {
  cpb::Model model;
  model.set_name("imagen-4");
  model.add_public_ids("google/imagen-4");
  model.set_created(kNoon / 1'000'000);
  model.add_capabilities(cpb::CAPABILITY_IMAGE_GENERATION);
  model.set_quota_units_per_image(2);
  cpb::Route& route = *model.add_routes();
  route.set_provider("sandbox");
  route.set_upstream_model("imagen#1");
  route.set_priority(1);
  route.set_weight(100);
  route.set_max_images_per_call(4);
  route.set_reference_images(cpb::REFERENCE_IMAGES_CHAT);
  route.add_supported_parameters("seed");
  std::string routes =
      R"("quota_units_per_image":2,"routes":[{"provider":"sandbox","upstream_model":"imagen#1","priority":1,)"
      R"("weight":100,"max_images_per_call":4,"reference_images":"chat","disabled":false,"retry_safe":false,)"
      R"("supported_parameters":["seed"]}]})";
  auto write = [&](json::Writer& writer) { WriteModelMembers(writer, model); };
  std::string head = R"({"name":"imagen-4","public_ids":["google/imagen-4"],"owned_by":null,)"
                     R"("create_time":"2026-01-01T12:00:00.000000Z","capabilities":["image_generation"],)";
  EXPECT_EQ(Object(write),
            head + R"("retail_generation_usd":null,"retail_generation_nano_usd":null,)" + routes);
  model.add_prices()->set_retail_generation_nano_usd(0);
  EXPECT_EQ(Object(write), head + R"("retail_generation_usd":"0","retail_generation_nano_usd":0,)" + routes);
}

TEST(RegistryJsonTest, WhatAChangeCameToKeepsAbsentAndEmptyApart) {
  rpb::ApplyCatalogResponse applied;
  applied.set_catalog_version(12);
  applied.set_changed(true);
  applied.add_changes()->set_path("models[a].owned_by");
  applied.mutable_changes(0)->set_after("");
  applied.add_kept_overrides("sandbox");
  EXPECT_EQ(Object([&](json::Writer& writer) { WriteAppliedMembers(writer, applied); }),
            R"({"catalog_version":12,"changed":true,"changes":[{"path":"models[a].owned_by","before":null,)"
            R"("after":""}],"kept_overrides":["sandbox"],"conflict":null,"not_allowed":null})");
}

TEST(RegistryJsonTest, ErrorsOfACatalogHaveTheirPlaceAndOddOnesStayWhole) {
  google::protobuf::RepeatedPtrField<std::string> errors;
  *errors.Add() = "3:5: providers[0].name: must be: short";
  *errors.Add() = "something else: entirely";
  EXPECT_EQ(Text([&](json::Writer& writer) { WriteCatalogErrors(writer, errors); }),
            R"([{"line":3,"column":5,"path":"providers[0].name","message":"must be: short"},)"
            R"({"line":0,"column":0,"path":"","message":"something else: entirely"}])");
}

TEST(RegistryJsonTest, AVersionAnOperatorAndAnAuditEntry) {
  rpb::CatalogVersion version;
  version.set_version(5);
  version.set_content_version(4);
  version.set_kind(rpb::CATALOG_CHANGE_KIND_SWITCH);
  version.set_actor("ann");
  version.set_time_unix_ms(kNoon / 1000);
  version.set_sha256("ab");
  version.set_change_count(1);
  version.set_replaced_version(4);
  EXPECT_EQ(Text([&](json::Writer& writer) { WriteCatalogVersion(writer, version); }),
            R"({"version":5,"content_version":4,"kind":"switch","actor":"ann",)"
            R"("time":"2026-01-01T12:00:00.000000Z","note":"","sha256":"ab","change_count":1,)"
            R"("replaced_version":4})");
  rpb::Operator person;
  person.set_name("ann");
  person.set_role(rpb::ROLE_OWNER);
  person.set_create_time_us(kNoon);
  person.set_password_is_initial(true);
  EXPECT_EQ(Text([&](json::Writer& writer) { WriteOperator(writer, person); }),
            R"({"name":"ann","role":"owner","disabled":false,"create_time":"2026-01-01T12:00:00.000000Z",)"
            R"("login_time":null,"password_is_initial":true})");
  rpb::AuditEntry entry;
  entry.set_time_us(kNoon);
  entry.set_actor("ann");
  entry.set_action("provider.images");
  entry.set_target("sandbox");
  entry.add_changes()->set_before("true");
  EXPECT_EQ(Text([&](json::Writer& writer) { WriteAuditEntry(writer, entry); }),
            R"({"time":"2026-01-01T12:00:00.000000Z","actor":"ann","source":"registry",)"
            R"("action":"provider.images","account":null,"target":"sandbox",)"
            R"("changes":[{"path":"","before":"true","after":null}],"note":""})");
}

TEST(RegistryJsonTest, RolesAreReadAsTheyAreWritten) {
  for (rpb::Role role : {rpb::ROLE_VIEWER, rpb::ROLE_OPERATOR, rpb::ROLE_OWNER}) {
    EXPECT_EQ(RoleOf(RoleWord(role)), role);
  }
  EXPECT_EQ(RoleOf("Owner"), rpb::ROLE_UNSPECIFIED);
  EXPECT_EQ(RoleOf(""), rpb::ROLE_UNSPECIFIED);
}

TEST(RegistryJsonTest, AnExportNamesTheSwitchesThatItDoesNotCountIn) {
  rpb::ExportCatalogResponse exported;
  exported.set_yaml("providers: []\n");
  exported.set_catalog_version(6);
  exported.set_content_version(5);
  cpb::Provider& provider = *exported.add_overridden();
  provider.set_name("sandbox");
  provider.mutable_images_override()->set_actor("ann");
  EXPECT_EQ(Object([&](json::Writer& writer) { WriteExportMembers(writer, exported); }),
            R"({"yaml":"providers: []\n","catalog_version":6,"content_version":5,)"
            R"("overrides":[{"provider":"sandbox","enabled":false,"actor":"ann","time":null}]})");
}

TEST(BillingJsonTest, AnAuditEntryIsOfBillingAndItsReasonIsTheNote) {
  bpb::AuditEntry entry;
  entry.set_time_us(kNoon);
  entry.set_actor("ann");
  entry.set_action("wallet.adjust");
  entry.set_account("acme");
  entry.set_target("case-77");
  bpb::AuditChange& change = *entry.add_changes();
  change.set_path("balance_usd");
  change.set_before("1");
  change.set_after("0.5");
  entry.set_reason("<script>");
  EXPECT_EQ(Text([&](json::Writer& writer) { WriteAuditEntry(writer, entry); }),
            R"({"time":"2026-01-01T12:00:00.000000Z","actor":"ann","source":"billing",)"
            R"("action":"wallet.adjust","account":"acme","target":"case-77",)"
            R"("changes":[{"path":"balance_usd","before":"1","after":"0.5"}],"note":"<script>"})");
}

TEST(BillingJsonTest, TotalsHaveNoKey) {
  bpb::TotalsRow row;
  row.set_day(20'260'101);
  row.set_model("imagen-4");
  row.set_requests(2);
  row.set_images(3);
  row.set_charged_nano_usd(120'000'000);
  EXPECT_EQ(Text([&](json::Writer& writer) { WriteTotalsRow(writer, row); }),
            R"({"day":"2026-01-01","model":"imagen-4","requests":2,"images":3,"charged_usd":"0.12",)"
            R"("charged_nano_usd":120000000,"units":0})");
}

TEST(ProviderJsonTest, AStateThatIsNotKnownSaysSo) {
  ppb::ProviderState state;
  state.set_name("sandbox");
  state.add_missing_credentials("env:PROVIDER_KEY_SANDBOX");
  state.set_credentials_missing(1);
  std::string rest =
      R"(,"since":null,"in_flight":0,"in_flight_max":0,"waiting":0,"recent_calls":0,"recent_failures":0,)"
      R"("missing_credentials":["env:PROVIDER_KEY_SANDBOX"],"credentials_missing":1,"models_left_out":[]})";
  auto write = [&](json::Writer& writer) { WriteProviderState(writer, state); };
  EXPECT_EQ(Text(write), R"({"name":"sandbox","health":"unknown")" + rest);
  state.set_health(ppb::PROVIDER_HEALTH_LEFT_OUT);
  EXPECT_EQ(Text(write), R"({"name":"sandbox","health":"left_out")" + rest);
  state.set_health(ppb::PROVIDER_HEALTH_NO_CREDENTIAL);
  EXPECT_EQ(Text(write), R"({"name":"sandbox","health":"no_credential")" + rest);
}

TEST(ProviderJsonTest, ATestHasItsChecksInOrder) {
  ppb::TestProviderResponse test;
  test.set_ok(true);
  ppb::ProviderCheck& check = *test.add_checks();
  check.set_name("name");
  check.set_result(ppb::CHECK_RESULT_SKIPPED);
  check.set_words("The proxy looks it up.");
  check.set_duration_ms(3);
  EXPECT_EQ(Object([&](json::Writer& writer) { WriteTestMembers(writer, test); }),
            R"({"ok":true,"checks":[{"name":"name","result":"skipped","words":"The proxy looks it up.",)"
            R"("duration_ms":3}]})");
}

}  // namespace
}  // namespace prismatic::admin_json
