#include "services/sandbox_provider/sandbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "services/common/http/server.h"

namespace prismatic::sandbox {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kImages[] = "/v1/images/generations";
constexpr char kChat[] = "/v1/chat/completions";

class SandboxTest : public ::testing::Test {
 protected:
  void Start(SandboxOptions options = {}) {
    server_.reset();
    absl::StatusOr<std::shared_ptr<const Font>> font =
        Font::Load("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf");
    ASSERT_TRUE(font.ok()) << font.status();
    options.font = *font;
    sandbox_ = std::make_unique<Sandbox>(std::move(options));
    http::ServerOptions server_options;
    server_options.address = "127.0.0.1:0";
    server_options.workers = &workers_;
    server_options.limits.fields = http::Fields::kAll;
    server_options.refuse = Sandbox::Refuse;
    absl::StatusOr<std::unique_ptr<http::Server>> server =
        http::Server::Start(std::move(server_options), [this](std::shared_ptr<const http::Request> request) {
          return sandbox_->Handle(std::move(request));
        });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    client_ = std::make_unique<httplib::Client>("127.0.0.1", server_->port());
    client_->set_keep_alive(true);
    client_->set_read_timeout(60);
    client_->set_tcp_nodelay(true);
  }
  void SetUp() override { Start(); }

  httplib::Result Post(const std::string& path, const std::string& body) {
    return client_->Post(path, {{"Authorization", "Bearer any"}}, body, "application/json");
  }
  // Small pictures, for speed.
  httplib::Result Generate(absl::string_view prompt, absl::string_view more = "") {
    json::Writer writer;
    writer.String(prompt);
    return Post(kImages,
                absl::StrCat(R"({"model":"imagen","size":"256x256","prompt":)", writer.Take(), more, "}"));
  }
  httplib::Result Chat(absl::string_view prompt, absl::string_view more = "") {
    json::Writer writer;
    writer.String(prompt);
    return Post(kChat,
                absl::StrCat(R"({"model":"nano","image_config":{"image_size":"512"},)",
                             R"("messages":[{"role":"user","content":)", writer.Take(), "}]", more, "}"));
  }
  static json::Document Read(const httplib::Result& result) {
    EXPECT_TRUE(result);
    absl::StatusOr<json::Document> document = json::Document::Parse(result ? result->body : "");
    EXPECT_TRUE(document.ok()) << document.status();
    return document.ok() ? *std::move(document) : *json::Document::Parse("{}");
  }
  static std::string ErrorText(const httplib::Result& result, absl::string_view field) {
    json::Document document = Read(result);
    return document.root().Find("error")->Find(field)->String().value_or("null");
  }
  // The PNGs of an answer in OpenAI's format.
  static std::vector<std::string> Pictures(const httplib::Result& result) {
    std::vector<std::string> pictures;
    json::Document document = Read(result);
    for (const json::Value& item : document.root().Find("data")->elements()) {
      std::string png;
      EXPECT_TRUE(absl::Base64Unescape(*item.Find("b64_json")->PlainString(), &png));
      pictures.push_back(std::move(png));
    }
    return pictures;
  }
  // The URLs of an answer in the chat format.
  static std::vector<std::string> ChatUrls(const httplib::Result& result) {
    std::vector<std::string> urls;
    json::Document document = Read(result);
    const json::Value& message = *document.root().Find("choices")->elements()[0].Find("message");
    if (message.Find("images") == nullptr) return {};
    for (const json::Value& item : message.Find("images")->elements()) {
      urls.push_back(*item.Find("image_url")->Find("url")->String());
    }
    return urls;
  }
  // "WxH" from a PNG's head.
  static std::string Sides(const std::string& png) {
    EXPECT_THAT(png, StartsWith("\x89PNG\r\n"));
    auto number = [&](size_t at) {
      int value = 0;
      for (size_t i = at; i < at + 4; ++i) value = value << 8 | static_cast<uint8_t>(png[i]);
      return value;
    };
    return absl::StrCat(number(16), "x", number(20));
  }

  std::unique_ptr<Sandbox> sandbox_;
  Workers workers_{2};
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<httplib::Client> client_;
};

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
