#ifndef PRISMATIC_TESTS_MODEL_MIRROR_H_
#define PRISMATIC_TESTS_MODEL_MIRROR_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "services/common/redis/client.h"
#include "services/common/redis/reply.h"
#include "services/common/task/task.h"

namespace prismatic::billing::model {

// What a key in Redis holds, as text: its type and content. Of a stream its length and newest entries: the
// older ones were compared when they were new, and a list of all is one of the operations.
struct Record {
  std::string text;
  // How long it lives from when it was written; 0: for ever.
  int64_t life_ms = 0;
  // Of a record that was read: when it ends by Redis' own clock.
  int64_t end_ms = 0;
};
using Bytes = std::map<std::string, Record>;

// How many of a stream's entries are looked at; one operation writes two at most.
inline constexpr int kNewestEntries = 3;

// A copy of everything in Redis that follows it: a function of its own there compares the serialized form and
// the end of life of every key with what it saw last, and tells what has changed.
class Mirror {
 public:
  // Loads the function. Ends the program when Redis will not have it.
  explicit Mirror(redis::Client& client);

  // Reads anew; answers the names of the keys that are not as they were.
  Task<std::vector<std::string>> Follow();
  // The next Follow reads everything, whatever was seen before.
  void ReadAnew() { from_the_start_ = true; }
  // Redis is empty.
  void Clear();

  const Bytes& bytes() const { return bytes_; }

 private:
  redis::Client& client_;
  Bytes bytes_;
  bool from_the_start_ = true;
};

// The lines in which they differ; empty when they are equal.
std::string Difference(const Bytes& expected, const Bytes& found);

}  // namespace prismatic::billing::model

#endif  // PRISMATIC_TESTS_MODEL_MIRROR_H_
