#include "tests/model/told.h"

#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "services/common/status/status.h"

namespace prismatic::billing::model {

std::string Told(const absl::Status& status) {
  std::string text = ReasonName(ReasonOf(status));
  std::optional<common::v1::ErrorDetail> detail = DetailOf(status);
  std::map<std::string, std::string> facts;
  if (detail) facts.insert(detail->metadata().begin(), detail->metadata().end());
  for (const auto& [name, value] : facts) absl::StrAppend(&text, " ", name, "=", value);
  std::optional<absl::Duration> retry = RetryAfterOf(status);
  if (retry) absl::StrAppend(&text, " retry_us=", absl::ToInt64Microseconds(*retry));
  return text;
}

}  // namespace prismatic::billing::model
