#include "services/cli/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "services/cli/picture.h"

namespace prismatic::cli {
namespace {

TEST(TableTest, ColumnsAreAsWideAsTheirWidestCellAndNumbersStandRight) {
  Table table({{"NAME"}, {"USD", true}, {"NOTE"}});
  table.Row({"a", "0.04", "x"});
  table.Row({"longer", "12", ""});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(),
            "NAME     USD  NOTE\n"
            "a       0.04  x\n"
            "longer    12  -\n");
}

TEST(TableTest, WidthCountsCharactersAndControlCharactersDoNotReachTheTerminal) {
  Table table({{"A"}, {"B"}});
  table.Row({"\xc3\xbc", "1"});
  table.Row({"ab", "\x1b[31m"});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(),
            "A   B\n"
            "\xc3\xbc   1\n"
            "ab  ?[31m\n");
}

TEST(FactsTest, ValuesAreAligned) {
  std::ostringstream out;
  Facts().Add("a", "1").Add("longer", "").Print(out);
  EXPECT_EQ(out.str(), "a       1\nlonger  -\n");
}

TEST(OutputTest, ACellOfCsvIsNoFormulaAndNumbersStayAsTheyAre) {
  Table table({{"TEXT"}, {"AMOUNT", true}});
  for (const char* text : {"=1+1", "+2", "-2+3", "@SUM(A1)", "\tx", "-", "-1.", "=a,\"b\""})
    table.Row({text, "-0.04"});
  for (const char* text : {"-1", "-0.000000001", "a=b", "acme.1", "12"}) table.Row({text, "7"});
  std::ostringstream out;
  table.PrintCsv(out);
  EXPECT_EQ(out.str(),
            "text,amount\n'=1+1,-0.04\n'+2,-0.04\n'-2+3,-0.04\n'@SUM(A1),-0.04\n'\tx,-0.04\n'-,-0.04\n"
            "'-1.,-0.04\n\"'=a,\"\"b\"\"\",-0.04\n-1,7\n-0.000000001,7\na=b,7\nacme.1,7\n12,7\n");
}

TEST(OutputTest, MoneyIsADecimalStringAndAnIntegerSideBySide) {
  json::Writer writer;
  writer.BeginObject();
  WriteUsd(writer, "amount", -40'000'000);
  WriteUsd(writer, "balance", 9'000'000'000'000'000);
  writer.EndObject();
  EXPECT_EQ(writer.Take(), R"({"amount_usd":"-0.04","amount_nano_usd":-40000000,)"
                           R"("balance_usd":"9000000","balance_nano_usd":9000000000000000})");
}

TEST(OutputTest, TimesAreRfc3339InUtc) {
  EXPECT_EQ(TimeText(1'767'225'600'000'001), "2026-01-01T00:00:00Z");
  EXPECT_EQ(TimeText(0), "");
  json::Writer writer;
  writer.BeginObject();
  WriteTime(writer, "a", 1'767'225'600'000'001);
  WriteTime(writer, "b", 0);
  writer.EndObject();
  EXPECT_EQ(writer.Take(), R"({"a":"2026-01-01T00:00:00.000001Z","b":null})");
}

TEST(OutputTest, EnumsAreWordsAndNewValuesAreNumbers) {
  EXPECT_EQ(EnumWord("LEDGER_ENTRY_TYPE_TOP_UP", "LEDGER_ENTRY_TYPE_", 1), "top_up");
  EXPECT_EQ(EnumWord("", "LEDGER_ENTRY_TYPE_", 99), "99");
}

TEST(PictureTest, TheFirstBytesTellTheKind) {
  std::string png("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x05\x40\0\0\x03\0", 24);
  EXPECT_EQ(KindOf(png).extension, "png");
  EXPECT_EQ(KindOf(png).width, 1344);
  EXPECT_EQ(KindOf(png).height, 768);
  EXPECT_EQ(KindOf(png.substr(0, 20)).width, 0);
  EXPECT_EQ(KindOf("\xff\xd8\xff\xe0").extension, "jpg");
  EXPECT_EQ(KindOf("RIFF1234WEBPVP8 ").extension, "webp");
  EXPECT_EQ(KindOf("RIFF").extension, "bin");
}

TEST(PictureTest, FileNamesStayInTheirFolder) {
  EXPECT_EQ(DefaultFileName("google/imagen-4", 1, "png"), "google-imagen-4-1.png");
  EXPECT_EQ(DefaultFileName("../../etc/x", 2, "png"), "..-..-etc-x-2.png");
  EXPECT_EQ(NumberedFileName("a/out.png", 1, 1), "a/out.png");
  EXPECT_EQ(NumberedFileName("a.b/out.png", 2, 3), "a.b/out-2.png");
  EXPECT_EQ(NumberedFileName("out", 2, 3), "out-2");
}

}  // namespace
}  // namespace prismatic::cli
