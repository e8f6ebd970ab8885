// One entry of the catalog in force replaced, added or removed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "services/model_registry/catalog_yaml.h"

namespace prismatic::model_registry {
namespace {

using ::testing::ElementsAre;

constexpr char kPresent[] = R"(providers:
  - {name: a, wire_format: openai_images, base_url: "https://a.example.com"}
  - {name: b, wire_format: gemini, base_url: "https://b.example.com", images_enabled: true}
  - {name: c, wire_format: openai_images, base_url: "https://c.example.com"}
models:
  - {name: m1, public_ids: [m1, one], capabilities: [image_generation], retail_generation_usd: "0.04",
     routes: [{provider: a, upstream_model: u, reference_form: strings}, {provider: b, upstream_model: u}]}
  - {name: m2, public_ids: [m2], capabilities: [image_generation], created: 5, routes: [{provider: b, upstream_model: u}]}
)";

catalog::v1::Catalog Present() {
  CatalogFromYaml read = ReadCatalogYaml(kPresent);
  EXPECT_THAT(read.errors, ElementsAre());
  read.catalog.set_version(7);
  read.catalog.set_sha256("x");
  catalog::v1::Provider& provider = *read.catalog.mutable_providers(1);
  provider.mutable_images_override()->set_actor("ann");
  provider.mutable_images_override()->set_file_enabled(true);
  provider.set_images_enabled(false);
  return read.catalog;
}

std::string Model(absl::string_view name, absl::string_view public_ids) {
  return absl::StrCat("name: ", name, "\npublic_ids: [", public_ids, "]\ncapabilities: [image_generation]\n");
}
std::string Provider(absl::string_view name, absl::string_view format = "gemini") {
  return absl::StrCat("name: ", name, "\nwire_format: ", format, "\nbase_url: https://new.example.com\n");
}

TEST(CatalogEditTest, ReplacesAModelInItsPlace) {
  CatalogFromYaml read = ReadCatalogWithModel(Present(), "m1", Model("m1", "m1, \"1\""));
  ASSERT_THAT(read.errors, ElementsAre());
  ASSERT_EQ(read.catalog.models_size(), 2);
  EXPECT_THAT(read.catalog.models(0).public_ids(), ElementsAre("m1", "1"));
  EXPECT_EQ(read.catalog.models(0).routes_size(), 0);
  EXPECT_EQ(read.catalog.models(1).DebugString(), Present().models(1).DebugString());
  EXPECT_EQ(read.catalog.version(), 0);
  EXPECT_TRUE(read.catalog.sha256().empty());
}

TEST(CatalogEditTest, AddsAnEntryAtTheEnd) {
  CatalogFromYaml model = ReadCatalogWithModel(Present(), "", Model("m3", "m3"));
  ASSERT_THAT(model.errors, ElementsAre());
  EXPECT_EQ(model.catalog.models(2).name(), "m3");
  CatalogFromYaml provider = ReadCatalogWithProvider(Present(), "", Provider("d"));
  ASSERT_THAT(provider.errors, ElementsAre());
  EXPECT_EQ(provider.catalog.providers(3).name(), "d");
  CatalogFromYaml first = ReadCatalogWithProvider({}, "", Provider("d"));
  ASSERT_THAT(first.errors, ElementsAre());
  EXPECT_EQ(first.catalog.providers_size(), 1);
}

TEST(CatalogEditTest, RenamesAProviderAndItsRoutes) {
  CatalogFromYaml read = ReadCatalogWithProvider(Present(), "b", Provider("zz"));
  ASSERT_THAT(read.errors, ElementsAre());
  EXPECT_EQ(read.catalog.providers(1).name(), "zz");
  EXPECT_EQ(read.catalog.models(0).routes(0).provider(), "a");
  EXPECT_EQ(read.catalog.models(0).routes(1).provider(), "zz");
  EXPECT_EQ(read.catalog.models(1).routes(0).provider(), "zz");
}

TEST(CatalogEditTest, ASwitchFlippedAtRunTimeStaysFlipped) {
  CatalogFromYaml read = ReadCatalogWithProvider(Present(), "b", Provider("b"));
  ASSERT_THAT(read.errors, ElementsAre());
  EXPECT_EQ(read.catalog.providers(1).images_override().actor(), "ann");
  EXPECT_FALSE(read.catalog.providers(1).images_override().file_enabled());
  EXPECT_FALSE(read.catalog.providers(1).images_enabled());
  read = ReadCatalogWithProvider(Present(), "b", Provider("zz") + "images_enabled: true\n");
  EXPECT_TRUE(read.catalog.providers(1).images_override().file_enabled());
  EXPECT_FALSE(read.catalog.providers(1).images_enabled());
  // And with another entry's edit.
  read = ReadCatalogWithModel(Present(), "m2", Model("m2", "m2"));
  EXPECT_EQ(read.catalog.providers(1).DebugString(), Present().providers(1).DebugString());
  read = ReadCatalogWithoutModel(Present(), "m2");
  EXPECT_EQ(read.catalog.providers(1).DebugString(), Present().providers(1).DebugString());
}

TEST(CatalogEditTest, ErrorsOfTheEntryHaveItsPlacesAndItsName) {
  CatalogFromYaml read =
      ReadCatalogWithModel(Present(), "m1", Model("m1", "m1") + "retail_generation_usd: free\ncolor: 1\n");
  EXPECT_THAT(
      read.errors,
      ElementsAre(
          "4:24: models[m1].retail_generation_usd: \"free\" is not an amount of money: digits with at most "
          "one point, such as 0.04, are expected",
          "5:1: models[m1]: unknown key `color`; known here: name, public_ids, owned_by, created, "
          "capabilities, retail_generation_usd, quota_units_per_image, routes"));
  read = ReadCatalogWithModel(Present(), "m1",
                              Model("m1", "m1") + "routes: [{provider: a, upstream_model: u, weight: 0}]");
  EXPECT_THAT(read.errors, ElementsAre("4:51: models[m1].routes[0].weight: must be from 1 to 10000, is `0`"));
  read = ReadCatalogWithModel(Present(), "", "name: new\npublic_ids: [new]");
  EXPECT_THAT(read.errors, ElementsAre("1:1: models[new]: `capabilities` is missing"));
  read = ReadCatalogWithModel(Present(), "m1", "- name: m1");
  EXPECT_THAT(read.errors, ElementsAre("1:1: models[m1]: must be a map, is a list"));
  read = ReadCatalogWithModel(Present(), "m1", "name: [");
  ASSERT_EQ(read.errors.size(), 1u);
  EXPECT_THAT(read.errors[0], ::testing::HasSubstr("not valid YAML"));
}

TEST(CatalogEditTest, WhatIsThereAlreadyIsNotedAtTheEntry) {
  EXPECT_THAT(ReadCatalogWithModel(Present(), "m1", Model("m2", "m1")).errors,
              ElementsAre("1:7: models[m1].name: the model `m2` is there twice; first as models[m2].name"));
  EXPECT_THAT(ReadCatalogWithModel(Present(), "m1", Model("m1", "m1, m2")).errors,
              ElementsAre("2:18: models[m1].public_ids[1]: the public ID `m2` is there twice; first as "
                          "models[m2].public_ids[0]"));
  EXPECT_THAT(ReadCatalogWithModel(Present(), "", Model("m1", "new")).errors,
              ElementsAre("1:7: models[m1].name: the model `m1` is there twice; first as models[m1].name"));
  EXPECT_THAT(
      ReadCatalogWithProvider(Present(), "b", Provider("c")).errors,
      ElementsAre("1:7: providers[b].name: the provider `c` is there twice; first as providers[c].name"));
  EXPECT_THAT(
      ReadCatalogWithProvider(Present(), "", Provider("a")).errors,
      ElementsAre("1:7: providers[a].name: the provider `a` is there twice; first as providers[a].name"));
}

TEST(CatalogEditTest, ErrorsElsewhereHaveNoPlaceAndComeLast) {
  CatalogFromYaml read = ReadCatalogWithProvider(Present(), "a", Provider("a") + "color: red\n");
  ASSERT_EQ(read.errors.size(), 2u);
  EXPECT_THAT(read.errors[0], ::testing::StartsWith("4:1: providers[a]: unknown key `color`"));
  EXPECT_THAT(read.errors[1],
              ::testing::StartsWith("models[m1].routes[0].reference_form: is for openai_images"));
}

TEST(CatalogEditTest, AProviderThatLostItsNameIsOneMistake) {
  EXPECT_THAT(
      ReadCatalogWithProvider(Present(), "b", "wire_format: gemini\nbase_url: https://b.example.com").errors,
      ElementsAre("1:1: providers[b]: `name` is missing"));
}

TEST(CatalogEditTest, TakesJson) {
  CatalogFromYaml read = ReadCatalogWithModel(Present(), "m2",
                                              "{\"name\":\"m2\",\"public_ids\":[\"m2\"],\"capabilities\":["
                                              "\"image_generation\"],\"routes\":[{\"provider\":\"b\","
                                              "\"upstream_model\":\"u\",\"extra_fields\":{\"a\":{\"b\":[1,"
                                              "true,null,\"x\\ny\\/\"]}}}],\n\t\"created\":5}");
  ASSERT_THAT(read.errors, ElementsAre());
  EXPECT_EQ(read.catalog.models(1).routes(0).extra_fields(0).value(), "{\"b\":[1,true,null,\"x\\ny/\"]}");
  EXPECT_EQ(read.catalog.models(1).created(), 5);
}

TEST(CatalogEditTest, TellsThatAnEntryIsNotThere) {
  for (const CatalogFromYaml& read :
       {ReadCatalogWithModel(Present(), "x", Model("x", "x")),
        ReadCatalogWithProvider(Present(), "x", Provider("x")), ReadCatalogWithoutModel(Present(), "x"),
        ReadCatalogWithoutProvider(Present(), "x")}) {
    EXPECT_FALSE(read.found);
    EXPECT_FALSE(read.ok());
    EXPECT_THAT(read.errors, ElementsAre());
  }
}

TEST(CatalogEditTest, RemovesWhatNothingUses) {
  CatalogFromYaml read = ReadCatalogWithoutProvider(Present(), "c");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read.catalog.providers_size(), 2);
  EXPECT_THAT(ReadCatalogWithoutProvider(Present(), "b").errors,
              ElementsAre("providers[b]: is used by the routes of m1, m2; remove these routes first"));
  read = ReadCatalogWithoutModel(Present(), "m1");
  ASSERT_TRUE(read.ok());
  ASSERT_EQ(read.catalog.models_size(), 1);
  EXPECT_EQ(read.catalog.models(0).name(), "m2");
  EXPECT_EQ(read.catalog.version(), 0);
}

}  // namespace
}  // namespace prismatic::model_registry
