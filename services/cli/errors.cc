#include "services/cli/errors.h"

#include <optional>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "services/common/status/status.h"

namespace prismatic::cli {
namespace {

// The reason of an error that is not the catalogue's.
constexpr char kReasonUrl[] = "prismatic.cli/reason";
constexpr char kUsage[] = "USAGE";
constexpr char kServiceUnreachable[] = "SERVICE_UNREACHABLE";
constexpr char kIsDifferent[] = "DIFFERENT";
constexpr char kOutputFailed[] = "OUTPUT_FAILED";

absl::Status WithReason(absl::StatusCode code, absl::string_view reason, absl::string_view message) {
  absl::Status status(code, message);
  status.SetPayload(kReasonUrl, absl::Cord(reason));
  return status;
}

std::string ReasonText(const absl::Status& status) {
  if (std::optional<common::v1::ErrorDetail> detail = DetailOf(status)) return detail->reason();
  absl::optional<absl::Cord> own = status.GetPayload(kReasonUrl);
  if (own.has_value()) return std::string(*own);
  return absl::StatusCodeToString(status.code());
}

}  // namespace

absl::Status UsageError(absl::string_view message) {
  return WithReason(absl::StatusCode::kInvalidArgument, kUsage, message);
}

absl::Status Unreachable(absl::string_view message) {
  return WithReason(absl::StatusCode::kUnavailable, kServiceUnreachable, message);
}

absl::Status Refused(absl::string_view reason, absl::string_view message) {
  return WithReason(absl::StatusCode::kUnknown, reason, message);
}

absl::Status OutputFailed(absl::string_view message) {
  return WithReason(absl::StatusCode::kDataLoss, kOutputFailed, message);
}

absl::Status Different() {
  return WithReason(absl::StatusCode::kUnknown, kIsDifferent, "there are differences");
}

ExitCode ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return kDone;
  std::string reason = ReasonText(status);
  if (reason == kUsage) return kWrongUsage;
  if (reason == kServiceUnreachable) return kUnreachable;
  if (reason == kIsDifferent) return kDifferent;
  return kRefused;
}

std::string ErrorText(const absl::Status& status) {
  return absl::StrCat(ReasonText(status), ": ", status.message());
}

}  // namespace prismatic::cli
