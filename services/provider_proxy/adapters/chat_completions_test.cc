#include "services/provider_proxy/adapters/chat_completions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/provider_proxy/adapters/test_images.h"
#include "services/provider_proxy/adapters/test_target.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace test_target;  // NOLINT

const Adapter& Chat() { return *AdapterFor(catalog::v1::WIRE_FORMAT_CHAT_COMPLETIONS); }

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
  for (const char* message :
       {R"({"content":"I cannot draw that."})", R"({"content":"I cannot.","images":[]})",
        R"({"content":[{"type":"thinking","thinking":"Hm."},{"type":"text","text":"No."}]})",
        R"({"refusal":"No."})", R"({"content":"See https://example.com/policy"})"}) {
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

// An answer that was cut is never an image and never a refusal.
TEST(ChatCompletionsTest, NoPrefixOfAnAnswerCountsAsDelivered) {
  std::string answer = ChatAnswer(absl::StrCat(R"({"images":[{"b64_json":")", test_images::kPng, R"("}]})"));
  for (size_t cut = 0; cut < answer.size(); ++cut) {
    EXPECT_EQ(Read(Chat(), answer.substr(0, cut)).verdict, Verdict::kUnknown) << cut;
  }
}

TEST(ChatCompletionsTest, NeitherWordsNorAPictureIsNoRefusalAndMayHaveCostSomething) {
  for (const char* message :
       {R"({"content":null})", "{}", R"({"content":"","images":[]})", R"({"content":" \n"})",
        R"({"content":[]})", R"({"content":null,"reasoning":"I shall draw a hat."})"}) {
    Outcome outcome = Read(Chat(), ChatAnswer(message));
    EXPECT_EQ(outcome.verdict, Verdict::kUnknown) << message;
    EXPECT_EQ(outcome.label, "empty_answer") << message;
  }
}

TEST(ChatCompletionsTest, AnAnswerThatSaysWhyItHoldsNoPictureIsNotAnEmptyOne) {
  for (const char* choice :
       {R"({"finish_reason":"length","message":{"content":"I shall dr"}})", R"({"finish_reason":"length"})",
        R"({"finish_reason":"stop","native_finish_reason":"NO_IMAGE","message":{"content":""}})",
        R"({"finish_reason":"stop","native_finish_reason":"IMAGE_OTHER","message":{"content":null}})",
        R"({"finish_reason":"max_tokens","message":{}})"}) {
    Outcome outcome = Read(Chat(), absl::StrCat(R"({"choices":[)", choice, "]}"));
    EXPECT_EQ(outcome.verdict, Verdict::kUnknown) << choice;
    EXPECT_EQ(outcome.label, "no_image") << choice;
  }
}

TEST(ChatCompletionsTest, EveryNameForAFilterIsARefusal) {
  for (const char* reason : {"content_filter", "content-filter", "SAFETY", "IMAGE_SAFETY",
                             "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION", "IMAGE_RECITATION"}) {
    for (const char* key : {"finish_reason", "native_finish_reason"}) {
      std::string body =
          absl::StrCat(R"({"choices":[{")", key, R"(":")", reason, R"(","message":{"images":[{"b64_json":")",
                       test_images::kPng, R"("}]}}]})");
      EXPECT_EQ(Read(Chat(), body).verdict, Verdict::kModerated) << reason;
    }
  }
}

TEST(ChatCompletionsTest, AChoiceWithAnImageIsTakenAlsoWhenAnotherFailed) {
  std::string image = absl::StrCat(R"({"message":{"images":[{"b64_json":")", test_images::kPng, R"("}]}})");
  for (const char* other :
       {R"({"error":{"code":502}})", R"({"finish_reason":"content_filter"})", "{}", "null", "7"}) {
    EXPECT_EQ(Read(Chat(), absl::StrCat(R"({"choices":[)", image, ",", other, "]}")).verdict,
              Verdict::kImages);
    EXPECT_EQ(Read(Chat(), absl::StrCat(R"({"choices":[)", other, ",", image, "]}")).verdict,
              Verdict::kImages);
  }
}

TEST(ChatCompletionsTest, ARefusalCountsMoreThanWhatElseWentWrong) {
  const char* const kRefusal = R"({"error":{"code":"content_policy_violation"}})";
  for (const char* other :
       {R"({"error":{"code":502}})", R"({"finish_reason":"length","message":{"content":"x"}})",
        R"({"message":{"images":[{"b64_json":"AAAA"}]}})"}) {
    for (const std::string& both : {absl::StrCat(kRefusal, ",", other), absl::StrCat(other, ",", kRefusal)}) {
      EXPECT_EQ(Read(Chat(), absl::StrCat(R"({"choices":[)", both, "]}")).verdict, Verdict::kModerated)
          << both;
    }
  }
}

TEST(ChatCompletionsTest, HostileAnswersAreNeitherImagesNorRefusals) {
  std::string parts, choices;
  for (int i = 0; i < 10'000; ++i) {
    absl::StrAppend(&parts, i == 0 ? "" : ",", R"({"type":"image_url","image_url":{"url":"data:,x"}})");
    absl::StrAppend(&choices, i == 0 ? "" : ",", "{}");
  }
  const std::string kBodies[] = {
      ChatAnswer(absl::StrCat(R"({"content":[)", parts, "]}")),
      ChatAnswer(absl::StrCat(R"({"images":[)", parts, "]}")),
      absl::StrCat(R"({"choices":[)", choices, "]}"),
      ChatAnswer(R"({"content":"![a](b"})"),
      ChatAnswer(R"j({"content":"![](javascript:alert(1))"})j"),
      ChatAnswer(R"({"content":"data:image/png;base64,"})"),
      ChatAnswer(R"({"content":"words data:image/png;base64,AAAA words"})"),
      ChatAnswer(R"({"content":{"images":["x"]},"images":{"0":"x"}})"),
      ChatAnswer(R"({"images":[{"image_url":{"url":{"url":"https://x.example/a.png"}}}]})"),
      ChatAnswer(R"({"images":[{"image":{"source":{"data":7}}}]})"),
      ChatAnswer("[]"),
      R"({"choices":{"message":{}}})",
      R"({"choices":[null,1,"x",[]]})",
  };
  for (const std::string& body : kBodies) {
    Outcome outcome = Read(Chat(), body);
    EXPECT_THAT(outcome.images, IsEmpty()) << body.substr(0, 120);
    bool words = absl::StrContains(body, "![a](b");  // which is text and no picture
    EXPECT_EQ(outcome.verdict, words ? Verdict::kModerated : Verdict::kUnknown) << body.substr(0, 120);
  }
}

}  // namespace
}  // namespace prismatic::provider_proxy
