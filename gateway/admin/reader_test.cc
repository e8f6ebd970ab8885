#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "gateway/admin/body_reader.h"
#include "gateway/admin/query_reader.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::admin {
namespace {

using common::v1::ERROR_REASON_INVALID_VALUE;
using common::v1::ERROR_REASON_MISSING_REQUIRED_PARAMETER;
using ::testing::ElementsAre;

// Reads what a handler might: a required text, an optional number, a flag, texts and an object.
absl::Status Read(const std::string& text) {
  absl::StatusOr<json::Document> document = json::Document::Parse(text);
  EXPECT_TRUE(document.ok()) << text;
  BodyReader body(document->root());
  body.Text("name");
  body.OptionalInt("count", {1, 10});
  body.OptionalBool("force", false);
  body.OptionalTexts("models");
  if (const json::Value* quota = body.OptionalObject("quota")) {
    BodyReader inner(*quota, "quota.");
    inner.Int("units", {0, 5});
    body.Fail(inner.Done());
  }
  return body.Done();
}

struct Wrong {
  const char* text;
  common::v1::ErrorReason reason;
  const char* param;
};

TEST(BodyReaderTest, SaysWhichFieldIsWrong) {
  const Wrong wrong[] = {
      {R"([])", ERROR_REASON_INVALID_VALUE, ""},
      {R"({})", ERROR_REASON_MISSING_REQUIRED_PARAMETER, "name"},
      {R"({"name": null})", ERROR_REASON_MISSING_REQUIRED_PARAMETER, "name"},
      {R"({"name": ""})", ERROR_REASON_MISSING_REQUIRED_PARAMETER, "name"},
      {R"({"name": 1})", ERROR_REASON_INVALID_VALUE, "name"},
      {R"({"name": "\ud800"})", ERROR_REASON_INVALID_VALUE, "name"},
      {R"({"name": "x", "count": "1"})", ERROR_REASON_INVALID_VALUE, "count"},
      {R"({"name": "x", "count": 1.5})", ERROR_REASON_INVALID_VALUE, "count"},
      {R"({"name": "x", "count": 0})", ERROR_REASON_INVALID_VALUE, "count"},
      {R"({"name": "x", "count": 11})", ERROR_REASON_INVALID_VALUE, "count"},
      {R"({"name": "x", "count": 1e400})", ERROR_REASON_INVALID_VALUE, "count"},
      {R"({"name": "x", "force": "true"})", ERROR_REASON_INVALID_VALUE, "force"},
      {R"({"name": "x", "models": "m"})", ERROR_REASON_INVALID_VALUE, "models"},
      {R"({"name": "x", "models": ["m", 1]})", ERROR_REASON_INVALID_VALUE, "models"},
      {R"({"name": "x", "models": [""]})", ERROR_REASON_INVALID_VALUE, "models"},
      {R"({"name": "x", "quota": []})", ERROR_REASON_INVALID_VALUE, "quota"},
      {R"({"name": "x", "quota": {}})", ERROR_REASON_MISSING_REQUIRED_PARAMETER, "quota.units"},
      {R"({"name": "x", "quota": {"units": 6}})", ERROR_REASON_INVALID_VALUE, "quota.units"},
      {R"({"name": "x", "quota": {"units": 1, "x": 1}})", ERROR_REASON_INVALID_VALUE, "quota.x"},
      {R"({"name": "x", "nmae": "y"})", ERROR_REASON_INVALID_VALUE, "nmae"},
      {R"({"name": "x", "name": "y"})", ERROR_REASON_INVALID_VALUE, "name"},
      {R"({"name": "x", "Name": "y"})", ERROR_REASON_INVALID_VALUE, "Name"},
  };
  for (const Wrong& one : wrong) {
    absl::Status status = Read(one.text);
    EXPECT_TRUE(HasReason(status, one.reason)) << one.text << status;
    EXPECT_EQ(MetadataOf(status, "param"), one.param) << one.text;
  }
}

TEST(BodyReaderTest, NullIsAbsent) {
  EXPECT_TRUE(Read(R"({"name": "x", "count": null, "force": null, "models": null, "quota": null})").ok());
  EXPECT_TRUE(Read(R"({"name": "x", "count": 10, "models": [], "quota": {"units": 0}})").ok());
}

TEST(BodyReaderTest, NullCanBeToldFromAbsent) {
  absl::StatusOr<json::Document> document = json::Document::Parse(R"({"a": null})");
  BodyReader body(document->root());
  EXPECT_TRUE(body.Has("a"));
  EXPECT_TRUE(body.IsNull("a"));
  EXPECT_FALSE(body.Has("b"));
  EXPECT_FALSE(body.IsNull("b"));
  EXPECT_TRUE(body.Done().ok());
}

http::Request Query(std::vector<std::pair<std::string, std::string>> query) {
  http::Request request;
  request.query = std::move(query);
  return request;
}

TEST(QueryReaderTest, ReadsNumbersDaysTimesAndLists) {
  http::Request request = Query({{"n", "7"},
                                 {"day", "2026-01-31"},
                                 {"at", "2026-01-31T12:00:00.000001Z"},
                                 {"list", "a,b"},
                                 {"empty", ""},
                                 {"yes", "true"}});
  QueryReader query(request);
  EXPECT_EQ(query.Int("n", {1, 10}), 7);
  EXPECT_EQ(query.Day("day"), absl::CivilDay(2026, 1, 31));
  EXPECT_EQ(absl::ToUnixMicros(*query.Time("at")), 1769860800000001);
  EXPECT_THAT(query.List("list"), ElementsAre("a", "b"));
  EXPECT_FALSE(query.Int("empty", {1, 10}).has_value());
  EXPECT_TRUE(query.Bool("yes", false));
  EXPECT_TRUE(query.Done().ok()) << query.Done();
}

TEST(QueryReaderTest, RefusesWhatIsNoValueOfTheKind) {
  for (const char* number : {"x", "0", "11", " 5", "+5", "5x", "0x5", "99999999999999999999"}) {
    http::Request request = Query({{"n", number}});
    QueryReader query(request);
    query.Int("n", {1, 10});
    EXPECT_EQ(MetadataOf(query.Done(), "param"), "n") << number;
  }
  for (const char* day :
       {"2026-1-31", "2026-02-30", "20260131", "2026-01-31T00:00:00Z", "x", "infinite-pa"}) {
    http::Request request = Query({{"day", day}});
    QueryReader query(request);
    query.Day("day");
    EXPECT_FALSE(query.Done().ok()) << day;
  }
  for (const char* time : {"2026-01-31", "infinite-future", "yesterday", "2026-01-31 12:00:00"}) {
    http::Request request = Query({{"at", time}});
    QueryReader query(request);
    query.Time("at");
    EXPECT_FALSE(query.Done().ok()) << time;
  }
}

TEST(QueryReaderTest, RefusesWhatIsNotKnownThereTwiceOrNoText) {
  for (const auto& parameters : {std::vector<std::pair<std::string, std::string>>{{"other", "1"}},
                                 {{"a", "1"}, {"a", "1"}},
                                 {{"a", "\xff"}},
                                 {{"\xff", "1"}}}) {
    http::Request request = Query(parameters);
    QueryReader query(request);
    query.Text("a");
    EXPECT_TRUE(HasReason(query.Done(), ERROR_REASON_INVALID_VALUE)) << parameters[0].first;
  }
}

}  // namespace
}  // namespace prismatic::gateway::admin
