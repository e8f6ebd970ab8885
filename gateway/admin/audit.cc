#include "gateway/admin/audit.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/admin/answers.h"
#include "gateway/admin/endpoint.h"
#include "gateway/admin/query_reader.h"
#include "services/admin_json/billing_json.h"
#include "services/admin_json/registry_json.h"
#include "services/admin_json/words.h"

// The registry's audit log and billing's as one.

namespace prismatic::gateway::admin {
namespace {

// Both services' limit.
constexpr int64_t kPageMax = 200;
constexpr int64_t kPageDefault = 50;

struct Asked {
  int32_t page_size;
  // 0: from the newest.
  int64_t before_us;
  // Only billing's entries of this account; empty: all of both.
  std::string account;
};

template <typename Response>
AuditSource SourceOf(const Response& response) {
  AuditSource source;
  source.more = response.more();
  for (const auto& entry : response.entries()) {
    json::Writer writer;
    admin_json::WriteAuditEntry(writer, entry);
    source.lines.push_back({entry.time_us(), writer.Take()});
  }
  return source;
}

Task<absl::StatusOr<AuditSource>> FromRegistry(AdminParts parts, CallPtr call, Asked asked) {
  if (!asked.account.empty()) co_return AuditSource();
  model_registry::v1::ListAuditEntriesRequest request;
  request.set_page_size(asked.page_size);
  // IDs are `milliseconds-number`.
  if (asked.before_us > 0) request.set_before_id(absl::StrCat((asked.before_us + 999) / 1000, "-0"));
  auto asking = parts.clients->AskOperators(call, &OperatorMethods::ListAuditEntries, std::move(request));
  absl::StatusOr<model_registry::v1::ListAuditEntriesResponse> response = co_await asking;
  if (!response.ok()) co_return response.status();
  co_return SourceOf(*response);
}

Task<absl::StatusOr<AuditSource>> FromBilling(AdminParts parts, CallPtr call, Asked asked) {
  billing::v1::ListAuditEntriesRequest request;
  request.set_page_size(asked.page_size);
  request.set_before_time_us(asked.before_us);
  request.set_account(asked.account);
  auto asking = parts.clients->AskBilling(call, &BillingMethods::ListAuditEntries, std::move(request));
  absl::StatusOr<billing::v1::ListAuditEntriesResponse> response = co_await asking;
  if (!response.ok()) co_return response.status();
  co_return SourceOf(*response);
}

Task<Answer> ListAudit(AdminParts parts, CallPtr call) {
  QueryReader query(*call->request);
  Asked asked;
  int64_t page_size = query.Int("page_size", {1, kPageMax}).value_or(kPageDefault);
  // One more than is shown, so that a whole page can end between two instants.
  asked.page_size = static_cast<int32_t>(std::min(page_size + 1, kPageMax));
  asked.before_us = absl::ToUnixMicros(query.Time("before_time").value_or(absl::UnixEpoch()));
  asked.account = query.Text("account").value_or("");
  if (asked.before_us < 0) query.Fail("before_time", "must not be before 1970.");
  absl::Status read = query.Done();
  if (!read.ok()) co_return read;
  auto registry_asking = FromRegistry(parts, call, asked);
  absl::StatusOr<AuditSource> registry = co_await registry_asking;
  if (!registry.ok()) co_return registry.status();
  auto billing_asking = FromBilling(parts, call, asked);
  absl::StatusOr<AuditSource> billing = co_await billing_asking;
  if (!billing.ok()) co_return billing.status();

  AuditSource page = MergeAudit(*std::move(registry), *std::move(billing), static_cast<size_t>(page_size));
  json::Writer writer;
  writer.BeginObject().Key("entries").BeginArray();
  for (const AuditLine& line : page.lines) writer.Raw(line.json);
  writer.EndArray();
  bool more = page.more && !page.lines.empty();
  admin_json::WriteTime(writer, "next_before_time", more ? page.lines.back().time_us : 0);
  writer.EndObject();
  co_return JsonAnswer(std::move(writer));
}

// The last instant that a source may have told only a part of; 0: it told all.
int64_t HorizonOf(const AuditSource& source) {
  return source.more && !source.lines.empty() ? source.lines.back().time_us : 0;
}

}  // namespace

AuditSource MergeAudit(AuditSource a, AuditSource b, size_t page_size) {
  int64_t horizon = std::max(HorizonOf(a), HorizonOf(b));
  AuditSource page;
  page.more = a.more || b.more;
  page.lines = std::move(a.lines);
  page.lines.insert(page.lines.end(), b.lines.begin(), b.lines.end());
  std::stable_sort(page.lines.begin(), page.lines.end(),
                   [](const AuditLine& x, const AuditLine& y) { return x.time_us > y.time_us; });
  // Pages end between two instants: what happened at the same time as the last line would be lost behind it.
  size_t end = std::min(page.lines.size(), page_size);
  while (end > 0 && end < page.lines.size() && page.lines[end].time_us == page.lines[end - 1].time_us) ++end;
  if (end > 0 && page.lines[end - 1].time_us <= horizon) {
    size_t whole = end;
    while (whole > 0 && page.lines[whole - 1].time_us <= horizon) --whole;
    // A page that is one instant is told as far as it is known.
    if (whole > 0) end = whole;
  }
  page.more = page.more || end < page.lines.size();
  page.lines.resize(end);
  return page;
}

Endpoints AuditEndpoints() {
  return {{"GET", "/admin/v1/audit", Access::kViewer, BodyKind::kNone, ListAudit}};
}

}  // namespace prismatic::gateway::admin
