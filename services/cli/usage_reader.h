#ifndef PRISMATIC_SERVICES_CLI_USAGE_READER_H_
#define PRISMATIC_SERVICES_CLI_USAGE_READER_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "prismatic/billing/v1/billing.pb.h"
#include "services/cli/connections.h"

namespace prismatic::cli {

struct UsageOfDays {
  // In order.
  google::protobuf::RepeatedPtrField<billing::v1::UsageRow> rows;
  // What of these days cannot be read, in words. It is not in the rows.
  google::protobuf::RepeatedPtrField<std::string> damaged;
  // Days that billing refuses to list even alone, because they have too many rows, with its words.
  std::map<int32_t, absl::Status> refused;
};

// The usage of any number of days. Billing lists a bounded number of days and of rows at once; what is too
// much is asked for in halves.
absl::StatusOr<UsageOfDays> ReadUsage(Connections& connections, const std::string& account, int32_t first,
                                      int32_t last);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_USAGE_READER_H_
