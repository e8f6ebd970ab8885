#ifndef PRISMATIC_SERVICES_CLI_LIMITS_H_
#define PRISMATIC_SERVICES_CLI_LIMITS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "prismatic/billing/v1/billing.pb.h"
#include "services/cli/output.h"
#include "services/common/config/flags.h"

namespace prismatic::cli {

// --requests-per-minute, --images-per-minute and --max-concurrent, of accounts and of keys.
class LimitFlags {
 public:
  void Declare(config::Flags& flags);
  billing::v1::Limits ToProto() const;

 private:
  std::optional<int64_t> requests_per_minute_;
  std::optional<int64_t> images_per_minute_;
  std::optional<int64_t> max_concurrent_;
};

// The same flags for a change: a number, or `unlimited`; a flag that is absent leaves its limit as it is.
class LimitChangeFlags {
 public:
  void Declare(config::Flags& flags);
  // Fails as wrong usage on a text that is neither.
  absl::StatusOr<billing::v1::LimitsChange> ToProto() const;
  bool empty() const {
    return requests_per_minute_.empty() && images_per_minute_.empty() && max_concurrent_.empty();
  }

 private:
  std::string requests_per_minute_;
  std::string images_per_minute_;
  std::string max_concurrent_;
};

// Absent limits are "unlimited".
void AddLimits(Facts& facts, const billing::v1::Limits& limits);
// "60", "unlimited".
std::string LimitText(bool given, int64_t limit);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_LIMITS_H_
