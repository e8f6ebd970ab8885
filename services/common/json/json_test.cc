#include "services/common/json/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace prismatic::json {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Document Parsed(std::string text) {
  absl::StatusOr<Document> document = Document::Parse(std::move(text));
  EXPECT_TRUE(document.ok()) << document.status();
  return *std::move(document);
}

bool Refused(std::string text) {
  absl::StatusOr<Document> document = Document::Parse(std::move(text));
  return document.status().code() == absl::StatusCode::kInvalidArgument;
}

std::string Repeat(absl::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) absl::StrAppend(&out, text);
  return out;
}

TEST(JsonTest, ReadsEveryTypeInOrder) {
  Document document = Parsed(R"( { "a" : [1, -2.5e3 , "x", true, false, null, {}, []] , "b":{"c":"d"}} )");
  const Value& root = document.root();
  ASSERT_TRUE(root.is_object());
  EXPECT_EQ(root.raw(), R"({ "a" : [1, -2.5e3 , "x", true, false, null, {}, []] , "b":{"c":"d"}})");
  ASSERT_EQ(root.members().size(), 2u);
  const std::vector<Value>& items = root.Find("a")->elements();
  ASSERT_EQ(items.size(), 8u);
  EXPECT_EQ(items[0].Int(), 1);
  EXPECT_EQ(items[1].Double(), -2500.0);
  EXPECT_EQ(items[1].raw(), "-2.5e3");
  EXPECT_EQ(items[2].String(), "x");
  EXPECT_EQ(items[3].Bool(), true);
  EXPECT_EQ(items[4].Bool(), false);
  EXPECT_TRUE(items[5].is_null());
  EXPECT_TRUE(items[6].is_object());
  EXPECT_EQ(items[6].raw(), "{}");
  EXPECT_TRUE(items[7].is_array());
  EXPECT_EQ(root.Find("a")->raw(), R"([1, -2.5e3 , "x", true, false, null, {}, []])");
  EXPECT_EQ(root.Find("b")->raw(), R"({"c":"d"})");
  EXPECT_EQ(root.Find("b")->Find("c")->PlainString(), "d");
  EXPECT_EQ(root.Find("z"), nullptr);
}

TEST(JsonTest, AValueOfAnotherTypeIsEmpty) {
  Document document = Parsed(R"(["1", 1, true])");
  const std::vector<Value>& items = document.root().elements();
  EXPECT_EQ(items[0].Int(), std::nullopt);
  EXPECT_EQ(items[0].Bool(), std::nullopt);
  EXPECT_EQ(items[1].String(), std::nullopt);
  EXPECT_EQ(items[1].PlainString(), std::nullopt);
  EXPECT_EQ(items[2].Double(), std::nullopt);
  EXPECT_EQ(items[2].Find("x"), nullptr);
}

TEST(JsonTest, AScalarMayBeAWholeText) {
  EXPECT_EQ(Parsed(" \"a\\u0041\" ").root().String(), "aA");
  EXPECT_EQ(Parsed("12").root().Int(), 12);
  EXPECT_TRUE(Parsed("\n null").root().is_null());
  EXPECT_TRUE(Refused("1,2"));
  EXPECT_TRUE(Refused("1][2"));
  EXPECT_TRUE(Refused("1]"));
  EXPECT_TRUE(Refused("tru"));
}

TEST(JsonTest, RefusesWhatIsNotOneValue) {
  for (const char* text : {"",
                           "  ",
                           "{",
                           "}",
                           "[",
                           "[1",
                           "[1,]",
                           "[,1]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{1:2}",
                           "[1 2]",
                           "[[1]",
                           "[1}",
                           "{\"a\":1]",
                           "{} {}",
                           "{}x",
                           "[]]",
                           "[1]1",
                           "[\"a\"b]",
                           "[\"a\"\"b\"]",
                           "[\"a",
                           "[truee]",
                           "[nul]",
                           "[NaN]",
                           "[Infinity]",
                           "['a']",
                           "[\"\t\"]",
                           "[\"a\nb\"]",
                           "[\"\\q\"]",
                           "[\"\\u12g4\"]",
                           "[\"\\u12\"]",
                           "{\"a\\q\":1}",
                           "{\"\\ud800\":1}",
                           "// x\n{}",
                           "{\"a\":1 \"b\":2}",
                           "{\"a\" 1}",
                           "{\"a\"::1}",
                           "[\"\\\"]",
                           "\"\\\"",
                           "\xEF\xBB\xBF{}"}) {
    EXPECT_TRUE(Refused(text)) << text;
  }
  EXPECT_TRUE(Refused(std::string("[1]\0", 4)));
  EXPECT_TRUE(Refused(std::string("[\"a\0b\"]", 7)));
}

TEST(JsonTest, RefusesNumbersThatJsonDoesNotKnow) {
  for (const char* number :
       {"01", "-", "+1", "1.", ".5", "1e", "1e+", "0x10", "1_000", "--1", "1.2.3", "00"}) {
    EXPECT_TRUE(Refused(absl::StrCat("[", number, "]"))) << number;
    EXPECT_TRUE(Refused(number)) << number;
  }
}

TEST(JsonTest, AnIntIsWrittenWithoutPointAndExponentAndFits) {
  Document document = Parsed(
      "[1e3, 1.0, -0, 9223372036854775807, -9223372036854775808, 9223372036854775808, "
      "123456789012345678901234567890, 1e999, 1e-999]");
  const std::vector<Value>& items = document.root().elements();
  EXPECT_EQ(items[0].Int(), std::nullopt);
  EXPECT_EQ(items[0].Double(), 1000.0);
  EXPECT_EQ(items[1].Int(), std::nullopt);
  EXPECT_EQ(items[2].Int(), 0);
  EXPECT_EQ(items[3].Int(), INT64_MAX);
  EXPECT_EQ(items[4].Int(), INT64_MIN);
  EXPECT_EQ(items[5].Int(), std::nullopt);
  EXPECT_EQ(items[6].Int(), std::nullopt);
  EXPECT_EQ(items[6].raw(), "123456789012345678901234567890");
  EXPECT_EQ(items[7].Double(), std::nullopt);
  EXPECT_EQ(items[8].Double(), 0.0);
}

TEST(JsonTest, UndoesEscapes) {
  Document document = Parsed(R"(["\"\\\/\b\f\n\r\t", "\u00e9\u20AC", "\ud83d\ude00!", "\u0000"])");
  const std::vector<Value>& items = document.root().elements();
  EXPECT_EQ(items[0].String(), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(items[0].PlainString(), std::nullopt);
  EXPECT_EQ(items[1].String(), "é€");
  EXPECT_EQ(items[2].String(), "😀!");
  EXPECT_EQ(items[3].String(), std::string(1, '\0'));
}

TEST(JsonTest, ALoneSurrogateIsNoString) {
  for (const char* text : {R"(["\ud83d"])", R"(["\ude00"])", R"(["\ud83dx"])", R"(["\ud83d\n"])",
                           R"(["\ud83d\u0041"])", R"(["\ud83d\ud83d"])"}) {
    Document document = Parsed(text);
    EXPECT_TRUE(document.root().elements()[0].is_string());
    EXPECT_EQ(document.root().elements()[0].String(), std::nullopt) << text;
  }
}

TEST(JsonTest, KeysAreUnescaped) {
  Document document = Parsed(R"({"\u0061\"b": 1})");
  EXPECT_EQ(document.root().Find("a\"b")->Int(), 1);
}

TEST(JsonTest, RefusesInvalidUtf8) {
  for (const char* bytes : {"\xFF", "\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\x80"}) {
    EXPECT_TRUE(Refused(absl::StrCat("[\"", bytes, "\"]")));
    EXPECT_TRUE(Refused(absl::StrCat("{\"", bytes, "\":1}")));
  }
}

TEST(JsonTest, TheLastOfTwoMembersWins) {
  Document document = Parsed(R"({"a":1,"b":2,"a":3})");
  EXPECT_EQ(document.root().Find("a")->Int(), 3);
  EXPECT_EQ(document.root().members().size(), 3u);
}

TEST(JsonTest, NullIsAbsentOnRequest) {
  Document document = Parsed(R"({"a":null,"b":2})");
  EXPECT_NE(document.root().Find("a"), nullptr);
  EXPECT_EQ(document.root().FindNonNull("a"), nullptr);
  EXPECT_EQ(document.root().FindNonNull("b")->Int(), 2);
}

TEST(JsonTest, NestsAsDeepAsAllowedAndNoDeeper) {
  EXPECT_FALSE(Refused(Repeat("[", 32) + Repeat("]", 32)));
  EXPECT_TRUE(Refused(Repeat("[", 33) + Repeat("]", 33)));
  EXPECT_FALSE(Refused(Repeat("{\"a\":", 32) + "1" + Repeat("}", 32)));
  EXPECT_TRUE(Refused(Repeat("{\"a\":", 33) + "1" + Repeat("}", 33)));
  EXPECT_TRUE(Refused(Repeat("[", 1'000'000)));
}

TEST(JsonTest, RefusesMoreValuesThanMemoryIsGivenFor) {
  EXPECT_FALSE(Refused(absl::StrCat("[", Repeat("0,", Document::kValuesMax - 1), "0]")));
  EXPECT_TRUE(Refused(absl::StrCat("[", Repeat("0,", Document::kValuesMax), "0]")));
}

TEST(JsonTest, AnErrorSaysWhereAndNothingOfTheContent) {
  absl::StatusOr<Document> document = Document::Parse(R"({"prompt": "secret", "n": secret})");
  EXPECT_THAT(std::string(document.status().message()), HasSubstr("byte 26"));
  EXPECT_THAT(std::string(document.status().message()), Not(HasSubstr("secret")));
}

TEST(JsonTest, ABigStringIsNotCopied) {
  auto text = std::make_unique<std::string>();
  text->reserve((20 << 20) + 100 + Document::kPadding);
  absl::StrAppend(text.get(), "{\"b64_json\":\"", std::string(20 << 20, 'A'), "\"}");
  const char* bytes = text->data();
  Document document = Parsed(std::move(*text));
  absl::string_view image = *document.root().Find("b64_json")->PlainString();
  EXPECT_EQ(image.size(), size_t{20 << 20});
  EXPECT_EQ(image.data(), document.root().raw().data() + 13);
  EXPECT_EQ(image.data(), bytes + 13);
}

TEST(JsonTest, ViewsSurviveAMove) {
  // Short enough to live inside a string object.
  Document document = Parsed(R"({"a":"b"})");
  const Value* value = document.root().Find("a");
  Document moved = std::move(document);
  Document again = Parsed("1");
  again = std::move(moved);
  EXPECT_EQ(again.root().Find("a"), value);
  EXPECT_EQ(value->PlainString(), "b");
}

TEST(JsonTest, TextsOfManySizesAreReadToTheLastByte) {
  for (int size = 0; size < 300; ++size) {
    std::string text = absl::StrCat("[\"", std::string(size, 'x'), "\",1]");
    text.shrink_to_fit();
    Document document = Parsed(text);
    EXPECT_EQ(document.root().elements()[0].PlainString()->size(), static_cast<size_t>(size));
    EXPECT_EQ(document.root().elements()[1].Int(), 1);
    EXPECT_TRUE(Refused(text.substr(0, text.size() - 1)));
  }
}

TEST(WriterTest, PutsCommasWhereTheyBelong) {
  Writer writer;
  writer.BeginObject().Key("a").BeginArray().Int(1).Int(-2).BeginObject().EndObject().EndArray();
  writer.Key("b").String("x").Key("c").Null().Key("d").Bool(true).Key("e").Double(0.5).Key("f").Raw("[1]");
  writer.Key("g").PlainString("abc").EndObject();
  EXPECT_EQ(writer.Take(), R"({"a":[1,-2,{}],"b":"x","c":null,"d":true,"e":0.5,"f":[1],"g":"abc"})");
}

TEST(WriterTest, EscapesAndReplacesWhatIsNoUtf8) {
  EXPECT_EQ(Quote("a\"b\\c\n\r\t\x01\x1f\x7f/é😀"), "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f\x7f/é😀\"");
  EXPECT_EQ(Quote("\xff"
                  "a\xc3"),
            "\"\xEF\xBF\xBD"
            "a\xEF\xBF\xBD\"");
  EXPECT_EQ(Quote("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST(WriterTest, InfinityIsNull) {
  Writer writer;
  writer.Double(1.0 / 0.0);
  EXPECT_EQ(writer.Take(), "null");
}

TEST(WriterTest, WhatIsWrittenIsReadBack) {
  std::string every;
  for (int c = 0; c < 128; ++c) every += static_cast<char>(c);
  every += "é€😀";
  EXPECT_EQ(Parsed(absl::StrCat("[", Quote(every), "]")).root().elements()[0].String(), every);
}

}  // namespace
}  // namespace prismatic::json
