#include "services/cli/usage_reader.h"

#include <utility>
#include <vector>

#include "services/cli/amounts.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

// The most that billing answers at once.
constexpr int kDaysAtOnce = 366;

struct Days {
  int32_t first;
  int count;
};

// Of all days from first to last, in order of asking: the first ones at the end.
std::vector<Days> PartsOf(int32_t first, int32_t last) {
  std::vector<Days> parts;
  for (int32_t day = first; day <= last;) {
    Days part = {day, 0};
    for (; day <= last && part.count < kDaysAtOnce; day = DayAfter(day, 1)) ++part.count;
    parts.insert(parts.begin(), part);
  }
  return parts;
}

}  // namespace

absl::StatusOr<UsageOfDays> ReadUsage(Connections& connections, const std::string& account, int32_t first,
                                      int32_t last) {
  UsageOfDays usage;
  for (std::vector<Days> parts = PartsOf(first, last); !parts.empty();) {
    Days days = parts.back();
    parts.pop_back();
    billing::v1::ListUsageRequest request;
    request.set_account(account);
    request.set_first_day(days.first);
    request.set_last_day(DayAfter(days.first, days.count - 1));
    absl::StatusOr<billing::v1::ListUsageResponse> part = connections.ListUsage(request);
    if (part.ok()) {
      usage.rows.MergeFrom(part->rows());
      usage.damaged.MergeFrom(part->damaged());
      continue;
    }
    if (!HasReason(part.status(), common::v1::ERROR_REASON_INVALID_VALUE)) return part.status();
    if (days.count == 1) {
      usage.refused[days.first] = part.status();
      continue;
    }
    int half = days.count / 2;
    parts.push_back({DayAfter(days.first, half), days.count - half});
    parts.push_back({days.first, half});
  }
  return usage;
}

}  // namespace prismatic::cli
