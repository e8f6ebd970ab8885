#include "services/provider_proxy/adapters/outcome.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/provider_proxy/adapters/test_target.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace test_target;  // NOLINT

Outcome Sorted(int status, std::string body, std::optional<absl::Duration> retry_after = std::nullopt) {
  return outcome::FromErrorResponse({.status = status, .retry_after = retry_after, .body = std::move(body)});
}

struct ErrorCase {
  int status;
  const char* body;
  Verdict verdict;
  const char* label;
  const char* reason;
};

void ExpectSorted(const ErrorCase& error) {
  Outcome outcome = Sorted(error.status, error.body);
  EXPECT_EQ(outcome.verdict, error.verdict) << error.status << " " << error.body;
  EXPECT_EQ(outcome.label, error.label) << error.status << " " << error.body;
  EXPECT_EQ(ReasonOfOutcome(outcome), error.reason) << error.status << " " << error.body;
  EXPECT_THAT(std::string(outcome.status.message()), Not(HasSubstr("violence")));
}

TEST(OutcomeTest, SortsErrorsByWhatTheirStatusProves) {
  const ErrorCase kCases[] = {
      {400, "not json", Verdict::kRejected, "rejected", "INVALID_VALUE"},
      {413, "", Verdict::kRejected, "rejected", "INVALID_VALUE"},
      {422, R"({"detail":[{"loc":["size"],"msg":"bad"}]})", Verdict::kRejected, "rejected", "INVALID_VALUE"},
      {401, "", Verdict::kNotStarted, "unauthorized", "UPSTREAM_ERROR"},
      {402, "", Verdict::kNotStarted, "payment_required", "UPSTREAM_ERROR"},
      {403, "{}", Verdict::kNotStarted, "forbidden", "UPSTREAM_ERROR"},
      {404, "<html>", Verdict::kNotStarted, "not_found", "UPSTREAM_ERROR"},
      {429, "", Verdict::kNotStarted, "rate_limited", "UPSTREAM_ERROR"},
      {503, "", Verdict::kUnknown, "server_error", "UPSTREAM_ERROR"},
      {529, "", Verdict::kUnknown, "server_error", "UPSTREAM_ERROR"},
      {500, "", Verdict::kUnknown, "server_error", "UPSTREAM_ERROR"},
      {502, "<html>", Verdict::kUnknown, "server_error", "UPSTREAM_ERROR"},
      {408, "", Verdict::kUnknown, "gateway_timeout", "UPSTREAM_TIMEOUT"},
      {504, "", Verdict::kUnknown, "gateway_timeout", "UPSTREAM_TIMEOUT"},
      {524, "", Verdict::kUnknown, "gateway_timeout", "UPSTREAM_TIMEOUT"},
      {302, "", Verdict::kUnknown, "unexpected_status", "UPSTREAM_ERROR"},
      {405, "", Verdict::kUnknown, "unexpected_status", "UPSTREAM_ERROR"},
      {409, "", Verdict::kUnknown, "unexpected_status", "UPSTREAM_ERROR"},
      {425, "", Verdict::kUnknown, "unexpected_status", "UPSTREAM_ERROR"},
      {0, "", Verdict::kUnknown, "unexpected_status", "UPSTREAM_ERROR"},
  };
  for (const ErrorCase& error : kCases) ExpectSorted(error);
}

TEST(OutcomeTest, ARefusalIsFoundInEveryShapeThatUpstreamsGiveIt) {
  const std::pair<int, const char*> kBodies[] = {
      // OpenAI
      {400, R"({"error":{"type":"image_generation_user_error","code":"moderation_blocked","message":"x"}})"},
      {400, R"({"error":{"type":"invalid_request_error","code":"content_policy_violation","message":"x"}})"},
      {400, R"({"error":{"message":"Rejected by the safety system. safety_violations=[violence]"}})"},
      // Azure
      {400, R"({"error":{"code":"contentFilter","message":"x"}})"},
      {400, R"({"error":{"code":"x","innererror":{"code":"ResponsibleAIPolicyViolation"}}})"},
      {400, R"({"error":{"code":"x","inner_error":{"content_filter_results":{"hate":{"filtered":true}}}}})"},
      // xAI
      {400, R"({"code":"invalid-argument","error":"Generated image rejected by content moderation."})"},
      // OpenRouter
      {403, R"({"error":{"code":403,"message":"Your input was flagged"}})"},
      {403,
       R"({"error":{"code":403,"message":"x","metadata":{"reasons":["a"],"flagged_input":"violence"}}})"},
      {400, R"({"error":{"code":400,"message":"Provider returned error",
                "metadata":{"raw":"{\"error\":{\"code\":\"moderation_blocked\"}}"}}})"},
      // Together, fal, Stability, Ark
      {422, R"({"error":{"message":"The image may contain NSFW content","type":"invalid_request_error"}})"},
      {422, R"({"detail":[{"loc":["body","prompt"],"msg":"x","type":"content_policy_violation"}]})"},
      {403, R"({"id":"1","name":"content_moderation","errors":["Your request was flagged by our system."]})"},
      {400, R"({"error":{"code":"OutputImageSensitiveContentDetected","message":"x","type":"BadRequest"}})"},
      {400, R"({"errors":[{"code":"x","message":"flagged as violence"}]})"},
      // DeepInfra, BFL and others in few words
      {400, R"({"detail":{"error":"inappropriate content"}})"},
      {422, R"({"detail":"Content policy violation"})"},
      {400, R"({"message":"Prompt was flagged"})"},
      {400, R"({"error":"rejected by the safety system"})"},
      {400, "Your prompt was flagged"},
      // Google
      {400, R"({"error":{"code":400,"message":"It contains sensitive words that violate our Responsible AI)"
            R"( practices.","status":"INVALID_ARGUMENT"}})"},
      // xAI's 403, whose code speaks of rights and whose message names team and key
      {403, R"({"code":"The caller does not have permission to execute the specified operation",)"
            R"("error":"Content violates usage guidelines. Team: 7f3a, API key ID: 91c2, )"
            R"(Model: grok-imagine-image, Failed check: SAFETY_CHECK_TYPE_DATA_LEAKAGE"})"},
      // A 403 in prose
      {403, R"({"error":{"message":"Your prompt violates our usage policies"}})"},
      {403, R"({"error":{"message":"Your prompt violates our terms; your account may be suspended"}})"},
      {403, R"({"detail":"Image provided failed safety checks"})"},
      {403, R"({"detail":"Content moderated"})"},
      {403, R"({"message":"advanced moderation failed"})"},
      {403,
       R"({"id":"1","status":"Request Moderated","result":null,"details":{"Moderation Reasons":["x"]}})"},
      {403, R"({"error":{"code":403,"message":"x","metadata":{"reasons":["violence"]}}})"},
      {403, R"({"error":"unsafe content"})"},
      {403, R"({"error":{"message":"explicit content is not allowed"}})"},
      {403, R"({"error":{"message":"This content may violate our terms of service"}})"},
      {403, R"({"error":{"message":"Your prompt was blocked"}})"},
      {403, R"({"error":{"message":"The prompt is not allowed: \"my account, my resource\""}})"},
      {403, R"({"error":{"message":"prompt: \"your account has been kind\" was flagged as violence"}})"},
      {403, "Prompts with such words are prohibited."},
      // Where a status speaks of something else and the prose cannot
      {402, R"({"error":{"message":"prompt flagged by moderation"}})"},
      {404, R"({"error":{"message":"blocked by our content policy"}})"},
      {429, R"({"error":{"message":"Your prompt was flagged by our safety system"}})"},
      {429,
       R"({"error":{"message":"Your prompt was flagged. Do that again and your rate limit is lowered."}})"},
      {429, R"({"detail":"Rejected by moderation."})"},
      // By its status, and by a code where the status speaks of something else
      {451, ""},
      {500, R"({"error":{"code":"content_policy_violation","message":"x"}})"},
      {502, R"({"error":{"message":"upstream said: was flagged"}})"},
      {500, R"({"error":{"message":"Error code: 400 - {'error': {'code': 'moderation_blocked'}}"}})"},
      {429, R"({"error":{"code":"moderation_blocked"}})"},
      {401, R"({"error":{"code":"content_filter"}})"},
  };
  for (const auto& [status, body] : kBodies) {
    ExpectSorted({status, body, Verdict::kModerated, "moderation_blocked", "MODERATION_BLOCKED"});
  }
}

TEST(OutcomeTest, WhatOnlyMentionsModerationIsNoRefusal) {
  const ErrorCase kCases[] = {
      {400, R"({"error":{"code":"unknown_parameter","param":"moderation","message":"'content policy'?"}})",
       Verdict::kRejected, "rejected", "INVALID_VALUE"},
      {400, R"({"code":"400","error":"Argument not supported: moderation"})", Verdict::kRejected, "rejected",
       "INVALID_VALUE"},
      {400, R"({"error":{"code":"x","content_filter_results":{"hate":{"filtered":false}}}})",
       Verdict::kRejected, "rejected", "INVALID_VALUE"},
      {400, R"({"error":{"message":"x","metadata":{"flagged_input":null}}})", Verdict::kRejected, "rejected",
       "INVALID_VALUE"},
      {422, R"({"detail":[{"loc":["body","safety_checker"],"msg":"bad type","type":"type_error"}]})",
       Verdict::kRejected, "rejected", "INVALID_VALUE"},
      // The account is blocked, which another provider's is not.
      {403,
       R"({"error":{"code":"Forbidden","message":"Your resource has been temporarily blocked because we )"
       R"(detected behavior that may violate our content policy."}})",
       Verdict::kNotStarted, "forbidden", "UPSTREAM_ERROR"},
      {429, R"({"error":{"message":"Your account was flagged for unusual traffic"}})", Verdict::kNotStarted,
       "rate_limited", "UPSTREAM_ERROR"},
      {403, R"({"error":{"message":"Your account violates our content policy"}})", Verdict::kNotStarted,
       "forbidden", "UPSTREAM_ERROR"},
      {403, R"({"error":{"message":"Your account is not allowed to use prompts with images"}})",
       Verdict::kNotStarted, "forbidden", "UPSTREAM_ERROR"},
      {403, R"({"error":{"message":"Permission denied on resource content-project by policy"}})",
       Verdict::kNotStarted, "forbidden", "UPSTREAM_ERROR"},
      {403, R"({"error":{"message":"Requests to GenerativeService.GenerateContent are not allowed"}})",
       Verdict::kNotStarted, "forbidden", "UPSTREAM_ERROR"},
      {403, R"({"error":{"message":"Content-Type text/plain is not allowed"}})", Verdict::kNotStarted,
       "forbidden", "UPSTREAM_ERROR"},
      {403, R"({"error":{"message":"You are not allowed to use this model"}})", Verdict::kNotStarted,
       "forbidden", "UPSTREAM_ERROR"},
      {403, R"({"error":{"message":"x","metadata":{"reasons":[]}}})", Verdict::kNotStarted, "forbidden",
       "UPSTREAM_ERROR"},
      {402, R"({"error":{"message":"Insufficient credits for moderation and generation"}})",
       Verdict::kNotStarted, "payment_required", "UPSTREAM_ERROR"},
      {404, R"({"error":{"message":"The model omni-moderation-latest does not exist"}})",
       Verdict::kNotStarted, "not_found", "UPSTREAM_ERROR"},
      {404, R"({"error":{"message":"Unknown: flux-moderated"}})", Verdict::kNotStarted, "not_found",
       "UPSTREAM_ERROR"},
      {404, R"({"error":{"message":"No endpoints found matching your data policy"}})", Verdict::kNotStarted,
       "not_found", "UPSTREAM_ERROR"},
      {429, R"({"error":{"message":"Rate limit reached for moderation requests"}})", Verdict::kNotStarted,
       "rate_limited", "UPSTREAM_ERROR"},
      {429, R"({"error":{"message":"Too many requests were blocked by our content policy"}})",
       Verdict::kNotStarted, "rate_limited", "UPSTREAM_ERROR"},
      {429, R"({"error":{"message":"Your requests were flagged for unusual behaviour"}})",
       Verdict::kNotStarted, "rate_limited", "UPSTREAM_ERROR"},
      {429, R"({"error":{"message":"x","metadata":{"reasons":["slow"]}}})", Verdict::kNotStarted,
       "rate_limited", "UPSTREAM_ERROR"},
      {502, "<html><a href='/content-policy'>content policy</a></html>", Verdict::kUnknown, "server_error",
       "UPSTREAM_ERROR"},
  };
  for (const ErrorCase& error : kCases) ExpectSorted(error);
}

TEST(OutcomeTest, AFailureIsNoRefusalSinceThePromptSpeaksOfOne) {
  for (const char* message :
       {R"(generation failed for prompt: a poster of the safety system of a ship)",
        R"(generation failed for \"a poster: flagged by the safety system\")",
        R"(could not draw 'nsfw, prohibited content')", R"(could not draw `the content policy`)",
        "could not draw \xe2\x80\x9cthe content policy\xe2\x80\x9d", R"(failed\na flag that was flagged)",
        R"(can't draw this input: a safety system)"}) {
    std::string body = absl::StrCat(R"({"error":{"message":")", message, R"("}})");
    for (int status : {500, 502, 503}) {
      ExpectSorted({status, body.c_str(), Verdict::kUnknown, "server_error", "UPSTREAM_ERROR"});
    }
    ExpectSorted({408, body.c_str(), Verdict::kUnknown, "gateway_timeout", "UPSTREAM_TIMEOUT"});
  }
}

TEST(OutcomeTest, APageThatForbidsIsNotTheCredentialsFault) {
  for (const char* page :
       {"<html><head><title>403 Forbidden</title></head></html>", "\r\n<!DOCTYPE HTML><p>Blocked",
        "\xef\xbb\xbf<!doctype html>\n<title>Your prompt violates our content policy</title>",
        "<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"x\">", "<!-- a --><HEAD></HEAD>"}) {
    ExpectSorted({403, page, Verdict::kNotStarted, "forbidden_page", "UPSTREAM_ERROR"});
  }
  for (const char* body : {"", "<", "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>",
                           "Forbidden <html>", R"({"error":"<html>"})"}) {
    ExpectSorted({403, body, Verdict::kNotStarted, "forbidden", "UPSTREAM_ERROR"});
  }
}

TEST(OutcomeTest, ARequestThatFitsNoLimitIsRejected) {
  const ErrorCase kCases[] = {
      {429,
       R"({"error":{"message":"Request too large for gpt-image-1 in organization org-1 on input-images per min: )"
       R"(Limit 5, Requested 16.","type":"input-images","param":null,"code":"rate_limit_exceeded"}})",
       Verdict::kRejected, "rejected", "INVALID_VALUE"},
      {429, R"({"error":{"message":"x","code":"request_too_large"}})", Verdict::kRejected, "rejected",
       "INVALID_VALUE"},
      {429,
       R"({"error":{"message":"Rate limit reached for gpt-image-1: Limit 5, Used 5, Requested 1. )"
       R"(Request too large for now.","code":"rate_limit_exceeded"}})",
       Verdict::kNotStarted, "rate_limited", "UPSTREAM_ERROR"},
      {429, R"({"error":{"message":"Too many requests for 'request too large for gpt-image-1'"}})",
       Verdict::kNotStarted, "rate_limited", "UPSTREAM_ERROR"},
      {429, R"({"error":{"message":"Request too large for x","code":"insufficient_quota"}})",
       Verdict::kNotStarted, "payment_required", "UPSTREAM_ERROR"},
  };
  for (const ErrorCase& error : kCases) ExpectSorted(error);
}

TEST(OutcomeTest, AFaultOfOurAccountIsNotTheClients) {
  const ErrorCase kCases[] = {
      {400, R"({"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT",
                "details":[{"@type":"x","reason":"API_KEY_INVALID"}]}})",
       Verdict::kNotStarted, "unauthorized", "UPSTREAM_ERROR"},
      {400,
       R"({"error":{"code":400,"message":"User location is not supported","status":"FAILED_PRECONDITION"}})",
       Verdict::kNotStarted, "unauthorized", "UPSTREAM_ERROR"},
      {400, R"({"code":"Client specified an invalid argument","error":"Incorrect API key provided: ab***"})",
       Verdict::kNotStarted, "unauthorized", "UPSTREAM_ERROR"},
      {400, R"({"error":{"message":"Invalid prompt: 'incorrect api key provided'"}})", Verdict::kRejected,
       "rejected", "INVALID_VALUE"},
      {400, R"({"error":{"type":"invalid_request_error","code":"billing_hard_limit_reached"}})",
       Verdict::kNotStarted, "payment_required", "UPSTREAM_ERROR"},
      {429, R"({"error":{"type":"insufficient_quota","code":"insufficient_quota"}})", Verdict::kNotStarted,
       "payment_required", "UPSTREAM_ERROR"},
  };
  for (const ErrorCase& error : kCases) ExpectSorted(error);
}

TEST(OutcomeTest, AnUnavailableUpstreamHasNotBegunOnlyWhenItSaysSo) {
  for (int status : {503, 529}) {
    for (const char* body :
         {R"({"error":{"type":"service_unavailable_error","code":"server_is_overloaded"}})",
          R"({"error":{"code":"slow_down"}})",
          R"({"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}})",
          R"({"detail":"We're at capacity."})", "Too many requests\n",
          R"({"error":{"type":"engine_overloaded_error","message":"failed for prompt: 'a stadium'"}})"}) {
      ExpectSorted({status, body, Verdict::kNotStarted, "overloaded", "UPSTREAM_ERROR"});
    }
    Outcome outcome = Sorted(status, "", absl::Seconds(7));
    EXPECT_EQ(outcome.verdict, Verdict::kNotStarted);
    EXPECT_EQ(outcome.retry_after, absl::Seconds(7));
    EXPECT_EQ(Sorted(status, R"({"error":{"code":503,"status":"UNAVAILABLE"}})").verdict, Verdict::kUnknown);
  }
  EXPECT_EQ(Sorted(429, "", absl::Seconds(3)).retry_after, absl::Seconds(3));
  // The same words with another status prove nothing: it may have run out of room half way.
  EXPECT_EQ(Sorted(500, R"({"error":{"code":"server_is_overloaded"}})", absl::Seconds(7)).verdict,
            Verdict::kUnknown);
}

TEST(OutcomeTest, AnUpstreamIsNotOverloadedSinceThePromptSpeaksOfIt) {
  for (int status : {503, 529}) {
    for (const std::string& message :
         {std::string("generation failed for prompt: a stadium at capacity"),
          std::string(R"(generation of \"an overloaded cart\" failed)"),
          std::string("generation of 'an overloaded cart' failed"),
          std::string("generation of \xe2\x80\x9c"
                      "an overloaded cart\xe2\x80\x9d failed"),
          std::string(R"(generation failed\nan overloaded cart)"),
          absl::StrCat("could not draw a stadium at capacity", std::string(90, '.'))}) {
      std::string body = absl::StrCat(R"({"error":{"message":")", message, R"("}})");
      ExpectSorted({status, body.c_str(), Verdict::kUnknown, "server_error", "UPSTREAM_ERROR"});
    }
  }
}

TEST(OutcomeTest, AnErrorInsideA200MayHaveCostSomethingWhateverItsCode) {
  for (const char* body : {R"({"code":429,"message":"slow down"})", R"({"code":401})", R"("boom")", "7", "[]",
                           R"({"code":"server_is_overloaded"})"}) {
    absl::StatusOr<json::Document> document = json::Document::Parse(body);
    ASSERT_TRUE(document.ok()) << body;
    EXPECT_EQ(outcome::FromErrorObject(document->root()).verdict, Verdict::kUnknown) << body;
  }
  absl::StatusOr<json::Document> refusal = json::Document::Parse(R"({"error":{"code":"content_filter"}})");
  EXPECT_EQ(outcome::FromErrorObject(refusal->root()).verdict, Verdict::kModerated);
}

TEST(OutcomeTest, HostileErrorBodiesAreSortedByTheirStatus) {
  std::string deep = R"({"code":"moderation_blocked"})";
  for (int i = 0; i < 20; ++i) deep = absl::StrCat(R"({"error":)", deep, "}");
  std::string many = R"({"errors":[)";
  for (int i = 0; i < 10'000; ++i) absl::StrAppend(&many, R"({"code":"c","message":"m"},)");
  many += "1]}";
  const std::string kBodies[] = {
      deep,
      many,
      absl::StrCat(R"({"error":{"message":")", std::string(2 << 20, 'x'), R"("}})"),
      absl::StrCat(R"({"error":{"code":")", std::string(100'000, 'x'), R"("}})"),
      R"({"error":{"code":{"a":1},"type":[1],"message":7,"status":null}})",
      R"({"error":{"code":1e999,"message":"\ud800"}})",
      R"({"error":true,"detail":3.5,"errors":{},"message":[]})",
      R"([[[[]]]])",
      "\xff\xfe",
      std::string("\0\0", 2),
  };
  for (const std::string& body : kBodies) {
    EXPECT_EQ(Sorted(500, body).verdict, Verdict::kUnknown) << body.substr(0, 80);
    EXPECT_EQ(Sorted(400, body).verdict, Verdict::kRejected) << body.substr(0, 80);
    EXPECT_EQ(Sorted(404, body).verdict, Verdict::kNotStarted) << body.substr(0, 80);
  }
}

}  // namespace
}  // namespace prismatic::provider_proxy
