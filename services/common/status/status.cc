#include "services/common/status/status.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace prismatic {
namespace {

constexpr char kDetailUrl[] = "type.googleapis.com/prismatic.common.v1.ErrorDetail";
constexpr char kReasonPrefix[] = "ERROR_REASON_";

}  // namespace

Error::Error(absl::StatusCode code, common::v1::ErrorReason reason, absl::string_view message)
    : code_(code), message_(message) {
  detail_.set_reason(ReasonName(reason));
}

Error& Error::With(absl::string_view key, absl::string_view value) {
  (*detail_.mutable_metadata())[std::string(key)] = std::string(value);
  return *this;
}

Error& Error::RetryAfter(absl::Duration wait) {
  int64_t micros = absl::ToInt64Microseconds(wait);
  detail_.mutable_retry_after()->set_seconds(micros / 1'000'000);
  detail_.mutable_retry_after()->set_nanos(static_cast<int32_t>(micros % 1'000'000) * 1000);
  return *this;
}

Error::operator absl::Status() const {
  absl::Status status(code_, message_);
  SetDetail(status, detail_);
  return status;
}

absl::Status InvalidValue(absl::string_view param, absl::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, common::v1::ERROR_REASON_INVALID_VALUE, message)
      .With("param", param);
}

absl::Status InternalError(absl::string_view message) {
  return Error(absl::StatusCode::kInternal, common::v1::ERROR_REASON_INTERNAL_ERROR, message);
}

std::string ReasonName(common::v1::ErrorReason reason) {
  return std::string(absl::StripPrefix(common::v1::ErrorReason_Name(reason), kReasonPrefix));
}

common::v1::ErrorReason ReasonFromName(absl::string_view name) {
  common::v1::ErrorReason reason = common::v1::ERROR_REASON_UNSPECIFIED;
  common::v1::ErrorReason_Parse(absl::StrCat(kReasonPrefix, name), &reason);
  return reason;
}

common::v1::ErrorReason ReasonOf(const absl::Status& status) {
  std::optional<common::v1::ErrorDetail> detail = DetailOf(status);
  return detail ? ReasonFromName(detail->reason()) : common::v1::ERROR_REASON_UNSPECIFIED;
}

bool HasReason(const absl::Status& status, common::v1::ErrorReason reason) {
  return ReasonOf(status) == reason;
}

std::optional<common::v1::ErrorDetail> DetailOf(const absl::Status& status) {
  auto payload = status.GetPayload(kDetailUrl);
  if (!payload.has_value()) return std::nullopt;
  common::v1::ErrorDetail detail;
  if (!detail.ParseFromString(std::string(*payload))) return std::nullopt;
  return detail;
}

void SetDetail(absl::Status& status, const common::v1::ErrorDetail& detail) {
  status.SetPayload(kDetailUrl, absl::Cord(detail.SerializeAsString()));
}

std::string MetadataOf(const absl::Status& status, absl::string_view key) {
  std::optional<common::v1::ErrorDetail> detail = DetailOf(status);
  if (!detail) return "";
  auto found = detail->metadata().find(std::string(key));
  return found == detail->metadata().end() ? "" : found->second;
}

std::optional<absl::Duration> RetryAfterOf(const absl::Status& status) {
  std::optional<common::v1::ErrorDetail> detail = DetailOf(status);
  if (!detail || !detail->has_retry_after()) return std::nullopt;
  return absl::Seconds(detail->retry_after().seconds()) + absl::Nanoseconds(detail->retry_after().nanos());
}

}  // namespace prismatic
