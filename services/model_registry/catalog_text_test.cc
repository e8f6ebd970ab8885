// The catalog as people write it: what the text looks like, and what stands in quotes.
#include "services/model_registry/catalog_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/model_registry/catalog_yaml.h"
#include "services/model_registry/yaml_scalar.h"

namespace prismatic::model_registry {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

std::string FileText(absl::string_view name) {
  std::ifstream file(absl::StrCat(PRISMATIC_CATALOG_FOLDER, "/", name));
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

catalog::v1::Catalog Read(absl::string_view yaml) {
  CatalogFromYaml read = ReadCatalogYaml(yaml);
  EXPECT_THAT(read.errors, ElementsAre());
  return read.catalog;
}

// Every line of the file that is no comment.
std::string WithoutComments(const std::string& text) {
  std::string out;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StartsWith(absl::StripLeadingAsciiWhitespace(line), "#")) continue;
    absl::StrAppend(&out, line, "\n");
  }
  out.pop_back();
  return out;
}

TEST(CatalogTextTest, WritesTheStockCatalogAsItIsWrittenByHand) {
  std::string text = FileText("stock.yaml");
  EXPECT_EQ(CatalogYaml(Read(text), 0), WithoutComments(text));
}

TEST(CatalogTextTest, TheStockCatalogHasEverythingOffAndNoPrice) {
  catalog::v1::Catalog catalog = Read(FileText("stock.yaml"));
  EXPECT_GT(catalog.providers_size(), 10);
  for (const catalog::v1::Provider& provider : catalog.providers()) {
    EXPECT_FALSE(provider.images_enabled()) << provider.name();
    EXPECT_THAT(provider.credentials(), ElementsAre(StartsWith("env:PROVIDER_KEY_"))) << provider.name();
    // sdapi is spoken by a machine of one's own, in a private network.
    bool own = provider.wire_format() == catalog::v1::WIRE_FORMAT_SDAPI;
    EXPECT_THAT(provider.base_url(), StartsWith(own ? "http://10." : "https://")) << provider.name();
  }
  for (const catalog::v1::Model& model : catalog.models()) {
    EXPECT_EQ(model.prices_size(), 0) << model.name();
    EXPECT_GT(model.public_ids_size(), 1) << model.name();
    EXPECT_GT(model.routes_size(), 0) << model.name();
  }
}

TEST(CatalogTextTest, LeavesDefaultsOutAndKeepsTheOrderOfTheReference) {
  catalog::v1::Catalog catalog = Read(R"(
models:
  - {routes: [{upstream_model: u, provider: p, weight: 100, priority: 0, modalities: [image, text]}],
     quota_units_per_image: 1, retail_generation_usd: 0.0500, capabilities: [image_generation], public_ids: [m], name: m}
providers:
  - {base_url: "https://example.com", wire_format: chat_completions, max_concurrent: 64, name: p, images_enabled: false,
     endpoint: {headers: {X-Title: a}}, credentials: ["env:PROVIDER_KEY_A"]}
)");
  EXPECT_EQ(CatalogYaml(catalog, 17), R"(based_on: 17
providers:
  - name: p
    wire_format: chat_completions
    base_url: https://example.com
    credential: env:PROVIDER_KEY_A
    endpoint:
      headers: {X-Title: a}

models:
  - name: m
    public_ids: [m]
    capabilities: [image_generation]
    retail_generation_usd: "0.05"
    routes:
      - provider: p
        upstream_model: u
        priority: 0
)");
  EXPECT_EQ(ProviderYaml(catalog.providers(0)), R"(name: p
wire_format: chat_completions
base_url: https://example.com
credential: env:PROVIDER_KEY_A
endpoint:
  headers: {X-Title: a}
)");
  // Alone, nobody knows that its provider speaks chat.
  EXPECT_TRUE(
      absl::EndsWith(ModelYaml(catalog.models(0)), "    priority: 0\n    modalities: [image, text]\n"));
  EXPECT_TRUE(absl::EndsWith(ModelYaml(catalog.models(0), catalog), "    priority: 0\n"));
}

TEST(CatalogTextTest, AnEmptyCatalogIsAFileToo) {
  EXPECT_EQ(CatalogYaml({}, 0), "providers: []\n\nmodels: []\n");
  EXPECT_EQ(Read(CatalogYaml({}, 0)).ByteSizeLong(), 0u);
}

TEST(CatalogTextTest, SaysOfImagesWhatTheFileSays) {
  catalog::v1::Provider provider;
  provider.set_images_enabled(true);
  EXPECT_EQ(ProviderYaml(provider), "images_enabled: true\n");
  provider.mutable_images_override()->set_enabled(true);
  EXPECT_EQ(ProviderYaml(provider), "");
  provider.set_images_enabled(false);
  provider.mutable_images_override()->set_enabled(false);
  provider.mutable_images_override()->set_file_enabled(true);
  EXPECT_EQ(ProviderYaml(provider), "images_enabled: true\n");
}

TEST(CatalogTextTest, WritesExtraFieldsAsYamlAgain) {
  catalog::v1::Route route;
  catalog::v1::Model model;
  auto extra = [&](const char* name, const char* json) {
    auto& each = *model.mutable_routes(0)->add_extra_fields();
    each.set_name(name);
    each.set_value(json);
  };
  model.add_routes();
  extra("watermark", "false");
  extra("system", R"("First line.\n# second\n")");
  extra("safety", R"([{"category":"A: b","on":true},[],[1.50,"1"]])");
  EXPECT_EQ(ModelYaml(model), R"(capabilities: []
routes:
  - priority: 0
    extra_fields:
      watermark: false
      system: |
        First line.
        # second
      safety:
        - {category: "A: b", "on": true}
        - []
        - [1.50, "1"]
)");
}

TEST(CatalogTextTest, QuotesWhatNeedsItAndNothingElse) {
  for (const char* plain :
       {"imagen-4", "env:PROVIDER_KEY_A", "https://example.com/v1", "127.0.0.1", "1024x1024", "2K", "n",
        "file:a.b_c", "a b", "DPM++ 2M", "-x", "2025-04-01-preview", "caf\xc3\xa9", "1.2.3",
        "http://proxy:3128", "v1_2", "Shop"}) {
    EXPECT_EQ(YamlText(plain, true), plain);
    EXPECT_EQ(YamlText(plain, false), plain);
  }
  for (const char* text :
       {"",     " a",    "a ",   "on", "No",  "TRUE", "null", "~",     "1e3",      "0x1F",   "0o17",
        "0b1",  "1_000", "512",  "-1", "1.5", ".5",   ".inf", "nan",   "16:9",     "19.5:9", "2026-01-02",
        "a: b", "a:",    "a #b", "#a", "- a", "-",    "?",    "--- a", "*.bfl.ai", "&a",     "!a",
        "|",    ">",     "%a",   "@a", "`a",  "'a",   "{a",   "[a",    "<<",       "="}) {
    EXPECT_THAT(YamlText(text, false), StartsWith("\"")) << text;
    EXPECT_THAT(YamlText(text, true), StartsWith("\"")) << text;
  }
  for (const char* text : {"a,b", "a[0]", "model}/x", "what?"}) {
    EXPECT_THAT(YamlText(text, true), StartsWith("\"")) << text;
    EXPECT_EQ(YamlText(text, false), text);
  }
}

TEST(CatalogTextTest, EscapesWhatCannotBeSeen) {
  EXPECT_EQ(YamlText("a\"b\\c", true), "a\"b\\c");
  EXPECT_EQ(YamlText("\"a\\", true), "\"\\\"a\\\\\"");
  EXPECT_EQ(YamlText("a\n\tb\x1b", true), "\"a\\n\\tb\\x1b\"");
  // From right to left, no width, no break, the mark of a byte order, a next line.
  EXPECT_EQ(YamlText("a\xe2\x80\xae"
                     "b",
                     true),
            "\"a\\u202eb\"");
  EXPECT_EQ(YamlText("a\xe2\x80\x8b", true), "\"a\\u200b\"");
  EXPECT_EQ(YamlText("\xef\xbb\xbf"
                     "a",
                     true),
            "\"\\ufeffa\"");
  EXPECT_EQ(YamlText("a\xc2\x85"
                     "b",
                     true),
            "\"a\\x85b\"");
  EXPECT_EQ(YamlText("\xe7\x94\xbb \xf0\x9f\x8e\xa8", true), "\xe7\x94\xbb \xf0\x9f\x8e\xa8");
}

TEST(CatalogTextTest, CutsAtACharactersBoundary) {
  EXPECT_EQ(CutText("abc", 3), "abc");
  EXPECT_EQ(CutText("abcdefgh", 6), "abc...");
  EXPECT_EQ(CutText("ab\xf0\x9f\x8e\xa8"
                    "cdefgh",
                    8),
            "ab...");
}

TEST(CatalogTextTest, ACatalogThatNoFileCanSayIsNotValid) {
  // Each of 1,000 routes has the same 16 KiB, by an alias.
  std::string text =
      "providers: [{name: p, wire_format: openai_images, base_url: \"https://example.com\"}]\nmodels:\n";
  std::string big(16'000, 'x');
  for (int i = 0; i < 1'000; ++i) {
    absl::StrAppend(
        &text, "  - {name: m", i, ", public_ids: [m", i, "], capabilities: [image_generation], routes: ",
        i == 0 ? absl::StrCat("&r [{provider: p, upstream_model: u, extra_fields: {x: ", big, "}}]") : "*r",
        "}\n");
  }
  EXPECT_THAT(ReadCatalogYaml(text).errors,
              ElementsAre(StartsWith("1:1: written out without aliases, the catalog is a file of 16")));
}

}  // namespace
}  // namespace prismatic::model_registry
