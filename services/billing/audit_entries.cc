#include "services/billing/audit_entries.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "services/billing/ledger_replies.h"
#include "services/billing/names.h"
#include "services/common/money/money.h"

namespace prismatic::billing {
namespace {

// Most buckets have few entries, and those that have more are asked again, for four times as many.
constexpr size_t kFirstChunk = 16;
constexpr size_t kLastChunk = 256;
// An entry's time may be 5 s ahead of its ID; one more for how Redis keeps time within a function.
constexpr int64_t kAheadMs = 6'000;
// How far IDs may be ahead of the entries' times before those are not found by their time.
constexpr int64_t kIdsAheadMs = 3'600'000;
// Below the 1 MiB that a caller's gRPC takes by default.
constexpr size_t kAnswerBytesMax = 900'000;

// "expire_time_us" and "balance_nano_usd" are kept as whole numbers and told as people read them.
bool Tell(absl::string_view path, absl::string_view value, std::string* told) {
  int64_t number = 0;
  if (absl::EndsWith(path, "_nano_usd")) {
    if (!absl::SimpleAtoi(value, &number)) return false;
    *told = Money::FromNanos(number).ToDecimal();
  } else if (absl::EndsWith(path, "_time_us")) {
    if (!absl::SimpleAtoi(value, &number)) return false;
    *told = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::FromUnixMicros(number), absl::UTCTimeZone());
  } else {
    *told = std::string(value);
  }
  return true;
}

std::string NameOf(absl::string_view path) {
  absl::string_view name = path;
  if (absl::ConsumeSuffix(&name, "_nano_usd")) return absl::StrCat(name, "_usd");
  absl::ConsumeSuffix(&name, "_us");
  return std::string(name);
}

// `field` is `-path` or `+path`; the first comes directly before the second, where there are both.
bool TakeChange(absl::string_view field, absl::string_view value, v1::AuditEntry& entry) {
  std::string name = NameOf(field.substr(1));
  int known = entry.changes_size();
  bool same = known > 0 && field[0] == '+' && entry.changes(known - 1).path() == name &&
              !entry.changes(known - 1).has_after();
  v1::AuditChange& change = same ? *entry.mutable_changes(known - 1) : *entry.add_changes();
  change.set_path(name);
  return Tell(field.substr(1), value, field[0] == '-' ? change.mutable_before() : change.mutable_after());
}

// `<milliseconds>-<sequence>`
bool ParseId(absl::string_view id, int64_t* ms, int64_t* sequence) {
  size_t dash = id.find('-');
  return dash != absl::string_view::npos && absl::SimpleAtoi(id.substr(0, dash), ms) &&
         absl::SimpleAtoi(id.substr(dash + 1), sequence);
}

}  // namespace

absl::StatusOr<v1::AuditEntry> ReadAuditEntry(const redis::Reply& reply, int stream) {
  constexpr char kOperation[] = "list_audit";
  int64_t ms = 0, sequence = 0, time_us = 0;
  if (reply.elements.size() != 2 || !ParseId(reply.elements[0].text, &ms, &sequence)) {
    return BrokenAnswer(kOperation);
  }
  v1::AuditEntry entry;
  entry.set_id(absl::StrFormat("%014d-%06d-%03d", ms, sequence, stream));
  const std::vector<redis::Reply>& words = reply.elements[1].elements;
  for (size_t i = 0; i + 1 < words.size(); i += 2) {
    const std::string &field = words[i].text, &value = words[i + 1].text;
    if (field == "us" && !absl::SimpleAtoi(value, &time_us)) return BrokenAnswer(kOperation);
    if (field == "actor") entry.set_actor(value);
    if (field == "action") entry.set_action(value);
    if (field == "account") entry.set_account(value);
    if (field == "target") entry.set_target(value);
    if (field == "reason") entry.set_reason(value);
    bool is_change = absl::StartsWith(field, "-") || absl::StartsWith(field, "+");
    if (is_change && !TakeChange(field, value, entry)) return BrokenAnswer(kOperation);
  }
  if (time_us == 0 || entry.action().empty()) return BrokenAnswer(kOperation);
  entry.set_time_us(time_us);
  return entry;
}

AuditReader::AuditReader(AuditQuery query, const std::vector<int>& buckets, bool by_redis_time)
    : query_(std::move(query)), by_redis_time_(by_redis_time) {
  std::string newest = "+";
  if (query_.before_time_us > 0 && by_redis_time_) {
    newest = absl::StrCat(query_.before_time_us / 1000 + kIdsAheadMs);
  }
  for (int bucket : buckets) {
    streams_.push_back({.key = AuditKey(bucket), .number = bucket, .end = newest});
    streams_.push_back({.key = SettingsAuditKey(bucket), .number = kBuckets + bucket, .end = newest});
  }
}

std::vector<std::vector<std::string>> AuditReader::Next() {
  // The time of the page's last entry as far as is known now: what may be newer must be looked at.
  int64_t needed_ms = -1;
  if (by_redis_time_ && entries_.size() > query_.page) {
    std::vector<int64_t> times;
    for (const v1::AuditEntry& entry : entries_) times.push_back(entry.time_us());
    auto last = times.begin() + static_cast<ptrdiff_t>(query_.page) - 1;
    std::nth_element(times.begin(), last, times.end(), std::greater<int64_t>());
    needed_ms = *last / 1000 - kAheadMs;
  }
  chunk_ = chunk_ == 0 ? kFirstChunk : std::min(chunk_ * 4, kLastChunk);
  asked_.clear();
  std::vector<std::vector<std::string>> commands;
  for (size_t i = 0; i < streams_.size(); ++i) {
    const Stream& stream = streams_[i];
    if (stream.done || (stream.last_ms != 0 && stream.last_ms < needed_ms)) continue;
    asked_.push_back(i);
    commands.push_back({"XREVRANGE", stream.key, stream.end, "-", "COUNT", absl::StrCat(chunk_)});
  }
  return commands;
}

absl::Status AuditReader::Take(const std::vector<redis::Reply>& replies) {
  if (replies.size() != asked_.size()) return BrokenAnswer("list_audit");
  for (size_t i = 0; i < replies.size(); ++i) {
    absl::Status taken = TakeOne(replies[i], streams_[asked_[i]]);
    if (!taken.ok()) return taken;
  }
  return absl::OkStatus();
}

absl::Status AuditReader::TakeOne(const redis::Reply& reply, Stream& stream) {
  stream.done = reply.elements.size() < chunk_;
  for (const redis::Reply& element : reply.elements) {
    absl::StatusOr<v1::AuditEntry> entry = ReadAuditEntry(element, stream.number);
    if (!entry.ok()) return entry.status();
    const std::string& id = element.elements[0].text;
    int64_t sequence = 0;
    ParseId(id, &stream.last_ms, &sequence);
    stream.end = absl::StrCat("(", id);
    bool old_enough = query_.before_time_us == 0 || entry->time_us() < query_.before_time_us;
    bool wanted = query_.account.empty() || entry->account() == query_.account;
    if (old_enough && wanted) entries_.push_back(*std::move(entry));
  }
  return absl::OkStatus();
}

v1::ListAuditEntriesResponse AuditReader::Answer() {
  std::sort(entries_.begin(), entries_.end(), [](const v1::AuditEntry& a, const v1::AuditEntry& b) {
    return a.time_us() != b.time_us() ? a.time_us() > b.time_us() : a.id() > b.id();
  });
  v1::ListAuditEntriesResponse response;
  size_t taken = 0, bytes = 0;
  for (v1::AuditEntry& entry : entries_) {
    bool another_time = taken > 0 && entry.time_us() != response.entries().rbegin()->time_us();
    if (another_time && (taken >= query_.page || bytes >= kAnswerBytesMax)) {
      response.set_more(true);
      break;
    }
    bytes += entry.ByteSizeLong();
    *response.add_entries() = std::move(entry);
    ++taken;
  }
  return response;
}

}  // namespace prismatic::billing
