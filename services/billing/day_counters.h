#ifndef PRISMATIC_SERVICES_BILLING_DAY_COUNTERS_H_
#define PRISMATIC_SERVICES_BILLING_DAY_COUNTERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

// The counters of a day, of an account or of a bucket, as functions/settle.lua keeps them, and words for what
// of them somebody else's hand has damaged. Such damage never fails a charge, so that it has to be told when
// they are read.

namespace prismatic::billing {

// 0 to 9,000,000,000,000,000 in digits alone: what a function takes for a counter.
bool ReadCounter(absl::string_view text, int64_t* number);

struct Damage {
  int32_t day = 0;
  // Names key, field and content, for whoever has to mend it.
  std::string words;
};

// Notes what is found in the hash `key`, up to 20 of a day.
class DamageNotes {
 public:
  // True when the field keeps what was put aside; it is noted then, and counts nothing.
  bool TakeAside(int32_t day, const std::string& key, absl::string_view field, absl::string_view text);
  void TakeUnread(int32_t day, const std::string& key, absl::string_view field, absl::string_view text);
  void TakeNoHash(int32_t day, const std::string& key);

  const std::vector<Damage>& all() const { return all_; }

 private:
  void Add(int32_t day, std::string words);
  std::vector<Damage> all_;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_DAY_COUNTERS_H_
