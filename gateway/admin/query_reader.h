#ifndef PRISMATIC_GATEWAY_ADMIN_QUERY_READER_H_
#define PRISMATIC_GATEWAY_ADMIN_QUERY_READER_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "gateway/admin/body_reader.h"
#include "services/common/http/message.h"

namespace prismatic::gateway::admin {

// Reads the query as strictly as BodyReader a body: `?page_size=20&type=charge,top_up`. A parameter without a
// value is absent. After an error the values mean nothing.
class QueryReader {
 public:
  // The request outlives the reader.
  explicit QueryReader(const http::Request& request);

  std::optional<std::string> Text(absl::string_view name);
  std::optional<int64_t> Int(absl::string_view name, IntRange range);
  bool Bool(absl::string_view name, bool otherwise);
  // `2026-01-31`.
  std::optional<absl::CivilDay> Day(absl::string_view name);
  // RFC 3339; microseconds count, what is finer does not.
  std::optional<absl::Time> Time(absl::string_view name);
  // Separated by commas; empty when absent.
  std::vector<std::string> List(absl::string_view name);

  void Fail(absl::string_view name, absl::string_view message);

  // INVALID_VALUE with `param`.
  absl::Status Done();

 private:
  const http::Request& request_;
  std::set<std::string> asked_;
  absl::Status error_;
};

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_QUERY_READER_H_
