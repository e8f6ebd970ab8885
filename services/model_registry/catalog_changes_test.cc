// What is different between two catalogs, and whose change it is.
#include "services/model_registry/catalog_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/model_registry/catalog_yaml.h"

namespace prismatic::model_registry {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kBefore[] = R"(providers:
  - {name: a, wire_format: openai_images, base_url: "https://a.example.com", endpoint: {headers: {X-Title: Shop}}}
  - {name: b, wire_format: openai_images, base_url: "https://b.example.com", credential: "env:PROVIDER_KEY_B"}
models:
  - name: m1
    public_ids: [m1, one]
    capabilities: [image_generation]
    retail_generation_usd: "0.04"
    routes:
      - {provider: a, upstream_model: u, weight: 10, limits: {side_max: 1024}}
      - {provider: a, upstream_model: u, priority: 2}
      - {provider: b, upstream_model: u, extra_fields: {steps: 20, more: {x: 1, y: [1, 2]}}}
  - {name: m2, public_ids: [m2], capabilities: [image_generation]}
)";

catalog::v1::Catalog Read(absl::string_view yaml) {
  CatalogFromYaml read = ReadCatalogYaml(yaml);
  EXPECT_THAT(read.errors, ElementsAre());
  return read.catalog;
}

// `path: before -> after`, `!` before an owner's.
std::vector<std::string> Lines(const std::vector<v1::CatalogChange>& changes) {
  std::vector<std::string> lines;
  for (const v1::CatalogChange& change : changes) {
    lines.push_back(absl::StrCat(IsOwnersChange(change) ? "! " : "", change.path(), ": ",
                                 change.has_before() ? change.before() : "none", " -> ",
                                 change.has_after() ? change.after() : "none"));
  }
  return lines;
}

std::vector<std::string> ChangesWith(absl::string_view old_text, absl::string_view new_text) {
  std::string after = absl::StrReplaceAll(kBefore, {{old_text, new_text}});
  EXPECT_NE(after, kBefore) << "nothing replaced: " << old_text;
  return Lines(ChangesBetween(Read(kBefore), Read(after)));
}

TEST(CatalogChangesTest, NamesValuesByTheirPath) {
  EXPECT_THAT(ChangesWith("\"0.04\"", "\"0.05\""),
              ElementsAre("! models[m1].retail_generation_usd: \"0.04\" -> \"0.05\""));
  EXPECT_THAT(ChangesWith("    retail_generation_usd: \"0.04\"\n", ""),
              ElementsAre("! models[m1].retail_generation_usd: \"0.04\" -> none"));
  EXPECT_THAT(ChangesWith("weight: 10", "weight: 100"),
              ElementsAre("models[m1].routes[a/u].weight: 10 -> none"));
  EXPECT_THAT(ChangesWith("priority: 2", "priority: 3"),
              ElementsAre("models[m1].routes[a/u (2)].priority: 2 -> 3"));
  EXPECT_THAT(ChangesWith("side_max: 1024", "side_max: 2048"),
              ElementsAre("models[m1].routes[a/u].limits.side_max: 1024 -> 2048"));
  EXPECT_THAT(ChangesWith("steps: 20", "steps: \"20\""),
              ElementsAre("! models[m1].routes[b/u].extra_fields.steps: 20 -> \"20\""));
  EXPECT_THAT(ChangesWith("y: [1, 2]", "y: [1]"),
              ElementsAre("! models[m1].routes[b/u].extra_fields.more: {x: 1, y: [1, 2]} -> {x: 1, y: [1]}"));
  EXPECT_THAT(ChangesWith("X-Title: Shop", "X-Title: Bazaar"),
              ElementsAre("! providers[a].endpoint.headers.X-Title: Shop -> Bazaar"));
  EXPECT_THAT(ChangesWith(", endpoint: {headers: {X-Title: Shop}}", ""),
              ElementsAre("! providers[a].endpoint: {headers: {X-Title: Shop}} -> none"));
  EXPECT_THAT(ChangesWith("credential: \"env:PROVIDER_KEY_B\"", "credentials: [\"file:a\", \"file:b\"]"),
              ElementsAre("! providers[b].credential: env:PROVIDER_KEY_B -> none",
                          "! providers[b].credentials: none -> [file:a, file:b]"));
  EXPECT_THAT(ChangesWith("[m1, one]", "[m1, one, 1st]"),
              ElementsAre("! models[m1].public_ids: [m1, one] -> [m1, one, 1st]"));
}

TEST(CatalogChangesTest, NamesWholeEntries) {
  EXPECT_THAT(
      ChangesWith("models:\n",
                  "models:\n  - {name: m0, public_ids: [m0], capabilities: [image_generation]}\n"),
      ElementsAre("! models[m0]: none -> {name: m0, public_ids: [m0], capabilities: [image_generation]}"));
  EXPECT_THAT(
      ChangesWith("  - {name: m2, public_ids: [m2], capabilities: [image_generation]}\n", ""),
      ElementsAre("! models[m2]: {name: m2, public_ids: [m2], capabilities: [image_generation]} -> none"));
  EXPECT_THAT(
      ChangesWith("      - {provider: a, upstream_model: u, priority: 2}\n", ""),
      ElementsAre("! models[m1].routes[a/u (2)]: {provider: a, upstream_model: u, priority: 2} -> none"));
  EXPECT_THAT(
      ChangesWith("models:\n", "  - {name: c, wire_format: gemini, base_url: \"https://c\"}\nmodels:\n"),
      ElementsAre("! providers[c]: none -> {name: c, wire_format: gemini, base_url: https://c}"));
}

TEST(CatalogChangesTest, NoNameLooksLikeMoreOfThePath) {
  EXPECT_THAT(
      ChangesWith("      - {provider: a, upstream_model: u, priority: 2}\n",
                  "      - {provider: a, upstream_model: \"u].priority.x\"}\n"),
      ElementsAre("! models[m1].routes[a/u (2)]: {provider: a, upstream_model: u, priority: 2} -> none",
                  "! models[m1].routes[a/u%5D.priority.x]: none -> "
                  "{provider: a, upstream_model: \"u].priority.x\"}"));
}

TEST(CatalogChangesTest, TheOrderIsAValueToo) {
  catalog::v1::Catalog before = Read(kBefore), after = before;
  after.mutable_providers()->SwapElements(0, 1);
  after.mutable_models()->SwapElements(0, 1);
  after.mutable_models(1)->mutable_public_ids()->SwapElements(0, 1);
  after.mutable_models(1)->mutable_routes()->SwapElements(0, 2);
  EXPECT_THAT(Lines(ChangesBetween(before, after)),
              ElementsAre("providers: [a, b] -> [b, a]", "models: [m1, m2] -> [m2, m1]",
                          "! models[m1].public_ids: [m1, one] -> [one, m1]",
                          "models[m1].routes: [a/u, a/u (2), b/u] -> [b/u, a/u, a/u (2)]",
                          "models[m1].routes[a/u].weight: 10 -> none",
                          "models[m1].routes[a/u].limits: {side_max: 1024} -> none",
                          "models[m1].routes[a/u].priority: none -> 2",
                          "models[m1].routes[a/u (2)].priority: 2 -> none",
                          "models[m1].routes[a/u (2)].weight: none -> 10",
                          "models[m1].routes[a/u (2)].limits: none -> {side_max: 1024}"));
}

TEST(CatalogChangesTest, OverridesVersionsAndHashesAreNoChange) {
  catalog::v1::Catalog before = Read(kBefore), after = before;
  after.set_version(9);
  after.set_sha256("other");
  after.mutable_providers(0)->set_images_enabled(true);
  after.mutable_providers(0)->mutable_images_override()->set_enabled(true);
  EXPECT_THAT(ChangesBetween(before, after), IsEmpty());
  after.mutable_providers(0)->mutable_images_override()->set_file_enabled(true);
  EXPECT_THAT(Lines(ChangesBetween(before, after)), ElementsAre("providers[a].images_enabled: none -> true"));
}

TEST(CatalogChangesTest, CutsLongValuesToFiveHundredBytes) {
  std::string many = "\xc3\xa9";
  for (int i = 0; i < 63; ++i) many += "\xc3\xa9";
  std::string style = absl::StrCat("limits: {styles: [");
  for (int i = 0; i < 60; ++i) absl::StrAppend(&style, i > 0 ? ", " : "", many.substr(0, 60), i);
  std::vector<v1::CatalogChange> changes =
      ChangesBetween(Read(kBefore), Read(absl::StrReplaceAll(kBefore, {{"limits: {", style + "], "}})));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].path(), "models[m1].routes[a/u].limits.styles");
  EXPECT_LE(changes[0].after().size(), 500u);
  EXPECT_GE(changes[0].after().size(), 495u);
  EXPECT_THAT(changes[0].after(), ::testing::EndsWith("..."));
  EXPECT_TRUE(v1::CatalogChange().ParseFromString(changes[0].SerializeAsString()));
}

TEST(CatalogChangesTest, AThousandChangesHideNoOwnersChange) {
  catalog::v1::Catalog before = Read(kBefore), after;
  for (int i = 0; i < 1'500; ++i) {
    catalog::v1::Model& model = *before.add_models();
    model.set_name(absl::StrCat("x", i));
    model.add_public_ids(model.name());
  }
  after = before;
  for (int i = 2; i < after.models_size(); ++i) after.mutable_models(i)->set_owned_by("ann");
  after.mutable_models(1'400)->add_prices()->set_retail_generation_nano_usd(1);
  std::vector<v1::CatalogChange> changes = ChangesBetween(before, after);
  ASSERT_EQ(changes.size(), 1'000u);
  EXPECT_TRUE(IsOwnersChange(changes.back())) << changes.back().path();
  EXPECT_EQ(std::count_if(changes.begin(), changes.end(), IsOwnersChange), 1);
}

TEST(CatalogChangesTest, TellsWhoseChangeItIs) {
  auto owners = [](const char* path) {
    v1::CatalogChange change;
    change.set_path(path);
    change.set_before("a");
    change.set_after("b");
    return IsOwnersChange(change);
  };
  for (const char* path :
       {"providers[a]", "providers[a].base_url", "providers[a].endpoint", "providers[a].endpoint.query.v",
        "providers[a].credential", "providers[a].credentials", "providers[a].egress_proxy",
        "providers[a].fetch_hosts", "providers[a].poll_hosts", "providers[a].wire_format",
        "providers[a].job_mapping", "models[a.b].retail_generation_usd", "models[a].quota_units_per_image",
        // What a price is the price of, and what is sent besides.
        "models[a]", "models[a].public_ids", "models[a].capabilities", "models[a].routes[p/u]",
        "models[a].routes[p/u].retry_safe", "models[a].routes[p/u].extra_fields.webhook_url",
        "models[a].routes[p/u].field_names.prompt", "models[a].routes[p/u].inline_references",
        "models[a].routes[p/].retail_generation_usd].weight"}) {
    EXPECT_TRUE(owners(path)) << path;
  }
  for (const char* path :
       {"providers", "models", "providers[a].images_enabled", "providers[a].max_concurrent",
        "providers[a].timeout_seconds", "providers[a].images_override", "models[a].owned_by",
        "models[a].routes", "models[a].routes[p/u].weight", "models[a].routes[p/u].disabled",
        "models[a].routes[p/u].limits.side_max", "models[a].routes[p/u].supported_parameters"}) {
    EXPECT_FALSE(owners(path)) << path;
  }
}

}  // namespace
}  // namespace prismatic::model_registry
