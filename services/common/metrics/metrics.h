#ifndef PRISMATIC_SERVICES_COMMON_METRICS_METRICS_H_
#define PRISMATIC_SERVICES_COMMON_METRICS_METRICS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace prismatic::metrics {

using Labels = std::map<std::string, std::string>;

// Handles are cheap to copy and stay valid as long as the registry. Thread-safe.
class Counter {
 public:
  void Add(double amount = 1) const;
  double value() const;

 private:
  friend class Registry;
  void* counter_ = nullptr;
};

class Gauge {
 public:
  void Set(double value) const;
  void Add(double amount) const;
  double value() const;

 private:
  friend class Registry;
  void* gauge_ = nullptr;
};

class Histogram {
 public:
  void Observe(double value) const;
  void Observe(absl::Duration duration) const { Observe(absl::ToDoubleSeconds(duration)); }

 private:
  friend class Registry;
  void* histogram_ = nullptr;
};

// Seconds; for what takes microseconds to a second (Redis, gRPC, our own share of a request).
const std::vector<double>& FastBuckets();
// Seconds; for rendering images, 0.1 to 600.
const std::vector<double>& SlowBuckets();

// Seconds; for gRPC calls, which take from a tenth of a millisecond to as long as an image.
const std::vector<double>& CallBuckets();
// Bytes, 256 to 64 MiB.
const std::vector<double>& ByteBuckets();

// Says that the process is being drained: prismatic_shutdown_state becomes 1. Thread-safe.
void NoteDraining();

// Gauges that are read when somebody looks; they end with this.
class Readings {
 public:
  virtual ~Readings() = default;
};

// All metrics of a process. Names begin with `prismatic_` or `grpc_`, carry base units and `_total` for
// counters. Labels come from the catalog or a fixed list, never from a request: an account, a key or an
// unknown model name is never a label. Asking twice gives the same metric; ask once and keep the handle
// on hot paths. Thread-safe.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;

  Counter GetCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge GetGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  Histogram GetHistogram(const std::string& name, const std::string& help, const std::vector<double>& buckets,
                         const Labels& labels = {});

  // A gauge with one label, whose values are asked for at each look, so that what is there no more is not
  // told. `read` may be called from any thread until the answer is destroyed, which is before the registry.
  [[nodiscard]] std::unique_ptr<Readings> Read(std::string name, std::string help, std::string label,
                                               std::function<std::map<std::string, double>()> read);

  // The Prometheus text format, as served at /metrics; with what the process itself uses.
  std::string Text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace prismatic::metrics

#endif  // PRISMATIC_SERVICES_COMMON_METRICS_METRICS_H_
