#include "services/cli/settlement_lines.h"

#include <optional>
#include <set>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "services/common/json/json.h"

namespace prismatic::cli {
namespace {

// Of a gateway that delivered before billing answered, and of a billing that no replica confirmed.
constexpr absl::string_view kPending = "settlement_pending", kUnconfirmed = "settlement_unconfirmed";
constexpr int64_t kDeliveredMax = 10;

std::string TextOf(const json::Value& object, absl::string_view name) {
  const json::Value* member = object.FindNonNull(name);
  return member == nullptr ? "" : member->String().value_or("");
}

// nullopt when the line cannot be read; an empty reservation when it is about something else.
std::optional<PendingSettlement> Read(absl::string_view line) {
  size_t begin = line.find('{');
  if (begin == absl::string_view::npos) return std::nullopt;
  absl::StatusOr<json::Document> document = json::Document::Parse(std::string(line.substr(begin)));
  if (!document.ok() || !document->root().is_object()) return std::nullopt;
  const json::Value& object = document->root();
  PendingSettlement settlement;
  std::string message = TextOf(object, "message");
  if (message != kPending && message != kUnconfirmed) return settlement;
  settlement.reservation_id = TextOf(object, "reservation");
  settlement.request_id = TextOf(object, "request_id");
  const json::Value* delivered = object.FindNonNull("delivered");
  std::optional<int64_t> count = delivered == nullptr ? std::nullopt : delivered->Int();
  if (settlement.reservation_id.empty() || !count || *count < 1 || *count > kDeliveredMax)
    return std::nullopt;
  settlement.delivered = static_cast<int32_t>(*count);
  return settlement;
}

}  // namespace

PendingSettlements FindPendingSettlements(std::istream& log) {
  PendingSettlements found;
  std::set<std::pair<std::string, int32_t>> seen;
  std::string line;
  while (std::getline(log, line)) {
    ++found.lines;
    // Parsing every line of a large log would take minutes.
    if (!absl::StrContains(line, kPending) && !absl::StrContains(line, kUnconfirmed)) continue;
    std::optional<PendingSettlement> settlement = Read(line);
    if (!settlement) {
      found.unreadable.push_back(found.lines);
    } else if (!settlement->reservation_id.empty() &&
               seen.emplace(settlement->reservation_id, settlement->delivered).second) {
      found.settlements.push_back(*std::move(settlement));
    }
  }
  return found;
}

}  // namespace prismatic::cli
