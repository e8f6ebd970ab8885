#ifndef PRISMATIC_SERVICES_CLI_LEDGER_FIXTURE_H_
#define PRISMATIC_SERVICES_CLI_LEDGER_FIXTURE_H_

// For tests: an account's entries in billing and in a file.

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/admin_json/ledger_entry.h"
#include "services/cli/amounts.h"
#include "services/cli/commands_fixture.h"

namespace prismatic::cli {

inline int64_t Now() {
  static const int64_t now = absl::ToUnixMicros(absl::Now());
  return now;
}

// Entry 1 puts in a dollar, each one after takes 0.04.
inline bpb::LedgerEntry Entry(int64_t sequence) {
  bpb::LedgerEntry entry;
  entry.set_account("acme");
  entry.set_sequence(sequence);
  entry.set_time_us(Now());
  entry.set_balance_nano_usd(1'000'000'000 - (sequence - 1) * 40'000);
  if (sequence == 1) {
    entry.set_type(bpb::LEDGER_ENTRY_TYPE_TOP_UP);
    entry.set_amount_nano_usd(1'000'000'000);
    entry.set_request_id("invoice-1");
    return entry;
  }
  entry.set_type(bpb::LEDGER_ENTRY_TYPE_CHARGE);
  entry.set_amount_nano_usd(-40'000);
  entry.set_reservation_id(absl::StrCat("acme.r", sequence));
  entry.set_key_id("acme.1");
  entry.set_model("imagen-4");
  entry.set_image_count(1);
  entry.set_delivered_count(1);
  entry.set_unit_price_nano_usd(40'000);
  entry.set_funding_source(bpb::FUNDING_SOURCE_WALLET);
  return entry;
}

class LedgerFixture : public CommandsTest {
 protected:
  LedgerFixture() : file_(TemporaryFile("")) { std::remove(file_.c_str()); }
  ~LedgerFixture() override { std::remove(file_.c_str()); }

  void Fill(int64_t last) {
    billing_.ledger.clear();
    for (int64_t i = 1; i <= last; ++i) billing_.ledger.push_back(Entry(i));
    billing_.account.set_ledger_sequence(last);
    billing_.account.set_balance_nano_usd(Entry(last).balance_nano_usd());
    billing_.account.set_held_nano_usd(0);
    *billing_.audit.mutable_account() = billing_.account;
    bpb::UsageRow row;
    row.set_day(DayOf(Now()));
    row.set_key_id("acme.1");
    row.set_model("imagen-4");
    row.set_requests(last - 1);
    row.set_images(last - 1);
    row.set_charged_nano_usd((last - 1) * 40'000);
    billing_.usage = {row};
  }
  // What a server's trimming leaves.
  void TrimThrough(int64_t through) {
    bpb::LedgerEntry carried;
    carried.set_account("acme");
    carried.set_sequence(through);
    carried.set_type(bpb::LEDGER_ENTRY_TYPE_CARRIED_FORWARD);
    carried.set_time_us(Now());
    carried.set_balance_nano_usd(Entry(through).balance_nano_usd());
    carried.set_carried_amount_nano_usd(Entry(through).balance_nano_usd());
    billing_.ledger.erase(billing_.ledger.begin(), billing_.ledger.begin() + through);
    billing_.ledger.insert(billing_.ledger.begin(), carried);
  }
  Outcome Export() { return RunJson({"ledger", "export", "--account", "acme", "-o", file_}); }
  Outcome Verify() { return RunCli({"ledger", "verify", "--account", "acme"}); }
  Outcome VerifyWithFile() {
    return RunCli({"ledger", "verify", "--account", "acme", "--file", file_, "--output", "csv"});
  }
  Outcome Trim(int64_t through) {
    return RunCli(
        {"ledger", "trim", "--account", "acme", "--through", absl::StrCat(through), "--exported", file_});
  }
  std::string Content() {
    std::ostringstream content;
    content << std::ifstream(file_, std::ios::binary).rdbuf();
    return content.str();
  }
  std::string Lines(int64_t first, int64_t last) {
    std::string lines;
    for (int64_t i = first; i <= last; ++i) absl::StrAppend(&lines, admin_json::EntryLine(Entry(i)), "\n");
    return lines;
  }
  void Write(const std::string& content) {
    std::ofstream(file_, std::ios::binary | std::ios::trunc) << content;
  }

  const std::string file_;
};

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_LEDGER_FIXTURE_H_
