#include "gateway/admin/ledger_csv.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gateway/admin/ledger_scan.h"
#include "services/admin_json/csv.h"
#include "services/admin_json/ledger_entry.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

namespace prismatic::gateway::admin {
namespace {

namespace pb = billing::v1;

// As many as a spreadsheet takes with ease; the command line exports all of a ledger.
constexpr int64_t kEntriesMax = 100'000;
// Lines have 300 to 700 bytes; this is what the answer takes of memory at most.
constexpr size_t kBytesMax = size_t{32} << 20;
constexpr int kPageSize = 1'000;
// A page takes some 10 ms; who waits longer than this has given up.
constexpr absl::Duration kTimeMax = absl::Seconds(60);

absl::StatusOr<EntryFilter> ReadFilter(const AdminCall& call) {
  QueryReader query(*call.request);
  EntryFilter filter = ReadEntryFilter(query);
  RETURN_IF_ERROR(query.Done());
  return filter;
}

absl::Status TookTooLong() {
  return Error(absl::StatusCode::kUnavailable, common::v1::ERROR_REASON_BILLING_UNAVAILABLE,
               "Reading the ledger took too long; `prismatic ledger export` has no such limit.");
}

constexpr absl::Duration kRetryAfter = absl::Seconds(5);

absl::Status TooManyExports() {
  return Error(absl::StatusCode::kUnavailable, common::v1::ERROR_REASON_SERVER_IS_OVERLOADED,
               absl::StrCat("This gateway is making ", Exports::kAtOnceMax,
                            " exports already, or others are still being downloaded. Please retry, or use "
                            "`prismatic ledger export`."))
      .RetryAfter(kRetryAfter);
}

struct Csv {
  std::string text;
  // Of the exports' bytes; kept until the client has it all.
  std::shared_ptr<ByteBudget::Share> share;
  // False: there is no room for what has come.
  bool Count() { return share->TrySet(static_cast<int64_t>(text.capacity())); }
};

http::Response CsvAnswer(const std::string& account, Csv csv, bool more) {
  http::Response response;
  response.content_type = "text/csv; charset=utf-8";
  response.body = std::move(csv.text);
  response.share = std::move(csv.share);
  // Billing knows the account, so that its name is plain.
  response.Header("Content-Disposition", absl::StrCat("attachment; filename=\"", account, "-ledger.csv\""));
  if (more) response.Header("x-prismatic-more", "true");
  return response;
}

}  // namespace

Task<Answer> ExportLedger(AdminParts parts, CallPtr call) {
  absl::StatusOr<EntryFilter> filter = ReadFilter(*call);
  if (!filter.ok()) co_return filter.status();
  std::optional<Exports::Place> place = parts.exports->Begin();
  if (!place) co_return TooManyExports();
  const absl::Time deadline = absl::Now() + kTimeMax;
  Csv csv{admin_json::CsvLine(admin_json::EntryColumns()),
          std::make_shared<ByteBudget::Share>(parts.exports->NewShare())};
  pb::ListLedgerEntriesRequest request;
  request.set_account(call->words[0]);
  request.set_page_size(kPageSize);
  bool more = true;
  for (int64_t looked_at = 0; more && looked_at < kEntriesMax && csv.text.size() < kBytesMax;) {
    if (call->context.cancellation.cancelled()) co_return absl::CancelledError("nobody waits for the ledger");
    if (absl::Now() > deadline) co_return TookTooLong();
    auto asking = parts.clients->AskBilling(call, &BillingMethods::ListLedgerEntries, request);
    absl::StatusOr<pb::ListLedgerEntriesResponse> page = co_await asking;
    if (!page.ok()) co_return page.status();
    for (const pb::LedgerEntry& entry : page->entries()) {
      if (filter->LetsThrough(entry)) csv.text += admin_json::CsvLine(admin_json::EntryCells(entry));
      request.set_after_sequence(entry.sequence());
    }
    if (!csv.Count()) co_return TooManyExports();
    looked_at += page->entries_size();
    more = page->more() && !page->entries().empty();
  }
  csv.text.shrink_to_fit();
  co_return CsvAnswer(call->words[0], std::move(csv), more);
}

}  // namespace prismatic::gateway::admin
