#include "absl/time/clock.h"
#include "services/sandbox_provider/sandbox_fixture.h"

namespace prismatic::sandbox {
namespace {

using ::testing::Not;

class SandboxTest : public SandboxFixture {};

TEST_F(SandboxTest, DrawsInOpenAisFormat) {
  httplib::Result result = Generate("a fox", R"(,"n":3,"seed":5)");
  ASSERT_EQ(result->status, 200);
  std::vector<std::string> pictures = Pictures(result);
  ASSERT_EQ(pictures.size(), 3u);
  for (const std::string& png : pictures) EXPECT_EQ(Sides(png), "256x256");
  EXPECT_TRUE(pictures[0] != pictures[1]);
  json::Document document = Read(result);
  EXPECT_GT(document.root().Find("created")->Int(), 1'700'000'000);
  EXPECT_EQ(document.root().Find("usage"), nullptr);
  EXPECT_EQ(document.root().Find("data")->elements()[0].Find("revised_prompt"), nullptr);
  EXPECT_THAT(result->get_header_value("x-request-id"), StartsWith("sandbox-"));
}

TEST_F(SandboxTest, DrawsInTheChatFormat) {
  httplib::Result result = Post(kChat, R"({"model":"nano","modalities":["image","text"],"image_config":
      {"aspect_ratio":"16:9","image_size":"512"},"messages":[{"role":"system","content":"be nice"},
      {"role":"user","content":[{"type":"text","text":"a fox"},
      {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]})");
  ASSERT_EQ(result->status, 200);
  std::vector<std::string> urls = ChatUrls(result);
  ASSERT_EQ(urls.size(), 1u);
  absl::string_view base64 = urls[0];
  ASSERT_TRUE(absl::ConsumePrefix(&base64, "data:image/png;base64,"));
  std::string png;
  ASSERT_TRUE(absl::Base64Unescape(base64, &png));
  EXPECT_EQ(Sides(png), "688x387");
  json::Document document = Read(result);
  EXPECT_EQ(document.root().Find("model")->String(), "nano");
}

TEST_F(SandboxTest, TheSameRequestGivesTheSamePicture) {
  std::string first = Pictures(Generate("a fox", R"(,"seed":1)"))[0];
  EXPECT_TRUE(Pictures(Generate("a fox", R"(,"seed":1)"))[0] == first);
  EXPECT_TRUE(Pictures(Generate("[[sandbox usage]] a fox", R"(,"seed":1,"n":2)"))[0] == first);
  EXPECT_TRUE(Pictures(Generate("a fox", R"(,"seed":2)"))[0] != first);
  EXPECT_TRUE(Pictures(Generate("a fox", R"(,"seed":1,"image_url":"https://a/b.png")"))[0] != first);
}

TEST_F(SandboxTest, DrawsTheAskedRatio) {
  httplib::Result result = Post(kImages, R"({"prompt":"fox","aspect_ratio":"16:9"})");
  EXPECT_EQ(Sides(Pictures(result)[0]), "1360x765");
}

TEST_F(SandboxTest, GivesUrlsThatServeThePicture) {
  json::Document document = Read(Generate("a fox", R"(,"response_format":"url")"));
  const json::Value& item = document.root().Find("data")->elements()[0];
  EXPECT_EQ(item.Find("b64_json"), nullptr);
  std::string url = *item.Find("url")->String();
  std::string prefix = absl::StrCat("http://127.0.0.1:", server_->port());
  ASSERT_THAT(url, StartsWith(absl::StrCat(prefix, "/_sandbox/images/")));
  httplib::Result picture = client_->Get(url.substr(prefix.size()));
  EXPECT_EQ(picture->get_header_value("Content-Type"), "image/png");
  EXPECT_TRUE(picture->body == Pictures(Generate("a fox"))[0]);
  EXPECT_EQ(client_->Get("/_sandbox/images/nothing.png")->status, 404);
}

TEST_F(SandboxTest, UrlsAreHttpsBehindAProxyThatSaysSo) {
  std::string body = R"({"prompt":"x","response_format":"url"})";
  httplib::Result result = Call(kImages, body, {{"X-Forwarded-Proto", "https"}});
  EXPECT_THAT(*TextAt(result->body, "data/0/url"), StartsWith("https://127.0.0.1:"));
}

TEST_F(SandboxTest, RefusesWrongRequestsWithWords) {
  for (const char* body :
       {"", "[]", "{", "{}", R"({"prompt":""})", R"({"prompt":5})", R"({"prompt":"x","n":0})",
        R"({"prompt":"x","n":11})", R"({"prompt":"x","n":1.5})", R"({"prompt":"x","size":"big"})",
        R"({"prompt":"x","seed":"1"})", R"({"prompt":"x","response_format":"gif"})"}) {
    httplib::Result result = Post(kImages, body);
    EXPECT_EQ(result->status, 400) << body;
    EXPECT_EQ(ErrorText(result, "type"), "invalid_request_error");
  }
  for (const char* body : {"{}", R"({"messages":[]})", R"({"messages":[{"role":"user"}]})",
                           R"({"messages":[{"role":"user","content":[{"type":"audio"}]}]})",
                           R"({"stream":true,"messages":[{"role":"user","content":"x"}]})"}) {
    EXPECT_EQ(Post(kChat, body)->status, 400) << body;
  }
  EXPECT_EQ(client_->Get(kImages)->status, 405);
  EXPECT_EQ(client_->Get("/nowhere")->status, 404);
  EXPECT_EQ(client_->Get("/healthz")->status, 200);
}

TEST_F(SandboxTest, ChecksTheKeyWhenItHasOne) {
  Start({.api_key = "right"});
  httplib::Result wrong = Generate("fox");
  EXPECT_EQ(wrong->status, 401);
  EXPECT_EQ(ErrorText(wrong, "code"), "invalid_api_key");
  httplib::Result right = client_->Post(kImages, {{"Authorization", "Bearer right"}},
                                        R"({"prompt":"x","size":"256x256"})", "application/json");
  EXPECT_EQ(right->status, 200);
}

TEST_F(SandboxTest, AnswersWithTheStatusThatThePromptAsksFor) {
  httplib::Result result = Generate("[[sandbox status=429 retry_after=2]] fox");
  EXPECT_EQ(result->status, 429);
  EXPECT_EQ(result->get_header_value("Retry-After"), "2");
  EXPECT_EQ(ErrorText(result, "code"), "rate_limit_exceeded");
  EXPECT_EQ(Chat("fox [[sandbox status=503]]")->status, 503);
}

TEST_F(SandboxTest, AnswersWithTheStatusThatTheModelAsksFor) {
  EXPECT_EQ(Post(kImages, R"({"model":"m#status=500,delay_ms=1","prompt":"x"})")->status, 500);
  // The prompt wins over the model.
  httplib::Result result = Post(
      kImages, R"({"model":"m#images=0,status=500","size":"256x256","prompt":"[[sandbox status=200]]x"})");
  EXPECT_EQ(result->status, 200);
  EXPECT_EQ(Pictures(result).size(), 0u);
}

TEST_F(SandboxTest, AnswersTheNextRequestsAsAsked) {
  EXPECT_EQ(Post("/_sandbox/faults", R"({"count":2,"directive":"status=500"})")->body, R"({"left":2})");
  EXPECT_EQ(Generate("fox")->status, 500);
  EXPECT_EQ(Chat("fox")->status, 500);
  EXPECT_EQ(Generate("fox")->status, 200);
  Post("/_sandbox/faults", R"({"count":2,"directive":"status=500"})");
  EXPECT_EQ(client_->Delete("/_sandbox/faults")->body, R"({"left":0})");
  EXPECT_EQ(Generate("fox")->status, 200);
  EXPECT_EQ(Post("/_sandbox/faults", R"({"count":2,"directive":"sttus=500"})")->status, 400);
  EXPECT_EQ(Post("/_sandbox/faults", R"({"count":-1,"directive":""})")->status, 400);
}

TEST_F(SandboxTest, NamesWordsThatItDoesNotKnow) {
  httplib::Result result = Generate("[[sandbox speed=9]] fox");
  EXPECT_EQ(result->status, 400);
  EXPECT_EQ(ErrorText(result, "code"), "unknown_sandbox_word");
  EXPECT_THAT(ErrorText(result, "message"), HasSubstr("`speed=9`"));
}

TEST_F(SandboxTest, Delays) {
  absl::Time begin = absl::Now();
  EXPECT_EQ(Generate("[[sandbox delay_ms=120]] fox")->status, 200);
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(120));
}

TEST_F(SandboxTest, ADelayEndsWhenTheClientIsGone) {
  client_->set_read_timeout(0, 100'000);
  EXPECT_FALSE(Generate("[[sandbox delay_ms=600000]] fox"));
  // Would take ten minutes otherwise.
  server_->Drain(absl::Seconds(30));
}

TEST_F(SandboxTest, CutsTheBody) {
  httplib::Result result = Generate("[[sandbox cut=100]] fox");
  EXPECT_FALSE(result);
  EXPECT_EQ(result.error(), httplib::Error::Read);
  EXPECT_EQ(Generate("fox")->status, 200);
}

TEST_F(SandboxTest, GivesAnotherNumberOfImages) {
  EXPECT_EQ(Pictures(Generate("[[sandbox images=1]] fox", R"(,"n":3)")).size(), 1u);
  EXPECT_EQ(Pictures(Generate("[[sandbox images=3]] fox")).size(), 3u);
  EXPECT_EQ(ChatUrls(Chat("[[sandbox images=2]] fox")).size(), 2u);
  EXPECT_EQ(ChatUrls(Chat("[[sandbox images=0]] fox")).size(), 0u);
}

TEST_F(SandboxTest, RefusesContentInTheFormatsOwnWay) {
  httplib::Result images = Generate("[[sandbox refuse]] fox");
  EXPECT_EQ(images->status, 400);
  EXPECT_EQ(ErrorText(images, "code"), "moderation_blocked");
  EXPECT_EQ(ErrorText(images, "type"), "image_generation_user_error");
  httplib::Result chat = Chat("[[sandbox refuse]] fox");
  EXPECT_EQ(chat->status, 200);
  EXPECT_THAT(chat->body, HasSubstr("I can't help"));
  EXPECT_TRUE(ChatUrls(chat).empty());
}

TEST_F(SandboxTest, SpoilsTheBody) {
  httplib::Result html = Generate("[[sandbox status=502 body=html]] fox");
  EXPECT_EQ(html->status, 502);
  EXPECT_EQ(html->get_header_value("Content-Type"), "text/html");
  EXPECT_THAT(html->body, StartsWith("<!DOCTYPE html>"));
  httplib::Result broken = Generate("[[sandbox body=broken_json]] fox");
  EXPECT_EQ(broken->status, 200);
  EXPECT_FALSE(json::Document::Parse(broken->body).ok());
  EXPECT_TRUE(Pictures(Generate("[[sandbox body=empty_data]] fox")).empty());
  EXPECT_THAT(Chat("[[sandbox body=empty_data]] fox")->body, HasSubstr(R"("images":[])"));
  std::string decoded;
  json::Document wrong = Read(Generate("[[sandbox body=wrong_base64]] fox"));
  EXPECT_FALSE(
      absl::Base64Unescape(*wrong.root().Find("data")->elements()[0].Find("b64_json")->String(), &decoded));
  EXPECT_EQ(Pictures(Generate("[[sandbox body=not_image]] fox"))[0], "This is not an image.");
}

TEST_F(SandboxTest, AddsWhatIsAskedFor) {
  json::Document urls = Read(Generate("[[sandbox url_only]] fox", R"(,"response_format":"b64_json")"));
  EXPECT_NE(urls.root().Find("data")->elements()[0].Find("url"), nullptr);
  EXPECT_THAT(ChatUrls(Chat("[[sandbox url_only]] fox"))[0], StartsWith("http://127.0.0.1:"));
  json::Document revised = Read(Generate("[[sandbox revised]] fox"));
  EXPECT_EQ(revised.root().Find("data")->elements()[0].Find("revised_prompt")->String(),
            "fox, seen through a prism");
  json::Document usage = Read(Generate("[[sandbox usage]] fox"));
  EXPECT_EQ(usage.root().Find("usage")->Find("output_tokens")->Int(), 1056);
  EXPECT_EQ(Pictures(Generate("[[sandbox size_bytes=3000000]] fox"))[0].size(), 3'000'000u);
}

TEST_F(SandboxTest, AVeryLargePicturePasses) {
  std::vector<std::string> pictures = Pictures(Generate("[[sandbox size_bytes=33554432]] fox"));
  EXPECT_EQ(pictures[0].size(), size_t{32} << 20);
}

TEST_F(SandboxTest, ChatRefusesAndShowsPicturesInOtherWaysToo) {
  httplib::Result filtered = Chat("[[sandbox refuse=filter]] fox");
  EXPECT_EQ(filtered->status, 200);
  EXPECT_EQ(TextAt(filtered->body, "choices/0/finish_reason"), "content_filter");
  EXPECT_TRUE(ChatUrls(filtered).empty());
  httplib::Result markdown = Chat("[[sandbox markdown]] fox");
  EXPECT_TRUE(ChatUrls(markdown).empty());
  EXPECT_THAT(*TextAt(markdown->body, "choices/0/message/content"),
              HasSubstr("![picture](data:image/png;base64,iVBOR"));
}

TEST_F(SandboxTest, ChatKnowsTheModalitiesOfItsModels) {
  std::string messages = R"("messages":[{"role":"user","content":"x [[sandbox images=0]]"}]})";
  EXPECT_EQ(Post(kChat, R"({"model":"m","modalities":["image","text"],)" + messages)->status, 200);
  EXPECT_EQ(Post(kChat, R"({"model":"a/flux.2","modalities":["image"],)" + messages)->status, 200);
  httplib::Result both = Post(kChat, R"({"model":"a/flux.2","modalities":["image","text"],)" + messages);
  EXPECT_EQ(both->status, 404);
  EXPECT_THAT(ErrorText(both, "message"), HasSubstr("output modalities: image, text"));
  EXPECT_EQ(Post(kChat, R"({"model":"m","modalities":["text"],)" + messages)->status, 404);
  EXPECT_EQ(Post(kChat, R"({"model":"m","modalities":"image",)" + messages)->status, 400);
}

TEST_F(SandboxTest, RefusesAWayOfRefusingThatTheFormatDoesNotHave) {
  EXPECT_EQ(ErrorText(Generate("[[sandbox refuse=prompt]] fox"), "code"), "unknown_sandbox_word");
  EXPECT_THAT(ErrorText(Chat("[[sandbox refuse=nsfw]] fox"), "message"), HasSubstr("text filter"));
}

TEST_F(SandboxTest, APictureMayClaimHugeSides) {
  EXPECT_EQ(Sides(Pictures(Generate("[[sandbox huge_dimensions]] fox"))[0]), "60000x60000");
  httplib::Result url = Generate("[[sandbox huge_dimensions]] fox", R"(,"response_format":"url")");
  EXPECT_EQ(Sides(Call(PathOf(*TextAt(url->body, "data/0/url")))->body), "60000x60000");
}

TEST_F(SandboxTest, CompressesUnasked) {
  client_->set_decompress(false);
  httplib::Result packed = Generate("[[sandbox gzip]] fox");
  EXPECT_EQ(packed->get_header_value("Content-Encoding"), "gzip");
  EXPECT_THAT(packed->body, StartsWith("\x1f\x8b"));
  client_->set_decompress(true);
  EXPECT_EQ(Pictures(Generate("[[sandbox gzip]] fox")).size(), 1u);
}

TEST_F(SandboxTest, ABombIsSmallAndUnpacksToAnAnswerWithALongTail) {
  client_->set_decompress(false);
  EXPECT_LT(Generate("[[sandbox gzip_bomb=8 images=0]] fox")->body.size(), 100'000u);
  client_->set_decompress(true);
  httplib::Result bomb = Generate("[[sandbox gzip_bomb=8]] fox");
  EXPECT_GT(bomb->body.size(), size_t{8} << 20);
  EXPECT_EQ(Pictures(bomb).size(), 1u);
}

TEST_F(SandboxTest, FaultsOfThePictureComeWhenItIsFetched) {
  httplib::Result answer =
      Generate("[[sandbox at=picture status=503 retry_after=3]] fox", R"(,"response_format":"url")");
  ASSERT_EQ(answer->status, 200);
  EXPECT_FALSE(answer->has_header("Retry-After"));
  httplib::Result picture = Call(PathOf(*TextAt(answer->body, "data/0/url")));
  EXPECT_EQ(picture->status, 503);
  EXPECT_EQ(picture->get_header_value("Retry-After"), "3");
  answer = Generate("[[sandbox body=not_image]] fox", R"(,"response_format":"url")");
  EXPECT_EQ(Call(PathOf(*TextAt(answer->body, "data/0/url")))->body, "This is not an image.");
  answer = Generate("[[sandbox at=picture cut=10]] fox", R"(,"response_format":"url")");
  EXPECT_FALSE(Call(PathOf(*TextAt(answer->body, "data/0/url"))));
}

TEST_F(SandboxTest, APictureIsNotServedToWhoSendsACredential) {
  std::string path = PathOf(*TextAt(Generate("fox", R"(,"response_format":"url")")->body, "data/0/url"));
  for (const char* header : {"Authorization", "x-key", "api-key", "x-goog-api-key", "Cookie"}) {
    httplib::Result leaked = Call(path, "", {{header, "secret"}});
    EXPECT_EQ(leaked->status, 400) << header;
    EXPECT_EQ(ErrorText(leaked, "code"), "leaked_credential");
    EXPECT_THAT(leaked->body, Not(HasSubstr("secret")));
  }
  EXPECT_EQ(Call(path)->status, 200);
}

TEST_F(SandboxTest, ListsModels) {
  EXPECT_EQ(TextAt(Call("/v1/models")->body, "data/0/id"), "imagen-4.0-generate-001");
  EXPECT_EQ(TextAt(Call("/v1beta/models")->body, "models/0/name"), "models/sandbox-gemini-image");
  EXPECT_EQ(TextAt(Call("/sdapi/v1/sd-models")->body, "0/model_name"), "sandbox-diffusion");
  EXPECT_EQ(TextAt(Call("/replicate/v1/account")->body, "username"), "sandbox");
  EXPECT_EQ(RawAt(Call("/bfl/v1/credits")->body, "credits"), "1000.0");
}

TEST_F(SandboxTest, RecordsOtherKindsOfRequestsApart) {
  std::string path = PathOf(*TextAt(Generate("fox", R"(,"response_format":"url")")->body, "data/0/url"));
  Call(path);
  Call(path);
  Call("/v1/models");
  EXPECT_EQ(IntAt(Call("/_sandbox/requests")->body, "total"), 1);
  EXPECT_EQ(IntAt(Call("/_sandbox/requests?kind=picture")->body, "total"), 2);
  EXPECT_EQ(IntAt(Call("/_sandbox/requests?kind=picture")->body, "requests/0/status"), 200);
  EXPECT_EQ(IntAt(Call("/_sandbox/requests?kind=list")->body, "total"), 1);
  EXPECT_EQ(IntAt(Call("/_sandbox/requests?kind=poll")->body, "total"), 0);
  EXPECT_EQ(Call("/_sandbox/requests?kind=other")->status, 400);
  client_->Delete("/_sandbox/requests");
  EXPECT_EQ(IntAt(Call("/_sandbox/requests?kind=picture")->body, "total"), 0);
}

TEST_F(SandboxTest, RecordsWhatArrives) {
  Generate("first");
  Generate("[[sandbox status=500]] second");
  client_->Get("/healthz");
  json::Document document = Read(client_->Get("/_sandbox/requests?limit=1"));
  EXPECT_EQ(document.root().Find("total")->Int(), 2);
  ASSERT_EQ(document.root().Find("requests")->elements().size(), 1u);
  const json::Value& newest = document.root().Find("requests")->elements()[0];
  EXPECT_EQ(newest.Find("method")->String(), "POST");
  EXPECT_EQ(newest.Find("path")->String(), kImages);
  EXPECT_EQ(newest.Find("status")->Int(), 500);
  EXPECT_EQ(newest.Find("truncated")->Bool(), false);
  EXPECT_EQ(newest.Find("headers")->Find("authorization")->String(), "Bearer any");
  EXPECT_THAT(*newest.Find("body")->String(), HasSubstr("second"));
  client_->Delete("/_sandbox/requests");
  EXPECT_EQ(client_->Get("/_sandbox/requests")->body, R"({"total":0,"requests":[]})");
}

TEST_F(SandboxTest, RecordsAThousandAndTheFirst64KiBOfEach) {
  for (int i = 0; i < 1005; ++i) Post(kImages, absl::StrCat("{\"i\":", i, "}"));
  Post(kImages, std::string(100'000, 'x'));
  json::Document document = Read(client_->Get("/_sandbox/requests?limit=5000"));
  EXPECT_EQ(document.root().Find("total")->Int(), 1006);
  const std::vector<json::Value>& requests = document.root().Find("requests")->elements();
  ASSERT_EQ(requests.size(), 1000u);
  EXPECT_EQ(requests[0].Find("truncated")->Bool(), true);
  EXPECT_EQ(requests[0].Find("body")->PlainString()->size(), size_t{64} << 10);
  EXPECT_EQ(requests[1].Find("body")->String(), "{\"i\":1004}");
}

TEST_F(SandboxTest, CountsWhatItAnswers) {
  metrics::Registry registry;
  Start({.metrics = &registry});
  Generate("fox");
  EXPECT_THAT(registry.Text(),
              HasSubstr(R"(prismatic_sandbox_requests_total{format="openai_images",status="200"} 1)"));
  server_.reset();
  sandbox_.reset();
}

}  // namespace
}  // namespace prismatic::sandbox
