#include "services/provider_proxy/adapters/openai_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/provider_proxy/adapters/test_images.h"
#include "services/provider_proxy/adapters/test_target.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace test_target;  // NOLINT

const Adapter& Openai() { return *AdapterFor(catalog::v1::WIRE_FORMAT_OPENAI_IMAGES); }

TEST(OpenaiImagesTest, WritesTheSeedRequest) {
  absl::StatusOr<HttpRequest> http = Openai().BuildRequest(SeedRequest(), {TestProvider(), TestRoute()}, 1);
  ASSERT_TRUE(http.ok()) << http.status();
  EXPECT_EQ(http->method, "POST");
  EXPECT_EQ(http->url, "http://127.0.0.1:9100/v1/images/generations");
  EXPECT_EQ(
      http->body,
      R"({"model":"imagen-4.0-generate-001","prompt":"A clean product mockup on a \"neutral\" desk","n":1,)"
      R"("aspect_ratio":"16:9","quality":"high","style":"natural","negative_prompt":"clutter, text artifacts",)"
      R"("seed":42,"response_format":"b64_json","image_url":["https://example.com/reference.png"]})");
  EXPECT_THAT(ParametersFor(SeedRequest(), Openai(), {TestProvider(), TestRoute()}).ignored, IsEmpty());
}

TEST(OpenaiImagesTest, WritesNothingThatTheRouteDoesNotTake) {
  catalog::v1::Route route = TestRoute(catalog::v1::REFERENCE_IMAGES_NONE);
  route.clear_supported_parameters();
  v1::GenerateImagesRequest request = SeedRequest();
  request.clear_reference_images();
  absl::StatusOr<HttpRequest> http = Openai().BuildRequest(request, {TestProvider(), route}, 1);
  ASSERT_TRUE(http.ok());
  EXPECT_EQ(http->body,
            R"({"model":"imagen-4.0-generate-001","prompt":"A clean product mockup on a \"neutral\" desk"})");
  EXPECT_THAT(ParametersFor(request, Openai(), {TestProvider(), route}).ignored,
              ElementsAre("negative_prompt", "aspect_ratio", "quality", "style", "seed"));
  EXPECT_EQ(Openai().ImagesPerCallMax({TestProvider(), route}), 1) << "without n there is one image a call";
}

TEST(OpenaiImagesTest, NeverDropsReferenceImagesSilently) {
  absl::StatusOr<HttpRequest> http = Openai().BuildRequest(
      SeedRequest(), {TestProvider(), TestRoute(catalog::v1::REFERENCE_IMAGES_NONE)}, 1);
  EXPECT_EQ(ReasonOf(http.status()), common::v1::ERROR_REASON_INVALID_VALUE);
  EXPECT_EQ(MetadataOf(http.status(), "param"), "image_url");
}

TEST(OpenaiImagesTest, ReadsImagesAndWhatIsSaidOfThem) {
  Outcome outcome = Read(Openai(),
                         absl::StrCat(R"({"created":1,"background":"opaque","output_format":"png",
      "size":"1024x1024","quality":"high",
      "usage":{"total_tokens":100,"input_tokens":50,"output_tokens":50,
               "input_tokens_details":{"text_tokens":10,"image_tokens":40}},
      "data":[{"b64_json":")",
                                      test_images::PngBase64(1024, 768), R"(","revised_prompt":"A \u00fc"},
              {"url":"https://cdn.example/a.png?sig=1","b64_json":null}]})"),
                         2);
  EXPECT_EQ(outcome.verdict, Verdict::kImages);
  EXPECT_EQ(outcome.label, "ok");
  ASSERT_THAT(outcome.images, SizeIs(2));
  EXPECT_EQ(outcome.images[0].base64(), test_images::PngBase64(1024, 768));
  EXPECT_EQ(outcome.images[0].mime_type(), "image/png");
  EXPECT_EQ(outcome.images[0].width(), 1024);
  EXPECT_EQ(outcome.images[0].height(), 768);
  EXPECT_EQ(outcome.images[0].revised_prompt(), "A \xc3\xbc");
  EXPECT_EQ(outcome.images[1].url(), "https://cdn.example/a.png?sig=1");
  EXPECT_EQ(outcome.remarks.size, "1024x1024");
  EXPECT_EQ(outcome.remarks.background, "opaque");
  EXPECT_EQ(outcome.remarks.output_format, "png");
  EXPECT_EQ(outcome.remarks.quality, "high");
  ASSERT_TRUE(outcome.remarks.usage.has_value());
  EXPECT_EQ(outcome.remarks.usage->input_image_tokens(), 40);
}

TEST(OpenaiImagesTest, TakesNoMoreThanAskedFor) {
  std::string item = absl::StrCat(R"({"b64_json":")", test_images::kPng, R"("})");
  EXPECT_THAT(Read(Openai(), absl::StrCat(R"({"data":[)", item, ",", item, ",", item, "]}"), 2).images,
              SizeIs(2));
}

TEST(OpenaiImagesTest, KeepsTheWholeImagesOfAMixedAnswer) {
  Outcome outcome = Read(Openai(),
                         absl::StrCat(R"({"data":[{"b64_json":"AAAA"},{"b64_json":")", test_images::kPng,
                                      R"("},{"url":"ftp://x/y"}]})"),
                         3);
  EXPECT_EQ(outcome.verdict, Verdict::kImages);
  EXPECT_EQ(outcome.label, "partial");
  EXPECT_THAT(outcome.images, SizeIs(1));
}

TEST(OpenaiImagesTest, ReadsBase64WithEscapedSlashesAndDataUrls) {
  std::string escaped = absl::StrReplaceAll(test_images::kJpeg, {{"/", "\\/"}});
  Outcome outcome =
      Read(Openai(),
           absl::StrCat(R"({"data":[{"b64_json":")", escaped, R"("},{"b64_json":"",)",
                        R"("url":"data:image/webp;base64,)", test_images::kWebpLossy, R"("}]})"),
           2);
  ASSERT_THAT(outcome.images, SizeIs(2));
  EXPECT_EQ(outcome.images[0].base64(), test_images::kJpeg);
  EXPECT_EQ(outcome.images[1].base64(), test_images::kWebpLossy);
  EXPECT_EQ(outcome.images[1].mime_type(), "image/webp");
}

TEST(OpenaiImagesTest, AnImageAboveTheRoutesLimitIsNotTaken) {
  catalog::v1::Route route = TestRoute();
  route.set_max_image_bytes(1000);
  HttpResponse response{
      .status = 200,
      .body = absl::StrCat(R"({"data":[{"b64_json":")", test_images::PngBase64(5, 5, 2000), R"("}]})")};
  EXPECT_EQ(Openai().ReadResponse(std::move(response), {TestProvider(), route}, 1).label, "too_large");
}

TEST(OpenaiImagesTest, ModerationInA200IsARefusal) {
  Outcome outcome =
      Read(Openai(), R"({"data":[{"url":"https://x.example/blocked.png","respect_moderation":false}]})");
  EXPECT_EQ(outcome.verdict, Verdict::kModerated);
  EXPECT_EQ(ReasonOfOutcome(outcome), "MODERATION_BLOCKED");
}

TEST(OpenaiImagesTest, ARefusalCountsMoreThanWhatElseWentWrong) {
  EXPECT_EQ(Read(Openai(), R"({"data":[{"b64_json":"AAAA"},{"respect_moderation":false},{}]})", 3).verdict,
            Verdict::kModerated);
}

TEST(OpenaiImagesTest, A200WithoutAWholeImageMayHaveCostSomething) {
  for (const char* body :
       {"", "<html>busy</html>", "{", "[]", "{}", R"({"data":null})", R"({"data":{}})", R"({"data":[]})",
        R"({"data":[{}]})", R"({"data":[{"b64_json":12}]})", R"({"data":[{"b64_json":"iVBORw0KGgo="}]})",
        R"j({"data":[{"url":"javascript:alert(1)"}]})j", R"({"data":[null,1,"x"]})",
        R"({"data":[{"url":"https://x.example/a b"}]})", R"({"error":{"message":"boom"}})"}) {
    Outcome outcome = Read(Openai(), body);
    EXPECT_EQ(outcome.verdict, Verdict::kUnknown) << body;
    EXPECT_EQ(ReasonOfOutcome(outcome), "UPSTREAM_ERROR") << body;
  }
}

TEST(OpenaiImagesTest, AnIncompleteUsageIsNotPassedOn) {
  Outcome outcome = Read(Openai(), absl::StrCat(R"({"usage":{"total_tokens":3},"data":[{"b64_json":")",
                                                test_images::kPng, R"("}]})"));
  EXPECT_EQ(outcome.verdict, Verdict::kImages);
  EXPECT_FALSE(outcome.remarks.usage.has_value());
}

// An answer that was cut is never an image and never a refusal.
TEST(OpenaiImagesTest, NoPrefixOfAnAnswerCountsAsDelivered) {
  std::string answer = absl::StrCat(R"({"data":[{"b64_json":")", test_images::kPng, R"("}]})");
  for (size_t cut = 0; cut < answer.size(); ++cut) {
    EXPECT_EQ(Read(Openai(), answer.substr(0, cut)).verdict, Verdict::kUnknown) << cut;
  }
}

TEST(OpenaiImagesTest, ResponseFormatNeverGoesToGptImageModels) {
  catalog::v1::Route route = TestRoute();
  const std::pair<const char*, bool> kModels[] = {
      {"gpt-image-1", false},          {"openai/gpt-image-2", false}, {"GPT-Image-1.5", false},
      {"chatgpt-image-latest", false}, {"a/b/gpt-image", false},      {"dall-e-3", true},
      {"my-gpt-image", true},          {"gpt-image-1/tuned", true},   {"", true}};
  for (const auto& [model, sent] : kModels) {
    route.set_upstream_model(model);
    absl::StatusOr<HttpRequest> http = Openai().BuildRequest(SeedRequest(), {TestProvider(), route}, 1);
    ASSERT_TRUE(http.ok());
    EXPECT_EQ(absl::StrContains(http->body, "response_format"), sent) << model;
    EXPECT_THAT(ParametersFor(SeedRequest(), Openai(), {TestProvider(), route}).ignored, IsEmpty());
  }
}

// What a client may put into a free text must not get out of its string.
TEST(OpenaiImagesTest, FreeTextsStayInTheirStrings) {
  const std::string kEvil = "x\",\"n\":10,\"evil\":\"\\\n\x01\xff\xe2\x80\xa8</script>";
  v1::GenerateImagesRequest request = SeedRequest();
  request.set_prompt(kEvil);
  request.set_negative_prompt(kEvil);
  request.set_quality(kEvil);
  request.set_style(kEvil);
  request.set_aspect_ratio(kEvil);
  request.set_reference_images(0, "https://example.com/\",\"evil\":1");
  absl::StatusOr<HttpRequest> http = Openai().BuildRequest(request, {TestProvider(), TestRoute()}, 1);
  ASSERT_TRUE(http.ok());
  absl::StatusOr<json::Document> document = json::Document::Parse(http->body);
  ASSERT_TRUE(document.ok()) << http->body;
  EXPECT_EQ(document->root().Find("n")->Int(), 1);
  EXPECT_EQ(document->root().Find("evil"), nullptr);
  for (const char* key : {"prompt", "negative_prompt", "quality", "style"}) {
    EXPECT_TRUE(absl::StartsWith(*document->root().Find(key)->String(), kEvil.substr(0, kEvil.find('\xff'))))
        << key;
  }
}

TEST(OpenaiImagesTest, FixedFieldsGiveWayAndAreWrittenOnce) {
  catalog::v1::Route route = TestRoute();
  auto add = [&](const char* name, const char* json) {
    catalog::v1::NameValue& field = *route.add_extra_fields();
    field.set_name(name);
    field.set_value(json);
  };
  add("seed", "7");
  add("prompt", "\"mine\"");
  add("steps", "[1, 2.50, {\"a\": null}]");
  add("steps", "4");
  add("style", "\"vivid\"");
  v1::GenerateImagesRequest request;
  request.set_prompt("A hat");
  request.set_seed(42);
  absl::StatusOr<HttpRequest> http = Openai().BuildRequest(request, {TestProvider(), route}, 1);
  ASSERT_TRUE(http.ok());
  EXPECT_EQ(http->body, R"({"model":"imagen-4.0-generate-001","prompt":"A hat","n":1,"seed":42,)"
                        R"("steps":[1, 2.50, {"a": null}],"style":"vivid"})");
}

TEST(OpenaiImagesTest, HostileAnswersAreNeitherImagesNorRefusals) {
  std::string many = R"({"data":[)";
  for (int i = 0; i < 10'000; ++i) absl::StrAppend(&many, i == 0 ? "" : ",", R"({"b64_json":"AAAA"})");
  std::string deep(100, '[');
  const std::string kBodies[] = {
      many + "]}",
      absl::StrCat(R"({"data":)", deep, "}"),
      absl::StrCat(R"({"data":[{"b64_json":")", std::string(12 << 20, 'A'), R"("}]})"),
      R"({"data":[{"b64_json":{"b64_json":"AAAA"},"url":["https://x.example/a.png"]}]})",
      R"({"data":[{"b64_json":true,"url":1e999}]})",
      R"({"data":[{"b64_json":"\ud800"}]})",
      R"({"data":[{"url":"https://x.example/\u0000a.png"}]})",
      R"({"data":[{"url":"//x.example/a.png"}]})",
      R"({"data":[{"url":"file:///etc/passwd"}]})",
      absl::StrCat(R"({"data":[{"url":"https://x.example/)", std::string(9000, 'a'), R"("}]})"),
      R"({"data":[{"url":"data:image/png;base64"}]})",
      R"({"data":"data","error":null})",
      R"({"data":[{"respect_moderation":"false"}]})",
      "\xef\xbb\xbf{}",
  };
  for (const std::string& body : kBodies) {
    Outcome outcome = Read(Openai(), body, 10);
    EXPECT_EQ(outcome.verdict, Verdict::kUnknown) << body.substr(0, 80);
    EXPECT_THAT(outcome.images, IsEmpty());
  }
}

TEST(OpenaiImagesTest, OfTenThousandImagesThoseAskedForAreTaken) {
  std::string many = R"({"data":[)";
  for (int i = 0; i < 10'000; ++i) {
    absl::StrAppend(&many, i == 0 ? "" : ",", R"({"b64_json":")", test_images::kPng, R"("})");
  }
  Outcome outcome = Read(Openai(), many + "]}", 10);
  EXPECT_EQ(outcome.label, "ok");
  EXPECT_THAT(outcome.images, SizeIs(10));
}

TEST(OpenaiImagesTest, OfDuplicateKeysTheLastCounts) {
  Outcome outcome =
      Read(Openai(), absl::StrCat(R"({"data":[],"data":[{"url":"ftp://x","url":"https://x.example/a",)",
                                  R"("b64_json":"AAAA","b64_json":")", test_images::kPng, R"("}]})"));
  ASSERT_THAT(outcome.images, SizeIs(1));
  EXPECT_EQ(outcome.images[0].base64(), test_images::kPng);
}

TEST(OpenaiImagesTest, AbsurdNumbersAreNoUsage) {
  for (const char* number :
       {"9223372036854775807", "1000000000001", "-1", "1e3", "1.5", "\"7\"", "null", "[]"}) {
    Outcome outcome = Read(
        Openai(),
        absl::StrCat(R"({"usage":{"total_tokens":)", number, R"(,"input_tokens":50,"output_tokens":50,)",
                     R"("input_tokens_details":{"text_tokens":10,"image_tokens":40}},"data":[{"b64_json":")",
                     test_images::kPng, R"("}]})"));
    EXPECT_EQ(outcome.verdict, Verdict::kImages) << number;
    EXPECT_FALSE(outcome.remarks.usage.has_value()) << number;
  }
}

TEST(OpenaiImagesTest, AnEndlessRevisedPromptIsNotPassedOn) {
  auto revised = [](size_t length) {
    return Read(Openai(), absl::StrCat(R"({"data":[{"b64_json":")", test_images::kPng,
                                       R"(","revised_prompt":")", std::string(length, 'x'), R"("}]})"))
        .images.at(0)
        .revised_prompt()
        .size();
  };
  EXPECT_EQ(revised(128'000), 128'000u);
  EXPECT_EQ(revised(1 << 20), 0u);
}

}  // namespace
}  // namespace prismatic::provider_proxy
