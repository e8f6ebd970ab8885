#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_SANDBOX_FIXTURE_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_SANDBOX_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/common/http/server.h"
#include "services/common/json/json.h"
#include "services/sandbox_provider/sandbox.h"

namespace prismatic::sandbox {

using ::testing::HasSubstr;
using ::testing::StartsWith;

inline constexpr char kImages[] = "/v1/images/generations";
inline constexpr char kChat[] = "/v1/chat/completions";

// A sandbox on a port of its own, and a client for it.
class SandboxFixture : public ::testing::Test {
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

  // With the headers given and no other; `method` is POST when there is a body.
  httplib::Result Call(const std::string& path, const std::string& body = "",
                       const httplib::Headers& headers = {}) {
    return body.empty() ? client_->Get(path, headers)
                        : client_->Post(path, headers, body, "application/json");
  }
  // The value at "a/0/b" in a JSON text; nullopt when there is none, or none of that type.
  static std::optional<std::string> TextAt(const std::string& body, absl::string_view place) {
    absl::StatusOr<json::Document> document = json::Document::Parse(body);
    const json::Value* value = document.ok() ? Find(document->root(), place) : nullptr;
    return value == nullptr ? std::nullopt : value->String();
  }
  static std::optional<int64_t> IntAt(const std::string& body, absl::string_view place) {
    absl::StatusOr<json::Document> document = json::Document::Parse(body);
    const json::Value* value = document.ok() ? Find(document->root(), place) : nullptr;
    return value == nullptr ? std::nullopt : value->Int();
  }
  // As it stands in the text; empty when there is none.
  static std::string RawAt(const std::string& body, absl::string_view place) {
    absl::StatusOr<json::Document> document = json::Document::Parse(body);
    const json::Value* value = document.ok() ? Find(document->root(), place) : nullptr;
    return value == nullptr ? "" : std::string(value->raw());
  }
  static std::string PngAt(const std::string& body, absl::string_view place) {
    std::string png;
    EXPECT_TRUE(absl::Base64Unescape(TextAt(body, place).value_or("-"), &png)) << place;
    return png;
  }
  // The path of one of the sandbox's own URLs.
  std::string PathOf(absl::string_view url) {
    EXPECT_TRUE(absl::ConsumePrefix(&url, absl::StrCat("http://127.0.0.1:", server_->port()))) << url;
    return std::string(url);
  }
  // A small picture of a fox, in base64.
  static std::string ReferenceBase64() {
    return absl::Base64Escape(
        DrawPicture({.prompt = "fox", .frame = {.width = 256, .height = 256}}, nullptr));
  }

  std::unique_ptr<Sandbox> sandbox_;
  Workers workers_{2};
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<httplib::Client> client_;

 private:
  static const json::Value* Find(const json::Value& root, absl::string_view place) {
    const json::Value* value = &root;
    for (absl::string_view step : absl::StrSplit(place, '/')) {
      size_t index = 0;
      if (value == nullptr) return nullptr;
      if (!value->is_array()) {
        value = value->Find(step);
      } else {
        value = absl::SimpleAtoi(step, &index) && index < value->elements().size() ? &value->elements()[index]
                                                                                   : nullptr;
      }
    }
    return value;
  }
};

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_SANDBOX_FIXTURE_H_
