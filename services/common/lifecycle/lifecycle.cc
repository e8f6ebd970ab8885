#include "services/common/lifecycle/lifecycle.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "services/common/log/log.h"
#include "services/common/metrics/metrics.h"

namespace prismatic::lifecycle {
namespace {

// Blocks of up to this size come from the heap: an image is allocated and freed for every request, and
// mapping each anew costs more than the copy. Setting one threshold alone makes it worse (measured).
constexpr int kMmapThreshold = 64 << 20;
constexpr int kTrimThreshold = 256 << 20;

sigset_t EndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

int WaitForSignal() {
  sigset_t signals = EndSignals();
  int signal = 0;
  while (sigwait(&signals, &signal) != 0) {
  }
  return signal;
}

// The usual soft limit of 1,024 is for programs that use select(2); connections need more.
void AllowManyDescriptors() {
  rlimit descriptors;
  if (getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return;
  descriptors.rlim_cur = descriptors.rlim_max;
  setrlimit(RLIMIT_NOFILE, &descriptors);
}

}  // namespace

Process::Process() {
  sigset_t signals = EndSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  AllowManyDescriptors();
  mallopt(M_MMAP_THRESHOLD, kMmapThreshold);
  mallopt(M_TRIM_THRESHOLD, kTrimThreshold);
}

void DrainOptions::AddTo(config::Flags& flags) {
  flags.Duration(
      "drain-delay", &delay, absl::ZeroDuration(), absl::Minutes(5),
      "how long after SIGTERM it serves on while it says that it is not ready any more; some seconds "
      "where others take over");
}

void Process::OnLeave(std::function<void()> step) { leaving_.push_back(std::move(step)); }

void Process::OnDrain(std::string name, std::function<void()> step) {
  steps_.push_back({std::move(name), std::move(step)});
}

void Process::RunUntilSignal(const DrainOptions& options) {
  int signal = WaitForSignal();
  metrics::NoteDraining();
  log::Info("draining", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  std::thread([] {
    WaitForSignal();
    log::Warning("a second signal: ending at once");
    _exit(1);
  }).detach();
  for (std::function<void()>& leave : leaving_) leave();
  // Others go on sending until they have looked: what they send meanwhile is served.
  absl::SleepFor(options.delay);
  for (Step& step : steps_) {
    absl::Time started = absl::Now();
    step.run();
    log::Info("drained",
              {{"step", step.name}, {"duration_ms", absl::ToInt64Milliseconds(absl::Now() - started)}});
  }
}

}  // namespace prismatic::lifecycle
