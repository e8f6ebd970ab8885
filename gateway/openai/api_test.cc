#include "gateway/openai/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gateway/openai/openapi_json.h"
#include "services/common/json/json.h"
#include "services/common/status/status.h"
#include "services/common/task/workers.h"
#include "tests/support/wait.h"

namespace prismatic::gateway::openai {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace common::v1;  // NOLINT

constexpr char kKey[] = "pk_acme.1_x_y";
constexpr char kBody[] = R"({"model":"imagen-4","prompt":"p"})";

// Knows one key, and admits everything for it.
class OneKeyBilling : public BillingClient {
 public:
  std::vector<std::string> allowed_models;
  absl::Status refusal = absl::OkStatus();
  std::vector<billing::v1::CreateReservationRequest> reserved;

  Task<absl::StatusOr<billing::v1::CreateReservationResponse>> CreateReservation(
      CallContext, billing::v1::CreateReservationRequest request) override {
    reserved.push_back(request);
    absl::Status status = Check(request.api_key());
    if (!status.ok()) co_return status;
    billing::v1::CreateReservationResponse response;
    response.mutable_reservation()->set_id(absl::StrCat("acme.", request.attempt_id()));
    response.mutable_reservation()->set_image_count(request.image_count());
    co_return response;
  }
  Task<absl::StatusOr<billing::v1::SettleReservationResponse>> SettleReservation(
      CallContext, billing::v1::SettleReservationRequest request) override {
    billing::v1::SettleReservationResponse response;
    response.mutable_reservation()->set_state(billing::v1::RESERVATION_STATE_SETTLED);
    response.mutable_reservation()->set_charge_nano_usd(40'000'000 * request.delivered_count());
    co_return response;
  }
  Task<absl::StatusOr<billing::v1::ReleaseReservationResponse>> ReleaseReservation(
      CallContext, billing::v1::ReleaseReservationRequest) override {
    co_return billing::v1::ReleaseReservationResponse();
  }
  Task<absl::StatusOr<billing::v1::CheckKeyResponse>> CheckKey(
      CallContext, billing::v1::CheckKeyRequest request) override {
    absl::Status status = Check(request.api_key());
    if (!status.ok()) co_return status;
    billing::v1::CheckKeyResponse response;
    for (const std::string& model : allowed_models) response.add_allowed_models(model);
    co_return response;
  }

 private:
  absl::Status Check(absl::string_view api_key) const {
    if (api_key == kKey) return refusal;
    return Error(absl::StatusCode::kUnauthenticated, ERROR_REASON_INVALID_API_KEY, "Unknown.");
  }
};

class OneImageProvider : public ProviderClient {
 public:
  // Calls wait until AnswerAll.
  std::atomic<bool> waits{false};

  Task<Generated> GenerateImages(CallContext,
                                 std::shared_ptr<const provider_proxy::v1::GenerateImagesRequest>) override {
    Callback<bool> answered([this](Callback<bool>::Done done) {
      std::lock_guard<std::mutex> lock(mutex_);
      waiting_.push_back(std::move(done));
    });
    if (waits) co_await answered;
    Generated generated;
    generated.images.emplace_back().set_base64("QUJD");
    co_return generated;
  }

  size_t waiting() {
    std::lock_guard<std::mutex> lock(mutex_);
    return waiting_.size();
  }
  void AnswerAll() {
    std::vector<Callback<bool>::Done> waiting;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      waiting.swap(waiting_);
    }
    for (const Callback<bool>::Done& done : waiting) done(true);
  }

 private:
  std::mutex mutex_;
  std::vector<Callback<bool>::Done> waiting_;  // guarded by mutex_
};

catalog::v1::Catalog TwoModels() {
  catalog::v1::Catalog catalog;
  catalog.set_version(1);
  catalog.add_providers()->set_name("sandbox");
  catalog.mutable_providers(0)->set_images_enabled(true);
  for (const char* name : {"imagen-4", "other"}) {
    catalog::v1::Model& model = *catalog.add_models();
    model.set_name(name);
    model.set_owned_by("google");
    model.add_public_ids(name);
    model.add_public_ids(absl::StrCat("google/", name));
    model.add_capabilities(catalog::v1::CAPABILITY_IMAGE_GENERATION);
    model.add_routes()->set_provider("sandbox");
  }
  return catalog;
}

class ApiTest : public ::testing::Test {
 protected:
  ApiTest() { catalog.Set(TwoModels()); }

  static std::shared_ptr<http::Request> Request(absl::string_view method, absl::string_view raw_path,
                                                http::Headers headers, absl::string_view body) {
    auto request = std::make_shared<http::Request>();
    request->method = std::string(method);
    request->raw_path = std::string(raw_path);
    request->headers = std::move(headers);
    request->body = std::string(body);
    return request;
  }
  static http::Headers Json(http::Headers headers) {
    headers.emplace_back("Content-Type", "application/json");
    return headers;
  }
  http::Response Send(absl::string_view method, absl::string_view raw_path, http::Headers headers = {},
                      absl::string_view body = "") {
    return Wait(api.Handle(Request(method, raw_path, std::move(headers), body)));
  }
  http::Response Get(absl::string_view raw_path) { return Send("GET", raw_path, Authorized()); }
  http::Response Post(http::Headers headers, absl::string_view body = kBody) {
    return Send("POST", "/v1/images/generations", Json(std::move(headers)), body);
  }
  static http::Headers Authorized() { return {{"Authorization", absl::StrCat("Bearer ", kKey)}}; }
  http::Response PostWith(absl::string_view name, absl::string_view value) {
    http::Headers headers = Authorized();
    headers.emplace_back(std::string(name), std::string(value));
    return Post(std::move(headers));
  }

  metrics::Registry metrics;
  loop::Loop loop{"test"};
  Workers workers{1};
  catalog_watch::CatalogHolder catalog{loop, metrics};
  OneKeyBilling billing;
  OneImageProvider provider;
  Generation generation{{.catalog = &catalog,
                         .billing = &billing,
                         .provider = &provider,
                         .loop = &loop,
                         .workers = &workers,
                         .metrics = &metrics}};
  Api api{{
      .generation = &generation,
      .billing = &billing,
      .catalog = &catalog,
      .metrics = &metrics,
  }};
};

std::string Code(const http::Response& response) {
  absl::StatusOr<json::Document> body = json::Document::Parse(response.body);
  const json::Value* error = body.ok() ? body->root().Find("error") : nullptr;
  return error == nullptr ? "" : *error->Find("code")->String();
}

std::string HeaderOf(const http::Response& response, absl::string_view name) {
  return std::string(http::FindHeader(response.headers, name));
}

TEST_F(ApiTest, AGenerationIsAnswered) {
  http::Response response = Post(Authorized());
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(HeaderOf(response, "x-prismatic-cost-usd"), "0.04");
  EXPECT_EQ(HeaderOf(response, "x-request-id"), billing.reserved[0].attempt_id());
}

TEST_F(ApiTest, APathInAnotherSpellingIsAnotherPath) {
  for (const char* path :
       {"/v1%2Fimages/generations", "/v1/%69mages/generations", "/v1/images/generations/",
        "//v1/images/generations", "/v1/images/../images/generations", "/V1/images/generations",
        "/v1/%6dodels", "/v1/models/", "/v1//models", "/v1%2fmodels/imagen-4", "/%68ealthz", "/v1/models/%zz",
        "/v1/models/a%2", "/openapi.json/", "", "*", "/"}) {
    http::Response response = Send("GET", path, Authorized());
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(Code(response), "unknown_url") << path;
    EXPECT_EQ(Send("POST", path).status, 404) << path;
  }
}

TEST_F(ApiTest, AModelIsFoundByItsIdEncodedOrNot) {
  for (const char* path :
       {"/v1/models/google/imagen-4", "/v1/models/google%2Fimagen-4", "/v1/models/google%2fimagen%2D4"}) {
    EXPECT_THAT(Get(path).body, HasSubstr(R"("id":"google/imagen-4")")) << path;
  }
  // Decoded once, not twice.
  EXPECT_EQ(Code(Get("/v1/models/google%252Fimagen-4")), "model_not_found");
  EXPECT_EQ(Code(Get("/v1/models/google%2Fimagen-4%00")), "model_not_found");
}

TEST_F(ApiTest, AMethodThatAPathDoesNotHaveIsToldWhichItHas) {
  for (const char* method : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "post"}) {
    http::Response response = Send(method, "/v1/images/generations");
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_EQ(Code(response), "method_not_allowed");
    EXPECT_EQ(HeaderOf(response, "Allow"), "POST");
  }
  for (const char* path : {"/v1/models", "/v1/models/imagen-4", "/openapi.json", "/healthz", "/readyz"}) {
    for (const char* method : {"POST", "OPTIONS", "DELETE"}) {
      http::Response response = Send(method, path);
      EXPECT_EQ(response.status, 405) << method << path;
      EXPECT_EQ(HeaderOf(response, "Allow"), "GET, HEAD");
    }
  }
}

TEST_F(ApiTest, HeadIsAnsweredAsGet) {
  for (const char* path :
       {"/v1/models", "/v1/models/imagen-4", "/openapi.json", "/healthz", "/readyz", "/nothing"}) {
    http::Response get = Get(path);
    http::Response head = Send("HEAD", path, Authorized());
    EXPECT_EQ(head.status, get.status) << path;
    if (get.status == 200) {
      EXPECT_EQ(head.body, get.body) << path;
    }
  }
}

TEST_F(ApiTest, EveryAnswerCarriesItsRequestIdAndTime) {
  std::vector<http::Response> answers = {
      Post(Authorized()), Post({}),       Get("/v1/models"),    Get("/nothing"),
      Get("/healthz"),    Get("/readyz"), Get("/openapi.json"), Send("PUT", "/v1/models")};
  for (int status : {400, 405, 408, 413, 414, 415, 417, 431, 500, 501, 503, 505})
    answers.push_back(api.Refuse(status));
  std::set<std::string> ids;
  for (const http::Response& answer : answers) {
    EXPECT_THAT(HeaderOf(answer, "x-request-id"), SizeIs(36));
    ids.insert(HeaderOf(answer, "x-request-id"));
    int64_t milliseconds = -1;
    EXPECT_TRUE(absl::SimpleAtoi(HeaderOf(answer, "openai-processing-ms"), &milliseconds));
    EXPECT_GE(milliseconds, 0);
  }
  EXPECT_EQ(ids.size(), answers.size());
}

TEST_F(ApiTest, TheGatesRefusalsKeepTheirMeaning) {
  struct {
    int status, answered;
    const char *code, *retry;
  } rows[] = {{400, 400, "invalid_value", "false"},          {405, 405, "method_not_allowed", "false"},
              {408, 408, "request_timeout", "true"},         {413, 413, "request_too_large", "false"},
              {414, 414, "request_too_large", "false"},      {431, 431, "request_too_large", "false"},
              {415, 415, "unsupported_media_type", "false"}, {417, 417, "invalid_value", "false"},
              {501, 415, "unsupported_media_type", "false"}, {503, 503, "server_is_overloaded", "true"},
              {505, 505, "invalid_value", "false"},          {500, 500, "internal_error", "false"}};
  for (const auto& row : rows) {
    http::Response response = api.Refuse(row.status);
    EXPECT_EQ(response.status, row.answered) << row.status;
    EXPECT_EQ(Code(response), row.code) << row.status;
    EXPECT_EQ(HeaderOf(response, "x-should-retry"), row.retry) << row.status;
    EXPECT_EQ(HeaderOf(response, "Retry-After"), row.status == 503 ? "1" : "") << row.status;
    EXPECT_EQ(HeaderOf(response, "Allow"), row.status == 405 ? "GET, HEAD, POST" : "") << row.status;
  }
}

TEST_F(ApiTest, AKeyIsReadFromOneWellFormedHeader) {
  for (absl::string_view value :
       {"Bearer pk_acme.1_x_y", "bearer pk_acme.1_x_y", "Bearer   pk_acme.1_x_y  "}) {
    EXPECT_EQ(Post({{"authorization", std::string(value)}}).status, 200) << value;
  }
  for (const std::string& value :
       {std::string("pk_acme.1_x_y"), std::string("Basic cGs6"), std::string("Bearer"),
        std::string("Bearer "), std::string("Bearer a b"), std::string("Bearer a\tb"),
        std::string("Bearer k\xc3\xa9y"), "Bearer " + std::string(513, 'x')}) {
    http::Response response = Post({{"Authorization", value}});
    EXPECT_EQ(response.status, 401) << value;
    EXPECT_EQ(Code(response), "invalid_api_key") << value;
    EXPECT_EQ(Send("GET", "/v1/models", {{"Authorization", value}}).status, 401) << value;
  }
  http::Headers twice = Authorized();
  twice.push_back(twice[0]);
  EXPECT_EQ(Post(twice).status, 401);
  EXPECT_EQ(Post({}).status, 401);
}

TEST_F(ApiTest, AnIdempotencyKeyIsShortAndPrintable) {
  for (const std::string& key : {std::string(""), std::string("order 1 ~"), std::string(255, 'k')}) {
    EXPECT_EQ(PostWith("idempotency-key", key).status, 200) << key;
    EXPECT_EQ(billing.reserved.back().idempotency_key(), key);
  }
  size_t before = billing.reserved.size();
  for (const std::string& key :
       {std::string(256, 'k'), std::string("a\tb"), std::string("a\x7f"), std::string("\xc3\xa9")}) {
    http::Response response = PostWith("Idempotency-Key", key);
    EXPECT_EQ(response.status, 400);
    EXPECT_THAT(response.body, HasSubstr(R"("param":"Idempotency-Key","code":"invalid_value")"));
  }
  http::Headers twice = Authorized();
  twice.emplace_back("Idempotency-Key", "a");
  twice.emplace_back("idempotency-key", "a");
  EXPECT_EQ(Code(Post(twice)), "invalid_value");
  EXPECT_EQ(billing.reserved.size(), before);
}

TEST_F(ApiTest, TheBodyIsPlainJsonInUtf8) {
  auto post = [&](absl::string_view type) {
    http::Headers headers = Authorized();
    headers.emplace_back("Content-Type", std::string(type));
    return Send("POST", "/v1/images/generations", headers, kBody);
  };
  for (const char* type : {"application/json", "Application/JSON ; charset=utf-8",
                           "application/json;charset=\"UTF-8\"", "application/json; version=1"}) {
    EXPECT_EQ(post(type).status, 200) << type;
  }
  for (const char* type :
       {"", "text/plain", "application/jsonl", "application/json; charset=utf-16",
        "application/json; charset = latin1", "multipart/form-data; boundary=application/json"}) {
    EXPECT_EQ(Code(post(type)), "unsupported_media_type") << type;
  }
}

TEST_F(ApiTest, WhatIsMalformedIsSaidWithoutAKeyAndBeforeIt) {
  EXPECT_EQ(Code(Send("POST", "/v1/images/generations", {}, "{}")), "unsupported_media_type");
  EXPECT_EQ(Code(Post({}, "{")), "invalid_value");
  EXPECT_EQ(Code(Post({}, "{}")), "missing_required_parameter");
  EXPECT_EQ(Code(Post({{"Idempotency-Key", std::string(256, 'k')}})), "invalid_value");
  EXPECT_EQ(Code(Post({})), "invalid_api_key");
  EXPECT_THAT(billing.reserved, IsEmpty());
}

TEST_F(ApiTest, OnlyWhatTheKeyMayUseIsListed) {
  EXPECT_THAT(Get("/v1/models").body, HasSubstr("google/other"));
  billing.allowed_models = {"imagen-4"};
  absl::StatusOr<json::Document> list = json::Document::Parse(Get("/v1/models").body);
  std::vector<std::string> ids;
  for (const json::Value& model : list->root().Find("data")->elements())
    ids.push_back(*model.Find("id")->String());
  EXPECT_THAT(ids, ElementsAre("imagen-4", "google/imagen-4"));
  EXPECT_EQ(Code(Get("/v1/models/other")), "model_not_found");
}

TEST_F(ApiTest, TheModelListNeedsAKeyAndBilling) {
  EXPECT_EQ(Send("GET", "/v1/models").status, 401);
  billing.refusal = Error(absl::StatusCode::kPermissionDenied, ERROR_REASON_ACCOUNT_SUSPENDED, "Suspended.");
  EXPECT_EQ(Code(Get("/v1/models")), "account_suspended");
  billing.refusal = absl::UnavailableError("connection refused");
  http::Response response = Get("/v1/models");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(Code(response), "billing_unavailable");
  EXPECT_EQ(HeaderOf(response, "x-should-retry"), "true");
}

TEST_F(ApiTest, WithoutACatalogNothingIsListedAsIfThereWereNone) {
  catalog_watch::CatalogHolder none(loop, metrics);
  Api starting({.generation = &generation, .billing = &billing, .catalog = &none, .metrics = &metrics});
  for (const char* path : {"/v1/models", "/v1/models/imagen-4", "/readyz"}) {
    EXPECT_EQ(Wait(starting.Handle(Request("GET", path, Authorized(), ""))).status, 503) << path;
  }
}

TEST_F(ApiTest, TheDescriptionNeedsNoKey) {
  http::Response response = Send("GET", "/openapi.json");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(HeaderOf(response, "Cache-Control"), "public, max-age=3600");
  EXPECT_EQ(response.body, kOpenApiJson);
  EXPECT_TRUE(json::Document::Parse(response.body).ok());
}

TEST_F(ApiTest, GenerationsUnderWayAreCounted) {
  provider.waits = true;
  std::atomic<int> served{0};
  for (int i = 0; i < 2; ++i) {
    Start<http::Response>(api.Handle(Request("POST", "/v1/images/generations", Json(Authorized()), kBody)),
                          [&served](http::Response response) { served += response.status == 200 ? 1 : 100; });
  }
  ASSERT_TRUE(prismatic::testing::WaitUntil([&] { return provider.waiting() == 2; }));
  EXPECT_EQ(api.in_flight(), 2);
  provider.waits = false;
  provider.AnswerAll();
  ASSERT_TRUE(prismatic::testing::WaitUntil([&] { return served == 2; }));
  EXPECT_EQ(api.in_flight(), 0);
  EXPECT_EQ(Post(Authorized()).status, 200);
}

TEST_F(ApiTest, AClientThatHasGoneIsNoFailureOfTheService) {
  std::shared_ptr<http::Request> request =
      Request("POST", "/v1/images/generations", Json(Authorized()), kBody);
  request->cancellation.Cancel();
  http::Response response = Wait(api.Handle(request));
  EXPECT_EQ(response.status, 499);
  EXPECT_EQ(Code(response), "client_closed_request");
  EXPECT_EQ(HeaderOf(response, "x-should-retry"), "false");
  EXPECT_THAT(billing.reserved, IsEmpty());
}

TEST_F(ApiTest, WhatIsTurnedAwayIsCountedByWhy) {
  auto rejected = [&](const std::string& reason) {
    return metrics.GetCounter("prismatic_http_rejected_total", "", {{"reason", reason}}).value();
  };
  Post({});
  Get("/no/such/path");
  Post(Authorized(), "no JSON");
  Post(Authorized(), R"({"model":"no-such-model","prompt":"p"})");  // the catalog's answer, which took work
  EXPECT_EQ(rejected("auth"), 1);
  EXPECT_EQ(rejected("bad_request"), 2);
  billing.refusal = Error(absl::StatusCode::kResourceExhausted, ERROR_REASON_RATE_LIMIT_EXCEEDED, "Slow.");
  Post(Authorized());
  EXPECT_EQ(rejected("rate_limit"), 1);
  api.StartDraining();
  Post(Authorized());
  EXPECT_EQ(rejected("overload"), 1);
  EXPECT_EQ(rejected("bad_request"), 2);
}

TEST_F(ApiTest, WhileDrainingTheProbeFallsAndNewWorkIsTurnedAway) {
  EXPECT_EQ(Get("/readyz").status, 200);
  api.StartDraining();
  EXPECT_EQ(Get("/readyz").status, 503);
  EXPECT_EQ(Get("/healthz").status, 200);
  http::Response response = Post(Authorized());
  EXPECT_EQ(Code(response), "server_is_overloaded");
  EXPECT_EQ(HeaderOf(response, "Retry-After"), "1");
  EXPECT_THAT(billing.reserved, IsEmpty());
}

}  // namespace
}  // namespace prismatic::gateway::openai
