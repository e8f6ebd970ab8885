// Every reason of the catalogue, and what its client sees: tests/golden/errors.json, written anew by
//
//   gateway_openai_test --update-golden
//
// and reviewed as code, line by line against the error table of docs/reference/errors.md.

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gateway/openai/error_mapping.h"
#include "gateway/openai/gate_refusals.h"
#include "services/common/json/json.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::openai {

bool update_golden = false;

namespace {

using namespace common::v1;  // NOLINT

constexpr char kGoldenFile[] = PRISMATIC_GOLDEN_FOLDER "/errors.json";

std::string Line(absl::string_view name, const http::Response& response) {
  json::Writer writer;
  writer.BeginObject().Key("case").String(name).Key("status").Int(response.status);
  writer.Key("headers").BeginObject();
  for (const auto& [key, value] : response.headers) writer.Key(key).String(value);
  writer.EndObject().Key("body").Raw(response.body).EndObject();
  return writer.Take();
}

// As a service of ours gives it; what the catalogue names as metadata is there.
Error Given(ErrorReason reason) {
  Error error(absl::StatusCode::kUnknown, reason, absl::StrCat("Words of ", ReasonName(reason), "."));
  switch (reason) {
    case ERROR_REASON_INVALID_VALUE:
    case ERROR_REASON_MISSING_REQUIRED_PARAMETER:
      return error.With("param", "prompt");
    case ERROR_REASON_UNSUPPORTED_PARAMETER:
      return error.With("param", "image_url");
    case ERROR_REASON_METHOD_NOT_ALLOWED:
      return error.With("allow", "GET, HEAD");
    case ERROR_REASON_IMAGE_COUNT_TOO_LARGE:
      return error.With("limit", "2");
    case ERROR_REASON_RATE_LIMIT_EXCEEDED:
      return error.With("subject", "key")
          .With("metric", "requests")
          .With("limit", "3")
          .RetryAfter(absl::Microseconds(1'500'100));
    case ERROR_REASON_IDEMPOTENCY_KEY_IN_USE:
      return error.RetryAfter(absl::Seconds(2));
    case ERROR_REASON_BILLING_UNAVAILABLE:
    case ERROR_REASON_SERVER_IS_OVERLOADED:
      return error.RetryAfter(absl::Seconds(1));
    default:
      return error;
  }
}

void AddRateLimits(std::vector<std::string>& lines) {
  auto limit = [](const char* metric) {
    return Error(absl::StatusCode::kResourceExhausted, ERROR_REASON_RATE_LIMIT_EXCEEDED, "Slow down.")
        .With("metric", metric);
  };
  lines.push_back(Line("images a minute", ErrorResponse(limit("images").RetryAfter(absl::Minutes(1)))));
  lines.push_back(Line("requests at once", ErrorResponse(limit("concurrency").RetryAfter(absl::Seconds(1)))));
  lines.push_back(Line("a limit of none", ErrorResponse(limit("requests"))));
  lines.push_back(Line("a refusal that tells how the limits stand",
                       ErrorResponse(limit("images")
                                         .With("requests_limit", "60")
                                         .With("requests_remaining", "59")
                                         .With("requests_reset_us", "1000000")
                                         .With("images_limit", "10")
                                         .With("images_remaining", "1")
                                         .With("images_reset_us", "360000000")
                                         .RetryAfter(absl::Milliseconds(120)))));
}

std::vector<std::string> Lines() {
  std::vector<std::string> lines;
  const google::protobuf::EnumDescriptor& reasons = *ErrorReason_descriptor();
  for (int i = 0; i < reasons.value_count(); ++i) {
    auto reason = static_cast<ErrorReason>(reasons.value(i)->number());
    if (reason == ERROR_REASON_UNSPECIFIED) continue;
    lines.push_back(Line(ReasonName(reason), ErrorResponse(Given(reason))));
  }
  AddRateLimits(lines);
  // Without a reason: gRPC's own, whose words are not for clients.
  for (int code = 1; code <= 16; ++code) {
    absl::Status status(static_cast<absl::StatusCode>(code), "secret words");
    lines.push_back(
        Line(absl::StrCat("gRPC ", absl::StatusCodeToString(status.code())), ErrorResponse(status)));
  }
  for (int status : {400, 405, 408, 413, 414, 415, 417, 431, 500, 501, 503, 505}) {
    lines.push_back(Line(absl::StrCat("gate ", status), GateRefusal(status)));
  }
  return lines;
}

TEST(ErrorGoldenTest, EveryReasonIsWhatItWas) {
  std::string text = absl::StrCat("[\n", absl::StrJoin(Lines(), ",\n"), "\n]\n");
  if (update_golden) std::ofstream(kGoldenFile) << text;
  std::ifstream file(kGoldenFile);
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(text, golden.str()) << "The golden file differs: if it should, run with --update-golden.";
}

TEST(ErrorGoldenTest, EveryErrorHasAllFourKeysAndARetryHint) {
  for (const std::string& line : Lines()) {
    absl::StatusOr<json::Document> document = json::Document::Parse(line);
    ASSERT_TRUE(document.ok()) << line;
    const json::Value* error = document->root().Find("body")->Find("error");
    ASSERT_NE(error, nullptr) << line;
    std::vector<std::string> keys;
    for (const auto& [key, value] : error->members()) keys.push_back(key);
    EXPECT_EQ(keys, (std::vector<std::string>{"message", "type", "param", "code"})) << line;
    EXPECT_FALSE(error->Find("message")->String()->empty()) << line;
    EXPECT_EQ(error->Find("message")->String()->find("secret"), std::string::npos) << line;
    const json::Value* headers = document->root().Find("headers");
    const json::Value* retry = headers->Find("x-should-retry");
    ASSERT_NE(retry, nullptr) << line;
    // A wait is told in both units, and only to those who may come again.
    EXPECT_EQ(headers->Find("Retry-After") != nullptr, headers->Find("retry-after-ms") != nullptr) << line;
    if (headers->Find("Retry-After") != nullptr) {
      EXPECT_EQ(retry->String(), "true") << line;
    }
  }
}

}  // namespace
}  // namespace prismatic::gateway::openai

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (absl::string_view(argv[i]) == "--update-golden") prismatic::gateway::openai::update_golden = true;
  }
  return RUN_ALL_TESTS();
}
