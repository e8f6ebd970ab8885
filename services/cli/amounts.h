#ifndef PRISMATIC_SERVICES_CLI_AMOUNTS_H_
#define PRISMATIC_SERVICES_CLI_AMOUNTS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/admin_json/words.h"

namespace prismatic::cli {

// What people write after `--<flag>`; what is wrong with it is a usage error that names the flag.

// "0.04": US dollars with at most 9 decimals, no sign. In nano-USD.
absl::StatusOr<int64_t> ParseUsd(absl::string_view flag, absl::string_view text);
// The same with an optional sign in front, "-0.04", "+2".
absl::StatusOr<int64_t> ParseSignedUsd(absl::string_view flag, absl::string_view text);

// "2026-11-30" as 20261130; a day of the calendar.
absl::StatusOr<int32_t> ParseDay(absl::string_view flag, absl::string_view text);
using admin_json::DayText;
// The day (UTC) that a time lies in.
int32_t DayOf(int64_t unix_us);
// The day that many days later.
int32_t DayAfter(int32_t day, int64_t days);

// "2026-11-30T12:00:00Z", in microseconds.
absl::StatusOr<int64_t> ParseTime(absl::string_view flag, absl::string_view text);

// "1767225600000", a catalog version; more than 0.
absl::StatusOr<int64_t> ParseVersion(absl::string_view text);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_AMOUNTS_H_
