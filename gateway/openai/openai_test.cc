#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/openai/error_mapping.h"
#include "gateway/openai/request_reader.h"
#include "gateway/openai/response_writer.h"
#include "services/common/json/json.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::openai {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace common::v1;  // NOLINT

absl::StatusOr<ImageRequest> ReadWith(absl::string_view fields) {
  return ReadImageRequest(
      absl::StrCat(R"({"model":"m","prompt":"p")", fields.empty() ? "" : ",", fields, "}"));
}

TEST(RequestReaderTest, TheWholeRequestIsRead) {
  absl::StatusOr<ImageRequest> request = ReadImageRequest(R"({
      "model": "imagen-4", "prompt": "A clean \u00e9 mockup", "image_url": ["https://example.com/reference.png"],
      "negative_prompt": "clutter", "aspect_ratio": "16:9", "quality": "high", "style": "natural", "seed": 42,
      "response_format": "b64_json", "n": 4, "guidance": 7, "user": null})");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->public_model, "imagen-4");
  EXPECT_EQ(request->parameters.prompt(), "A clean é mockup");
  EXPECT_THAT(request->parameters.reference_images(), ElementsAre("https://example.com/reference.png"));
  EXPECT_EQ(request->parameters.image_count(), 4);
  EXPECT_EQ(request->parameters.seed(), 42);
  EXPECT_EQ(request->parameters.response_format(), provider_proxy::v1::RESPONSE_FORMAT_B64_JSON);
  EXPECT_FALSE(request->parameters.has_user());
  EXPECT_THAT(request->unknown_parameters, ElementsAre("guidance"));
  EXPECT_EQ(request->body_sha256.size(), 32u);
}

TEST(RequestReaderTest, AReferenceImageMayBeOneString) {
  absl::StatusOr<ImageRequest> request = ReadWith(R"("image_url":"data:image/png;base64,AAAA")");
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->parameters.reference_images_size(), 1);
}

TEST(RequestReaderTest, NullMeansAbsent) {
  absl::StatusOr<ImageRequest> request = ReadWith(
      R"("n":null,"size":null,"stream":null,"partial_images":null,"image_url":null,"response_format":null)");
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->parameters.image_count(), 1);
}

struct Refusal {
  const char* fields;
  const char* param;
  ErrorReason reason;
};

class RefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(RefusalTest, NamesTheParameter) {
  absl::StatusOr<ImageRequest> request = ReadWith(GetParam().fields);
  ASSERT_FALSE(request.ok()) << GetParam().fields;
  EXPECT_EQ(ReasonOf(request.status()), GetParam().reason) << GetParam().fields;
  EXPECT_EQ(MetadataOf(request.status(), "param"), GetParam().param);
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusalTest,
    ::testing::Values(
        Refusal{R"("n":0)", "n", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("n":11)", "n", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("n":1.5)", "n", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("n":"1")", "n", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("size":"1024")", "size", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("size":"0x512")", "size", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("aspect_ratio":"wide")", "aspect_ratio", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("aspect_ratio":"0:1")", "aspect_ratio", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("seed":"42")", "seed", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("response_format":"png")", "response_format", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("image_url":"http://example.com/a.png")", "image_url", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("image_url":["https://a/","file:///etc/passwd"])", "image_url",
                ERROR_REASON_INVALID_VALUE},
        Refusal{R"("image_url":{"url":"https://a/"})", "image_url", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("image_url":"data:image/png;base64,")", "image_url", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("image_url":"data:image/png;base64,!!!!")", "image_url", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("quality":5)", "quality", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("output_compression":101)", "output_compression", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("stream":true)", "stream", ERROR_REASON_UNSUPPORTED_PARAMETER},
        Refusal{R"("stream":"yes")", "stream", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("partial_images":1)", "partial_images", ERROR_REASON_UNSUPPORTED_PARAMETER}));

TEST(RequestReaderTest, ModelAndPromptAreRequired) {
  for (const char* body : {R"({"prompt":"p"})", R"({"model":"m"})", R"({"model":"","prompt":"p"})",
                           R"({"model":"m","prompt":null})"}) {
    absl::StatusOr<ImageRequest> request = ReadImageRequest(body);
    EXPECT_TRUE(HasReason(request.status(), ERROR_REASON_MISSING_REQUIRED_PARAMETER)) << body;
  }
  for (const char* body : {"", "[]", "{", "nonsense", R"({"model":"m","prompt":"p"} x)"}) {
    EXPECT_TRUE(HasReason(ReadImageRequest(body).status(), ERROR_REASON_INVALID_VALUE)) << body;
  }
}

TEST(RequestReaderTest, AHostileFieldNameNeverReachesAHeader) {
  absl::StatusOr<ImageRequest> request = ReadWith(R"("a\r\nSet-Cookie: x":1,"fine":2)");
  ASSERT_TRUE(request.ok());
  EXPECT_THAT(request->unknown_parameters, ElementsAre("fine"));
}

struct Row {
  ErrorReason reason;
  int status;
  const char* type;
  const char* code;
  const char* should_retry;
};

class ErrorTableTest : public ::testing::TestWithParam<Row> {};

TEST_P(ErrorTableTest, EachRowIsTheContracts) {
  http::Response response = ErrorResponse(
      Error(absl::StatusCode::kUnknown, GetParam().reason, "words").RetryAfter(absl::Seconds(1)));
  EXPECT_EQ(response.status, GetParam().status);
  EXPECT_EQ(http::FindHeader(response.headers, "x-should-retry"), GetParam().should_retry);
  auto document = json::Document::Parse(response.body);
  ASSERT_TRUE(document.ok());
  const json::Value* error = document->root().Find("error");
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(error->members().size(), 4u);
  EXPECT_EQ(error->Find("message")->String(), "words");
  EXPECT_EQ(error->Find("type")->String(), GetParam().type);
  EXPECT_EQ(error->Find("code")->String(), GetParam().code);
  EXPECT_NE(error->Find("param"), nullptr);
}

INSTANTIATE_TEST_SUITE_P(
    All, ErrorTableTest,
    ::testing::Values(
        Row{ERROR_REASON_INVALID_VALUE, 400, "invalid_request_error", "invalid_value", "false"},
        Row{ERROR_REASON_MISSING_REQUIRED_PARAMETER, 400, "invalid_request_error",
            "missing_required_parameter", "false"},
        Row{ERROR_REASON_UNSUPPORTED_PARAMETER, 400, "invalid_request_error", "unsupported_parameter",
            "false"},
        Row{ERROR_REASON_INVALID_API_KEY, 401, "invalid_request_error", "invalid_api_key", "false"},
        Row{ERROR_REASON_ACCOUNT_SUSPENDED, 403, "invalid_request_error", "account_suspended", "false"},
        Row{ERROR_REASON_MODEL_NOT_ALLOWED, 403, "invalid_request_error", "model_not_allowed", "false"},
        Row{ERROR_REASON_MODEL_NOT_FOUND, 404, "invalid_request_error", "model_not_found", "false"},
        Row{ERROR_REASON_UNKNOWN_URL, 404, "invalid_request_error", "unknown_url", "false"},
        Row{ERROR_REASON_METHOD_NOT_ALLOWED, 405, "invalid_request_error", "method_not_allowed", "false"},
        Row{ERROR_REASON_REQUEST_TOO_LARGE, 413, "invalid_request_error", "request_too_large", "false"},
        Row{ERROR_REASON_UNSUPPORTED_MEDIA_TYPE, 415, "invalid_request_error", "unsupported_media_type",
            "false"},
        Row{ERROR_REASON_REQUEST_TIMEOUT, 408, "invalid_request_error", "request_timeout", "true"},
        Row{ERROR_REASON_MODEL_DOES_NOT_SUPPORT_IMAGES, 400, "invalid_request_error",
            "model_does_not_support_images", "false"},
        Row{ERROR_REASON_IMAGE_COUNT_TOO_LARGE, 400, "invalid_request_error", "image_count_too_large",
            "false"},
        Row{ERROR_REASON_IDEMPOTENCY_KEY_IN_USE, 409, "invalid_request_error", "idempotency_key_in_use",
            "true"},
        Row{ERROR_REASON_IDEMPOTENCY_KEY_COMPLETED, 409, "invalid_request_error", "idempotency_key_completed",
            "false"},
        Row{ERROR_REASON_IDEMPOTENCY_KEY_REUSED, 400, "invalid_request_error", "idempotency_key_reused",
            "false"},
        Row{ERROR_REASON_NO_IMAGE_ROUTE, 503, "server_error", "no_image_route", "false"},
        Row{ERROR_REASON_MODEL_OVERLOADED, 503, "server_error", "model_overloaded", "true"},
        Row{ERROR_REASON_RATE_LIMIT_EXCEEDED, 429, "requests", "rate_limit_exceeded", "true"},
        Row{ERROR_REASON_SUBSCRIPTION_QUOTA_EXHAUSTED, 429, "insufficient_quota",
            "subscription_quota_exhausted", "false"},
        Row{ERROR_REASON_CREDIT_BALANCE_EXHAUSTED, 429, "insufficient_quota", "credit_balance_exhausted",
            "false"},
        Row{ERROR_REASON_ACCOUNT_IN_DEBT, 429, "insufficient_quota", "account_in_debt", "false"},
        Row{ERROR_REASON_GENERATION_PRICE_MISSING, 503, "server_error", "generation_price_missing", "false"},
        Row{ERROR_REASON_MODERATION_BLOCKED, 400, "image_generation_user_error", "moderation_blocked",
            "false"},
        Row{ERROR_REASON_UPSTREAM_ERROR, 502, "server_error", "upstream_error", "false"},
        Row{ERROR_REASON_UPSTREAM_TIMEOUT, 504, "server_error", "upstream_timeout", "false"},
        Row{ERROR_REASON_BILLING_UNAVAILABLE, 503, "server_error", "billing_unavailable", "true"},
        Row{ERROR_REASON_SERVER_IS_OVERLOADED, 503, "server_error", "server_is_overloaded", "true"}));

TEST(ErrorMappingTest, AnOversizeMessageOfGrpcIsNoRateLimit) {
  http::Response response = ErrorResponse(absl::ResourceExhaustedError("Received message larger than max"));
  EXPECT_EQ(response.status, 500);
  EXPECT_THAT(response.body, Not(HasSubstr("larger than max")));
}

TEST(ErrorMappingTest, WaitingIsToldInBothUnits) {
  http::Response response =
      ErrorResponse(Error(absl::StatusCode::kResourceExhausted, ERROR_REASON_RATE_LIMIT_EXCEEDED, "slow down")
                        .With("metric", "images")
                        .RetryAfter(absl::Microseconds(1'500'100)));
  EXPECT_EQ(http::FindHeader(response.headers, "retry-after-ms"), "1501");
  EXPECT_EQ(http::FindHeader(response.headers, "Retry-After"), "2");
  EXPECT_THAT(response.body, HasSubstr(R"("type":"images")"));
}

ImageReply OneImageReply() {
  ImageReply reply;
  reply.images.emplace_back();
  reply.images[0].set_base64("QUJD");
  reply.images[0].set_mime_type("image/png");
  reply.reservation.set_funding_source(billing::v1::FUNDING_SOURCE_WALLET);
  reply.reservation.set_charge_nano_usd(40'000'000);
  reply.reservation.set_state(billing::v1::RESERVATION_STATE_SETTLED);
  return reply;
}

TEST(ResponseWriterTest, AbsentFieldsAreAbsent) {
  http::Response response = ImagesResponse(ImageRequest(), OneImageReply(), 1713833628);
  EXPECT_EQ(response.body, R"({"created":1713833628,"data":[{"b64_json":"QUJD"}]})");
  EXPECT_EQ(http::FindHeader(response.headers, "x-prismatic-cost-usd"), "0.04");
  EXPECT_EQ(http::FindHeader(response.headers, "x-ratelimit-limit-requests"), "");
}

TEST(ResponseWriterTest, APendingSettlementHasNoCostYet) {
  ImageReply reply = OneImageReply();
  reply.reservation.set_state(billing::v1::RESERVATION_STATE_PENDING);
  EXPECT_EQ(http::FindHeader(ImagesResponse(ImageRequest(), reply, 1).headers, "x-prismatic-cost-usd"), "");
}

TEST(ErrorMappingTest, ALimitThatNeverAdmitsIsNotToBeRetried) {
  absl::Status never =
      Error(absl::StatusCode::kResourceExhausted, ERROR_REASON_RATE_LIMIT_EXCEEDED, "none allowed");
  http::Response response = ErrorResponse(never);
  EXPECT_EQ(http::FindHeader(response.headers, "x-should-retry"), "false");
  EXPECT_EQ(http::FindHeader(response.headers, "Retry-After"), "");
}

TEST(ResponseWriterTest, WhatIsOutsideOpenAIsEnumsIsLeftOut) {
  ImageReply reply = OneImageReply();
  reply.summary.set_size("1536x864");
  reply.summary.set_quality("high");
  reply.summary.mutable_usage()->set_total_tokens(3);
  http::Response response = ImagesResponse(ImageRequest(), reply, 1);
  EXPECT_THAT(response.body, Not(HasSubstr("1536x864")));
  EXPECT_THAT(response.body, HasSubstr(R"("quality":"high","usage":{"total_tokens":3,)"));
}

TEST(ResponseWriterTest, BytesBecomeADataUrlWhenUrlsAreWanted) {
  ImageRequest request;
  request.parameters.set_response_format(provider_proxy::v1::RESPONSE_FORMAT_URL);
  http::Response response = ImagesResponse(request, OneImageReply(), 1);
  EXPECT_THAT(response.body, HasSubstr(R"({"url":"data:image/png;base64,QUJD"})"));
}

TEST(ResponseWriterTest, LimitsAndIgnoredParametersAreHeaders) {
  ImageRequest request;
  request.unknown_parameters = {"guidance"};
  ImageReply reply = OneImageReply();
  reply.summary.add_ignored_parameters("seed");
  reply.images_limit.set_limit(60);
  reply.images_limit.set_remaining(59);
  reply.images_limit.set_reset_after_us(61'500'000);
  http::Response response = ImagesResponse(request, reply, 1);
  EXPECT_EQ(http::FindHeader(response.headers, "x-prismatic-ignored-parameters"), "seed,guidance");
  EXPECT_EQ(http::FindHeader(response.headers, "x-ratelimit-remaining-images"), "59");
  EXPECT_EQ(http::FindHeader(response.headers, "x-ratelimit-reset-images"), "1m1.5s");
}

}  // namespace
}  // namespace prismatic::gateway::openai
