// What the admin port's methods answer: roles, edits, notes, status.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/model_registry/test_registry.h"

namespace prismatic::model_registry {
namespace {

using ::prismatic::testing::HasReason;
using ::prismatic::testing::IsOk;
using ::prismatic::testing::RedisServer;
using ::prismatic::testing::WaitUntil;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr auto kNotAllowed = common::v1::ERROR_REASON_ROLE_NOT_ALLOWED;

// A method, and the least role that may call it.
struct MethodCase {
  const char* name;
  v1::Role least;
  std::function<absl::Status(Registry&, Caller)> call;
};

template <typename Request, typename Response>
std::function<absl::Status(Registry&, Caller)> Calling(
    Task<absl::StatusOr<Response>> (Registry::*method)(Caller, Request), Request request) {
  return [=](Registry& registry, Caller caller) {
    return Wait((registry.*method)(std::move(caller), request)).status();
  };
}

std::vector<MethodCase> Methods() {
  v1::ApplyCatalogRequest apply;
  apply.set_yaml(absl::StrReplaceAll(kYaml, {{"owned_by: google", "owned_by: nobody"}}));
  v1::ApplyCatalogRequest check = apply;
  check.set_validate_only(true);
  v1::EditCatalogRequest edit;
  edit.set_delete_model("nobody");
  edit.set_force(true);
  v1::RollbackCatalogRequest rollback;
  rollback.set_version(1);
  v1::SetProviderImagesRequest flip;
  flip.set_provider("spare");
  return {
      {"ApplyCatalog", v1::ROLE_OPERATOR, Calling(&Registry::ApplyCatalog, apply)},
      {"ApplyCatalogValidateOnly", v1::ROLE_OPERATOR, Calling(&Registry::ApplyCatalog, check)},
      {"EditCatalog", v1::ROLE_OPERATOR, Calling(&Registry::EditCatalog, edit)},
      {"RollbackCatalog", v1::ROLE_OPERATOR, Calling(&Registry::RollbackCatalog, rollback)},
      {"SetProviderImages", v1::ROLE_OPERATOR, Calling(&Registry::SetProviderImages, flip)},
      {"ExportCatalog", v1::ROLE_VIEWER, Calling(&Registry::ExportCatalog, {})},
      {"CompareCatalogs", v1::ROLE_VIEWER, Calling(&Registry::CompareCatalogs, {})},
      {"ListCatalogVersions", v1::ROLE_VIEWER, Calling(&Registry::ListCatalogVersions, {})},
      {"ListProviders", v1::ROLE_VIEWER, Calling(&Registry::ListProviders, {})},
      {"ListCanonicalModels", v1::ROLE_VIEWER, Calling(&Registry::ListCanonicalModels, {})},
      {"GetRegistryStatus", v1::ROLE_VIEWER, Calling(&Registry::GetRegistryStatus, {})},
  };
}

using AdminTest = RegistryTest;

TEST_F(AdminTest, EachMethodAsksForItsRole) {
  for (const MethodCase& method : Methods()) {
    for (v1::Role role : {v1::ROLE_UNSPECIFIED, v1::ROLE_VIEWER, v1::ROLE_OPERATOR, v1::ROLE_OWNER}) {
      redis_.Flush();
      auto process = RunWith(kYaml);
      absl::Status status = method.call(process->registry(), {"somebody", role, ""});
      EXPECT_EQ(ReasonOf(status) == kNotAllowed, role < method.least)
          << method.name << " " << role << " " << status;
      if (role < method.least) {
        EXPECT_EQ(History(*process).size(), 1u) << method.name;
      }
    }
  }
}

// What an operator may change of the file, and what only an owner may.
TEST_F(AdminTest, MoneyAndWhereRequestsGoAreTheOwners) {
  struct {
    const char* from;
    const char* to;
    const char* path;  // nullptr: an operator may
  } cases[] = {
      {"owned_by: google", "owned_by: nobody", nullptr},
      {"images_enabled: true", "images_enabled: false", nullptr},
      {"0.04", "0.05", "models[imagen-4].retail_generation_usd"},
      {"owned_by", "quota_units_per_image: 2\n    owned_by", "models[imagen-4].quota_units_per_image"},
      {"9101/v1", "9102/v1", "providers[spare].base_url"},
      {"9101/v1\"", "9101/v1\", credential: env:PROVIDER_KEY_X", "providers[spare].credential"},
      {"name: spare", "name: other", "providers["},
  };
  for (const auto& c : cases) {
    redis_.Flush();
    auto process = RunWith(kYaml);
    int64_t version = process->version();
    v1::ApplyCatalogRequest request;
    request.set_yaml(absl::StrReplaceAll(kYaml, {{c.from, c.to}}));
    auto applied = Wait(process->registry().ApplyCatalog(AnOperator(), request));
    if (c.path == nullptr) {
      ASSERT_THAT(applied, IsOk()) << c.to;
      EXPECT_TRUE(applied->changed()) << c.to;
      continue;
    }
    EXPECT_THAT(applied, HasReason(kNotAllowed)) << c.to;
    EXPECT_THAT(std::string(applied.status().message()), HasSubstr(c.path));
    EXPECT_EQ(process->version(), version);
    // Looking at what it would come to is allowed.
    request.set_validate_only(true);
    auto checked = Wait(process->registry().ApplyCatalog(AnOperator(), request));
    ASSERT_THAT(checked, IsOk());
    EXPECT_GT(checked->changes_size(), 0);
    EXPECT_EQ(checked->not_allowed(), applied.status().message());
    request.set_validate_only(false);
    EXPECT_THAT(Wait(process->registry().ApplyCatalog(Owner(), request)), IsOk());
  }
}

TEST_F(AdminTest, AnOperatorPutsAProviderAndAModelWithWhatAnOperatorMayChange) {
  constexpr char kProvider[] =
      "{name: spare, wire_format: openai_images, base_url: \"http://127.0.0.1:9101/v1\", max_concurrent: 5}";
  constexpr char kModel[] =
      "{name: imagen-4, public_ids: [imagen-4, google/imagen-4], owned_by: ann, capabilities: "
      "[image_generation], "
      "retail_generation_usd: \"0.04\", routes: [{provider: sandbox, upstream_model: imagen-4.0, weight: "
      "7}]}";
  auto process = RunWith(kYaml);
  auto put = [&](const char* provider, const std::string& model) {
    v1::EditCatalogRequest request;
    request.set_based_on(process->version());
    request.set_name(provider != nullptr ? "spare" : "imagen-4");
    if (provider != nullptr) request.set_put_provider(provider);
    if (provider == nullptr) request.set_put_model(model);
    return Wait(process->registry().EditCatalog(AnOperator(), request));
  };
  auto provider = put(kProvider, "");
  ASSERT_THAT(provider, IsOk());
  EXPECT_TRUE(provider->changed());
  auto model = put(nullptr, kModel);
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->changes_size(), 2);
  EXPECT_THAT(put(nullptr, absl::StrReplaceAll(kModel, {{"0.04", "0.01"}})), HasReason(kNotAllowed));
  EXPECT_THAT(put(nullptr, absl::StrReplaceAll(kModel, {{"upstream_model: i", "upstream_model: x"}})),
              HasReason(kNotAllowed));
}

TEST_F(AdminTest, ARollbackThatChangesAPriceIsAnOwners) {
  auto process = RunWith(kYaml);
  v1::RollbackCatalogRequest request;
  request.set_version(process->version());
  ASSERT_THAT(Apply(*process, OtherYaml()), IsOk());
  EXPECT_THAT(Wait(process->registry().RollbackCatalog(AnOperator(), request)), HasReason(kNotAllowed));
  EXPECT_THAT(Wait(process->registry().RollbackCatalog(Owner(), request)), IsOk());
}

TEST_F(AdminTest, AnEntryIsPutRenamedAndDeleted) {
  auto process = RunWith(kYaml);
  auto edit = [&](v1::EditCatalogRequest request) {
    request.set_based_on(process->version());
    return Wait(process->registry().EditCatalog(Owner(), request));
  };
  auto find = [&](const char* provider) {
    return process->registry().holder().Current()->FindProvider(provider);
  };
  v1::EditCatalogRequest put;
  put.set_put_provider("{name: third, wire_format: gemini, base_url: \"https://example.com\"}");
  ASSERT_THAT(edit(put), IsOk());
  EXPECT_NE(find("third"), nullptr);
  // It is there already.
  auto again = edit(put);
  ASSERT_THAT(again, IsOk());
  EXPECT_THAT(again->errors(), Not(IsEmpty()));

  // Another name takes the routes along, and the switch stays as it was flipped.
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  v1::EditCatalogRequest rename;
  rename.set_name("sandbox");
  rename.set_put_provider(
      "{name: playground, wire_format: openai_images, base_url: \"http://127.0.0.1:9100/v1\", "
      "images_enabled: true}");
  ASSERT_THAT(edit(rename), IsOk());
  EXPECT_EQ(find("sandbox"), nullptr);
  ASSERT_NE(find("playground"), nullptr);
  EXPECT_FALSE(process->Enabled("playground"));
  EXPECT_TRUE(find("playground")->images_override().file_enabled());
  EXPECT_EQ(process->registry().holder().Current()->FindModel("imagen-4")->routes(0).provider(),
            "playground");

  v1::EditCatalogRequest remove;
  remove.set_delete_provider("playground");
  auto used = edit(remove);
  ASSERT_THAT(used, IsOk());
  EXPECT_THAT(used->errors(), ElementsAre(HasSubstr("imagen-4")));
  remove.set_delete_model("imagen-4");
  ASSERT_THAT(edit(remove), IsOk());
  remove.set_delete_provider("playground");
  ASSERT_THAT(edit(remove), IsOk());
  EXPECT_EQ(find("playground"), nullptr);
  EXPECT_THAT(edit(remove), HasReason(common::v1::ERROR_REASON_PROVIDER_NOT_FOUND));
  EXPECT_THAT(edit(EditOfPrice("1", 0)), HasReason(common::v1::ERROR_REASON_MODEL_NOT_FOUND));
  EXPECT_THAT(edit({}), HasReason(common::v1::ERROR_REASON_INVALID_VALUE));
}

TEST_F(AdminTest, ReplaceAddsWhatIsNewAndReplacesWhatHasTheEntrysName) {
  auto process = RunWith(kYaml);
  v1::EditCatalogRequest put;
  put.set_replace(true);
  for (const char* seconds : {"20", "30"}) {
    put.set_put_provider(
        absl::StrCat("{name: third, wire_format: gemini, base_url: \"https://example.com\", ",
                     "timeout_seconds: ", seconds, "}"));
    put.set_based_on(process->version());
    auto done = Wait(process->registry().EditCatalog(Owner(), put));
    ASSERT_THAT(done, IsOk());
    EXPECT_THAT(done->errors(), IsEmpty());
  }
  auto snapshot = process->registry().holder().Current();
  EXPECT_EQ(snapshot->catalog().providers_size(), 3);
  EXPECT_EQ(snapshot->FindProvider("third")->timeout_seconds(), 30);
}

TEST_F(AdminTest, APriceIsSetExactlyAndIsAnOwners) {
  auto process = RunWith(kYaml);
  v1::EditCatalogRequest request;
  v1::ModelPrice& price = *request.mutable_set_price();
  auto set = [&](const Caller& caller) {
    request.set_based_on(process->version());
    return Wait(process->registry().EditCatalog(caller, request));
  };
  auto model = [&] { return process->registry().holder().Current()->FindModel("imagen-4"); };
  price.set_model("imagen-4");
  price.set_retail_generation_nano_usd(50'000'001);
  EXPECT_THAT(set(AnOperator()), HasReason(kNotAllowed));
  ASSERT_THAT(set(Owner()), IsOk());
  EXPECT_EQ(model()->prices(0).retail_generation_nano_usd(), 50'000'001);
  EXPECT_EQ(model()->quota_units_per_image(), 1);
  price.clear_retail_generation_nano_usd();
  price.set_quota_units_per_image(7);
  ASSERT_THAT(set(Owner()), IsOk());
  EXPECT_EQ(model()->prices_size(), 0);
  EXPECT_EQ(model()->quota_units_per_image(), 7);
  for (int64_t wrong : {int64_t{-1}, int64_t{9'000'000'000'000'001}}) {
    price.set_retail_generation_nano_usd(wrong);
    EXPECT_THAT(set(Owner()), HasReason(common::v1::ERROR_REASON_INVALID_VALUE));
  }
  price.set_retail_generation_nano_usd(1);
  price.set_model("nothing");
  EXPECT_THAT(set(Owner()), HasReason(common::v1::ERROR_REASON_MODEL_NOT_FOUND));
}

TEST_F(AdminTest, AnApplySaysWhatItComesToAndWhatStays) {
  auto process = RunWith(kYaml);
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  ASSERT_THAT(Flip(*process, "spare", false), IsOk());  // as the file says
  auto applied = Apply(*process, OtherYaml());
  ASSERT_THAT(applied, IsOk());
  ASSERT_EQ(applied->changes_size(), 1);
  EXPECT_EQ(applied->changes(0).path(), "models[imagen-4].retail_generation_usd");
  EXPECT_THAT(applied->kept_overrides(), ElementsAre("sandbox"));
  auto dropped = Apply(*process, OtherYaml(), /*drop=*/true);
  ASSERT_THAT(dropped, IsOk());
  EXPECT_THAT(dropped->kept_overrides(), IsEmpty());
  EXPECT_EQ(dropped->changes_size(), 2);
  EXPECT_TRUE(process->Enabled("sandbox"));
}

TEST_F(AdminTest, ANoteIsALineOfAtMostTwoHundredCharacters) {
  auto process = RunWith(kYaml);
  std::string euros;
  for (int i = 0; i < 200; ++i) euros += "\xe2\x82\xac";
  struct {
    std::string note;
    bool good;
  } cases[] = {
      {euros, true},
      {euros + "x", false},
      {"two\nlines", false},
      {"\x7f", false},
      {"\xc2\x85", false},
      {"\xc2\xa3 1", true},
      {"\xe2\x80\xae"
       "evil",
       false},
      {"<script>'\"", true},
      {"\xe2\x80\xa8", false},
  };
  for (const auto& c : cases) {
    v1::ApplyCatalogRequest request;
    request.set_yaml(kYaml);
    request.set_note(c.note);
    auto applied = Wait(process->registry().ApplyCatalog(Owner(), request));
    EXPECT_EQ(applied.ok(), c.good) << c.note << applied.status();
    if (c.good) continue;
    EXPECT_THAT(applied, HasReason(common::v1::ERROR_REASON_INVALID_VALUE));
  }
}

TEST_F(AdminTest, ModelsAreListedAsFilesSayThem) {
  auto process = RunWith(kYaml);
  auto listed = Wait(process->registry().ListCanonicalModels(Viewer(), {}));
  ASSERT_THAT(listed, IsOk());
  ASSERT_EQ(listed->models_size(), 1);
  EXPECT_TRUE(listed->models(0).available());
  EXPECT_GT(listed->models(0).model().created(), 0);
  EXPECT_THAT(listed->models(0).yaml(), Not(HasSubstr("created")));
  EXPECT_EQ(listed->content_version(), process->version());
  // Put again as it is, it changes nothing.
  v1::EditCatalogRequest request;
  request.set_name("imagen-4");
  request.set_put_model(listed->models(0).yaml());
  request.set_based_on(listed->content_version());
  auto put = Wait(process->registry().EditCatalog(Owner(), request));
  ASSERT_THAT(put, IsOk());
  EXPECT_THAT(put->errors(), IsEmpty());
  EXPECT_FALSE(put->changed());
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  listed = Wait(process->registry().ListCanonicalModels(Viewer(), {}));
  EXPECT_FALSE(listed->models(0).available());
}

TEST_F(AdminTest, TheStatusTellsOfRedisAndOfModelsThatCannotBeSold) {
  auto process = RunWith(absl::StrCat(kYaml, R"(
  - {name: free, public_ids: [free], capabilities: [image_generation], routes: [{provider: spare, upstream_model: u}]}
  - {name: chat, public_ids: [chat], capabilities: [text_generation], routes: [{provider: sandbox, upstream_model: u}]}
)"));
  auto status = Wait(process->registry().GetRegistryStatus(Viewer(), {}));
  ASSERT_THAT(status, IsOk());
  EXPECT_EQ(status->catalog_version(), process->version());
  EXPECT_EQ(status->redis_error(), "");
  EXPECT_LT(std::abs(status->redis_time_us() - status->process_time_us()), 5'000'000);
  EXPECT_EQ(status->redis_settings().at("appendonly"), "no");
  EXPECT_EQ(status->redis_settings().at("maxmemory-policy"), "noeviction");
  EXPECT_EQ(status->redis_settings().count("appendfsync"), 1u);
  EXPECT_EQ(status->redis_settings().at("redis_version")[0], '7');
  EXPECT_THAT(status->models_without_price(), ElementsAre("free"));
  EXPECT_THAT(status->models_without_route(), ElementsAre("free"));
}

TEST(RegistryStatusTest, IsAnsweredWithoutRedisAndWhereItsSettingsAreNotForUs) {
  RedisServer redis({.cluster = false});
  Folder folder;
  Process process;
  ASSERT_EQ(redis.Ask({"ACL", "SETUSER", "registry", "on", ">its-own-password", "~*", "+@all", "-config"}),
            "OK");
  auto server = RegistryServer::Start(
      {.listen = "127.0.0.1:0",
       .admin_listen = "127.0.0.1:0",
       .redis = absl::StrReplaceAll(redis.url(), {{"redis://", "redis://registry:its-own-password@"}}),
       .catalog = folder.Write("catalog.yaml", kYaml),
       .admin_token_file = folder.Write("token", kToken)},
      process.loop, process.metrics);
  ASSERT_THAT(server, IsOk());
  process.server = *std::move(server);
  ASSERT_TRUE(WaitUntil([&] { return process.Loaded(); }));
  auto status = Wait(process.registry().GetRegistryStatus(Viewer(), {}));
  ASSERT_THAT(status, IsOk());
  EXPECT_EQ(status->redis_error(), "");
  EXPECT_EQ(status->redis_settings().size(), 1u);
  EXPECT_EQ(status->redis_settings().count("redis_version"), 1u);

  redis.Stop();
  status = Wait(process.registry().GetRegistryStatus(Viewer(), {}));
  ASSERT_THAT(status, IsOk());
  EXPECT_EQ(status->redis_time_us(), 0);
  EXPECT_THAT(status->redis_error(), Not(IsEmpty()));
  EXPECT_GT(status->process_time_us(), 0);
  EXPECT_GT(status->catalog_version(), 0);
  // A text is checked against what is held.
  v1::ApplyCatalogRequest check;
  check.set_yaml(OtherYaml());
  check.set_validate_only(true);
  auto checked = Wait(process.registry().ApplyCatalog(Owner(), check));
  ASSERT_THAT(checked, IsOk());
  EXPECT_EQ(checked->changes_size(), 1);
}

}  // namespace
}  // namespace prismatic::model_registry
