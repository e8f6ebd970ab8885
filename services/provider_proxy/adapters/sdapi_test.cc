#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/common/status/status.h"
#include "services/provider_proxy/adapters/adapter.h"
#include "services/provider_proxy/adapters/hostile_answers.h"
#include "services/provider_proxy/adapters/test_images.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

const Adapter& Format() { return *AdapterFor(catalog::v1::WIRE_FORMAT_SDAPI); }

catalog::v1::Provider TestProvider() {
  catalog::v1::Provider provider;
  provider.set_name("webui");
  provider.set_wire_format(catalog::v1::WIRE_FORMAT_SDAPI);
  provider.set_base_url("http://127.0.0.1:7860");
  return provider;
}

catalog::v1::Route TestRoute(absl::string_view model = "sd_xl_base_1.0.safetensors") {
  catalog::v1::Route route;
  route.set_upstream_model(std::string(model));
  for (const char* name : {"size", "seed", "n", "negative_prompt"}) route.add_supported_parameters(name);
  route.set_max_images_per_call(4);
  route.set_reference_images(catalog::v1::REFERENCE_IMAGES_NATIVE);
  return route;
}

HttpRequest RequestFor(const v1::GenerateImagesRequest& request, const catalog::v1::Route& route,
                       int count = 1) {
  absl::StatusOr<HttpRequest> http = Format().BuildRequest(request, {TestProvider(), route}, count);
  return http.ok() ? *http : HttpRequest{.body = http.status().ToString()};
}

v1::GenerateImagesRequest Prompt() {
  v1::GenerateImagesRequest request;
  request.set_prompt("A hat");
  return request;
}

Outcome Read(std::string body, int count = 1, int status = 200) {
  HttpResponse response{.status = status, .body = std::move(body)};
  return Format().ReadResponse(std::move(response), {TestProvider(), TestRoute()}, count);
}

std::string Answer(const std::vector<std::string>& images, absl::string_view parameters = "{}") {
  std::vector<std::string> quoted;
  for (const std::string& image : images) quoted.push_back(absl::StrCat("\"", image, "\""));
  return absl::StrCat(R"({"images":[)", absl::StrJoin(quoted, ","), R"(],"parameters":)", parameters,
                      R"(,"info":"{\"seed\":1}"})");
}

TEST(SdapiTest, ARouteWithoutAModelLeavesTheLoadedCheckpoint) {
  EXPECT_THAT(RequestFor(Prompt(), TestRoute()).body,
              HasSubstr(R"("override_settings":{"sd_model_checkpoint":"sd_xl_base_1.0.safetensors"})"));
  for (const char* model : {"", "-"}) {
    catalog::v1::Route route = TestRoute(model);
    EXPECT_THAT(RequestFor(Prompt(), route).body, Not(HasSubstr("override_settings"))) << model;
    auto* extra = route.add_extra_fields();
    extra->set_name("override_settings");
    extra->set_value(R"({"sd_vae":"a"})");
    EXPECT_THAT(RequestFor(Prompt(), route).body, HasSubstr(R"("override_settings":{"sd_vae":"a"})"));
  }
}

TEST(SdapiTest, TheCheckpointOfTheRouteWinsOverAFixedOneAndKeepsItsNeighbours) {
  catalog::v1::Route route = TestRoute("a");
  auto* extra = route.add_extra_fields();
  extra->set_name("override_settings");
  extra->set_value(R"({"sd_model_checkpoint":"b","sd_vae":"c"})");
  EXPECT_THAT(RequestFor(Prompt(), route).body,
              HasSubstr(R"("override_settings":{"sd_model_checkpoint":"a","sd_vae":"c"})"));
}

TEST(SdapiTest, FieldsHaveTheRoutesNames) {
  catalog::v1::Route route = TestRoute("-");
  auto* name = route.add_field_names();
  name->set_name("n");
  name->set_value("n_iter");
  EXPECT_EQ(RequestFor(Prompt(), route, 3).body, R"({"prompt":"A hat","n_iter":3})");
}

TEST(SdapiTest, ReferencesGoToImg2imgAsBareBase64) {
  v1::GenerateImagesRequest request = Prompt();
  EXPECT_EQ(RequestFor(request, TestRoute()).url, "http://127.0.0.1:7860/sdapi/v1/txt2img");
  request.add_reference_images(absl::StrCat("data:image/png;base64,", test_images::kPng));
  HttpRequest http = RequestFor(request, TestRoute());
  EXPECT_EQ(http.url, "http://127.0.0.1:7860/sdapi/v1/img2img");
  EXPECT_THAT(http.body, HasSubstr(absl::StrCat(R"("init_images":[")", test_images::kPng, "\"]")));
  EXPECT_EQ(http.auth_scheme, AuthScheme::kBasic);
  EXPECT_TRUE(Format().NeedsReferenceBytes({TestProvider(), TestRoute()}));
}

TEST(SdapiTest, NoReferenceIsDropped) {
  v1::GenerateImagesRequest request = Prompt();
  request.add_reference_images("https://example.com/a.png");
  absl::StatusOr<HttpRequest> http = Format().BuildRequest(request, {TestProvider(), TestRoute()}, 1);
  EXPECT_EQ(MetadataOf(http.status(), "param"), "image_url");
  catalog::v1::Route route = TestRoute();
  route.set_reference_images(catalog::v1::REFERENCE_IMAGES_NONE);
  EXPECT_EQ(MetadataOf(Format().BuildRequest(request, {TestProvider(), route}, 1).status(), "param"),
            "image_url");
}

TEST(SdapiTest, BatchesAreForRoutesThatTakeThem) {
  EXPECT_EQ(Format().ImagesPerCallMax({TestProvider(), TestRoute()}), 4);
  catalog::v1::Route route = TestRoute();
  route.clear_supported_parameters();
  EXPECT_EQ(Format().ImagesPerCallMax({TestProvider(), route}), 1);
  EXPECT_THAT(RequestFor(Prompt(), route).body, Not(HasSubstr("batch_size")));
}

TEST(SdapiTest, OneMoreThanWasMadeIsAGridInFront) {
  std::string grid = test_images::PngBase64(2048, 1024), a = test_images::kPng, b = test_images::kJpeg;
  Outcome two = Read(Answer({grid, a, b}), 2);
  ASSERT_THAT(two.images, SizeIs(2));
  EXPECT_EQ(two.images[0].base64(), a);
  EXPECT_EQ(two.images[1].base64(), b);
  // The catalog makes four and one is asked for: what was made counts.
  Outcome one = Read(Answer({grid, a, a, a, b}, R"({"batch_size":2,"n_iter":2})"), 1);
  ASSERT_THAT(one.images, SizeIs(1));
  EXPECT_EQ(one.images[0].base64(), a);
  // One picture has no grid, and pictures behind the batch are somebody's additions.
  EXPECT_EQ(Read(Answer({grid, a}), 1).images[0].base64(), grid);
  EXPECT_EQ(Read(Answer({a, b, grid, grid}), 2).images[0].base64(), a);
}

TEST(SdapiTest, FewerImagesThanAskedForArePartial) {
  Outcome outcome = Read(Answer({test_images::kPng}), 4);
  EXPECT_EQ(outcome.verdict, Verdict::kImages);
  EXPECT_EQ(outcome.label, "partial");
}

TEST(SdapiTest, ErrorsAreSortedWhateverTheirShape) {
  EXPECT_EQ(Read(R"({"error":"RuntimeError","detail":"","body":"","errors":"boom"})", 1, 500).verdict,
            Verdict::kUnknown);
  EXPECT_EQ(Read(R"({"detail":"boom","errors":[]})").label, "error_in_200");
  EXPECT_EQ(Read(R"({"error":"flagged by the safety system"})").verdict, Verdict::kModerated);
  EXPECT_EQ(Read(R"({"detail":[{"loc":["body","width"],"msg":"x"}]})", 1, 422).verdict, Verdict::kRejected);
  EXPECT_EQ(Read(R"({"detail":"Incorrect username or password"})", 1, 401).label, "unauthorized");
}

TEST(SdapiTest, ADamagedAnswerGivesAtMostWholeImages) {
  std::string answer = Answer({test_images::kPng, test_images::kJpeg}, R"({"batch_size":2,"n_iter":1})");
  ASSERT_THAT(Read(answer, 2).images, SizeIs(2));
  for (const std::string& damaged : hostile::Damaged(answer)) {
    Outcome outcome = Read(damaged, 2);
    EXPECT_EQ(outcome.verdict == Verdict::kImages, !outcome.images.empty()) << damaged;
    for (const v1::GeneratedImage& image : outcome.images) {
      EXPECT_TRUE(image.base64() == test_images::kPng || image.base64() == test_images::kJpeg) << damaged;
    }
  }
}

}  // namespace
}  // namespace prismatic::provider_proxy
