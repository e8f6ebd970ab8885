#include "services/common/metrics/metrics.h"

#include <dirent.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <iterator>
#include <list>
#include <mutex>
#include <utility>

#include "absl/time/clock.h"
#include "services/common/config/version.h"

namespace prismatic::metrics {
namespace {

std::atomic<bool> draining{false};

// What the process itself uses, as of now.
class ProcessCollector {
 public:
  std::vector<prometheus::MetricFamily> Collect() const {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    double cpu_seconds = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    return {Family("process_cpu_seconds_total", "User and system CPU time.", prometheus::MetricType::Counter,
                   cpu_seconds),
            Family("process_resident_memory_bytes", "Resident memory.", prometheus::MetricType::Gauge,
                   ResidentBytes()),
            Family("process_open_fds", "Open file descriptors.", prometheus::MetricType::Gauge,
                   OpenDescriptors()),
            Family("process_max_fds", "How many file descriptors may be open.", prometheus::MetricType::Gauge,
                   DescriptorsMax()),
            Family("prismatic_shutdown_state", "0 while the process serves, 1 while it is being drained.",
                   prometheus::MetricType::Gauge, draining ? 1 : 0),
            Family("process_start_time_seconds", "Unix time of the start.", prometheus::MetricType::Gauge,
                   started_)};
  }

 private:
  static prometheus::MetricFamily Family(const char* name, const char* help, prometheus::MetricType type,
                                         double value) {
    prometheus::ClientMetric metric;
    (type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    return {name, help, type, {metric}};
  }
  static double ResidentBytes() {
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr) return 0;
    long total = 0, resident = 0;
    int read = std::fscanf(file, "%ld %ld", &total, &resident);
    std::fclose(file);
    return read == 2 ? static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) : 0;
  }
  static double OpenDescriptors() {
    DIR* folder = opendir("/proc/self/fd");
    // Looking takes one, too: all are in use.
    if (folder == nullptr) return errno == EMFILE ? DescriptorsMax() : 0;
    int entries = 0;
    while (readdir(folder) != nullptr) ++entries;
    closedir(folder);
    return entries - 3;  // "." and "..", and the folder's own
  }
  static double DescriptorsMax() {
    rlimit descriptors{};
    getrlimit(RLIMIT_NOFILE, &descriptors);
    return static_cast<double>(descriptors.rlim_cur);
  }
  double started_ = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
};

struct Reading {
  std::string name;
  std::string help;
  std::string label;
  std::function<std::map<std::string, double>()> read;

  prometheus::MetricFamily Collect() const {
    prometheus::MetricFamily family{name, help, prometheus::MetricType::Gauge, {}};
    for (const auto& [value, number] : read()) {
      prometheus::ClientMetric metric;
      metric.label = {{label, value}};
      metric.gauge.value = number;
      family.metric.push_back(std::move(metric));
    }
    return family;
  }
};

}  // namespace

struct Registry::Impl {
  // Takes its reading off the list when it goes.
  class Listed : public Readings {
   public:
    Listed(Impl& impl, Reading reading) : impl_(impl) {
      std::lock_guard<std::mutex> lock(impl.mutex);
      place_ = impl.readings.insert(impl.readings.end(), std::move(reading));
    }
    ~Listed() override {
      std::lock_guard<std::mutex> lock(impl_.mutex);
      impl_.readings.erase(place_);
    }

   private:
    Impl& impl_;
    std::list<Reading>::iterator place_;
  };

  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  ProcessCollector process;
  std::mutex mutex;
  std::list<Reading> readings;  // guarded by mutex
};

void NoteDraining() { draining = true; }

void Counter::Add(double amount) const { static_cast<prometheus::Counter*>(counter_)->Increment(amount); }
double Counter::value() const { return static_cast<prometheus::Counter*>(counter_)->Value(); }
void Gauge::Set(double value) const { static_cast<prometheus::Gauge*>(gauge_)->Set(value); }
void Gauge::Add(double amount) const { static_cast<prometheus::Gauge*>(gauge_)->Increment(amount); }
double Gauge::value() const { return static_cast<prometheus::Gauge*>(gauge_)->Value(); }
void Histogram::Observe(double value) const {
  static_cast<prometheus::Histogram*>(histogram_)->Observe(value);
}

const std::vector<double>& FastBuckets() {
  static const auto* buckets =
      new std::vector<double>{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5};
  return *buckets;
}

const std::vector<double>& SlowBuckets() {
  static const auto* buckets =
      new std::vector<double>{.1, .25, .5, 1, 2.5, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600};
  return *buckets;
}

const std::vector<double>& CallBuckets() {
  static const auto* buckets = new std::vector<double>{
      .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300};
  return *buckets;
}

const std::vector<double>& ByteBuckets() {
  static const auto* buckets = new std::vector<double>{256,       1 << 10, 4 << 10, 16 << 10, 64 << 10,
                                                       256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20};
  return *buckets;
}

Registry::Registry() : impl_(std::make_unique<Impl>()) {
  GetGauge("prismatic_build_info", "Always 1; the version is in the label.", {{"version", config::kVersion}})
      .Set(1);
}
Registry::~Registry() = default;

Counter Registry::GetCounter(const std::string& name, const std::string& help, const Labels& labels) {
  Counter handle;
  handle.counter_ = &prometheus::BuildCounter().Name(name).Help(help).Register(*impl_->registry).Add(labels);
  return handle;
}

Gauge Registry::GetGauge(const std::string& name, const std::string& help, const Labels& labels) {
  Gauge handle;
  handle.gauge_ = &prometheus::BuildGauge().Name(name).Help(help).Register(*impl_->registry).Add(labels);
  return handle;
}

Histogram Registry::GetHistogram(const std::string& name, const std::string& help,
                                 const std::vector<double>& buckets, const Labels& labels) {
  Histogram handle;
  handle.histogram_ =
      &prometheus::BuildHistogram().Name(name).Help(help).Register(*impl_->registry).Add(labels, buckets);
  return handle;
}

std::unique_ptr<Readings> Registry::Read(std::string name, std::string help, std::string label,
                                         std::function<std::map<std::string, double>()> read) {
  return std::make_unique<Impl::Listed>(
      *impl_, Reading{std::move(name), std::move(help), std::move(label), std::move(read)});
}

std::string Registry::Text() const {
  std::vector<prometheus::MetricFamily> families = impl_->registry->Collect();
  {
    std::lock_guard<std::mutex> lock(impl_->mutex);
    for (const Reading& reading : impl_->readings) families.push_back(reading.Collect());
  }
  std::vector<prometheus::MetricFamily> process = impl_->process.Collect();
  std::move(process.begin(), process.end(), std::back_inserter(families));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace prismatic::metrics
