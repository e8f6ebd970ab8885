#ifndef PRISMATIC_SERVICES_CLI_SETTLEMENT_LINES_H_
#define PRISMATIC_SERVICES_CLI_SETTLEMENT_LINES_H_

#include <cstdint>
#include <istream>
#include <string>
#include <vector>

namespace prismatic::cli {

// A settlement that the gateway could not make before it answered, as its log says.
struct PendingSettlement {
  std::string reservation_id;
  int32_t delivered = 0;
  std::string request_id;
  friend bool operator==(const PendingSettlement&, const PendingSettlement&) = default;
};

struct PendingSettlements {
  // Each once, in order.
  std::vector<PendingSettlement> settlements;
  // Lines that speak of a pending settlement and cannot be read: cut, or mixed with another. Their numbers.
  std::vector<int64_t> unreadable;
  int64_t lines = 0;
};

// Finds the `settlement_pending` lines of a gateway's log, whatever else is in it; what a collector puts in
// front of each line does no harm.
PendingSettlements FindPendingSettlements(std::istream& log);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_SETTLEMENT_LINES_H_
