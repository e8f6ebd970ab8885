#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "gateway/openai/error_mapping.h"
#include "gateway/openai/openapi_json.h"
#include "gateway/openai/request_reader.h"
#include "gateway/openai/response_writer.h"
#include "gateway/openai/unknown_parameters.h"
#include "services/common/json/json.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::openai {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAreArray;
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
        Refusal{R"("partial_images":1)", "partial_images", ERROR_REASON_UNSUPPORTED_PARAMETER},
        Refusal{R"("partial_images":4)", "partial_images", ERROR_REASON_UNSUPPORTED_PARAMETER},
        Refusal{R"("partial_images":-1)", "partial_images", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("partial_images":true)", "partial_images", ERROR_REASON_INVALID_VALUE},
        // Wrong type, though the value would be whole: numbers are not rounded, at no place.
        Refusal{R"("n":1.0)", "n", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("n":1e0)", "n", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("n":-0)", "n", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("n":true)", "n", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("n":[1])", "n", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("n":18446744073709551617)", "n", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("seed":9223372036854775808)", "seed", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("seed":1e3)", "seed", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("size":"")", "size", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("size":"16385x1")", "size", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("size":"1024x1024x1")", "size", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("size":"+1x1")", "size", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("quality":"12345678901234567890123456789012345678901234567890123456789012345")", "quality",
                ERROR_REASON_INVALID_VALUE},
        Refusal{R"("style":"\ud800")", "style", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("style":"\ude00\ud83d")", "style", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("style":"a\u0000b")", "style", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("negative_prompt":"\u0000")", "negative_prompt", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("negative_prompt":["a"])", "negative_prompt", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("moderation":"none")", "moderation", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("background":"")", "background", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("output_format":"PNG")", "output_format", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("user":7)", "user", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("stream":0)", "stream", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("image_url":"https://")", "image_url", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("image_url":"https:///a.png")", "image_url", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("image_url":"https://?a")", "image_url", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("image_url":"https://a/\u0000")", "image_url", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("image_url":"https://a/ b")", "image_url", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("image_url":"https://a/\r\nX: y")", "image_url", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("image_url":"data:text/html;base64,AAAA")", "image_url", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("image_url":[null])", "image_url", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("image_url":[["https://a/"]])", "image_url", ERROR_REASON_INVALID_VALUE},
        Refusal{R"("image_url":["https://a/1","https://a/2","https://a/3","https://a/4","https://a/5",
                    "https://a/6","https://a/7","https://a/8","https://a/9","https://a/10","https://a/11",
                    "https://a/12","https://a/13","https://a/14","https://a/15","https://a/16","https://a/17"])",
                "image_url", ERROR_REASON_INVALID_VALUE}));

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

std::string Joined(const absl::StatusOr<ImageRequest>& request) {
  return request.ok() ? absl::StrJoin(request->unknown_parameters, ",") : request.status().ToString();
}

TEST(UnknownParametersTest, AHostileNameCannotLeaveItsHeader) {
  EXPECT_EQ(Joined(ReadWith(R"("a\r\nSet-Cookie: x":1,"fine":2,"a,b":3,"100%":4,"":5,"\u00e9":6)")),
            "a%0D%0ASet-Cookie%3A%20x,fine,a%2Cb,100%25,\"\",%C3%A9");
}

TEST(UnknownParametersTest, LongNamesAndLongListsAreCutVisibly) {
  std::string letters(65, 'x');
  EXPECT_EQ(Joined(ReadWith(absl::StrCat("\"", letters.substr(1), "\":1"))), letters.substr(1));
  EXPECT_EQ(Joined(ReadWith(absl::StrCat("\"", letters, "\":1"))), absl::StrCat(letters.substr(1), "..."));
  // An escape is not cut in two.
  EXPECT_EQ(Joined(ReadWith(absl::StrCat("\"", letters.substr(3), " y\":1"))),
            absl::StrCat(letters.substr(3), "..."));
  std::string fields;
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&fields, i == 0 ? "" : ",", "\" ", i, letters, "\":1");
  absl::StatusOr<ImageRequest> request = ReadWith(fields);
  ASSERT_EQ(request->unknown_parameters.size(), 21u);
  EXPECT_EQ(request->unknown_parameters.back(), "...");
  EXPECT_LT(Joined(request).size(), 1536u);
}

TEST(RequestReaderTest, AMemberThatIsThereTwiceIsRefused) {
  for (const char* fields :
       {R"("n":1,"n":2)", R"("n":1,"\u006e":1)", R"("n":null,"n":1)", R"("prompt":"q")"}) {
    absl::Status status = ReadWith(fields).status();
    EXPECT_TRUE(HasReason(status, ERROR_REASON_INVALID_VALUE)) << fields;
    EXPECT_EQ(MetadataOf(status, "param"), fields[1] == 'n' ? "n" : "prompt") << fields;
  }
  // Also one that nobody reads; its name is shown only when it is harmless.
  EXPECT_EQ(MetadataOf(ReadWith(R"("x":1,"x":2)").status(), "param"), "x");
  EXPECT_EQ(MetadataOf(ReadWith(R"("x\n":1,"x\n":2)").status(), "param"), "");
  // What is nested is read by nobody.
  EXPECT_TRUE(ReadWith(R"("x":{"y":1,"y":2})").ok());
}

TEST(RequestReaderTest, ManyMembersAreReadInLinearTime) {
  std::string fields = R"("n":1)";
  for (int i = 0; i < 200'000; ++i) absl::StrAppend(&fields, ",\"x", i, "\":0");
  absl::Time started = absl::Now();
  EXPECT_TRUE(ReadWith(fields).ok());
  // Every pair compared would be 2 * 10^10 comparisons, minutes; this is far from both.
  EXPECT_LT(absl::Now() - started, absl::Seconds(20));
}

TEST(RequestReaderTest, TextThatIsNotJsonIsRefused) {
  for (absl::string_view body :
       {absl::string_view("\xEF\xBB\xBF{\"model\":\"m\",\"prompt\":\"p\"}"),
        absl::string_view(R"({"model":"m","prompt":"p","n":NaN})"),
        absl::string_view(R"({"model":"m","prompt":"p","n":Infinity})"),
        absl::string_view(R"({"model":"m","prompt":"p","n":01})"),
        absl::string_view(R"({"model":"m","prompt":"p",})"),
        absl::string_view(R"({"model":"m","prompt":"p"}{})"),
        absl::string_view(R"({"model":"m","prompt":"p"} null)"),
        absl::string_view("{\"model\":\"m\",\"prompt\":\"\xff\"}"),
        absl::string_view("{\"model\":\"m\",\"prompt\":\"\xed\xa0\x80\"}"),
        absl::string_view("{\"model\":\"m\",\"prompt\":\"\xc0\xaf\"}"),
        absl::string_view("{\"model\":\"m\",\"prompt\":\"a\nb\"}"),
        absl::string_view("{\"model\":\"m\",\"prompt\":\"a\0b\"}", 28),
        absl::string_view("{\"model\":\"m\",\"prompt\":\"p\"}\0", 27),
        absl::string_view(R"({'model':'m','prompt':'p'})"), absl::string_view(R"("model")"),
        absl::string_view("null"), absl::string_view("7"), absl::string_view(" ")}) {
    absl::Status status = ReadImageRequest(std::string(body)).status();
    EXPECT_TRUE(HasReason(status, ERROR_REASON_INVALID_VALUE)) << body;
    EXPECT_EQ(MetadataOf(status, "param"), "") << body;
  }
}

TEST(RequestReaderTest, NestingEndsAtThirtyTwo) {
  auto nested = [](int depth) {
    return ReadWith(absl::StrCat("\"x\":", std::string(depth, '['), std::string(depth, ']'))).status();
  };
  EXPECT_TRUE(nested(31).ok());
  EXPECT_TRUE(HasReason(nested(32), ERROR_REASON_INVALID_VALUE));
  EXPECT_TRUE(HasReason(nested(100'000), ERROR_REASON_INVALID_VALUE));
}

TEST(RequestReaderTest, APromptMayBeBlankAndLongButNotLonger) {
  auto with_prompt = [](absl::string_view prompt) {
    return ReadImageRequest(absl::StrCat(R"({"model":"m","prompt":)", json::Quote(prompt), "}"));
  };
  EXPECT_EQ(with_prompt(" \n\t ")->parameters.prompt(), " \n\t ");
  std::string longest;
  for (int i = 0; i < kPromptCharactersMax; ++i) longest += "é";
  EXPECT_EQ(with_prompt(longest)->parameters.prompt(), longest);
  EXPECT_EQ(MetadataOf(with_prompt(longest + "x").status(), "param"), "prompt");
}

TEST(RequestReaderTest, AnEmptyFreeTextSaysNothing) {
  absl::StatusOr<ImageRequest> request =
      ReadWith(R"("negative_prompt":"","quality":"","style":"","user":"","image_url":[])");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_FALSE(request->parameters.has_negative_prompt());
  EXPECT_FALSE(request->parameters.has_quality());
  EXPECT_FALSE(request->parameters.has_style());
  EXPECT_FALSE(request->parameters.has_user());
  EXPECT_EQ(request->parameters.reference_images_size(), 0);
}

TEST(RequestReaderTest, TheWholeRangeIsTaken) {
  absl::StatusOr<ImageRequest> request =
      ReadWith(R"("seed":-9223372036854775808,"n":10,"size":"16384x16384","output_compression":0,
                  "partial_images":0,"stream":false,"background":"auto","moderation":"low","output_format":"webp")");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->parameters.seed(), INT64_MIN);
  EXPECT_EQ(request->parameters.image_count(), 10);
  for (const char* size : {"auto", "1024x1024", "2K", "4k", "0.5K"}) {
    EXPECT_TRUE(ReadWith(absl::StrCat(R"("size":")", size, "\"")).ok()) << size;
  }
  for (const char* ratio : {"auto", "16:9", "9:19.5", "1:1"}) {
    EXPECT_TRUE(ReadWith(absl::StrCat(R"("aspect_ratio":")", ratio, "\"")).ok()) << ratio;
  }
}

// The members of the request's schema in the served description.
std::vector<std::string> DescribedParameters() {
  absl::StatusOr<json::Document> description = json::Document::Parse(kOpenApiJson);
  const json::Value* at = &description->root();
  for (const char* key : {"components", "schemas", "ImageGenerationRequest", "properties"})
    at = at->Find(key);
  std::vector<std::string> names;
  for (const auto& [name, schema] : at->members()) names.push_back(name);
  return names;
}

TEST(OpenApiTest, DescribesExactlyTheParametersThatAreRead) {
  std::vector<std::string> known;
  for (absl::string_view name : KnownParameters()) known.emplace_back(name);
  EXPECT_THAT(DescribedParameters(), UnorderedElementsAreArray(known));
  // Each is really read: a value of a type that none of them has is refused in its name.
  for (const std::string& name : known) {
    if (name == "model" || name == "prompt") continue;
    EXPECT_EQ(MetadataOf(ReadWith(absl::StrCat("\"", name, "\":{}")).status(), "param"), name);
  }
}

TEST(OpenApiTest, IsTheFileOfTheTree) {
  std::ifstream file(PRISMATIC_OPENAPI_FILE);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), kOpenApiJson);
}

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
  http::Response response = ImagesResponse(AnswerForm(), OneImageReply(), 1713833628);
  EXPECT_EQ(response.body, R"({"created":1713833628,"data":[{"b64_json":"QUJD"}]})");
  EXPECT_EQ(http::FindHeader(response.headers, "x-prismatic-cost-usd"), "0.04");
  EXPECT_EQ(http::FindHeader(response.headers, "x-ratelimit-limit-requests"), "");
}

TEST(ResponseWriterTest, APendingSettlementHasNoCostYet) {
  ImageReply reply = OneImageReply();
  reply.reservation.set_state(billing::v1::RESERVATION_STATE_PENDING);
  EXPECT_EQ(http::FindHeader(ImagesResponse(AnswerForm(), reply, 1).headers, "x-prismatic-cost-usd"), "");
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
  http::Response response = ImagesResponse(AnswerForm(), reply, 1);
  EXPECT_THAT(response.body, Not(HasSubstr("1536x864")));
  EXPECT_THAT(response.body, HasSubstr(R"("quality":"high","usage":{"total_tokens":3,)"));
}

TEST(ResponseWriterTest, BytesBecomeADataUrlWhenUrlsAreWanted) {
  ImageRequest request;
  request.parameters.set_response_format(provider_proxy::v1::RESPONSE_FORMAT_URL);
  http::Response response = ImagesResponse(FormOf(request), OneImageReply(), 1);
  EXPECT_THAT(response.body, HasSubstr(R"({"url":"data:image/png;base64,QUJD"})"));
}

TEST(ResponseWriterTest, TheResetOfALimitIsWrittenAsOpenAIDoes) {
  for (const auto& [microseconds, text] :
       std::vector<std::pair<int64_t, std::string>>{{0, "0ms"},
                                                    {1, "1ms"},
                                                    {119'001, "120ms"},
                                                    {999'999, "1s"},
                                                    {1'500'000, "1.5s"},
                                                    {1'050'000, "1.05s"},
                                                    {59'999'001, "1m0s"},
                                                    {360'000'000, "6m0s"}}) {
    ImageReply reply = OneImageReply();
    reply.requests_limit.set_limit(1);
    reply.requests_limit.set_reset_after_us(microseconds);
    http::Response response = ImagesResponse(AnswerForm(), reply, 1);
    EXPECT_EQ(http::FindHeader(response.headers, "x-ratelimit-reset-requests"), text);
    EXPECT_EQ(http::FindHeader(response.headers, "x-ratelimit-remaining-requests"), "0");
  }
}

TEST(ResponseWriterTest, LimitsAndIgnoredParametersAreHeaders) {
  ImageRequest request;
  request.unknown_parameters = {"guidance"};
  ImageReply reply = OneImageReply();
  reply.summary.add_ignored_parameters("seed");
  reply.summary.add_changed_parameters("size=1536x1024");
  reply.images_limit.set_limit(60);
  reply.images_limit.set_remaining(59);
  reply.images_limit.set_reset_after_us(61'500'000);
  http::Response response = ImagesResponse(FormOf(request), reply, 1);
  EXPECT_EQ(http::FindHeader(response.headers, "x-prismatic-ignored-parameters"), "seed,guidance");
  EXPECT_EQ(http::FindHeader(response.headers, "x-prismatic-changed-parameters"), "size=1536x1024");
  EXPECT_EQ(http::FindHeader(response.headers, "x-ratelimit-remaining-images"), "59");
  EXPECT_EQ(http::FindHeader(response.headers, "x-ratelimit-reset-images"), "1m1.5s");
}

}  // namespace
}  // namespace prismatic::gateway::openai
