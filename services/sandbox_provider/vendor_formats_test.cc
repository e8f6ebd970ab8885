#include "services/sandbox_provider/sandbox_fixture.h"

namespace prismatic::sandbox {
namespace {

using ::testing::Not;

class VendorFormatsTest : public SandboxFixture {
 protected:
  static std::string Gemini(absl::string_view model = "nano") {
    return absl::StrCat("/v1beta/models/", model, ":generateContent");
  }
  // With `512` of imageSize, for speed.
  static std::string GeminiBody(absl::string_view prompt, absl::string_view parts = "",
                                absl::string_view config = "") {
    return absl::StrCat(
        R"({"contents":[{"role":"user","parts":[{"text":")", prompt, "\"}", parts,
        R"(]}],"generationConfig":{"responseModalities":["IMAGE"],"imageConfig":{"imageSize":"512"})", config,
        "}}");
  }
};

// --- Look-alikes of OpenAI's format ---

TEST_F(VendorFormatsTest, GptImageModelsDoNotKnowResponseFormat) {
  for (const char* field : {R"("response_format":"b64_json")", R"("style":"vivid")"}) {
    httplib::Result result =
        Call(kImages, absl::StrCat(R"({"model":"gpt-image-2","prompt":"x",)", field, "}"));
    EXPECT_EQ(result->status, 400);
    EXPECT_EQ(TextAt(result->body, "error/code"), "unknown_parameter");
    EXPECT_THAT(field, HasSubstr(*TextAt(result->body, "error/param")));
  }
  EXPECT_EQ(Call(kImages, R"({"model":"gpt-image-2","prompt":"[[sandbox images=0]]x"})")->status, 200);
}

TEST_F(VendorFormatsTest, GrokModelsDoNotKnowSizes) {
  httplib::Result result = Call(kImages, R"({"model":"grok-imagine","prompt":"x","size":"1024x1024"})");
  EXPECT_EQ(result->status, 400);
  EXPECT_EQ(TextAt(result->body, "error/param"), "size");
  httplib::Result flagged =
      Call(kImages, R"({"model":"grok-imagine","n":2,"prompt":"[[sandbox refuse=flagged]]x"})");
  EXPECT_EQ(flagged->status, 200);
  EXPECT_EQ(RawAt(flagged->body, "data/1/respect_moderation"), "false");
}

TEST_F(VendorFormatsTest, WidthHeightAndBase64AreTogethersWords) {
  httplib::Result result =
      Call(kImages, R"({"model":"m","prompt":"x","width":512,"height":256,"response_format":"base64"})");
  ASSERT_EQ(result->status, 200);
  EXPECT_EQ(Sides(PngAt(result->body, "data/0/b64_json")), "512x256");
  EXPECT_EQ(Call(kImages, R"({"prompt":"x","width":512})")->status, 400);
  EXPECT_EQ(Call(kImages, R"({"prompt":"x","width":"512","height":256})")->status, 400);
}

TEST_F(VendorFormatsTest, EditsNeedReferences) {
  const char* path = "/v1/images/edits";
  EXPECT_EQ(Call(path, R"({"prompt":"x"})")->status, 400);
  EXPECT_EQ(Call(path, R"({"prompt":"x","images":[5]})")->status, 400);
  std::string plain = Call(kImages, R"({"prompt":"x","size":"256x256"})")->body;
  for (const char* references :
       {R"("images":[{"image_url":"https://a/b.png"},{"image_url":"https://a/c.png"}])",
        R"("images":[{"url":"https://a/b.png","type":"image_url"},"https://a/c.png"])"}) {
    httplib::Result result =
        Call(path, absl::StrCat(R"({"prompt":"[[sandbox usage]]x","size":"256x256",)", references, "}"));
    ASSERT_EQ(result->status, 200) << references;
    EXPECT_EQ(IntAt(result->body, "usage/input_tokens_details/image_tokens"), 646);
    EXPECT_TRUE(PngAt(result->body, "data/0/b64_json") != PngAt(plain, "data/0/b64_json"));
  }
}

TEST_F(VendorFormatsTest, AzureHasTheModelInItsPathAndAKeyOfItsOwn) {
  Start({.api_key = "right"});
  std::string path = "/openai/deployments/my-images/images/generations";
  std::string body = R"({"prompt":"[[sandbox images=0]]x"})";
  EXPECT_EQ(Call(path + "?api-version=2025-04-01-preview", body, {{"api-key", "right"}})->status, 200);
  EXPECT_EQ(Call(path, body, {{"api-key", "right"}})->status, 404);
  httplib::Result wrong = Call(path + "?api-version=1", body, {{"Authorization", "Bearer right"}});
  EXPECT_EQ(wrong->status, 401);
  EXPECT_EQ(TextAt(wrong->body, "error/code"), "401");
  httplib::Result refused =
      Call(path + "?api-version=1", R"({"prompt":"[[sandbox refuse]]x"})", {{"api-key", "right"}});
  EXPECT_EQ(refused->status, 400);
  EXPECT_EQ(TextAt(refused->body, "error/inner_error/code"), "ResponsibleAIPolicyViolation");
  httplib::Result gpt = Call("/openai/deployments/gpt-image-2/images/generations?api-version=1",
                             R"({"prompt":"x","response_format":"url"})", {{"api-key", "right"}});
  EXPECT_EQ(TextAt(gpt->body, "error/code"), "unknown_parameter");
}

TEST_F(VendorFormatsTest, OpenRouterAnswersWithMediaTypesAndNumericCodes) {
  std::string part = R"({"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}})";
  httplib::Result result =
      Call("/v1/images", absl::StrCat(R"({"model":"m","prompt":"x","resolution":"0.5K",)",
                                      R"("input_references":[)", part, "]}"));
  ASSERT_EQ(result->status, 200);
  EXPECT_EQ(Sides(PngAt(result->body, "data/0/b64_json")), "512x512");
  EXPECT_EQ(TextAt(result->body, "data/0/media_type"), "image/png");
  EXPECT_EQ(RawAt(result->body, "usage/cost"), "0.04");
  httplib::Result busy = Call("/v1/images", R"({"prompt":"[[sandbox status=402]]x"})");
  EXPECT_EQ(busy->status, 402);
  EXPECT_EQ(IntAt(busy->body, "error/code"), 402);
  httplib::Result refused = Call("/v1/images", R"({"prompt":"[[sandbox refuse]]x"})");
  EXPECT_EQ(refused->status, 403);
  EXPECT_EQ(TextAt(refused->body, "error/metadata/reasons/0"), "violence");
}

// --- Gemini ---

TEST_F(VendorFormatsTest, GeminiAnswersWithInlineDataAndUsageByModality) {
  std::string reference =
      absl::StrCat(R"(,{"inlineData":{"mimeType":"image/png","data":")", ReferenceBase64(), "\"}}");
  httplib::Result result = Call(Gemini(), GeminiBody("a fox", reference, R"(,"seed":7)"));
  ASSERT_EQ(result->status, 200) << result->body;
  EXPECT_EQ(Sides(PngAt(result->body, "candidates/0/content/parts/0/inlineData/data")), "512x512");
  EXPECT_EQ(TextAt(result->body, "candidates/0/finishReason"), "STOP");
  EXPECT_EQ(TextAt(result->body, "usageMetadata/promptTokensDetails/1/modality"), "IMAGE");
  EXPECT_EQ(IntAt(result->body, "usageMetadata/candidatesTokensDetails/0/tokenCount"), 1290);
  std::string other = Call(Gemini(), GeminiBody("a fox", reference, R"(,"seed":8)"))->body;
  EXPECT_TRUE(RawAt(other, "candidates/0/content") != RawAt(result->body, "candidates/0/content"));
}

TEST_F(VendorFormatsTest, GeminiDrawsTheAskedRatioAndVertexHasALongerPath) {
  std::string body = R"({"contents":[{"parts":[{"text":"x"}]}],"generation_config":{"image_config":{
      "aspect_ratio":"16:9","image_size":"512"}}})";
  httplib::Result result =
      Call("/v1/projects/p/locations/global/publishers/google/models/nano:generateContent", body);
  ASSERT_EQ(result->status, 200) << result->body;
  EXPECT_EQ(Sides(PngAt(result->body, "candidates/0/content/parts/0/inlineData/data")), "688x387");
  EXPECT_EQ(TextAt(result->body, "modelVersion"), "nano");
}

TEST_F(VendorFormatsTest, GeminiRefusesInsideASuccess) {
  httplib::Result prompt = Call(Gemini(), GeminiBody("[[sandbox refuse=prompt]]"));
  EXPECT_EQ(prompt->status, 200);
  EXPECT_EQ(TextAt(prompt->body, "promptFeedback/blockReason"), "PROHIBITED_CONTENT");
  EXPECT_EQ(RawAt(prompt->body, "candidates"), "");
  httplib::Result image = Call(Gemini("nano%23refuse=image"), GeminiBody("x"));
  EXPECT_EQ(image->status, 200);
  EXPECT_EQ(TextAt(image->body, "candidates/0/finishReason"), "IMAGE_SAFETY");
  EXPECT_EQ(RawAt(image->body, "candidates/0/content"), "");
  EXPECT_EQ(TextAt(Call(Gemini(), GeminiBody("[[sandbox images=0]]"))->body, "candidates/0/finishReason"),
            "NO_IMAGE");
}

TEST_F(VendorFormatsTest, GeminiThinksAloudWhenAsked) {
  std::string body = Call(Gemini(), GeminiBody("[[sandbox thought]]x"))->body;
  EXPECT_EQ(RawAt(body, "candidates/0/content/parts/0/thought"), "true");
  EXPECT_EQ(RawAt(body, "candidates/0/content/parts/1/thought"), "true");
  EXPECT_EQ(PngAt(body, "candidates/0/content/parts/1/inlineData/data"), "A sketch, not an image.");
  EXPECT_EQ(Sides(PngAt(body, "candidates/0/content/parts/2/inlineData/data")), "512x512");
}

TEST_F(VendorFormatsTest, GeminiRefusesWhatGoogleWould) {
  std::string not_image = absl::StrCat(R"(,{"inlineData":{"mimeType":"image/png","data":")", "AAAA", "\"}}");
  for (
      const std::string& body :
      {std::string("{}"), std::string(R"({"contents":[]})"), std::string(R"({"prompt":"x"})"),
       std::string(R"({"contents":[{"role":"model","parts":[{"text":"x"}]}]})"), GeminiBody("x", not_image),
       GeminiBody("x", "", R"(,"n":2)"), GeminiBody("x", "", R"(,"seed":3000000000)"),
       std::string(
           R"({"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"imageConfig":{"aspectRatio":"7:3"}}})"),
       std::string(
           R"({"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"imageConfig":{"imageSize":"1k"}}})"),
       std::string(
           R"({"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"responseModalities":["TEXT"]}})")}) {
    httplib::Result result = Call(Gemini(), body);
    EXPECT_EQ(result->status, 400) << body;
    EXPECT_EQ(TextAt(result->body, "error/status"), "INVALID_ARGUMENT") << result->body;
  }
  httplib::Result busy = Call(Gemini(), GeminiBody("[[sandbox status=429 retry_after=1]]x"));
  EXPECT_EQ(busy->status, 429);
  EXPECT_EQ(TextAt(busy->body, "error/status"), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(busy->get_header_value("Retry-After"), "1");
}

TEST_F(VendorFormatsTest, GeminiTakesItsKeyInTwoWaysAndFindsAWrongOneAnInvalidArgument) {
  Start({.api_key = "right"});
  std::string body = GeminiBody("[[sandbox images=0]]x");
  EXPECT_EQ(Call(Gemini(), body, {{"x-goog-api-key", "right"}})->status, 200);
  EXPECT_EQ(Call(Gemini(), body, {{"Authorization", "Bearer right"}})->status, 200);
  httplib::Result wrong = Call(Gemini(), body, {{"x-goog-api-key", "wrong"}});
  EXPECT_EQ(wrong->status, 400);
  EXPECT_EQ(TextAt(wrong->body, "error/details/0/reason"), "API_KEY_INVALID");
  EXPECT_EQ(Call(Gemini(), body, {{"Authorization", "Bearer wrong"}})->status, 401);
  EXPECT_EQ(Call(Gemini(), body)->status, 403);
  EXPECT_EQ(Call("/v1beta/models", "", {{"x-goog-api-key", "wrong"}})->status, 400);
}

// --- AUTOMATIC1111 ---

TEST_F(VendorFormatsTest, SdapiAnswersWithBareBase64) {
  httplib::Result result =
      Call("/sdapi/v1/txt2img", R"({"prompt":"x","width":512,"height":256,"batch_size":2,)"
                                R"("seed":5,"override_settings":{"sd_model_checkpoint":"sd"}})");
  ASSERT_EQ(result->status, 200) << result->body;
  EXPECT_EQ(Sides(PngAt(result->body, "images/0")), "512x256");
  EXPECT_TRUE(PngAt(result->body, "images/0") != PngAt(result->body, "images/1"));
  EXPECT_EQ(RawAt(result->body, "images/2"), "");
  EXPECT_EQ(RawAt(*TextAt(result->body, "info"), "all_seeds"), "[5,6]");
  EXPECT_EQ(TextAt(*TextAt(result->body, "info"), "sd_model_name"), "sd");
}

TEST_F(VendorFormatsTest, SdapiPrependsAGridWhenAsked) {
  std::string body = R"({"prompt":"[[sandbox grid]]x","width":256,"height":256,"n_iter":2})";
  std::string answer = Call("/sdapi/v1/txt2img", body)->body;
  EXPECT_NE(RawAt(answer, "images/2"), "");
  EXPECT_EQ(RawAt(*TextAt(answer, "info"), "index_of_first_image"), "1");
  std::string plain =
      Call("/sdapi/v1/txt2img", R"({"prompt":"x","width":256,"height":256,"n_iter":2})")->body;
  EXPECT_TRUE(RawAt(answer, "images/1") == RawAt(plain, "images/0"));
  EXPECT_TRUE(RawAt(answer, "images/2") == RawAt(plain, "images/1"));
  std::string one =
      Call("/sdapi/v1/txt2img", R"({"prompt":"[[sandbox grid]]x","width":256,"height":256})")->body;
  EXPECT_EQ(RawAt(one, "images/1"), "");
}

TEST_F(VendorFormatsTest, SdapiTakesInitImages) {
  const char* path = "/sdapi/v1/img2img";
  httplib::Result without = Call(path, R"({"prompt":"x"})");
  EXPECT_EQ(without->status, 404);
  EXPECT_EQ(TextAt(without->body, "detail"), "Init image not found");
  std::string body = R"({"prompt":"x","width":256,"height":256,"init_images":[")";
  EXPECT_EQ(Call(path, body + ReferenceBase64() + "\"]}")->status, 200);
  EXPECT_EQ(Call(path, body + "data:image/png;base64," + ReferenceBase64() + "\"]}")->status, 200);
  EXPECT_EQ(Call(path, body + "AAAA\"]}")->status, 422);
}

TEST_F(VendorFormatsTest, SdapiComplainsAsItsOriginalDoes) {
  httplib::Result wide = Call("/sdapi/v1/txt2img", R"({"prompt":"x","width":4096})");
  EXPECT_EQ(wide->status, 422);
  EXPECT_EQ(TextAt(wide->body, "detail/0/loc/1"), "width");
  EXPECT_EQ(Call("/sdapi/v1/txt2img", R"({"prompt":"x","steps":0})")->status, 422);
  EXPECT_EQ(Call("/sdapi/v1/txt2img", R"({"prompt":"x","batch_size":4,"n_iter":4})")->status, 422);
  httplib::Result broken = Call("/sdapi/v1/txt2img", R"({"prompt":"[[sandbox status=500]]x"})");
  EXPECT_EQ(broken->status, 500);
  EXPECT_EQ(TextAt(broken->body, "error"), "RuntimeError");
  EXPECT_EQ(Call("/sdapi/v1/txt2img", R"({"prompt":"[[sandbox refuse]]x"})")->status, 400);
}

TEST_F(VendorFormatsTest, SdapiTakesBasicCredentials) {
  Start({.api_key = "right"});
  auto status = [&](const std::string& pair) {
    return Call("/sdapi/v1/sd-models", "", {{"Authorization", "Basic " + absl::Base64Escape(pair)}})->status;
  };
  EXPECT_EQ(status("someone:right"), 200);
  EXPECT_EQ(status("right"), 200);
  EXPECT_EQ(status("right:wrong"), 401);
  EXPECT_EQ(status("rightx"), 401);
  httplib::Result none = Call("/sdapi/v1/txt2img", R"({"prompt":"x"})");
  EXPECT_EQ(none->status, 401);
  EXPECT_EQ(none->get_header_value("WWW-Authenticate"), "Basic");
  Start({.api_key = "user:right"});
  EXPECT_EQ(status("user:right"), 200);
  EXPECT_EQ(status("other:right"), 401);
}

}  // namespace
}  // namespace prismatic::sandbox
