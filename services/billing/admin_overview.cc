#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "services/billing/admin.h"
#include "services/billing/admin_checks.h"
#include "services/billing/billing_errors.h"
#include "services/billing/days.h"
#include "services/billing/names.h"
#include "services/billing/periods.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

namespace prismatic::billing {
namespace {

constexpr int kPageDefault = 50;
constexpr int kPageMax = 200;
// Below the 1 MiB that a caller's gRPC takes by default.
constexpr size_t kTotalsBytesMax = 900'000;

// Whoever mends one sees the next.
constexpr size_t kDamagedMax = 20;
constexpr int64_t kDayUs = int64_t{24} * 3600 * 1'000'000;

int PageOf(int32_t page_size) { return page_size == 0 ? kPageDefault : page_size; }

void TellDamage(const std::vector<std::string>& damaged,
                google::protobuf::RepeatedPtrField<std::string>& told) {
  for (size_t i = 0; i < std::min(damaged.size(), kDamagedMax); ++i) told.Add(std::string(damaged[i]));
}

absl::Status CheckAccountPage(const v1::ListAccountsRequest& request) {
  RETURN_IF_ERROR(CheckRange("page_size", PageOf(request.page_size()), 1, kPageMax));
  if (request.page_token().empty() || IsAccountName(request.page_token())) return absl::OkStatus();
  return InvalidValue("page_token", "An answer's next_page_token is expected.");
}

absl::Status CheckAuditPage(const v1::ListAuditEntriesRequest& request) {
  RETURN_IF_ERROR(CheckRange("page_size", PageOf(request.page_size()), 1, kPageMax));
  RETURN_IF_ERROR(CheckRange("before_time_us", request.before_time_us(), 0, Money::kMaxNanos));
  if (request.account().empty()) return absl::OkStatus();
  return CheckAccountName("account", request.account());
}

}  // namespace

Task<absl::StatusOr<v1::ListAccountsResponse>> Admin::ListAccounts(v1::ListAccountsRequest request) {
  absl::Status valid = CheckAccountPage(request);
  if (!valid.ok()) co_return valid;
  v1::ListAccountsResponse response;
  // What is no beginning of a name is one of none.
  if (!request.prefix().empty() && !IsAccountName(request.prefix())) co_return response;
  const auto page = static_cast<size_t>(PageOf(request.page_size()));
  auto list = ledger_.ListAccountNames(request.prefix(), request.page_token(), page + 1);
  absl::StatusOr<std::vector<std::string>> names = co_await list;
  if (!names.ok()) co_return names.status();
  const bool more = names->size() > page;
  names->resize(std::min(names->size(), page));
  if (more) response.set_next_page_token(names->back());
  auto read = ledger_.ReadAccounts(*std::move(names));
  absl::StatusOr<std::vector<v1::Account>> accounts = co_await read;
  if (!accounts.ok()) co_return accounts.status();
  for (v1::Account& account : *accounts) *response.add_accounts() = std::move(account);
  co_return response;
}

Task<absl::StatusOr<v1::ListTotalsResponse>> Admin::ListTotals(v1::ListTotalsRequest request) {
  absl::StatusOr<std::vector<int32_t>> days = DaysFrom(request.first_day(), request.last_day());
  if (!days.ok()) co_return days.status();
  auto read = totals_.Of(*std::move(days));
  absl::StatusOr<Totals::Figures> figures = co_await read;
  if (!figures.ok()) co_return figures.status();
  v1::ListTotalsResponse response;
  for (v1::TotalsRow& row : figures->rows) *response.add_rows() = std::move(row);
  TellDamage(figures->damaged, *response.mutable_damaged());
  if (response.ByteSizeLong() > kTotalsBytesMax) co_return error::TooManyUsageRows();
  co_return response;
}

Task<absl::StatusOr<v1::ListAuditEntriesResponse>> Admin::ListAuditEntries(
    v1::ListAuditEntriesRequest request) {
  absl::Status valid = CheckAuditPage(request);
  if (!valid.ok()) co_return valid;
  AuditQuery query{.page = static_cast<size_t>(PageOf(request.page_size())),
                   .before_time_us = request.before_time_us(),
                   .account = request.account()};
  auto list = ledger_.ListAudit(std::move(query));
  absl::StatusOr<v1::ListAuditEntriesResponse> response = co_await list;
  co_return response;
}

Task<absl::StatusOr<v1::GetBillingStatusResponse>> Admin::GetBillingStatus(v1::GetBillingStatusRequest) {
  auto ask = ledger_.Status();
  v1::GetBillingStatusResponse response = co_await ask;
  response.set_catalog_version(catalog_.Current()->version());
  if (!response.redis_error().empty()) co_return response;
  const int64_t now_us = ledger_.NowUs();
  auto read = totals_.Of({DayOf(now_us - kDayUs), DayOf(now_us)});
  absl::StatusOr<Totals::Figures> figures = co_await read;
  if (figures.ok()) TellDamage(figures->damaged, *response.mutable_damaged());
  co_return response;
}

}  // namespace prismatic::billing
