#ifndef PRISMATIC_SERVICES_BILLING_AUDIT_ENTRIES_H_
#define PRISMATIC_SERVICES_BILLING_AUDIT_ENTRIES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "prismatic/billing/v1/billing.pb.h"
#include "services/common/redis/reply.h"

namespace prismatic::billing {

struct AuditQuery {
  size_t page = 0;
  // 0: from the newest.
  int64_t before_time_us = 0;
  // Empty: all.
  std::string account;
};

// One entry of a stream: {ID, {field, value, ...}}; functions/audit_log.lua has the fields. Nano-USD become
// decimals. `stream` tells apart what two streams have under one ID. INTERNAL_ERROR when it is none of ours.
absl::StatusOr<v1::AuditEntry> ReadAuditEntry(const redis::Reply& reply, int stream);

// Reads the streams of some buckets, of which each has two, from their ends back, as far as a page needs it,
// and puts what it finds in the order of its time. A page never ends between entries of the same microsecond,
// so that a caller who goes on with the last one's time misses and repeats none; it may have a few more
// entries than were asked for.
//
// A stream is in the order in which it was written, with Redis' time to the millisecond; the time in an entry
// is up to 5 s ahead of that, where a clock that stepped back was bridged, so it is read so much further
// back. Where Redis' clock was ahead by more than an hour and was put right, what was written until it caught
// up is told from the newest entry on, or by a time that it had not yet reached, only.
class AuditReader {
 public:
  // `by_redis_time`: the entries' times are those of Redis' clock and not a test's.
  AuditReader(AuditQuery query, const std::vector<int>& buckets, bool by_redis_time);

  // The commands to send next; none when there is enough.
  std::vector<std::vector<std::string>> Next();
  // Their answers, in order.
  absl::Status Take(const std::vector<redis::Reply>& replies);
  // The page.
  v1::ListAuditEntriesResponse Answer();

 private:
  struct Stream {
    std::string key;
    // Of all that there are; below 1,000.
    int number = 0;
    // Where to read on, as XREVRANGE wants it.
    std::string end;
    // Of the last entry that was read.
    int64_t last_ms = 0;
    bool done = false;
  };
  absl::Status TakeOne(const redis::Reply& reply, Stream& stream);

  const AuditQuery query_;
  const bool by_redis_time_;
  std::vector<Stream> streams_;
  // Of streams_, what the last Next asked.
  std::vector<size_t> asked_;
  // How many entries of each.
  size_t chunk_ = 0;
  std::vector<v1::AuditEntry> entries_;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_AUDIT_ENTRIES_H_
