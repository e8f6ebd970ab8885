#include "gateway/admin/ledger_scan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::admin {
namespace {

namespace pb = billing::v1;

// Read at once where a filter may let few of them through.
constexpr int kFilteredChunk = 250;

// A ledger begins with its first entry, or with the one that stands for those that were dropped.
bool IsFirst(const pb::LedgerEntry& entry) {
  return entry.sequence() == 1 || entry.type() == pb::LEDGER_ENTRY_TYPE_CARRIED_FORWARD;
}

constexpr size_t kModelBytesMax = 256;

bool IsModelName(absl::string_view name) {
  return name.size() <= kModelBytesMax &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return c > ' '; });
}

// `<account>.<n>`.
bool IsKeyId(absl::string_view id) {
  size_t dot = id.find('.');
  if (dot == 0 || dot == absl::string_view::npos) return false;
  absl::string_view account = id.substr(0, dot), number = id.substr(dot + 1);
  return account.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == absl::string_view::npos &&
         !number.empty() && number.find_first_not_of("0123456789") == absl::string_view::npos;
}

// The entries with after < sequence < before that there are, in order.
Task<absl::StatusOr<std::vector<pb::LedgerEntry>>> ReadBetween(AdminParts parts, CallPtr call, int64_t after,
                                                               int64_t before) {
  std::vector<pb::LedgerEntry> entries;
  bool more = true;
  while (more && after + 1 < before) {
    pb::ListLedgerEntriesRequest request;
    request.set_account(call->words[0]);
    request.set_after_sequence(after);
    request.set_page_size(static_cast<int32_t>(before - after - 1));
    auto asking = parts.clients->AskBilling(call, &BillingMethods::ListLedgerEntries, std::move(request));
    absl::StatusOr<pb::ListLedgerEntriesResponse> page = co_await asking;
    if (!page.ok()) co_return page.status();
    if (page->entries().empty()) break;
    for (pb::LedgerEntry& entry : *page->mutable_entries()) {
      after = entry.sequence();
      if (after < before) entries.push_back(std::move(entry));
    }
    more = page->more();
  }
  co_return entries;
}

}  // namespace

bool EntryFilter::LetsThrough(const pb::LedgerEntry& entry) const {
  return (types.empty() || types.count(entry.type()) > 0) && (model.empty() || entry.model() == model) &&
         (key_id.empty() || entry.key_id() == key_id);
}

EntryFilter ReadEntryFilter(QueryReader& query) {
  EntryFilter filter;
  for (const std::string& word : query.List("type")) {
    pb::LedgerEntryType type = pb::LEDGER_ENTRY_TYPE_UNSPECIFIED;
    bool known =
        pb::LedgerEntryType_Parse(absl::StrCat("LEDGER_ENTRY_TYPE_", absl::AsciiStrToUpper(word)), &type) &&
        type != pb::LEDGER_ENTRY_TYPE_UNSPECIFIED && word == absl::AsciiStrToLower(word);
    if (!known) query.Fail("type", "must be types of ledger entries, such as charge,top_up.");
    filter.types.insert(type);
  }
  filter.model = query.Text("model").value_or("");
  filter.key_id = query.Text("key_id").value_or("");
  if (!IsModelName(filter.model)) query.Fail("model", "must be a canonical model's name.");
  if (!filter.key_id.empty() && !IsKeyId(filter.key_id))
    query.Fail("key_id", "must be a key's ID, such as acme.1.");
  return filter;
}

Task<absl::StatusOr<LedgerPage>> ReadLedgerPage(AdminParts parts, CallPtr call, LedgerQuestion question) {
  pb::GetAccountRequest about;
  about.set_name(call->words[0]);
  auto asking = parts.clients->AskBilling(call, &BillingMethods::GetAccount, std::move(about));
  absl::StatusOr<pb::GetAccountResponse> account = co_await asking;
  if (!account.ok()) co_return account.status();

  int64_t beyond = account->account().ledger_sequence() + 1;
  int64_t before = std::min(question.before.value_or(beyond), beyond);
  LedgerPage page;
  int chunk = question.filter.LetsAllThrough() ? question.page_size : kFilteredChunk;
  for (int left = kEntriesLookedAtMax; left > 0 && before > 1; left -= chunk) {
    int64_t after = std::max<int64_t>(0, before - 1 - std::min(chunk, left));
    auto reading = ReadBetween(parts, call, after, before);
    absl::StatusOr<std::vector<pb::LedgerEntry>> entries = co_await reading;
    if (!entries.ok()) co_return entries.status();
    for (auto entry = entries->rbegin(); entry != entries->rend(); ++entry) {
      before = entry->sequence();
      bool first = IsFirst(*entry);
      if (question.filter.LetsThrough(*entry)) page.entries.push_back(std::move(*entry));
      if (first) co_return page;
      bool full = page.entries.size() == static_cast<size_t>(question.page_size);
      if (full) break;
    }
    // What is missing at the lower end was dropped: there is nothing below.
    if (entries->empty()) co_return page;
    if (page.entries.size() == static_cast<size_t>(question.page_size)) break;
  }
  if (before > 1) page.next_before = before;
  co_return page;
}

}  // namespace prismatic::gateway::admin
