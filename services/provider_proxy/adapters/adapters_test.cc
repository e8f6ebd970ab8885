#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/common/status/status.h"
#include "services/provider_proxy/adapters/adapter.h"
#include "services/provider_proxy/adapters/test_images.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const Adapter& Openai() { return *AdapterFor(catalog::v1::WIRE_FORMAT_OPENAI_IMAGES); }
const Adapter& Chat() { return *AdapterFor(catalog::v1::WIRE_FORMAT_CHAT_COMPLETIONS); }

catalog::v1::Provider TestProvider() {
  catalog::v1::Provider provider;
  provider.set_name("sandbox");
  provider.set_base_url("http://127.0.0.1:9100/v1");
  return provider;
}

catalog::v1::Route TestRoute(catalog::v1::ReferenceImages references = catalog::v1::REFERENCE_IMAGES_NATIVE) {
  catalog::v1::Route route;
  route.set_provider("sandbox");
  route.set_upstream_model("imagen-4.0-generate-001");
  for (const char* name :
       {"n", "size", "aspect_ratio", "seed", "negative_prompt", "quality", "style", "response_format"}) {
    route.add_supported_parameters(name);
  }
  route.set_max_images_per_call(4);
  route.set_reference_images(references);
  return route;
}

v1::GenerateImagesRequest SeedRequest() {
  v1::GenerateImagesRequest request;
  request.set_model("imagen-4");
  request.set_image_count(1);
  request.set_prompt("A clean product mockup on a \"neutral\" desk");
  request.add_reference_images("https://example.com/reference.png");
  request.set_negative_prompt("clutter, text artifacts");
  request.set_aspect_ratio("16:9");
  request.set_quality("high");
  request.set_style("natural");
  request.set_seed(42);
  request.set_response_format(v1::RESPONSE_FORMAT_B64_JSON);
  return request;
}

Outcome Read(const Adapter& adapter, std::string body, int count = 1, int status = 200) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return adapter.ReadResponse(std::move(response), {TestProvider(), TestRoute()}, count);
}

std::string ReasonOfOutcome(const Outcome& outcome) {
  return outcome.status.ok() ? "OK" : ReasonName(ReasonOf(outcome.status));
}

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
  EXPECT_EQ(Openai().ReadResponse(std::move(response), {TestProvider(), route}, 1).label, "unusable_image");
}

TEST(OpenaiImagesTest, ModerationInA200IsARefusal) {
  Outcome outcome =
      Read(Openai(), R"({"data":[{"url":"https://x.example/blocked.png","respect_moderation":false}]})");
  EXPECT_EQ(outcome.verdict, Verdict::kModerated);
  EXPECT_EQ(ReasonOfOutcome(outcome), "MODERATION_BLOCKED");
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

struct ErrorCase {
  int status;
  const char* body;
  Verdict verdict;
  const char* reason;
};

TEST(OutcomeTest, SortsErrorsByWhatTheyProve) {
  const ErrorCase kCases[] = {
      {400, R"({"error":{"type":"image_generation_user_error","code":"moderation_blocked","message":"x"}})",
       Verdict::kModerated, "MODERATION_BLOCKED"},
      {400, R"({"error":{"type":"invalid_request_error","code":"content_policy_violation","message":"x"}})",
       Verdict::kModerated, "MODERATION_BLOCKED"},
      {400,
       R"({"error":{"message":"Your request was rejected by the safety system. safety_violations=[violence]"}})",
       Verdict::kModerated, "MODERATION_BLOCKED"},
      {400, R"({"error":{"code":"contentFilter","message":"x"}})", Verdict::kModerated, "MODERATION_BLOCKED"},
      {403, R"({"error":{"code":403,"message":"Your input was flagged"}})", Verdict::kModerated,
       "MODERATION_BLOCKED"},
      {400,
       R"({"error":{"code":"unknown_parameter","param":"moderation","message":"Unknown: 'content policy'"}})",
       Verdict::kRejected, "INVALID_VALUE"},
      {400, "not json", Verdict::kRejected, "INVALID_VALUE"},
      {413, "", Verdict::kRejected, "INVALID_VALUE"},
      {422, R"({"detail":[{"loc":["size"],"msg":"bad"}]})", Verdict::kRejected, "INVALID_VALUE"},
      {401, "", Verdict::kNotStarted, nullptr},
      {402, "", Verdict::kNotStarted, nullptr},
      {403, "{}", Verdict::kNotStarted, nullptr},
      {404, "<html>", Verdict::kNotStarted, nullptr},
      {429, "", Verdict::kNotStarted, nullptr},
      {503, R"({"error":{"type":"service_unavailable_error","code":"server_is_overloaded"}})",
       Verdict::kNotStarted, nullptr},
      {503, R"({"error":{"code":"slow_down"}})", Verdict::kNotStarted, nullptr},
      {503, "", Verdict::kUnknown, "UPSTREAM_ERROR"},
      {500, "", Verdict::kUnknown, "UPSTREAM_ERROR"},
      {502, "<html>", Verdict::kUnknown, "UPSTREAM_ERROR"},
      {504, "", Verdict::kUnknown, "UPSTREAM_TIMEOUT"},
      {524, "", Verdict::kUnknown, "UPSTREAM_TIMEOUT"},
      {302, "", Verdict::kUnknown, "UPSTREAM_ERROR"},
      {408, "", Verdict::kUnknown, "UPSTREAM_ERROR"},
  };
  for (const ErrorCase& error : kCases) {
    for (const Adapter* adapter : {&Openai(), &Chat()}) {
      Outcome outcome = Read(*adapter, error.body, 1, error.status);
      EXPECT_EQ(outcome.verdict, error.verdict) << error.status << " " << error.body;
      EXPECT_FALSE(outcome.status.ok());
      EXPECT_FALSE(outcome.label.empty());
      if (error.reason != nullptr) {
        EXPECT_EQ(ReasonOfOutcome(outcome), error.reason) << error.status << error.body;
      }
      EXPECT_THAT(std::string(outcome.status.message()), Not(HasSubstr("violence")));
    }
  }
}

TEST(OutcomeTest, A503WithRetryAfterSaysThatItDidNotStart) {
  HttpResponse response{.status = 503, .retry_after = absl::Seconds(7)};
  Outcome outcome = Openai().ReadResponse(response, {TestProvider(), TestRoute()}, 1);
  EXPECT_EQ(outcome.verdict, Verdict::kNotStarted);
  EXPECT_EQ(outcome.retry_after, absl::Seconds(7));
}

TEST(ChatCompletionsTest, WritesReferenceImagesAsContentPartsAfterTheText) {
  catalog::v1::Route route = TestRoute(catalog::v1::REFERENCE_IMAGES_CHAT);
  route.set_fold_negative_prompt(true);
  absl::StatusOr<HttpRequest> http = Chat().BuildRequest(SeedRequest(), {TestProvider(), route}, 1);
  ASSERT_TRUE(http.ok()) << http.status();
  EXPECT_EQ(http->url, "http://127.0.0.1:9100/v1/chat/completions");
  EXPECT_EQ(
      http->body,
      R"({"model":"imagen-4.0-generate-001","stream":false,"modalities":["image","text"],"messages":[{"role":)"
      R"("user","content":[{"type":"text","text":"A clean product mockup on a \"neutral\" desk\n\nAvoid: )"
      R"(clutter, text artifacts"},{"type":"image_url","image_url":{"url":"https://example.com/reference.png"}}]}])"
      R"(,"image_config":{"aspect_ratio":"16:9"},"seed":42})");
  EXPECT_THAT(ParametersFor(SeedRequest(), Chat(), {TestProvider(), route}).ignored,
              ElementsAre("quality", "style"));
  EXPECT_EQ(Chat().ImagesPerCallMax({TestProvider(), route}), 1);
}

TEST(ChatCompletionsTest, TextAloneIsAPlainString) {
  v1::GenerateImagesRequest request;
  request.set_prompt("A hat");
  request.set_size("2K");
  request.set_aspect_ratio("1:1");
  absl::StatusOr<HttpRequest> http = Chat().BuildRequest(request, {TestProvider(), TestRoute()}, 1);
  ASSERT_TRUE(http.ok());
  EXPECT_EQ(
      http->body,
      R"({"model":"imagen-4.0-generate-001","stream":false,"modalities":["image","text"],)"
      R"("messages":[{"role":"user","content":"A hat"}],"image_config":{"aspect_ratio":"1:1","image_size":"2K"}})");
}

std::string ChatAnswer(absl::string_view message) {
  return absl::StrCat(R"({"id":"gen-1","choices":[{"index":0,"finish_reason":"stop","message":)", message,
                      "}]}");
}

TEST(ChatCompletionsTest, ReadsImagesFromWhereUpstreamsPutThem) {
  std::string data_url = absl::StrCat("data:image/png;base64,", test_images::kPng);
  const std::string kMessages[] = {
      absl::StrCat(R"({"content":"Here you go","images":[{"type":"image_url","image_url":{"url":")", data_url,
                   R"("}}]})"),
      absl::StrCat(R"({"images":[{"image_url":")", data_url, R"("}]})"),
      absl::StrCat(R"({"images":[{"b64_json":")", test_images::kPng, R"("}]})"),
      absl::StrCat(R"({"content":")", data_url, R"("})"),
      absl::StrCat(R"({"content":"Here:\n![a \"picture\"]()", data_url, R"()\nEnjoy"})"),
      absl::StrCat(R"({"content":[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":")",
                   data_url, R"("}}]})"),
  };
  for (const std::string& message : kMessages) {
    Outcome outcome = Read(Chat(), ChatAnswer(message));
    ASSERT_EQ(outcome.verdict, Verdict::kImages) << message << outcome.note;
    ASSERT_THAT(outcome.images, SizeIs(1));
    EXPECT_EQ(outcome.images[0].base64(), test_images::kPng);
  }
  Outcome outcome = Read(Chat(), ChatAnswer(R"j({"content":"![x](https://cdn.example/a.png)"})j"));
  ASSERT_THAT(outcome.images, SizeIs(1));
  EXPECT_EQ(outcome.images[0].url(), "https://cdn.example/a.png");
}

TEST(ChatCompletionsTest, WordsInsteadOfAPictureAreARefusal) {
  for (const char* message : {R"({"content":"I cannot draw that."})", R"({"content":null})", "{}",
                              R"({"content":"","images":[]})"}) {
    EXPECT_EQ(ReasonOfOutcome(Read(Chat(), ChatAnswer(message))), "MODERATION_BLOCKED") << message;
  }
  EXPECT_EQ(ReasonOfOutcome(Read(
                Chat(), R"({"choices":[{"finish_reason":"content_filter","message":{"content":"..."}}]})")),
            "MODERATION_BLOCKED");
}

TEST(ChatCompletionsTest, BrokenAnswersMayHaveCostSomething) {
  const std::string kBodies[] = {
      "",
      "{}",
      R"({"choices":[]})",
      R"({"choices":null})",
      R"({"error":{"code":502,"message":"provider"}})",
      R"({"choices":[{"error":{"code":502,"message":"x"},"message":{}}]})",
      ChatAnswer(R"({"images":[{"image_url":{"url":"data:image/png;base64,AAAA"}}]})"),
      ChatAnswer(R"({"images":[{"image_url":{"url":"data:image/png,plain"}}]})"),
      ChatAnswer(R"({"images":[{}]})"),
      ChatAnswer(R"({"images":[7]})"),
  };
  for (const std::string& body : kBodies) {
    Outcome outcome = Read(Chat(), body);
    EXPECT_EQ(outcome.verdict, Verdict::kUnknown) << body;
    EXPECT_EQ(ReasonOfOutcome(outcome), "UPSTREAM_ERROR") << body;
  }
}

// Every prefix of a good answer is an answer that was cut: never an image, never a refusal.
TEST(AdaptersTest, NoPrefixOfAnAnswerCountsAsDelivered) {
  std::string openai = absl::StrCat(R"({"data":[{"b64_json":")", test_images::kPng, R"("}]})");
  std::string chat = ChatAnswer(absl::StrCat(R"({"images":[{"b64_json":")", test_images::kPng, R"("}]})"));
  for (size_t cut = 0; cut < openai.size(); ++cut) {
    EXPECT_EQ(Read(Openai(), openai.substr(0, cut)).verdict, Verdict::kUnknown) << cut;
  }
  for (size_t cut = 0; cut < chat.size(); ++cut) {
    EXPECT_EQ(Read(Chat(), chat.substr(0, cut)).verdict, Verdict::kUnknown) << cut;
  }
}

}  // namespace
}  // namespace prismatic::provider_proxy
