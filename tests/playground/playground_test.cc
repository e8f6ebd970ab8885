#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/admin/account_endpoints.h"
#include "gateway/generation/generation_fixture.h"
#include "gateway/openai/api.h"
#include "services/common/json/json.h"

namespace prismatic::gateway::admin {
namespace {

using ::testing::HasSubstr;

constexpr char kRequest[] = R"({"model": "google/imagen-4", "prompt": "p", "n": 2})";

// The pipeline of generation_fixture.h behind the public API that the playground is given.
class PlaygroundTest : public GenerationTest {
 protected:
  PlaygroundTest() {
    provider.answer.summary.set_provider("sandbox");
    provider.answer.summary.set_upstream_model("upstream-id");
  }

  Answer Play(const std::string& api_key, const std::string& request) {
    if (api == nullptr) {
      api = std::make_unique<openai::Api>(openai::Api::Options{
          .generation = &generation(), .billing = &billing, .catalog = &catalog, .metrics = &metrics});
    }
    auto call = std::make_shared<AdminCall>();
    call->context.cancellation = client;
    std::string body = absl::StrCat("{\"api_key\": ", json::Quote(api_key), ", \"request\": ", request, "}");
    call->body = std::make_unique<const json::Document>(*json::Document::Parse(std::move(body)));
    return Wait(PlaygroundEndpoints()[0].handle({.api = api.get()}, std::move(call)));
  }
  // What was played, as JSON.
  json::Document Played(const std::string& request = kRequest) {
    Answer answer = Play("pk_acme.1_x_y", request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    if (!answer.ok()) return *json::Document::Parse("{}");
    EXPECT_EQ(answer->status, 200);
    absl::StatusOr<json::Document> played = json::Document::Parse(answer->body);
    EXPECT_TRUE(played.ok()) << played.status() << answer->body;
    return played.ok() ? *std::move(played) : *json::Document::Parse("{}");
  }
  static std::string CodeOf(const json::Document& played) {
    return *played.root().Find("body")->Find("error")->Find("code")->String();
  }

  std::unique_ptr<openai::Api> api;
};

TEST_F(PlaygroundTest, ThePublicAnswerIsInItAsItIs) {
  json::Document played = Played();
  const json::Value& root = played.root();
  EXPECT_EQ(root.Find("status")->Int(), 200);
  EXPECT_EQ(root.Find("provider")->String(), "sandbox");
  EXPECT_EQ(root.Find("upstream_model")->String(), "upstream-id");
  EXPECT_TRUE(root.Find("duration_ms")->Int().has_value());
  const json::Value& headers = *root.Find("headers");
  EXPECT_EQ(headers.Find("x-prismatic-cost-usd")->String(), "0.08");
  EXPECT_EQ(headers.Find("x-request-id")->String()->size(), 36u);
  EXPECT_EQ(headers.Find("openai-processing-ms"), nullptr);
  const auto& images = root.Find("body")->Find("data")->elements();
  ASSERT_EQ(images.size(), 2u);
  EXPECT_EQ(images[0].Find("b64_json")->String(), "QUJD");
  EXPECT_EQ(billing.balance, 8 * kPrice);
}

TEST_F(PlaygroundTest, ThePictureIsNotCopiedWhenThereIsRoom) {
  provider.answer.images[0].set_base64(std::string(1 << 20, 'A'));
  Answer answer = Play("pk_acme.1_x_y", kRequest);
  ASSERT_TRUE(answer.ok());
  // A second buffer of a string that grows has at least twice the size of the first.
  EXPECT_LT(answer->body.capacity(), size_t{3} << 19);
}

TEST_F(PlaygroundTest, WhatThePublicPortRefusesIsAnAnswer) {
  json::Document played = Played(R"({"model": "dark", "prompt": "p"})");
  EXPECT_EQ(played.root().Find("status")->Int(), 503);
  EXPECT_EQ(CodeOf(played), "no_image_route");
  EXPECT_TRUE(played.root().Find("provider")->is_null());
  EXPECT_EQ(CodeOf(Played(R"({"model": "dark"})")), "missing_required_parameter");
  EXPECT_EQ(billing.balance, 10 * kPrice);
}

TEST_F(PlaygroundTest, AKeyThatNoHeaderCanHoldIsRefusedThere) {
  Answer answer = Play("pk\r\nHost: x", kRequest);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(answer->body, HasSubstr("\"status\":401"));
  EXPECT_FALSE(Play(std::string(513, 'k'), kRequest).ok());
  EXPECT_FALSE(Play("", kRequest).ok());
  EXPECT_FALSE(Play("pk", "[]").ok());
  EXPECT_EQ(provider.calls, 0);
}

TEST_F(PlaygroundTest, AGatewayThatDrainsBeginsNothing) {
  Played();
  api->StartDraining();
  json::Document played = Played();
  EXPECT_EQ(played.root().Find("status")->Int(), 503);
  EXPECT_EQ(CodeOf(played), "server_is_overloaded");
  EXPECT_EQ(provider.calls, 1);
}

TEST_F(PlaygroundTest, AnOperatorThatHangsUpBeforeTheProviderWasAskedPaysNothing) {
  billing.after_reserving = [this] { client.Cancel(); };
  json::Document played = Played();
  EXPECT_EQ(played.root().Find("status")->Int(), 499);
  EXPECT_EQ(provider.calls, 0);
  EXPECT_EQ(billing.balance, 10 * kPrice);
  EXPECT_EQ(billing.state(), billing::v1::RESERVATION_STATE_RELEASED);
}

}  // namespace
}  // namespace prismatic::gateway::admin
