// The loader: what a catalog file may say, and what is answered to one that is wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/model_registry/catalog_yaml.h"

namespace prismatic::model_registry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kSandbox[] = R"(providers:
  - name: sandbox
    wire_format: openai_images
    base_url: http://127.0.0.1:9100/v1
    credential: env:PROVIDER_KEY_SANDBOX
    images_enabled: true
    max_concurrent: 2000
models:
  - name: imagen-4
    public_ids: [imagen-4, google/imagen-4]
    owned_by: google
    capabilities: [image_generation]
    retail_generation_usd: "0.04"
    quota_units_per_image: 1
    routes:
      - {provider: sandbox, upstream_model: imagen-4.0-generate-001, priority: 1, weight: 100,
         supported_parameters: [n, size, seed], max_images_per_call: 4, reference_images: native}
)";

std::string With(absl::string_view old_text, absl::string_view new_text) {
  std::string text = absl::StrReplaceAll(kSandbox, {{old_text, new_text}});
  EXPECT_NE(text, kSandbox) << "nothing replaced: " << old_text;
  return text;
}

TEST(CatalogYamlTest, ReadsTheExampleOfTheDesign) {
  CatalogFromYaml read = ReadCatalogYaml(kSandbox);
  ASSERT_THAT(read.errors, ElementsAre());
  const catalog::v1::Provider& provider = read.catalog.providers(0);
  EXPECT_EQ(provider.name(), "sandbox");
  EXPECT_EQ(provider.wire_format(), catalog::v1::WIRE_FORMAT_OPENAI_IMAGES);
  EXPECT_EQ(provider.credentials(0), "env:PROVIDER_KEY_SANDBOX");
  EXPECT_TRUE(provider.images_enabled());
  EXPECT_EQ(provider.max_concurrent(), 2000);
  const catalog::v1::Model& model = read.catalog.models(0);
  EXPECT_THAT(model.public_ids(), ElementsAre("imagen-4", "google/imagen-4"));
  EXPECT_EQ(model.prices(0).retail_generation_nano_usd(), 40'000'000);
  const catalog::v1::Route& route = model.routes(0);
  EXPECT_THAT(route.supported_parameters(), ElementsAre("n", "size", "seed"));
  EXPECT_EQ(route.max_images_per_call(), 4);
  EXPECT_EQ(route.reference_images(), catalog::v1::REFERENCE_IMAGES_NATIVE);
}

TEST(CatalogYamlTest, FillsDefaults) {
  CatalogFromYaml read = ReadCatalogYaml(R"(
models:
  - {name: m, public_ids: [m], capabilities: [image_generation], routes: [{provider: p, upstream_model: u}]}
providers:
  - {name: p, wire_format: chat_completions, base_url: "https://example.com"}
)");
  ASSERT_THAT(read.errors, ElementsAre());
  EXPECT_FALSE(read.catalog.providers(0).images_enabled());
  EXPECT_EQ(read.catalog.providers(0).max_concurrent(), 64);
  EXPECT_TRUE(read.catalog.providers(0).credentials().empty());
  const catalog::v1::Model& model = read.catalog.models(0);
  EXPECT_EQ(model.prices_size(), 0);
  EXPECT_EQ(model.quota_units_per_image(), 1);
  const catalog::v1::Route& route = model.routes(0);
  EXPECT_EQ(route.priority(), 1);
  EXPECT_EQ(route.weight(), 100);
  EXPECT_EQ(route.max_images_per_call(), 1);
  EXPECT_EQ(route.reference_images(), catalog::v1::REFERENCE_IMAGES_NONE);
  EXPECT_EQ(route.max_image_bytes(), 8 << 20);
  EXPECT_FALSE(route.retry_safe());
  EXPECT_FALSE(route.disabled());
}

TEST(CatalogYamlTest, ReadsPricesFromTheirTextWhetherQuotedOrNot) {
  auto price = [](absl::string_view text) {
    CatalogFromYaml read = ReadCatalogYaml(With("\"0.04\"", text));
    return read.ok() ? read.catalog.models(0).prices(0).retail_generation_nano_usd() : -1;
  };
  EXPECT_EQ(price("0.04"), 40'000'000);
  EXPECT_EQ(price("'0.000000001'"), 1);
  EXPECT_EQ(price("8999999.123456789"), 8'999'999'123'456'789);
  EXPECT_EQ(price("9000000"), 9'000'000'000'000'000);
  EXPECT_EQ(price("0"), 0);
  EXPECT_EQ(price("0.0000000001"), -1);
  EXPECT_EQ(price("9000000.000000001"), -1);
  EXPECT_EQ(price("4e-2"), -1);
  EXPECT_EQ(price("-0.04"), -1);
  EXPECT_EQ(price("[0.04]"), -1);
  EXPECT_EQ(price("~"), -1);
}

struct BadInput {
  const char* name;
  const char* old_text;
  const char* new_text;
  const char* error;
};

class BadYamlTest : public ::testing::TestWithParam<BadInput> {};

TEST_P(BadYamlTest, IsAnsweredWithPlaceAndPath) {
  CatalogFromYaml read = ReadCatalogYaml(With(GetParam().old_text, GetParam().new_text));
  ASSERT_THAT(read.errors, ElementsAre(HasSubstr(GetParam().error)));
}

constexpr BadInput kBadInputs[] = {
    {"UnknownTopKey", "models:\n", "extra: 1\nmodels:\n", "8:1: unknown key `extra`"},
    {"UnknownProviderKey", "max_concurrent", "max_concurent",
     "7:5: providers[0]: unknown key `max_concurent`; did you mean `max_concurrent`?"},
    {"UnknownRouteKey", "weight", "wieght",
     "models[0].routes[0]: unknown key `wieght`; did you mean `weight`?"},
    {"PriceKeyMisspelt", "retail_generation_usd", "retail_generation_eur",
     "13:5: models[0]: unknown key `retail_generation_eur`; did you mean `retail_generation_usd`?"},
    {"RepeatedKey", "    images_enabled: true\n", "    images_enabled: true\n    images_enabled: false\n",
     "7:5: providers[0]: the key `images_enabled` is there twice"},
    {"MissingBaseUrl", "    base_url: http://127.0.0.1:9100/v1\n", "",
     "2:5: providers[0]: `base_url` is missing"},
    {"MissingPublicIds", "    public_ids: [imagen-4, google/imagen-4]\n", "",
     "9:5: models[0]: `public_ids` is missing"},
    {"NoPublicIds", "[imagen-4, google/imagen-4]", "[]",
     "10:17: models[0].public_ids: must have at least one"},
    {"MissingCapabilities", "    capabilities: [image_generation]\n", "",
     "models[0]: `capabilities` is missing"},
    {"MissingUpstreamModel", "upstream_model: imagen-4.0-generate-001, ", "",
     "16:9: models[0].routes[0]: `upstream_model` is missing"},
    {"RepeatedPublicId", "google/imagen-4", "imagen-4",
     "10:28: models[0].public_ids[1]: the public ID `imagen-4` is there twice"},
    {"UnknownRouteProvider", "{provider: sandbox", "{provider: sandbux",
     "16:20: models[0].routes[0].provider: there is no provider `sandbux`; did you mean `sandbox`?"},
    {"UnknownWireFormat", "openai_images", "openai_image",
     "3:18: providers[0].wire_format: must be one of openai_images, chat_completions, gemini, async_job, "
     "sdapi; is "
     "`openai_image`; did you mean `openai_images`?"},
    {"UnknownParameter", "[n, size, seed]", "[n, size, sead]",
     "17:42: models[0].routes[0].supported_parameters[2]: must be one of"},
    {"RepeatedParameter", "[n, size, seed]", "[n, size, n]", "supported_parameters[2]: is there twice"},
    {"UnknownCapability", "[image_generation]", "[image]",
     "12:20: models[0].capabilities[0]: must be one of"},
    {"UnknownReferenceImages", "reference_images: native", "reference_images: yes",
     "models[0].routes[0].reference_images: must be text"},
    {"SwitchAsWord", "images_enabled: true", "images_enabled: on",
     "6:21: providers[0].images_enabled: must be true or false, is `on`"},
    {"SwitchQuoted", "images_enabled: true", "images_enabled: \"true\"",
     "must be true or false, is text in quotes"},
    {"SwitchEmpty", "images_enabled: true",
     "images_enabled:", "providers[0].images_enabled: must be true or false"},
    {"NumberTooLarge", "max_concurrent: 2000", "max_concurrent: 100001",
     "7:21: providers[0].max_concurrent: must be from 1 to 100000, is `100001`"},
    {"NumberNegative", "max_concurrent: 2000", "max_concurrent: -1", "must be from 1 to 100000, is `-1`"},
    {"NumberBeyondInt64", "max_concurrent: 2000", "max_concurrent: 99999999999999999999",
     "must be from 1 to 100000"},
    {"NumberQuoted", "max_concurrent: 2000", "max_concurrent: \"2000\"",
     "must be a whole number, is text in quotes"},
    {"NumberWithLeadingZero", "max_concurrent: 2000", "max_concurrent: 05",
     "7:21: providers[0].max_concurrent: must be a whole number without leading zeros, is `05`"},
    {"NumberWithPoint", "max_concurrent: 2000", "max_concurrent: 1.5", "must be a whole number, is `1.5`"},
    {"PriorityTooLarge", "priority: 1,", "priority: 1001,", "priority: must be from 0 to 1000"},
    {"WeightZero", "weight: 100", "weight: 0", "weight: must be from 1 to 10000"},
    {"ImagesPerCall", "max_images_per_call: 4", "max_images_per_call: 11", "must be from 1 to 10"},
    {"QuotaZero", "quota_units_per_image: 1", "quota_units_per_image: 0", "must be from 1 to 1000000"},
    {"ImageBytes", "weight: 100", "max_image_bytes: 33554433", "max_image_bytes: must be from 1 to 33554432"},
    {"PriceTooFine", "\"0.04\"", "\"0.0400000001\"",
     "13:28: models[0].retail_generation_usd: \"0.0400000001\" is not an amount of money: more than 9 "
     "decimals"},
    {"PriceInFloatForm", "\"0.04\"", "4e-2", "is not an amount of money"},
    {"CredentialItself", "env:PROVIDER_KEY_SANDBOX", "sk-verysecret",
     "5:17: providers[0].credential: must be env:"},
    {"CredentialOtherVariable", "env:PROVIDER_KEY_SANDBOX", "env:AWS_SECRET_ACCESS_KEY",
     "an env: credential must begin with PROVIDER_KEY_"},
    {"CredentialBarePrefix", "env:PROVIDER_KEY_SANDBOX", "env:PROVIDER_KEY_",
     "must begin with PROVIDER_KEY_"},
    {"CredentialFolder", "env:PROVIDER_KEY_SANDBOX", "file:../token",
     "a file: credential must be a plain name"},
    {"CredentialAbsolute", "env:PROVIDER_KEY_SANDBOX", "file:/etc/passwd",
     "a file: credential must be a plain name"},
    {"UrlScheme", "http://127.0.0.1:9100/v1", "ftp://127.0.0.1/v1",
     "4:15: providers[0].base_url: must begin with http"},
    {"UrlSlash", "9100/v1", "9100/v1/", "base_url: must not end in /"},
    {"UrlBareSlash", "9100/v1", "9100/", "base_url: must not end in /"},
    {"UrlUser", "http://127.0.0.1", "http://me:pass@127.0.0.1", "base_url: must not carry a user"},
    {"UrlQuery", "9100/v1", "9100/v1?key=1", "base_url: must not have a query"},
    {"UrlPort", "127.0.0.1:9100", "127.0.0.1:99999", "base_url: must name a host"},
    {"UrlNoHost", "http://127.0.0.1:9100/v1", "http:///v1", "base_url: must name a host"},
    {"UrlDots", "9100/v1", "9100/v1/../admin", "base_url: must have a plain path"},
    {"UrlBlank", "9100/v1", "9100/v 1", "base_url: must be printable ASCII without blanks"},
    {"ModelNameBlank", "name: imagen-4", "name: imagen 4", "9:11: models[0].name: must be 1 to 128 letters"},
    {"NameIsANumber", "name: imagen-4", "name: 4", "9:11: models[0].name: must be text; put `4` in quotes"},
    {"NameIsNothing", "name: imagen-4", "name: ~", "models[0].name: must be text, is nothing"},
    {"ListExpected", "public_ids: [imagen-4, google/imagen-4]", "public_ids: imagen-4",
     "10:17: models[0].public_ids: must be a list, is `imagen-4`; write it as [a, b]"},
    {"MapExpected", "  - name: imagen-4\n", "  - text\n  - name: imagen-4\n",
     "9:5: models[0]: must be a map"},
    {"BadHost", "max_concurrent: 2000", "fetch_hosts: [\"http://x\"]",
     "providers[0].fetch_hosts[0]: must be a host"},
    {"HostPortLeadingZero", "max_concurrent: 2000", "fetch_hosts: [\"x:080\"]",
     "providers[0].fetch_hosts[0]: must be a host"},
    {"HostShortAddress", "max_concurrent: 2000", "fetch_hosts: [127.1.x, \"127.1\"]",
     "providers[0].fetch_hosts[1]: must be a host"},
    {"HostAddressOutOfRange", "max_concurrent: 2000", "fetch_hosts: [127.0.0.256]",
     "providers[0].fetch_hosts[0]: must be a host"},
    {"HostHexAddress", "max_concurrent: 2000", "fetch_hosts: [\"0x7f000001\"]",
     "providers[0].fetch_hosts[0]: must be a host"},
    {"HostPath", "max_concurrent: 2000", "fetch_hosts: [x/y]", "providers[0].fetch_hosts[0]: must be a host"},
    {"ChatReferencesOfImagesApi", "reference_images: native", "reference_images: chat",
     "models[0].routes[0].reference_images: the provider `sandbox` speaks openai_images, which takes "
     "reference images as `native`, not as `chat`"},
    {"NativeReferencesOfChat", "wire_format: openai_images", "wire_format: chat_completions",
     "models[0].routes[0].reference_images: the provider `sandbox` speaks chat_completions, which takes "
     "reference images as `chat`, not as `native`"},
    {"Latin1", "owned_by: google", "owned_by: \"soci\xe9t\xe9\"",
     "11:20: the byte 0xe9 is not UTF-8; the text must be UTF-8"},
    {"Latin1InAComment", "models:\n", "models:  # \xc3\xa9 \xe9\n", "8:15: the byte 0xe9 is not UTF-8"},
    {"OverlongUtf8", "owned_by: google", "owned_by: \xc0\xaf", "11:15: the byte 0xc0 is not UTF-8"},
    {"SurrogateInUtf8", "owned_by: google", "owned_by: \xed\xa0\x80", "11:15: the byte 0xed is not UTF-8"},
    {"BeyondUnicode", "owned_by: google", "owned_by: \xf4\x90\x80\x80", "the byte 0xf4 is not UTF-8"},
    {"CutCharacter", "owned_by: google", "owned_by: \xe2\x82", "11:15: the byte 0xe2 is not UTF-8"},
    {"EndOfTransmission", "    owned_by: google\n", "    owned_by: google\n\x04",
     "12:1: the byte 0x04 is a control character"},
    // yaml-cpp quotes the first byte of the character.
    {"EscapeOfACharacterOfTwoBytes", "owned_by: google", "owned_by: \"\\\xc3\xa9\"",
     "unknown escape character: \\xc3"},
    {"CreatedInMilliseconds", "owned_by: google", "created: 1767225600000", "created: must be from 0 to"},
    {"Tag", "name: imagen-4", "name: !secret imagen-4", "not valid YAML: tags are not supported"},
    {"BrokenYaml", "models:", "models: [", "not valid YAML"},
    {"TabIndent", "    owned_by", "\towned_by", "not valid YAML"},
    {"SelfAlias", "  - name: imagen-4\n", "  - &a [*a]\n  - name: imagen-4\n", "an alias must not be inside"},
    {"SecondDocument",
     "    quota_units_per_image: 1\n    routes:", "    routes: []\n---\nx:", "a second document"},
};
INSTANTIATE_TEST_SUITE_P(All, BadYamlTest, ::testing::ValuesIn(kBadInputs),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(CatalogYamlTest, NamesEveryErrorAtOnceInTheOrderOfTheText) {
  CatalogFromYaml read = ReadCatalogYaml(R"(providers:
  - {name: UPPER, wire_format: x, base_url: nothing}
models:
  - {name: m, public_ids: [m], capabilities: [image_generation], quota_units_per_image: 0}
  - {name: m, public_ids: [m], capabilities: [image_generation], colour: red}
)");
  EXPECT_THAT(read.errors,
              ElementsAre(HasSubstr("2:12: providers[0].name: must be 1 to 40"),
                          HasSubstr("2:32: providers[0].wire_format: must be one of"),
                          HasSubstr("2:45: providers[0].base_url: must begin with"),
                          HasSubstr("4:89: models[0].quota_units_per_image: must be from"),
                          HasSubstr("5:12: models[1].name: the model `m` is there twice"),
                          HasSubstr("5:28: models[1].public_ids[0]: the public ID `m` is there twice"),
                          HasSubstr("5:66: models[1]: unknown key `colour`")));
}

TEST(CatalogYamlTest, RefusesTextsThatAreNoCatalog) {
  EXPECT_THAT(ReadCatalogYaml("").errors, ElementsAre(HasSubstr("the text is empty")));
  EXPECT_THAT(ReadCatalogYaml("hello").errors, ElementsAre(HasSubstr("1:1: must be a map")));
  EXPECT_THAT(ReadCatalogYaml("{}").errors,
              ElementsAre(HasSubstr("`providers` is missing"), HasSubstr("`models` is missing")));
  EXPECT_THAT(ReadCatalogYaml("{providers: [], models: []}").errors, ElementsAre());
  EXPECT_THAT(ReadCatalogYaml(std::string((8 << 20) + 1, '#')).errors,
              ElementsAre(HasSubstr("more than the 8388608")));
}

TEST(CatalogYamlTest, RefusesNestingThatNoCatalogNeeds) {
  EXPECT_THAT(ReadCatalogYaml("providers: " + std::string(100'000, '[')).errors,
              ElementsAre(HasSubstr("nested deeper than 16")));
}

TEST(CatalogYamlTest, TakesEveryCharacterOfUnicode) {
  for (absl::string_view owner :
       {"soci\xc3\xa9t\xc3\xa9", "\xe7\x94\xbb", "\xf0\x9f\x8e\xa8", "\"soci\\xe9t\\u00e9\""}) {
    CatalogFromYaml read = ReadCatalogYaml(With("owned_by: google", absl::StrCat("owned_by: ", owner)));
    ASSERT_THAT(read.errors, ElementsAre()) << owner;
    catalog::v1::Catalog again;
    EXPECT_TRUE(again.ParseFromString(read.catalog.SerializeAsString())) << owner;
  }
}

TEST(CatalogYamlTest, TakesChatReferencesOfAChatProvider) {
  std::string text = absl::StrReplaceAll(
      kSandbox, {{"wire_format: openai_images", "wire_format: chat_completions"}, {"native", "chat"}});
  CatalogFromYaml read = ReadCatalogYaml(text);
  ASSERT_THAT(read.errors, ElementsAre());
  EXPECT_EQ(read.catalog.models(0).routes(0).reference_images(), catalog::v1::REFERENCE_IMAGES_CHAT);
}

TEST(CatalogYamlTest, WritesFetchHostsAsAUrlReaderDoes) {
  CatalogFromYaml read = ReadCatalogYaml(With("max_concurrent: 2000",
                                              "fetch_hosts: [\"::1\", \"[::1]\", \"[0:0:0:0:0:0:0:1]:9100\", "
                                              "\"2001:DB8::0:1\", CDN.Example.com:8443, "
                                              "127.0.0.1, 3d-images]"));
  ASSERT_THAT(read.errors, ElementsAre());
  EXPECT_THAT(read.catalog.providers(0).fetch_hosts(),
              ElementsAre("[::1]", "[::1]", "[::1]:9100", "[2001:db8::1]", "cdn.example.com:8443",
                          "127.0.0.1", "3d-images"));
}

TEST(CatalogYamlTest, AcceptsAliases) {
  CatalogFromYaml read = ReadCatalogYaml(R"(
providers: [{name: p, wire_format: openai_images, base_url: "https://example.com:8443/api"}]
models:
  - {name: a, public_ids: [a], capabilities: [image_generation],
     routes: &routes [{provider: p, upstream_model: u}]}
  - {name: b, public_ids: [b], capabilities: [image_generation], routes: *routes}
)");
  ASSERT_THAT(read.errors, ElementsAre());
  EXPECT_EQ(read.catalog.models(1).routes(0).upstream_model(), "u");
}

// 9,000 models with 100 routes with 6 parameters each, in less than 1 MB.
TEST(CatalogYamlTest, EndsTheWalkOfMultiplyingAliases) {
  std::string text = R"(providers: [{name: p, wire_format: openai_images, base_url: "https://example.com"}]
models:
  - {name: m, public_ids: [m], capabilities: [image_generation], routes: &r [&route {provider: p, upstream_model: u,
     supported_parameters: [n, size, seed, style, user, quality]})";
  for (int i = 0; i < 99; ++i) absl::StrAppend(&text, ", *route");
  absl::StrAppend(&text, "]}\n");
  for (int i = 0; i < 9'000; ++i) {
    absl::StrAppend(&text, "  - {name: m", i, ", public_ids: [m", i,
                    "], capabilities: [image_generation], routes: *r}\n");
  }
  EXPECT_THAT(ReadCatalogYaml(text).errors, ElementsAre(HasSubstr("counting each use of an alias")));
}

TEST(CatalogYamlTest, KeepsTheListOfErrorsReadable) {
  std::string text = "providers: []\nmodels:\n";
  for (int i = 0; i < 3'000; ++i) absl::StrAppend(&text, "  - {bad", i, ": 1}\n");
  std::vector<std::string> errors = ReadCatalogYaml(text).errors;
  EXPECT_EQ(errors.size(), 1001u);
  EXPECT_THAT(errors.back(), HasSubstr("more"));
}

}  // namespace
}  // namespace prismatic::model_registry
