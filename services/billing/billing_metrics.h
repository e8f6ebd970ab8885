#ifndef PRISMATIC_SERVICES_BILLING_BILLING_METRICS_H_
#define PRISMATIC_SERVICES_BILLING_BILLING_METRICS_H_

#include <map>
#include <mutex>
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

// The `result` of a status: its reason in lower case, else "error".
std::string ResultLabel(const absl::Status& status);

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_BILLING_METRICS_H_
