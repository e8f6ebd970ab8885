// Plain YAML values as JSON, as YAML 1.2's core schema reads them.
#include "services/model_registry/yaml_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/common/json/json.h"

namespace prismatic::model_registry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Converted {
  std::string json;
  std::vector<std::string> errors;
};

Converted Convert(absl::string_view yaml, JsonBounds bounds = {.depth_max = 4, .bytes_max = 1000}) {
  YamlTree tree(absl::StrCat("v: ", yaml));
  EXPECT_TRUE(tree.ok()) << yaml << ": " << tree.error().message;
  if (!tree.ok()) return {};
  YamlErrors errors;
  std::optional<std::string> json = ReadJson(*tree.root().entries[0].second, "v", bounds, errors);
  return {json.value_or(""), errors.Lines()};
}

std::string JsonOf(absl::string_view yaml) {
  Converted converted = Convert(yaml);
  EXPECT_THAT(converted.errors, IsEmpty()) << yaml;
  EXPECT_TRUE(json::Document::Parse(converted.json).ok()) << converted.json;
  return converted.json;
}

TEST(YamlJsonTest, ReadsBooleansAndNullOfTheCoreSchemaOnly) {
  for (absl::string_view yaml : {"true", "True", "TRUE"}) EXPECT_EQ(JsonOf(yaml), "true") << yaml;
  for (absl::string_view yaml : {"false", "False", "FALSE"}) EXPECT_EQ(JsonOf(yaml), "false") << yaml;
  for (absl::string_view yaml : {"~", "null", "Null", "NULL", ""}) EXPECT_EQ(JsonOf(yaml), "null") << yaml;
  for (absl::string_view yaml : {"yes", "no", "on", "Off", "y", "tRUE", "nULL", "none"}) {
    EXPECT_EQ(JsonOf(yaml), absl::StrCat("\"", yaml, "\""));
  }
}

TEST(YamlJsonTest, ReadsWholeNumbers) {
  EXPECT_EQ(JsonOf("0"), "0");
  EXPECT_EQ(JsonOf("-0"), "0");
  EXPECT_EQ(JsonOf("+12"), "12");
  EXPECT_EQ(JsonOf("-12"), "-12");
  EXPECT_EQ(JsonOf("007"), "7");
  EXPECT_EQ(JsonOf("0x1F"), "31");
  EXPECT_EQ(JsonOf("0o17"), "15");
  EXPECT_EQ(JsonOf("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(JsonOf("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(JsonOf("18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(JsonOf("0xffffffffffffffff"), "18446744073709551615");
}

TEST(YamlJsonTest, KeepsTheDigitsOfFractions) {
  EXPECT_EQ(JsonOf("3.50"), "3.50");
  EXPECT_EQ(JsonOf("0.1234567890123456789"), "0.1234567890123456789");
  EXPECT_EQ(JsonOf(".5"), "0.5");
  EXPECT_EQ(JsonOf("-.5"), "-0.5");
  EXPECT_EQ(JsonOf("+1.5"), "1.5");
  EXPECT_EQ(JsonOf("7."), "7.0");
  EXPECT_EQ(JsonOf("00.5"), "0.5");
  EXPECT_EQ(JsonOf("1e3"), "1e3");
  EXPECT_EQ(JsonOf("1.5E+3"), "1.5e3");
  EXPECT_EQ(JsonOf("2e-05"), "2e-05");
}

TEST(YamlJsonTest, TakesOtherTextForText) {
  for (absl::string_view yaml :
       {"1_000", "1.2.3", "16:9", "2026-01-01", "0b11", "0x", "0xg", "0o8", "-0x1", "e3", "1e", "1e+", "--",
        "+", "1024x768", "v1", "12 monkeys", "inf", "nan"}) {
    EXPECT_EQ(JsonOf(yaml), absl::StrCat("\"", yaml, "\""));
  }
  EXPECT_EQ(JsonOf("\"5\""), "\"5\"");
  EXPECT_EQ(JsonOf("'true'"), "\"true\"");
  EXPECT_EQ(JsonOf("\"\""), "\"\"");
  EXPECT_EQ(JsonOf("!!str 5"), "\"5\"");
  EXPECT_EQ(JsonOf("\"a\\n\\\"b\\0 é\""), "\"a\\n\\\"b\\u0000 é\"");
}

TEST(YamlJsonTest, WritesListsAndMapsCompactly) {
  EXPECT_EQ(JsonOf("[]"), "[]");
  EXPECT_EQ(JsonOf("{}"), "{}");
  EXPECT_EQ(JsonOf("[1, [two, ~], {b: 1, a: {c: []}}]"), R"([1,["two",null],{"b":1,"a":{"c":[]}}])");
  EXPECT_EQ(JsonOf("{1: a, true: b, \"x y\": c}"), R"({"1":"a","true":"b","x y":"c"})");
}

TEST(YamlJsonTest, RefusesWhatJsonCannotSay) {
  EXPECT_THAT(Convert(".inf").errors, ElementsAre(HasSubstr("1:4: v: is infinity, which JSON cannot say")));
  EXPECT_THAT(Convert("[1, -.Inf]").errors, ElementsAre(HasSubstr("1:8: v[1]: is infinity")));
  EXPECT_THAT(Convert("{a: .NaN}").errors, ElementsAre(HasSubstr("1:8: v.a: is not a number")));
  EXPECT_THAT(Convert("18446744073709551616").errors, ElementsAre(HasSubstr("put it in quotes")));
  EXPECT_THAT(Convert("-9223372036854775809").errors, ElementsAre(HasSubstr("put it in quotes")));
  EXPECT_THAT(Convert("0x10000000000000000").errors, ElementsAre(HasSubstr("put it in quotes")));
  EXPECT_THAT(Convert("1e400").errors, ElementsAre(HasSubstr("put it in quotes")));
  EXPECT_THAT(Convert("{a: 1, a: 2}").errors, ElementsAre(HasSubstr("1:11: v: the key `a` is there twice")));
  EXPECT_THAT(Convert("{[a]: 1}").errors, ElementsAre(HasSubstr("a key must be text, is a list")));
  EXPECT_THAT(Convert("{~: 1}").errors, ElementsAre(HasSubstr("a key must be text, is nothing")));
  EXPECT_THAT(Convert("{<<: {a: 1}}").errors, ElementsAre(HasSubstr("merge keys are not supported")));
}

TEST(YamlJsonTest, KeepsToItsBounds) {
  EXPECT_EQ(Convert("[[[1]]]").json, "[[[1]]]");
  EXPECT_THAT(Convert("[[[[1]]]]").errors, ElementsAre(HasSubstr("v[0][0][0][0]: nested deeper than 4")));
  EXPECT_EQ(Convert("\"abc\"", {.depth_max = 1, .bytes_max = 5}).json, "\"abc\"");
  EXPECT_THAT(Convert("\"abcd\"", {.depth_max = 1, .bytes_max = 5}).errors,
              ElementsAre(HasSubstr("v: takes more than 5 bytes as JSON")));
  // A small file whose aliases make a gigabyte.
  std::string bomb = "[&a [x, x, x, x, x, x, x, x, x, x]";
  for (char name = 'b'; name < 'j'; ++name) {
    std::string of = absl::StrCat("*", std::string(1, static_cast<char>(name - 1)));
    absl::StrAppend(&bomb, ", &", std::string(1, name), " [", of);
    for (int i = 0; i < 9; ++i) absl::StrAppend(&bomb, ", ", of);
    absl::StrAppend(&bomb, "]");
  }
  absl::StrAppend(&bomb, "]");
  EXPECT_THAT(Convert(bomb, {.depth_max = 16, .bytes_max = 1000}).errors,
              ElementsAre(HasSubstr("takes more than 1000 bytes as JSON")));
}

}  // namespace
}  // namespace prismatic::model_registry
