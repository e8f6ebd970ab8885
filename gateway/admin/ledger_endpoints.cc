// What became of an account's money: ledger, usage, open reservations.

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/clock.h"
#include "gateway/admin/account_endpoints.h"
#include "gateway/admin/answers.h"
#include "gateway/admin/ledger_csv.h"
#include "gateway/admin/ledger_scan.h"
#include "gateway/admin/query_reader.h"
#include "services/admin_json/billing_json.h"
#include "services/admin_json/words.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

namespace prismatic::gateway::admin {
namespace {

namespace pb = billing::v1;

constexpr IntRange kPageSize = {1, 200};
constexpr int kPageSizeDefault = 50;
constexpr int64_t kDaysMax = 366;
constexpr int kDaysDefault = 30;
// Years that are written with four digits, and that billing counts in.
constexpr int kYearMin = 2000;
constexpr int kYearMax = 9999;

// --- ledger ---

absl::StatusOr<LedgerQuestion> ReadQuestion(const AdminCall& call) {
  QueryReader query(*call.request);
  LedgerQuestion question;
  question.filter = ReadEntryFilter(query);
  question.before = query.Int("before", {1, INT64_MAX});
  question.page_size = static_cast<int>(query.Int("page_size", kPageSize).value_or(kPageSizeDefault));
  RETURN_IF_ERROR(query.Done());
  return question;
}

Task<Answer> ListLedger(AdminParts parts, CallPtr call) {
  absl::StatusOr<LedgerQuestion> question = ReadQuestion(*call);
  if (!question.ok()) co_return question.status();
  auto reading = ReadLedgerPage(parts, call, *std::move(question));
  absl::StatusOr<LedgerPage> page = co_await reading;
  if (!page.ok()) co_return page.status();
  json::Writer writer;
  writer.BeginObject().Key("entries").BeginArray();
  for (const pb::LedgerEntry& entry : page->entries) {
    writer.BeginObject();
    admin_json::WriteEntryMembers(writer, entry);
    writer.EndObject();
  }
  writer.EndArray().Key("next_before");
  if (page->next_before) {
    writer.Int(*page->next_before);
  } else {
    writer.Null();
  }
  writer.EndObject();
  co_return JsonAnswer(std::move(writer));
}

// --- usage ---

int32_t NumberOf(absl::CivilDay day) {
  return static_cast<int32_t>(day.year() * 10'000 + day.month() * 100 + day.day());
}

bool IsCounted(absl::CivilDay day) { return day.year() >= kYearMin && day.year() <= kYearMax; }

absl::StatusOr<pb::ListUsageRequest> ReadDays(const AdminCall& call) {
  QueryReader query(*call.request);
  absl::CivilDay today = absl::ToCivilDay(absl::Now(), absl::UTCTimeZone());
  absl::CivilDay last = query.Day("last_day").value_or(today);
  absl::CivilDay first = query.Day("first_day").value_or(last - (kDaysDefault - 1));
  if (!IsCounted(last)) query.Fail("last_day", "must be a day from 2000 on.");
  if (!IsCounted(first)) query.Fail("first_day", "must be a day from 2000 on.");
  if (last < first || last - first >= kDaysMax) {
    query.Fail("last_day", absl::StrCat("must be one of the ", kDaysMax, " days from first_day on."));
  }
  RETURN_IF_ERROR(query.Done());
  pb::ListUsageRequest request;
  request.set_account(call.words[0]);
  request.set_first_day(NumberOf(first));
  request.set_last_day(NumberOf(last));
  return request;
}

Task<Answer> ListUsage(AdminParts parts, CallPtr call) {
  absl::StatusOr<pb::ListUsageRequest> request = ReadDays(*call);
  if (!request.ok()) co_return request.status();
  auto asking = parts.clients->AskBilling(call, &BillingMethods::ListUsage, *std::move(request));
  absl::StatusOr<pb::ListUsageResponse> usage = co_await asking;
  if (!usage.ok()) co_return usage.status();
  json::Writer writer;
  writer.BeginObject().Key("rows").BeginArray();
  for (const pb::UsageRow& row : usage->rows()) admin_json::WriteUsageRow(writer, row);
  writer.EndArray();
  admin_json::WriteDamaged(writer, usage->damaged());
  writer.EndObject();
  co_return JsonAnswer(std::move(writer));
}

// --- reservations ---

absl::StatusOr<pb::ListReservationsRequest> ReadReservationsPage(const AdminCall& call) {
  QueryReader query(*call.request);
  pb::ListReservationsRequest request;
  request.set_account(call.words[0]);
  request.set_page_size(static_cast<int32_t>(query.Int("page_size", kPageSize).value_or(kPageSizeDefault)));
  request.set_page_token(query.Text("page_token").value_or(""));
  RETURN_IF_ERROR(query.Done());
  return request;
}

Task<Answer> ListReservations(AdminParts parts, CallPtr call) {
  absl::StatusOr<pb::ListReservationsRequest> request = ReadReservationsPage(*call);
  if (!request.ok()) co_return request.status();
  auto asking = parts.clients->AskBilling(call, &BillingMethods::ListReservations, *std::move(request));
  absl::StatusOr<pb::ListReservationsResponse> page = co_await asking;
  if (!page.ok()) co_return page.status();
  json::Writer writer;
  writer.BeginObject().Key("reservations").BeginArray();
  for (const pb::Reservation& reservation : page->reservations()) {
    writer.BeginObject();
    admin_json::WriteReservationMembers(writer, reservation);
    writer.EndObject();
  }
  writer.EndArray();
  admin_json::WriteText(writer, "next_page_token", page->next_page_token());
  writer.EndObject();
  co_return JsonAnswer(std::move(writer));
}

}  // namespace

Endpoints LedgerEndpoints() {
  return {
      {"GET", "/admin/v1/accounts/{name}/ledger", Access::kViewer, BodyKind::kNone, ListLedger},
      {"GET", "/admin/v1/accounts/{name}/ledger.csv", Access::kViewer, BodyKind::kNone, ExportLedger},
      {"GET", "/admin/v1/accounts/{name}/usage", Access::kViewer, BodyKind::kNone, ListUsage},
      {"GET", "/admin/v1/accounts/{name}/reservations", Access::kViewer, BodyKind::kNone, ListReservations},
  };
}

}  // namespace prismatic::gateway::admin
