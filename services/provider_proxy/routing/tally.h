#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_TALLY_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_TALLY_H_

#include <algorithm>
#include <cstdint>
#include <vector>

namespace prismatic::provider_proxy {

struct Counts {
  int calls = 0;
  int failed = 0;
  int succeeded = 0;

  void Add(const Counts& more) {
    calls += more.calls;
    failed += more.failed;
    succeeded += more.succeeded;
  }
  Counts Without(const Counts& part) const {
    return {calls - part.calls, failed - part.failed, succeeded - part.succeeded};
  }
};

// Some calls, in all and by caller.
class Tally {
 public:
  struct Part {
    uint64_t caller = 0;
    Counts counts;
  };

  void Add(uint64_t caller, const Counts& more) {
    Counts& part = PartOf(caller);
    part.Add(more);
    all_.Add(more);
    most_calls_ = std::max(most_calls_, part.calls);
    most_failed_ = std::max(most_failed_, part.failed);
  }
  // That can be no caller's doing, so that it stays in whoever is left out.
  void AddNobodys(const Counts& more) { all_.Add(more); }
  void Add(const Tally& more) {
    Counts nobodys = more.all_;
    for (const Part& part : more.parts_) {
      Add(part.caller, part.counts);
      nobodys = nobodys.Without(part.counts);
    }
    AddNobodys(nobodys);
  }

  const Counts& all() const { return all_; }
  const std::vector<Part>& parts() const { return parts_; }
  int CallsOf(uint64_t caller) const {
    for (const Part& part : parts_) {
      if (part.caller == caller) return part.counts.calls;
    }
    return 0;
  }
  // Without the one who called most, or failed most.
  int CallsOfOthers() const { return all_.calls - most_calls_; }
  int FailedOfOthers() const { return all_.failed - most_failed_; }

 private:
  Counts& PartOf(uint64_t caller) {
    for (Part& part : parts_) {
      if (part.caller == caller) return part.counts;
    }
    parts_.push_back({caller, {}});
    return parts_.back().counts;
  }

  Counts all_;
  std::vector<Part> parts_;  // few: a tally ends with some dozens of calls
  int most_calls_ = 0;
  int most_failed_ = 0;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_TALLY_H_
