// Entries as lines, files of them, and the commands that write and trim. What compares:
// ledger_verify_test.cc.

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>

#include "absl/strings/str_split.h"
#include "services/admin_json/ledger_entry.h"
#include "services/cli/entry_file.h"
#include "services/cli/errors.h"
#include "services/cli/ledger_fixture.h"

namespace prismatic::cli {
namespace {

using ::testing::HasSubstr;

// Every field another value, whatever fields there are.
bpb::LedgerEntry EveryField() {
  bpb::LedgerEntry entry;
  const auto* reflection = entry.GetReflection();
  for (int i = 0; i < entry.GetDescriptor()->field_count(); ++i) {
    const auto* field = entry.GetDescriptor()->field(i);
    using Field = google::protobuf::FieldDescriptor;
    if (field->cpp_type() == Field::CPPTYPE_INT64)
      reflection->SetInt64(&entry, field, 1'767'268'800'000'001 + i);
    if (field->cpp_type() == Field::CPPTYPE_INT32) reflection->SetInt32(&entry, field, 2'000'000'000 + i);
    if (field->cpp_type() == Field::CPPTYPE_ENUM) reflection->SetEnumValue(&entry, field, 2);
    if (field->cpp_type() == Field::CPPTYPE_STRING) {
      reflection->SetString(&entry, field, absl::StrCat("\"\\\n\xc3\xbc", i));
    }
  }
  return entry;
}

bool Same(const bpb::LedgerEntry& a, const bpb::LedgerEntry& b) {
  return google::protobuf::util::MessageDifferencer::Equals(a, b);
}

TEST(LedgerEntryTest, ALineKeepsEveryFieldAndIsOneLine) {
  bpb::LedgerEntry whole = EveryField();
  bpb::LedgerEntry unknown = Entry(2);
  unknown.set_type(static_cast<bpb::LedgerEntryType>(99));
  bpb::LedgerEntry largest = Entry(2);
  largest.set_amount_nano_usd(-9'000'000'000'000'000);
  for (const bpb::LedgerEntry& entry : {whole, unknown, largest, Entry(1), Entry(2)}) {
    std::string line = admin_json::EntryLine(entry);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    absl::StatusOr<bpb::LedgerEntry> read = admin_json::ParseEntryLine(line);
    ASSERT_TRUE(read.ok()) << read.status() << line;
    EXPECT_TRUE(Same(*read, entry)) << read->DebugString() << entry.DebugString();
  }
  EXPECT_EQ(admin_json::EntryCells(whole).size(), admin_json::EntryColumns().size());
}

TEST(LedgerEntryTest, ALineThatNobodyWroteIsRefused) {
  std::string line = admin_json::EntryLine(Entry(2));
  auto with = [&](absl::string_view from, absl::string_view to) {
    std::string changed = line;
    size_t at = changed.find(std::string(from));
    EXPECT_NE(at, std::string::npos) << from;
    return changed.replace(at, from.size(), std::string(to));
  };
  for (const std::string& wrong :
       {std::string("{}"), std::string("[1]"), line.substr(0, line.size() - 1),
        with("\"amount_nano_usd\":-40000", "\"amount_nano_usd\":-40001"),
        with("\"amount_usd\":\"-0.00004\"", "\"amount_usd\":\"-0.00005\""),
        with("\"sequence\":2", "\"sequence\":2.5"), with("\"sequence\":2", "\"sequence\":\"2\""),
        with("\"type\":\"charge\"", "\"type\":\"gift\""), with("\"account\":\"acme\"", "\"account\":null"),
        with("\"delivered_count\":1", "\"delivered_count\":4294967297")}) {
    EXPECT_FALSE(admin_json::ParseEntryLine(wrong).ok()) << wrong;
  }
  EXPECT_TRUE(admin_json::ParseEntryLine(with("{\"account\"", "{\"new\":1,\"account\"")).ok());
  EXPECT_TRUE(admin_json::ParseEntryLine(with(",\"over_units\":0", "")).ok());  // older than the field
}

using LedgerFileTest = LedgerFixture;

TEST_F(LedgerFileTest, ExportWritesEveryEntryOnceAndGoesOnWhereItStood) {
  Fill(1001);
  EXPECT_THAT(Export().out, HasSubstr(R"("appended":1001,"last_sequence":1001)"));
  Fill(2500);
  EXPECT_THAT(Export().out, HasSubstr(R"("appended":1499,"last_sequence":2500)"));
  EXPECT_THAT(Export().out, HasSubstr(R"("appended":0,"last_sequence":2500)"));
  EXPECT_EQ(Content(), Lines(1, 2500));
}

TEST_F(LedgerFileTest, ATornLastLineIsCutAtEveryByteAndWrittenAgain) {
  Fill(3);
  std::string third = admin_json::EntryLine(Entry(3));
  for (size_t size : {size_t{1}, third.size() / 2, third.size()}) {
    Write(Lines(1, 2) + third.substr(0, size));
    Outcome outcome = Export();
    EXPECT_EQ(outcome.code, kDone) << outcome.err;
    EXPECT_EQ(outcome.err,
              absl::StrCat("note: cut off a line of ", size, " bytes that had not been finished\n"));
    EXPECT_EQ(Content(), Lines(1, 3));
  }
}

TEST_F(LedgerFileTest, AFileThatCannotBeGoneOnFromIsLeftAsItIs) {
  Fill(4);
  struct Case {
    std::string content;
    const char* says;
  };
  bpb::LedgerEntry changed = Entry(2);
  changed.set_model("other");
  bpb::LedgerEntry foreign = Entry(1);
  foreign.set_account("other");
  for (const Case& each : {
           Case{Lines(1, 1) + Lines(3, 3), "LEDGER_GAP"},
           Case{Lines(1, 2) + Lines(2, 2), "LEDGER_GAP"},
           Case{Lines(2, 3), "LEDGER_GAP"},
           Case{Lines(1, 1) + "{}\n" + Lines(2, 2), "LEDGER_FILE_DAMAGED"},
           Case{Lines(1, 1) + std::string(4096, '\0') + "\n", "LEDGER_FILE_DAMAGED"},
           Case{Lines(1, 1) + admin_json::EntryLine(changed) + "\n", "LEDGER_DIVERGED"},
           Case{Lines(1, 5), "LEDGER_DIVERGED"},
           Case{admin_json::EntryLine(foreign) + "\n", "LEDGER_FILE_DAMAGED"},
       }) {
    Write(each.content);
    Outcome outcome = Export();
    EXPECT_EQ(outcome.code, kRefused);
    EXPECT_THAT(outcome.err, HasSubstr(each.says));
    EXPECT_EQ(Content(), each.content);
  }
}

TEST_F(LedgerFileTest, AGapInBillingsAnswersIsNotExported) {
  Fill(4);
  billing_.ledger.erase(billing_.ledger.begin() + 2);
  Outcome outcome = Export();
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_THAT(outcome.err, HasSubstr("LEDGER_GAP"));
  EXPECT_EQ(Content(), "");
}

TEST_F(LedgerFileTest, ATrimmedLedgerIsExportedFromItsFirstEntryButNotAfterAGap) {
  Fill(6);
  Write(Lines(1, 2));
  TrimThrough(4);
  EXPECT_THAT(Export().err, HasSubstr("LEDGER_GAP"));
  EXPECT_EQ(Content(), Lines(1, 2));
  Write(Lines(1, 4));
  EXPECT_EQ(Export().code, kDone);
  EXPECT_EQ(Content(), Lines(1, 6));
  std::remove(file_.c_str());
  EXPECT_THAT(Export().out, HasSubstr(R"("appended":3,"last_sequence":6)"));
}

TEST_F(LedgerFileTest, TwoExportsDoNotWriteOneFile) {
  absl::StatusOr<std::unique_ptr<EntryAppender>> first = EntryAppender::Open(file_, "acme");
  ASSERT_TRUE(first.ok()) << first.status();
  Fill(1);
  EXPECT_THAT(Export().err, HasSubstr("another export is writing it"));
}

TEST_F(LedgerFileTest, FollowGoesOnWithTheStream) {
  Fill(3);
  Write(Lines(1, 3));
  for (int64_t i = 4; i <= 5; ++i) billing_.ledger.push_back(Entry(i));
  Outcome outcome = RunJson({"ledger", "export", "--account", "acme", "-o", file_, "--follow"});
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_THAT(outcome.err, HasSubstr("the test ends here"));
  EXPECT_EQ(Content(), Lines(1, 5));
}

TEST_F(LedgerFileTest, FollowEndsWhenTheHistoryIsAnotherOneAfterABreak) {
  Fill(3);
  Write(Lines(1, 3));
  billing_.tail_end = absl::UnavailableError("failover");
  billing_.at_tail = [this] { billing_.ledger[2].set_model("other"); };
  Outcome outcome = RunJson({"ledger", "export", "--account", "acme", "-o", file_, "--follow"});
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_THAT(outcome.err, HasSubstr("LEDGER_DIVERGED: entry 3"));
  EXPECT_EQ(Content(), Lines(1, 3));
}

TEST_F(LedgerFileTest, TailPrintsEntriesUntilItHasEnough) {
  Fill(5);
  Outcome outcome = RunJson({"ledger", "tail", "--account", "acme", "--after", "2", "--count", "2"});
  EXPECT_EQ(outcome.code, kDone) << outcome.err;
  EXPECT_EQ(outcome.out, Lines(3, 4));
  Outcome to_come = RunCli({"ledger", "tail", "--account", "acme"});
  EXPECT_EQ(billing_.recorder.request, "account: \"acme\" after_sequence: 5");
  EXPECT_EQ(to_come.code, kRefused);
  billing_.tail_end = absl::OkStatus();
  EXPECT_EQ(RunCli({"ledger", "tail", "--account", "acme"}).code, kUnreachable);
}

TEST_F(LedgerFileTest, TrimAsksBillingOnlyForWhatTheFileHolds) {
  Fill(6);
  Write(Lines(1, 5));
  Outcome outcome = Trim(4);
  EXPECT_EQ(outcome.code, kDone) << outcome.err;
  EXPECT_EQ(billing_.recorder.request, "account: \"acme\" through_sequence: 4 balance_nano_usd: 999880000");
  TrimThrough(4);
  EXPECT_EQ(Trim(4).code, kDone);  // again
  EXPECT_EQ(Trim(5).code, kDone);
}

TEST_F(LedgerFileTest, TrimRefusesWhatTheFileDoesNotProve) {
  Fill(6);
  bpb::LedgerEntry other_model = Entry(3);
  other_model.set_model("other");
  bpb::LedgerEntry other_balance = Entry(4);
  other_balance.set_balance_nano_usd(1);
  struct Case {
    std::string content;
    const char* says;
  };
  for (const Case& each : {
           Case{Lines(1, 3), "NOT_EXPORTED"},
           Case{Lines(1, 3) + admin_json::EntryLine(Entry(4)), "NOT_EXPORTED"},  // torn
           Case{"", "NOT_EXPORTED"},
           Case{Lines(2, 5), "LEDGER_FILE_DAMAGED"},
           Case{Lines(1, 2) + admin_json::EntryLine(other_model) + "\n" + Lines(4, 5), "LEDGER_DIVERGED"},
           Case{Lines(1, 3) + admin_json::EntryLine(other_balance) + "\n", "LEDGER_FILE_DAMAGED"},
       }) {
    Write(each.content);
    billing_.recorder.request = "";
    Outcome outcome = Trim(4);
    EXPECT_EQ(outcome.code, kRefused);
    EXPECT_THAT(outcome.err, HasSubstr(each.says));
    EXPECT_THAT(billing_.recorder.request, testing::Not(HasSubstr("through_sequence")));
  }
}

TEST_F(LedgerFileTest, ExportRefusesWhatIsNoRegularFileAndReadsNoEndlessLine) {
  Fill(3);
  for (const char* path : {"/dev/full", "/dev/null", "/dev/zero"}) {
    Outcome outcome = RunCli({"ledger", "export", "--account", "acme", "-o", path});
    EXPECT_EQ(outcome.code, kWrongUsage) << path;
    EXPECT_THAT(outcome.err, HasSubstr("it is not a regular file"));
  }
  std::string pipe = file_;
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(Export().code, kWrongUsage);  // and does not wait for a reader
  std::remove(pipe.c_str());
  Outcome outcome = RunCli({"ledger", "verify", "--account", "acme", "--file", "/dev/zero"});
  EXPECT_THAT(outcome.err, HasSubstr("/dev/zero, line 1: is too long for an entry"));
  Write(Lines(1, 2) + std::string((64 << 10) + 1, ' ') + "\n");
  EXPECT_THAT(Export().err, HasSubstr("line 3: is too long for an entry"));
}

}  // namespace
}  // namespace prismatic::cli
