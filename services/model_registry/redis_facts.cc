#include "services/model_registry/redis_facts.h"

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace prismatic::model_registry {
namespace {

constexpr char kVersionField[] = "redis_version";

// Of TIME's {seconds, microseconds}; 0 when it is something else.
int64_t TimeUs(const redis::Reply& reply) {
  int64_t seconds = 0;
  int64_t micros = 0;
  bool good = reply.elements.size() == 2 && absl::SimpleAtoi(reply.elements[0].text, &seconds) &&
              absl::SimpleAtoi(reply.elements[1].text, &micros);
  return good ? seconds * 1'000'000 + micros : 0;
}

// CONFIG GET's {name, value, ...}; an error, when it is forbidden, has no elements.
void AddSettings(const redis::Reply& reply, std::map<std::string, std::string>& settings) {
  for (size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    settings[reply.elements[i].text] = reply.elements[i + 1].text;
  }
}

void AddVersion(const redis::Reply& info, std::map<std::string, std::string>& settings) {
  if (info.is_error()) return;
  for (absl::string_view line : absl::StrSplit(info.text, absl::ByAnyChar("\r\n"))) {
    if (absl::ConsumePrefix(&line, "redis_version:")) settings[kVersionField] = std::string(line);
  }
}

}  // namespace

Task<RedisFacts> AskRedis(redis::Client& redis) {
  RedisFacts facts;
  absl::Time before = absl::Now();
  auto ask_time = redis.Command(redis::Lane::kFast, {"TIME"});
  absl::StatusOr<redis::Reply> time = co_await ask_time;
  absl::Time after = absl::Now();
  facts.process_time_us = absl::ToUnixMicros(before + (after - before) / 2);
  if (!time.ok()) {
    facts.error = std::string(time.status().message());
    co_return facts;
  }
  facts.redis_time_us = TimeUs(*time);
  std::vector<std::vector<std::string>> questions = {{"CONFIG", "GET", "appendfsync"},
                                                     {"CONFIG", "GET", "appendonly"},
                                                     {"CONFIG", "GET", "maxmemory-policy"},
                                                     {"INFO", "server"}};
  auto ask = redis.Pipeline(redis::Lane::kFast, std::move(questions));
  absl::StatusOr<std::vector<redis::Reply>> replies = co_await ask;
  if (!replies.ok()) {
    facts.error = std::string(replies.status().message());
    co_return facts;
  }
  for (size_t i = 0; i < 3; ++i) AddSettings((*replies)[i], facts.settings);
  AddVersion((*replies)[3], facts.settings);
  co_return facts;
}

}  // namespace prismatic::model_registry
