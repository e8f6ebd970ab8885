#include "tests/model/mirror.h"

#include <cstdlib>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/model/model.h"

namespace prismatic::billing::model {
namespace {

// A library keeps its local variables between calls. Answers {key, type, milliseconds to live, end of life,
// value} of what has changed, {key} of what is gone.
static_assert(kFadesMs == 10'123 && kNewestEntries == 3, "the function says the same");
constexpr char kFunction[] = R"lua(#!lua name=model_mirror
local seen = {}

local function value_of(key, kind)
  if kind == 'string' then return {redis.call('GET', key)} end
  if kind == 'hash' then return redis.call('HGETALL', key) end
  if kind == 'zset' then return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end
  local value = {tostring(redis.call('XLEN', key))}
  for _, entry in ipairs(redis.call('XREVRANGE', key, '+', '-', 'COUNT', 3)) do
    -- Redis' own IDs are of its own time.
    if not key:find('^{b%d+}:audit') then value[#value + 1] = entry[1] end
    for _, word in ipairs(entry[2]) do value[#value + 1] = word end
  end
  return value
end

-- What is forgotten in a moment is forgotten now.
local function fades(key)
  local left_ms = redis.call('PTTL', key)
  if left_ms == -1 or left_ms >= 10123 then return false end
  redis.call('DEL', key)
  return true
end

local function follow(_, args)
  if args[1] == 'from the start' then seen = {} end
  local changes, there = {}, {}
  for _, key in ipairs(redis.call('KEYS', '*')) do
    local mark = redis.call('PEXPIRETIME', key) .. redis.call('DUMP', key)
    if seen[key] == mark then
      there[key] = mark
    elseif not fades(key) then
      there[key] = mark
      local kind = redis.call('TYPE', key).ok
      changes[#changes + 1] = {key, kind, redis.call('PTTL', key), redis.call('PEXPIRETIME', key), value_of(key, kind)}
    end
  end
  for key in pairs(seen) do
    if not there[key] then changes[#changes + 1] = {key} end
  end
  seen = there
  return changes
end

redis.register_function{function_name = 'model_mirror', callback = follow, flags = {'allow-cross-slot-keys'}}
)lua";

Record RecordOf(const std::vector<redis::Reply>& change) {
  const std::string& kind = change[1].text;
  const std::vector<redis::Reply>& value = change[4].elements;
  auto word = [](std::string* out, const redis::Reply& reply) { *out += reply.text; };
  Record record{.life_ms = change[2].integer < 0 ? 0 : change[2].integer, .end_ms = change[3].integer};
  if (kind == "string" || kind == "stream") {
    record.text = absl::StrCat(kind, " ", absl::StrJoin(value, " ", word));
    return record;
  }
  std::map<std::string, std::string> fields;
  for (size_t i = 0; i + 1 < value.size(); i += 2) fields[value[i].text] = value[i + 1].text;
  record.text = absl::StrCat(kind, " ", absl::StrJoin(fields, " ", absl::PairFormatter("=")));
  return record;
}

// How much less than it was given a record may still have: scripts run in a real time that is not theirs.
constexpr int64_t kRealTimeMs = 120'000;

bool Same(const Record& expected, const Record& found) {
  if (expected.text != found.text || (expected.life_ms == 0) != (found.life_ms == 0)) return false;
  return found.life_ms <= expected.life_ms && found.life_ms >= expected.life_ms - kRealTimeMs;
}

std::string Print(const Record& record) {
  return record.life_ms == 0 ? record.text : absl::StrCat(record.text, " (for ", record.life_ms, " ms)");
}

}  // namespace

Mirror::Mirror(redis::Client& client) : client_(client) {
  absl::StatusOr<redis::Reply> loaded =
      Wait(client_.Command(redis::Lane::kFast, {"FUNCTION", "LOAD", "REPLACE", kFunction}));
  if (loaded.ok() && !loaded->is_error()) return;
  std::cerr << (loaded.ok() ? loaded->text : loaded.status().ToString()) << std::endl;
  std::abort();
}

void Mirror::Clear() {
  bytes_.clear();
  from_the_start_ = true;
}

Task<std::vector<std::string>> Mirror::Follow() {
  auto call = client_.Command(redis::Lane::kFast,
                              {"FCALL", "model_mirror", "0", from_the_start_ ? "from the start" : "on"});
  absl::StatusOr<redis::Reply> reply = co_await call;
  std::vector<std::string> changed;
  if (!reply.ok() || reply->is_error()) {
    changed.push_back(reply.ok() ? reply->text : reply.status().ToString());
    bytes_[changed[0]] = {};
    co_return changed;
  }
  Bytes before = bytes_;
  if (std::exchange(from_the_start_, false)) bytes_.clear();
  for (const redis::Reply& change : reply->elements) {
    const std::string& key = change.elements[0].text;
    bytes_.erase(key);
    if (change.elements.size() > 1) bytes_[key] = RecordOf(change.elements);
  }
  for (const auto& [key, record] : bytes_) {
    auto was = before.find(key);
    // A table that Redis has only put in another order is the same.
    bool same = was != before.end() && was->second.text == record.text && was->second.end_ms == record.end_ms;
    if (was != before.end()) before.erase(was);
    if (!same) changed.push_back(key);
  }
  for (const auto& [key, record] : before) changed.push_back(key);
  co_return changed;
}

std::string Difference(const Bytes& expected, const Bytes& found) {
  std::string lines;
  for (const auto& [key, value] : expected) {
    auto other = found.find(key);
    if (other != found.end() && Same(value, other->second)) continue;
    absl::StrAppend(&lines, "  ", key, "\n    must be ", Print(value), "\n    is      ",
                    other == found.end() ? "missing" : Print(other->second), "\n");
  }
  for (const auto& [key, value] : found) {
    if (!expected.count(key)) {
      absl::StrAppend(&lines, "  ", key, "\n    must not be there\n    is      ", Print(value), "\n");
    }
  }
  return lines;
}

}  // namespace prismatic::billing::model
