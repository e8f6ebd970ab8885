#ifndef PRISMATIC_SERVICES_COMMON_STATUS_STATUS_H_
#define PRISMATIC_SERVICES_COMMON_STATUS_STATUS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "prismatic/common/v1/errors.pb.h"

// An absl::Status of ours carries one ErrorDetail as a payload: the reason from the catalogue
// (protos/prismatic/common/v1/errors.proto), facts, and when to retry.
//
//   return Error(absl::StatusCode::kNotFound, common::v1::ERROR_REASON_MODEL_NOT_FOUND,
//                "The model `x` does not exist.").With("param", "model");

namespace prismatic {

class [[nodiscard]] Error {
 public:
  Error(absl::StatusCode code, common::v1::ErrorReason reason, absl::string_view message);
  Error& With(absl::string_view key, absl::string_view value);
  Error& RetryAfter(absl::Duration wait);

  operator absl::Status() const;
  template <typename T>
  operator absl::StatusOr<T>() const {
    return absl::Status(*this);
  }

 private:
  absl::StatusCode code_;
  std::string message_;
  common::v1::ErrorDetail detail_;
};

// A field of the request is wrong: INVALID_ARGUMENT, INVALID_VALUE, with `param`.
absl::Status InvalidValue(absl::string_view param, absl::string_view message);
// A fault of ours, or an answer that we do not understand: INTERNAL, INTERNAL_ERROR.
absl::Status InternalError(absl::string_view message);

// The reason's name as on the wire, "INVALID_API_KEY".
std::string ReasonName(common::v1::ErrorReason reason);
// The catalogue's value for a name; UNSPECIFIED for one it does not have.
common::v1::ErrorReason ReasonFromName(absl::string_view name);
// UNSPECIFIED when the status carries none.
common::v1::ErrorReason ReasonOf(const absl::Status& status);
bool HasReason(const absl::Status& status, common::v1::ErrorReason reason);

std::optional<common::v1::ErrorDetail> DetailOf(const absl::Status& status);
void SetDetail(absl::Status& status, const common::v1::ErrorDetail& detail);
// Empty when absent.
std::string MetadataOf(const absl::Status& status, absl::string_view key);
std::optional<absl::Duration> RetryAfterOf(const absl::Status& status);

}  // namespace prismatic

#endif  // PRISMATIC_SERVICES_COMMON_STATUS_STATUS_H_
