#include "services/model_registry/operators/audit_entries.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace prismatic::model_registry {

v1::AuditEntry MakeAuditEntry(absl::string_view actor, absl::string_view action, absl::string_view target,
                              absl::string_view note) {
  v1::AuditEntry entry;
  entry.set_actor(std::string(actor));
  entry.set_action(std::string(action));
  entry.set_target(std::string(target));
  entry.set_note(std::string(note));
  return entry;
}

void AddChange(v1::AuditEntry& entry, absl::string_view path, absl::string_view before,
               absl::string_view after) {
  v1::AuditChange* change = entry.add_changes();
  change->set_path(std::string(path));
  if (!before.empty()) change->set_before(std::string(before));
  if (!after.empty()) change->set_after(std::string(after));
}

std::string Printable(absl::string_view text, size_t size_max) {
  std::string printable(text.substr(0, size_max));
  std::replace_if(
      printable.begin(), printable.end(), [](unsigned char c) { return !absl::ascii_isprint(c); }, '?');
  return printable;
}

v1::AuditEntry ReadAuditEntry(const redis::Reply& element) {
  v1::AuditEntry entry;
  if (element.elements.size() != 2) return entry;
  const std::vector<redis::Reply>& fields = element.elements[1].elements;
  if (fields.size() < 2 || fields[0].text != "entry" || !entry.ParseFromString(fields[1].text)) {
    entry = MakeAuditEntry(kNobody, kNobody, kNobody, "This entry cannot be read.");
  }
  const std::string& id = element.elements[0].text;
  entry.set_id(id);
  int64_t milliseconds = 0;
  if (absl::SimpleAtoi(id.substr(0, id.find('-')), &milliseconds)) entry.set_time_us(milliseconds * 1000);
  return entry;
}

bool IsAuditId(absl::string_view id) {
  std::pair<absl::string_view, absl::string_view> halves = absl::StrSplit(id, absl::MaxSplits('-', 1));
  uint64_t number = 0;
  for (absl::string_view half : {halves.first, halves.second}) {
    if (half.empty() || !std::all_of(half.begin(), half.end(), absl::ascii_isdigit) ||
        !absl::SimpleAtoi(half, &number)) {
      return false;
    }
  }
  return true;
}

}  // namespace prismatic::model_registry
