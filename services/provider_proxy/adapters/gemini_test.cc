#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/common/status/status.h"
#include "services/provider_proxy/adapters/adapter.h"
#include "services/provider_proxy/adapters/hostile_answers.h"
#include "services/provider_proxy/adapters/test_images.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const Adapter& Format() { return *AdapterFor(catalog::v1::WIRE_FORMAT_GEMINI); }

catalog::v1::Provider TestProvider() {
  catalog::v1::Provider provider;
  provider.set_name("google");
  provider.set_wire_format(catalog::v1::WIRE_FORMAT_GEMINI);
  provider.set_base_url("https://generativelanguage.example/v1beta");
  return provider;
}

catalog::v1::Route TestRoute() {
  catalog::v1::Route route;
  route.set_upstream_model("gemini-3.1-flash-image");
  for (const char* name : {"size", "aspect_ratio", "seed", "n"}) route.add_supported_parameters(name);
  route.set_max_images_per_call(4);
  route.set_reference_images(catalog::v1::REFERENCE_IMAGES_NATIVE);
  return route;
}

Outcome Read(std::string body, int status = 200, int count = 1) {
  HttpResponse response{.status = status, .body = std::move(body)};
  return Format().ReadResponse(std::move(response), {TestProvider(), TestRoute()}, count);
}

std::string Candidate(absl::string_view parts, absl::string_view reason = "STOP") {
  return absl::StrCat(R"({"candidates":[{"content":{"role":"model","parts":[)", parts,
                      R"(]},"finishReason":")", reason, R"("}]})");
}

std::string Picture(absl::string_view base64 = test_images::kPng) {
  return absl::StrCat(R"({"inlineData":{"mimeType":"image/png","data":")", base64, R"("}})");
}

std::string BodyFor(const v1::GenerateImagesRequest& request, const catalog::v1::Route& route) {
  absl::StatusOr<HttpRequest> http = Format().BuildRequest(request, {TestProvider(), route}, 1);
  return http.ok() ? http->body : http.status().ToString();
}

TEST(GeminiTest, MakesOneImageACallAndNeedsTheBytesOfReferences) {
  EXPECT_EQ(Format().ImagesPerCallMax({TestProvider(), TestRoute()}), 1);
  EXPECT_TRUE(Format().NeedsReferenceBytes({TestProvider(), TestRoute()}));
}

TEST(GeminiTest, WritesTiersInTheSpellingThatGoogleTakes) {
  v1::GenerateImagesRequest request;
  request.set_prompt("A hat");
  request.set_size("2k");
  EXPECT_THAT(BodyFor(request, TestRoute()), HasSubstr(R"("imageConfig":{"imageSize":"2K"})"));
  request.set_size("0.5K");
  EXPECT_THAT(BodyFor(request, TestRoute()), HasSubstr(R"("imageConfig":{"imageSize":"512"})"));
  request.set_size("auto");
  EXPECT_THAT(BodyFor(request, TestRoute()), Not(HasSubstr("imageConfig")));
}

TEST(GeminiTest, FixedFieldsJoinWhatIsAskedForAndNeverReplaceIt) {
  catalog::v1::Route route = TestRoute();
  auto* config = route.add_extra_fields();
  config->set_name("generationConfig");
  config->set_value(R"({"responseModalities":["TEXT"],"topK":3,"imageConfig":{"personGeneration":"X"}})");
  auto* contents = route.add_extra_fields();
  contents->set_name("contents");
  contents->set_value("[]");
  v1::GenerateImagesRequest request;
  request.set_prompt("A hat");
  EXPECT_EQ(BodyFor(request, route),
            R"({"contents":[{"role":"user","parts":[{"text":"A hat"}]}],"generationConfig":)"
            R"({"responseModalities":["IMAGE"],"topK":3,"imageConfig":{"personGeneration":"X"}}})");
  request.set_aspect_ratio("1:1");
  EXPECT_THAT(BodyFor(request, route),
              HasSubstr(R"("imageConfig":{"aspectRatio":"1:1","personGeneration":"X"})"));
}

TEST(GeminiTest, AReferenceIsSentAsTheTypeThatItIs) {
  v1::GenerateImagesRequest request;
  request.set_prompt("A hat");
  request.add_reference_images(absl::StrCat("data:;base64,", test_images::kWebpLossy));
  request.add_reference_images(absl::StrCat("DATA:image/JPG;name=x;BASE64,", test_images::kJpeg));
  std::string body = BodyFor(request, TestRoute());
  EXPECT_THAT(body,
              HasSubstr(absl::StrCat(R"({"text":"A hat"},{"inlineData":{"mimeType":"image/webp","data":")",
                                     test_images::kWebpLossy, R"("}})")));
  EXPECT_THAT(body,
              HasSubstr(absl::StrCat(R"({"mimeType":"image/jpeg","data":")", test_images::kJpeg, "\"")));
}

TEST(GeminiTest, AReferenceThatIsNoDataUrlFailsAndIsNotDropped) {
  for (const char* url : {"https://example.com/a.png", "data:image/png,abc", "data:;base64,AAAA",
                          "data:image/png", "data:image/png;base64,", ""}) {
    v1::GenerateImagesRequest request;
    request.set_prompt("A hat");
    request.add_reference_images(url);
    absl::StatusOr<HttpRequest> http = Format().BuildRequest(request, {TestProvider(), TestRoute()}, 1);
    EXPECT_EQ(ReasonOf(http.status()), common::v1::ERROR_REASON_INVALID_VALUE) << url;
    EXPECT_EQ(MetadataOf(http.status(), "param"), "image_url") << url;
  }
}

TEST(GeminiTest, EveryWordForARefusalIsOne) {
  for (const char* reason : {"SAFETY", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "PROHIBITED_CONTENT",
                             "BLOCKLIST", "SPII", "RECITATION", "IMAGE_RECITATION"}) {
    EXPECT_EQ(Read(Candidate("", reason)).verdict, Verdict::kModerated) << reason;
    EXPECT_EQ(Read(absl::StrCat(R"({"candidates":[{"finish_reason":")", reason, R"("}]})")).verdict,
              Verdict::kModerated)
        << reason;
    // What stands beside it is what was to be withheld.
    EXPECT_THAT(Read(Candidate(Picture(), reason)).images, IsEmpty()) << reason;
  }
  for (const char* body : {R"({"promptFeedback":{"blockReason":"SAFETY"}})",
                           R"({"prompt_feedback":{"block_reason":"OTHER"},"candidates":[]})"}) {
    EXPECT_EQ(Read(body).verdict, Verdict::kModerated) << body;
  }
}

TEST(GeminiTest, NoImageWithoutARefusalMayHaveCostSomething) {
  for (const char* reason : {"NO_IMAGE", "IMAGE_OTHER", "OTHER", "MAX_TOKENS", "LANGUAGE",
                             "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"}) {
    Outcome outcome = Read(Candidate(R"({"text":"Hm"})", reason));
    EXPECT_EQ(outcome.verdict, Verdict::kUnknown) << reason;
    EXPECT_EQ(outcome.label, "no_image") << reason;
    EXPECT_THAT(outcome.note, HasSubstr(reason));
  }
  for (const char* reason : {"SOMETHING_NEW", "FINISH_REASON_UNSPECIFIED"}) {
    Outcome outcome = Read(Candidate(R"({"text":"Hm"})", reason));
    EXPECT_EQ(outcome.verdict, Verdict::kUnknown) << reason;
    EXPECT_EQ(outcome.label, "empty_answer") << reason;
    EXPECT_THAT(outcome.note, Not(HasSubstr(reason)));
  }
  EXPECT_EQ(Read(Candidate("")).label, "empty_answer");
  EXPECT_EQ(Read(Candidate("")).verdict, Verdict::kUnknown);
}

TEST(GeminiTest, OneRefusedCandidateOfTwoLeavesTheOther) {
  Outcome outcome =
      Read(absl::StrCat(R"({"candidates":[{"finishReason":"IMAGE_SAFETY"},{"content":{"parts":[)", Picture(),
                        R"(]},"finishReason":"STOP"}]})"),
           200, 2);
  EXPECT_EQ(outcome.verdict, Verdict::kImages);
  EXPECT_EQ(outcome.label, "partial");
}

TEST(GeminiTest, NoMoreImagesAreTakenThanAskedForAndNoneThatIsCut) {
  std::string cut = Picture("iVBORw0KGgo=");
  Outcome outcome = Read(Candidate(absl::StrCat(cut, ",", Picture(), ",", Picture())));
  EXPECT_THAT(outcome.images, SizeIs(1));
  EXPECT_EQ(Read(Candidate(cut)).label, "unusable_image");
  EXPECT_EQ(Read(Candidate(R"({"inlineData":{"mimeType":"image/png"}})")).label, "unusable_image");
  // Sound is no picture that failed.
  EXPECT_EQ(Read(Candidate(R"({"inlineData":{"mimeType":"audio/wav","data":"AAAA"}})")).label,
            "empty_answer");
}

std::string WithUsage(absl::string_view usage) {
  return absl::StrCat(R"({"usageMetadata":)", usage, R"(,"candidates":[{"content":{"parts":[)", Picture(),
                      "]}}]}");
}

TEST(GeminiTest, ThoughtsCountAsOutput) {
  Outcome outcome = Read(WithUsage(
      R"({"promptTokenCount":10,"candidatesTokenCount":20,"thoughtsTokenCount":5,"totalTokenCount":35,)"
      R"("promptTokensDetails":[{"modality":"IMAGE","tokenCount":4},{"modality":"TEXT","tokenCount":6}]})"));
  ASSERT_TRUE(outcome.remarks.usage.has_value());
  EXPECT_EQ(outcome.remarks.usage->input_tokens(), 10);
  EXPECT_EQ(outcome.remarks.usage->output_tokens(), 25);
  EXPECT_EQ(outcome.remarks.usage->total_tokens(), 35);
  EXPECT_EQ(outcome.remarks.usage->input_text_tokens(), 6);
  EXPECT_EQ(outcome.remarks.usage->input_image_tokens(), 4);
}

TEST(GeminiTest, AUsageThatIsNotWholeIsNotPassedOn) {
  for (const char* usage :
       {"{}", "[]", R"({"promptTokenCount":10,"candidatesTokenCount":20,"totalTokenCount":30})",
        R"({"promptTokenCount":10,"candidatesTokenCount":20,"totalTokenCount":30,"promptTokensDetails":[]})",
        R"({"promptTokenCount":10,"candidatesTokenCount":20,"totalTokenCount":30,)"
        R"("promptTokensDetails":[{"modality":"AUDIO","tokenCount":10}]})",
        R"({"promptTokenCount":10,"candidatesTokenCount":20,"totalTokenCount":31,)"
        R"("promptTokensDetails":[{"modality":"TEXT","tokenCount":10}]})",
        R"({"promptTokenCount":-1,"candidatesTokenCount":1,"totalTokenCount":0,)"
        R"("promptTokensDetails":[{"modality":"TEXT","tokenCount":-1}]})",
        R"({"promptTokenCount":9223372036854775807,"candidatesTokenCount":1,"totalTokenCount":0,)"
        R"("promptTokensDetails":[{"modality":"TEXT","tokenCount":9223372036854775807}]})"}) {
    Outcome outcome = Read(WithUsage(usage));
    EXPECT_EQ(outcome.verdict, Verdict::kImages) << usage;
    EXPECT_FALSE(outcome.remarks.usage.has_value()) << usage;
  }
}

std::string Quota(absl::string_view delay) {
  return absl::StrCat(R"({"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[7,{"retryDelay":)",
                      delay, "}]}}");
}

TEST(GeminiTest, TheHeadersRetryAfterIsBelievedBeforeTheBodys) {
  EXPECT_EQ(Read(Quota("\"7s\""), 429).retry_after, absl::Seconds(7));
  HttpResponse response{.status = 429, .retry_after = absl::Seconds(3), .body = Quota("\"7s\"")};
  EXPECT_EQ(Format().ReadResponse(response, {TestProvider(), TestRoute()}, 1).retry_after, absl::Seconds(3));
  for (const char* delay :
       {"\"s\"", "\"-1s\"", "\"nans\"", "\"infs\"", "\"1e300s\"", "\"7\"", "7", "null", "{}"}) {
    Outcome outcome = Read(Quota(delay), 429);
    EXPECT_EQ(outcome.verdict, Verdict::kNotStarted) << delay;
    EXPECT_FALSE(outcome.retry_after.has_value()) << delay;
  }
}

TEST(GeminiTest, A400ThatBlamesTheAccountIsNotTheRequestsFault) {
  EXPECT_EQ(
      Read(R"({"error":{"status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}})", 400).label,
      "unauthorized");
  EXPECT_EQ(
      Read(R"({"error":{"status":"FAILED_PRECONDITION","message":"User location is not supported"}})", 400)
          .verdict,
      Verdict::kNotStarted);
  EXPECT_EQ(Read(R"({"error":{"status":"INVALID_ARGUMENT"}})", 400).verdict, Verdict::kRejected);
}

TEST(GeminiTest, OnlyA503ThatSaysItIsFullProvesThatNothingBegan) {
  EXPECT_EQ(Read(R"({"error":{"status":"UNAVAILABLE","message":"The model is overloaded."}})", 503).verdict,
            Verdict::kNotStarted);
  EXPECT_EQ(Read(R"({"error":{"status":"UNAVAILABLE","message":"upstream connect error"}})", 503).verdict,
            Verdict::kUnknown);
  EXPECT_EQ(Read("", 503).verdict, Verdict::kUnknown);
}

TEST(GeminiTest, AnErrorInsideA200IsSorted) {
  EXPECT_EQ(Read(R"({"error":{"code":500,"message":"boom"}})").label, "error_in_200");
  EXPECT_EQ(Read(R"([{"error":{"code":500,"message":"flagged by the safety system"}}])").verdict,
            Verdict::kModerated);
}

TEST(GeminiTest, AnImageThatIsLargerThanAllowedIsNotCalledBroken) {
  catalog::v1::Route route = TestRoute();
  route.set_max_image_bytes(4000);
  std::string large = Picture(test_images::PngBase64(64, 64, 4000)), broken = Picture("iVBORw0KGgo=");
  auto label_of = [&](absl::string_view parts, int count) {
    HttpResponse response{.status = 200, .body = Candidate(parts)};
    Outcome outcome = Format().ReadResponse(std::move(response), {TestProvider(), route}, count);
    EXPECT_EQ(outcome.verdict == Verdict::kUnknown, outcome.images.empty());
    return outcome.label;
  };
  EXPECT_EQ(label_of(large, 1), "too_large");
  EXPECT_EQ(label_of(absl::StrCat(large, ",", broken), 2), "unusable_image");
  EXPECT_EQ(label_of(absl::StrCat(broken, ",", large), 2), "unusable_image");
  EXPECT_EQ(label_of(absl::StrCat(large, ",", Picture()), 2), "partial");
}

TEST(GeminiTest, ABigImagePassesWhole) {
  std::string base64 = test_images::PngBase64(4096, 4096, 3 << 20);
  Outcome outcome = Read(Candidate(Picture(base64)));
  ASSERT_THAT(outcome.images, SizeIs(1));
  EXPECT_EQ(outcome.images[0].base64(), base64);
  EXPECT_EQ(outcome.images[0].width(), 4096);
}

TEST(GeminiTest, ADamagedAnswerGivesAtMostTheWholeImage) {
  std::string answer = absl::StrCat(
      R"({"candidates":[{"content":{"role":"model","parts":[{"text":"x","thought":false},)", Picture(),
      R"(]},"finishReason":"STOP"}],"promptFeedback":{"blockReason":"BLOCK_REASON_UNSPECIFIED"},)",
      R"("usageMetadata":{"promptTokenCount":6,"candidatesTokenCount":1,"totalTokenCount":7,)",
      R"("promptTokensDetails":[{"modality":"TEXT","tokenCount":6}]}})");
  ASSERT_EQ(Read(answer).verdict, Verdict::kImages);
  for (const std::string& damaged : hostile::Damaged(answer)) {
    for (int status : {200, 400, 429, 503}) {
      Outcome outcome = Read(damaged, status);
      EXPECT_EQ(outcome.verdict == Verdict::kImages, !outcome.images.empty()) << damaged;
      for (const v1::GeneratedImage& image : outcome.images) EXPECT_EQ(image.base64(), test_images::kPng);
      EXPECT_NE(outcome.verdict, Verdict::kPending) << damaged;
    }
  }
}

}  // namespace
}  // namespace prismatic::provider_proxy
