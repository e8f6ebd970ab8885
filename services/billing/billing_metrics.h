#ifndef PRISMATIC_SERVICES_BILLING_BILLING_METRICS_H_
#define PRISMATIC_SERVICES_BILLING_BILLING_METRICS_H_

#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "services/common/metrics/metrics.h"

namespace prismatic::billing {

// One counter with one or two labels, whose handles are kept. Label values come from fixed lists or the
// catalog. Thread-safe.
class CounterFamily {
 public:
  CounterFamily(metrics::Registry& registry, std::string name, std::string help, std::string label,
                std::string second_label = "")
      : registry_(registry),
        name_(std::move(name)),
        help_(std::move(help)),
        label_(std::move(label)),
        second_label_(std::move(second_label)) {}

  void Add(const std::string& value, double amount = 1) { Add(value, "", amount); }
  void Add(const std::string& value, const std::string& second, double amount);

 private:
  metrics::Registry& registry_;
  const std::string name_;
  const std::string help_;
  const std::string label_;
  const std::string second_label_;
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, metrics::Counter> counters_;  // guarded by mutex_
};

// Settlements that were sent and had no answer, so that nobody knows yet whether they charged. Kept until the
// repeat tells; the oldest go when there are too many. Thread-safe.
class LostAnswers {
 public:
  void Add(const std::string& reservation_id);
  // Whether it was there; it is no more.
  bool Take(const std::string& reservation_id);

 private:
  std::mutex mutex_;
  std::set<std::string> ids_;         // guarded by mutex_
  std::deque<std::string> in_order_;  // guarded by mutex_; may hold what was taken
};

// The `result` of a status: its reason in lower case, else "error".
std::string ResultLabel(const absl::Status& status);

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_BILLING_METRICS_H_
