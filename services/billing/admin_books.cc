#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/billing/admin.h"
#include "services/billing/admin_checks.h"
#include "services/billing/days.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

namespace prismatic::billing {
namespace {

constexpr int kPageDefault = 100;
constexpr int kPageMax = 1'000;
// Days read in one call, which keeps Redis free for others.
constexpr size_t kUsageDaysPerCall = 31;
// Keeps an answer below the 1 MiB that a caller's gRPC takes by default.
constexpr size_t kUsageRowsMax = 5'000;
// Whoever mends one sees the next.
constexpr int kDamagedMax = 20;

int PageOf(int32_t page_size) { return page_size == 0 ? kPageDefault : page_size; }

// By day, key and model; keys by their number, none first.
auto OrderOf(const v1::UsageRow& row) {
  return std::make_tuple(row.day(), row.key_id().size(), std::cref(row.key_id()), std::cref(row.model()));
}

absl::StatusOr<HoldPosition> PositionOf(const std::string& page_token) {
  HoldPosition position;
  if (page_token.empty()) return position;
  size_t comma = page_token.find(',');
  int64_t end_us = 0;
  if (comma == std::string::npos || !absl::SimpleAtoi(page_token.substr(0, comma), &end_us) ||
      !ParseReservationId(page_token.substr(comma + 1))) {
    return InvalidValue("page_token", "An answer's next_page_token is expected.");
  }
  return HoldPosition{.end_us = absl::StrCat(end_us), .reservation_id = page_token.substr(comma + 1)};
}

absl::Status CheckTrim(const v1::TrimLedgerRequest& request) {
  RETURN_IF_ERROR(CheckAccountName("account", request.account()));
  RETURN_IF_ERROR(CheckRange("through_sequence", request.through_sequence(), 1, Money::kMaxNanos));
  return CheckRange("balance_nano_usd", request.balance_nano_usd(), 0, Money::kMaxNanos);
}

}  // namespace

Task<absl::StatusOr<v1::ListLedgerEntriesResponse>> Admin::ListLedgerEntries(
    v1::ListLedgerEntriesRequest request) {
  absl::Status valid = CheckAccountName("account", request.account());
  if (!valid.ok()) co_return valid;
  int page = PageOf(request.page_size());
  valid = CheckRange("after_sequence", request.after_sequence(), 0, Money::kMaxNanos);
  if (valid.ok()) valid = CheckRange("page_size", page, 1, kPageMax);
  if (!valid.ok()) co_return valid;
  auto list = ledger_.ListLedger(request.account(), request.after_sequence(), page);
  absl::StatusOr<v1::ListLedgerEntriesResponse> response = co_await list;
  co_return response;
}

Task<absl::StatusOr<v1::TrimLedgerResponse>> Admin::TrimLedger(v1::TrimLedgerRequest request,
                                                               AdminCall call) {
  absl::Status valid = CheckTrim(request);
  if (!valid.ok()) co_return valid;
  auto trim = ledger_.TrimLedger(request.account(), request.through_sequence(), request.balance_nano_usd(),
                                 std::move(call));
  absl::StatusOr<v1::LedgerEntry> carried = co_await trim;
  if (!carried.ok()) co_return carried.status();
  v1::TrimLedgerResponse response;
  *response.mutable_carried_forward() = *std::move(carried);
  co_return response;
}

Task<absl::StatusOr<v1::ListUsageResponse>> Admin::ListUsage(v1::ListUsageRequest request) {
  absl::Status valid = CheckAccountName("account", request.account());
  if (!valid.ok()) co_return valid;
  absl::StatusOr<std::vector<int32_t>> days = DaysFrom(request.first_day(), request.last_day());
  if (!days.ok()) co_return days.status();
  v1::ListUsageResponse response;
  std::vector<v1::UsageRow> rows;
  for (size_t first = 0; first < days->size(); first += kUsageDaysPerCall) {
    size_t last = std::min(first + kUsageDaysPerCall, days->size());
    auto list = ledger_.ListUsage(request.account(),
                                  std::vector<int32_t>(days->begin() + first, days->begin() + last),
                                  kUsageRowsMax - std::min(rows.size(), kUsageRowsMax));
    absl::StatusOr<RedisLedger::UsageRead> more = co_await list;
    if (!more.ok()) co_return more.status();
    std::move(more->rows.begin(), more->rows.end(), std::back_inserter(rows));
    for (Damage& damage : more->damaged) {
      if (response.damaged_size() < kDamagedMax) response.add_damaged(std::move(damage.words));
    }
  }
  std::sort(rows.begin(), rows.end(),
            [](const v1::UsageRow& a, const v1::UsageRow& b) { return OrderOf(a) < OrderOf(b); });
  for (v1::UsageRow& row : rows) *response.add_rows() = std::move(row);
  co_return response;
}

Task<absl::StatusOr<v1::ListReservationsResponse>> Admin::ListReservations(
    v1::ListReservationsRequest request) {
  absl::Status valid = CheckAccountName("account", request.account());
  if (!valid.ok()) co_return valid;
  int page = PageOf(request.page_size());
  valid = CheckRange("page_size", page, 1, kPageMax);
  if (!valid.ok()) co_return valid;
  absl::StatusOr<HoldPosition> after = PositionOf(request.page_token());
  if (!after.ok()) co_return after.status();
  auto list = ledger_.ListReservations(request.account(), page, *std::move(after));
  absl::StatusOr<v1::ListReservationsResponse> response = co_await list;
  co_return response;
}

Task<absl::StatusOr<v1::AuditAccountResponse>> Admin::AuditAccount(v1::AuditAccountRequest request) {
  absl::Status valid = CheckAccountName("account", request.account());
  if (!valid.ok()) co_return valid;
  auto audit = ledger_.Audit(request.account());
  absl::StatusOr<v1::AuditAccountResponse> response = co_await audit;
  co_return response;
}

Task<absl::StatusOr<v1::RecountAccountResponse>> Admin::RecountAccount(v1::RecountAccountRequest request,
                                                                       AdminCall call) {
  absl::Status valid = CheckAccountName("account", request.account());
  if (!valid.ok()) co_return valid;
  auto recount = ledger_.Recount(request.account(), std::move(call));
  absl::StatusOr<v1::RecountAccountResponse> response = co_await recount;
  co_return response;
}

Task<absl::StatusOr<v1::GetReservationResponse>> Admin::GetReservation(v1::GetReservationRequest request) {
  std::optional<ReservationId> id = ParseReservationId(request.reservation_id());
  if (!id) co_return InvalidValue("reservation_id", "`<account>.<attempt_id>` is expected.");
  auto get = ledger_.GetReservation(*id);
  absl::StatusOr<v1::Reservation> reservation = co_await get;
  if (!reservation.ok()) co_return reservation.status();
  v1::GetReservationResponse response;
  *response.mutable_reservation() = *std::move(reservation);
  co_return response;
}

}  // namespace prismatic::billing
