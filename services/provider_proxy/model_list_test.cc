#include "services/provider_proxy/model_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::IsEmpty;
using ::testing::StartsWith;

catalog::v1::Provider Of(catalog::v1::WireFormat format,
                         catalog::v1::JobMapping mapping = catalog::v1::JOB_MAPPING_UNSPECIFIED) {
  catalog::v1::Provider provider;
  provider.set_name("a");
  provider.set_base_url("https://api.example.com/v1");
  provider.set_wire_format(format);
  provider.set_job_mapping(mapping);
  return provider;
}

absl::StatusOr<ModelList> TryRead(catalog::v1::WireFormat format, const std::string& body) {
  absl::StatusOr<json::Document> document = json::Document::Parse(body);
  if (!document.ok()) return document.status();
  return ModelList::Read(Of(format), document->root());
}

ModelList Read(catalog::v1::WireFormat format, const std::string& body) {
  absl::StatusOr<ModelList> list = TryRead(format, body);
  EXPECT_TRUE(list.ok()) << list.status();
  return list.ok() ? *std::move(list) : ModelList();
}

TEST(ModelListTest, ReadsOpenAisListAndABareOne) {
  for (const char* body : {R"({"object":"list","data":[{"id":"dall-e-3"},{"id":"gpt-image-1"}]})",
                           R"([{"id":"dall-e-3"},{"id":"gpt-image-1"}])"}) {
    ModelList list = Read(catalog::v1::WIRE_FORMAT_OPENAI_IMAGES, body);
    EXPECT_TRUE(list.Has("gpt-image-1"));
    EXPECT_FALSE(list.Has("gpt-image-2"));
    EXPECT_TRUE(list.complete());
  }
}

TEST(ModelListTest, ReadsGeminisWithOrWithoutItsPrefix) {
  ModelList list =
      Read(catalog::v1::WIRE_FORMAT_GEMINI, R"({"models":[{"name":"models/gemini-2.5-flash-image"}]})");
  EXPECT_TRUE(list.Has("gemini-2.5-flash-image"));
  EXPECT_TRUE(list.Has("models/gemini-2.5-flash-image"));
  EXPECT_FALSE(list.Has("gemini-2.5-flash"));
}

TEST(ModelListTest, ReadsAutomatic1111sByTitleAndByName) {
  ModelList list = Read(catalog::v1::WIRE_FORMAT_SDAPI,
                        R"([{"title":"v1-5-pruned.safetensors [6ce0161689]","model_name":"v1-5-pruned"}])");
  EXPECT_TRUE(list.Has("v1-5-pruned"));
  EXPECT_TRUE(list.Has("v1-5-pruned.safetensors"));
  EXPECT_TRUE(list.Has("v1-5-pruned.safetensors [6ce0161689]"));
  EXPECT_FALSE(list.Has("6ce0161689"));
}

TEST(ModelListTest, KnowsThatThereIsMoreThanOnePage) {
  EXPECT_FALSE(
      Read(catalog::v1::WIRE_FORMAT_GEMINI, R"({"models":[{"name":"models/a"}],"nextPageToken":"x"})")
          .complete());
  EXPECT_FALSE(
      Read(catalog::v1::WIRE_FORMAT_OPENAI_IMAGES, R"({"data":[{"id":"a"}],"has_more":true})").complete());
}

TEST(ModelListTest, WhatIsNoListIsNotTakenForAnEmptyOne) {
  for (const char* body :
       {"{}", "[]", "42", R"({"data":{}})", R"({"data":[]})", R"({"data":[{"object":"model"}]})"}) {
    absl::StatusOr<ModelList> list = TryRead(catalog::v1::WIRE_FORMAT_OPENAI_IMAGES, body);
    ASSERT_FALSE(list.ok()) << body;
    EXPECT_THAT(std::string(list.status().message()), StartsWith("it")) << body;
  }
}

TEST(ModelListTest, TheNearestNameIsTheOneWithTheFewestChanges) {
  ModelList list =
      Read(catalog::v1::WIRE_FORMAT_OPENAI_IMAGES,
           R"({"data":[{"id":"text-embedding"},{"id":"black-forest/FLUX.1"},{"id":"gpt-image-1"}]})");
  EXPECT_EQ(list.Nearest("gpt-image1"), "gpt-image-1");
  EXPECT_EQ(list.Nearest("black-forest/flux.1-pro"), "black-forest/FLUX.1");
}

TEST(ModelListTest, WhatIsNotNearIsNotTold) {
  ModelList list = Read(catalog::v1::WIRE_FORMAT_OPENAI_IMAGES,
                        R"({"data":[{"id":"text-embedding-3"},{"id":"whisper-1"},{"id":"gpt-4o"}]})");
  EXPECT_THAT(list.Nearest("gpt-image-1"), IsEmpty());
  EXPECT_THAT(list.Nearest("x"), IsEmpty());
  // One of three letters differs, and two of them.
  ModelList letters = Read(catalog::v1::WIRE_FORMAT_OPENAI_IMAGES, R"({"data":[{"id":"abc"}]})");
  EXPECT_EQ(letters.Nearest("abx"), "abc");
  EXPECT_THAT(letters.Nearest("axx"), IsEmpty());
}

TEST(ModelListTest, AMakersNameThatOnlyOneOfTwoHasDoesNotCount) {
  ModelList list = Read(catalog::v1::WIRE_FORMAT_OPENAI_IMAGES,
                        R"({"data":[{"id":"a-long-makers-name/dall-e-3"},{"id":"flux-dev"}]})");
  EXPECT_EQ(list.Nearest("dall-e-3"), "a-long-makers-name/dall-e-3");
  EXPECT_EQ(list.Nearest("black-forest-labs/flux-devl"), "flux-dev");
}

TEST(ModelListTest, WhatAnUpstreamPutsIntoANameIsNotRepeated) {
  EXPECT_THAT(Read(catalog::v1::WIRE_FORMAT_OPENAI_IMAGES,
                   R"({"data":[{"id":"call 555-1234 now"},{"id":"a\u001b[31m"},{"id":"<b>a</b>"}]})")
                  .Nearest("a"),
              IsEmpty());
}

TEST(ModelListTest, AVeryLongNameIsComparedInBoundedTime) {
  std::string body = R"({"data":[)";
  for (int i = 0; i < 2000; ++i) absl::StrAppend(&body, i > 0 ? "," : "", R"({"id":"model-)", i, R"("})");
  ModelList list = Read(catalog::v1::WIRE_FORMAT_OPENAI_IMAGES, body + "]}");
  EXPECT_THAT(list.Nearest(std::string(1 << 20, 'm')), IsEmpty());
  EXPECT_EQ(list.Nearest("modell-7"), "model-7");
}

TEST(HarmlessGetTest, EachFormatHasItsOwnOrNone) {
  struct Case {
    catalog::v1::Provider provider;
    std::string url;
  };
  const std::string base = "https://api.example.com/v1";
  for (const Case& each :
       {Case{Of(catalog::v1::WIRE_FORMAT_OPENAI_IMAGES), base + "/models"},
        Case{Of(catalog::v1::WIRE_FORMAT_CHAT_COMPLETIONS), base + "/models"},
        Case{Of(catalog::v1::WIRE_FORMAT_GEMINI), base + "/models?pageSize=1000"},
        Case{Of(catalog::v1::WIRE_FORMAT_SDAPI), base + "/sdapi/v1/sd-models"},
        Case{Of(catalog::v1::WIRE_FORMAT_ASYNC_JOB, catalog::v1::JOB_MAPPING_REPLICATE), base + "/account"},
        Case{Of(catalog::v1::WIRE_FORMAT_ASYNC_JOB, catalog::v1::JOB_MAPPING_BLACK_FOREST_LABS),
             base + "/credits"}}) {
    std::optional<HarmlessGet> get = HarmlessGetOf(each.provider);
    ASSERT_TRUE(get.has_value()) << each.url;
    absl::StatusOr<HttpRequest> request = BuildHarmlessGet(each.provider, *get);
    ASSERT_TRUE(request.ok()) << each.url << ": " << request.status();
    EXPECT_EQ(request->url, each.url);
    EXPECT_EQ(request->method, "GET");
    EXPECT_THAT(request->body, IsEmpty());
  }
  EXPECT_FALSE(
      HarmlessGetOf(Of(catalog::v1::WIRE_FORMAT_ASYNC_JOB, catalog::v1::JOB_MAPPING_FAL)).has_value());
}

TEST(HarmlessGetTest, CarriesTheCredentialAsTheFormatDoes) {
  catalog::v1::Provider gemini = Of(catalog::v1::WIRE_FORMAT_GEMINI);
  absl::StatusOr<HttpRequest> request = BuildHarmlessGet(gemini, *HarmlessGetOf(gemini));
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->auth_header, "x-goog-api-key");
  EXPECT_EQ(request->auth_scheme, AuthScheme::kPlain);
  catalog::v1::Provider flux =
      Of(catalog::v1::WIRE_FORMAT_ASYNC_JOB, catalog::v1::JOB_MAPPING_BLACK_FOREST_LABS);
  request = BuildHarmlessGet(flux, *HarmlessGetOf(flux));
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->auth_header, "x-key");
}

}  // namespace
}  // namespace prismatic::provider_proxy
