#include "gateway/admin/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/admin/page.h"
#include "gateway/admin/page_files.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::admin {
namespace {

TEST(ErrorAnswerTest, TheReasonDecides) {
  http::Response response = ErrorAnswer(
      Error(absl::StatusCode::kAborted, common::v1::ERROR_REASON_CATALOG_CONFLICT, "Somebody <was> faster.")
          .With("param", "based_on"),
      "request-1");
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(response.body,
            R"({"error":{"code":"CATALOG_CONFLICT","message":"Somebody <was> faster.","param":"based_on",)"
            R"("request_id":"request-1"}})");
}

TEST(ErrorAnswerTest, WhatHasNoReasonIsAFaultAndItsWordsStayInside) {
  http::Response response = ErrorAnswer(absl::UnknownError("a secret of the wire"), "r");
  EXPECT_EQ(response.status, 500);
  EXPECT_THAT(response.body, ::testing::Not(::testing::HasSubstr("secret")));
  // gRPC's own, of a message too large: no rate limit.
  EXPECT_EQ(ErrorAnswer(absl::ResourceExhaustedError("x"), "r").status, 500);
  EXPECT_EQ(ErrorAnswer(absl::UnavailableError("x"), "r").status, 503);
}

TEST(ErrorAnswerTest, SaysHowLongToWait) {
  auto limited = [](absl::Duration wait) {
    return ErrorAnswer(
        Error(absl::StatusCode::kResourceExhausted, common::v1::ERROR_REASON_LOGIN_RATE_LIMITED, "x")
            .RetryAfter(wait),
        "r");
  };
  EXPECT_EQ(limited(absl::Milliseconds(1001)).status, 429);
  EXPECT_EQ(http::FindHeader(limited(absl::Milliseconds(1001)).headers, "Retry-After"), "2");
  EXPECT_EQ(http::FindHeader(limited(absl::ZeroDuration()).headers, "Retry-After"), "1");
}

TEST(CatalogErrorsTest, EachHasItsPlace) {
  google::protobuf::RepeatedPtrField<std::string> errors;
  *errors.Add() = "3:5: providers[0].name: `x y` is: wrong";
  *errors.Add() = "1:1: the text is no YAML: truly";
  *errors.Add() = "nothing at all";
  *errors.Add() = "providers[extra]: is used";
  http::Response response = CatalogErrors(errors, "yaml", "r");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body,
              ::testing::HasSubstr(
                  R"("errors":[{"line":3,"column":5,"path":"providers[0].name","message":"`x y` is: wrong"},)"
                  R"({"line":1,"column":1,"path":"","message":"the text is no YAML: truly"},)"
                  R"({"line":null,"column":null,"path":"","message":"nothing at all"},)"
                  R"({"line":null,"column":null,"path":"providers[extra]","message":"is used"}])"));
}

TEST(PageTest, ServesItsFilesAndNothingElse) {
  Page page;
  http::Request request;
  ASSERT_GT(kPageFileCount, 0u);
  for (size_t i = 0; i < kPageFileCount; ++i) {
    std::string path = std::string("/") + kPageFiles[i].name;
    std::optional<http::Response> file = page.Find(path, request);
    ASSERT_TRUE(file.has_value()) << path;
    EXPECT_EQ(file->body.size(), kPageFiles[i].size);
    EXPECT_NE(file->content_type, "application/octet-stream") << path;
  }
  EXPECT_EQ(page.Find("/", request)->body, page.Find("/index.html", request)->body);
  for (absl::string_view path : {"", "//", "/..", "/../index.html", "/page/index.html", "/index.html/",
                                 "/Index.html", "/%69ndex.html", "/CMakeLists.txt"}) {
    EXPECT_FALSE(page.Find(path, request).has_value()) << path;
  }
}

TEST(PageTest, WhoHasAFileIsNotSentItAgain) {
  Page page;
  http::Request request;
  std::string etag(http::FindHeader(page.Find("/", request)->headers, "ETag"));
  for (const std::string& known : {etag, "W/" + etag, "\"x\", " + etag, std::string("*")}) {
    http::Request again;
    again.headers = {{"If-None-Match", known}};
    EXPECT_EQ(page.Find("/", again)->status, 304) << known;
  }
  http::Request other;
  other.headers = {{"If-None-Match", "\"x\""}};
  EXPECT_EQ(page.Find("/", other)->status, 200);
}

}  // namespace
}  // namespace prismatic::gateway::admin
