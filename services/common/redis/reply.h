#ifndef PRISMATIC_SERVICES_COMMON_REDIS_REPLY_H_
#define PRISMATIC_SERVICES_COMMON_REDIS_REPLY_H_

#include <cstdint>
#include <string>
#include <vector>

namespace prismatic::redis {

// What Redis answered (RESP2).
struct Reply {
  enum class Type { kNil, kInteger, kText, kError, kArray };
  Type type = Type::kNil;
  int64_t integer = 0;          // kInteger
  std::string text;             // kText (bulk and status) and kError
  std::vector<Reply> elements;  // kArray
  // True when the client waits for replicas (`?wait=N`), the command ran on the lasting lane and too few
  // replicas were known to have its effect in time: a failover may lose it.
  bool unconfirmed = false;

  bool is_nil() const { return type == Type::kNil; }
  bool is_error() const { return type == Type::kError; }
};

}  // namespace prismatic::redis

#endif  // PRISMATIC_SERVICES_COMMON_REDIS_REPLY_H_
