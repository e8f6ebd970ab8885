// Minutes of traffic against providers that misbehave, in virtual time: the picker, the health and the
// budget together, driven as provider-proxy drives them.
#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_SIMULATION_FIXTURE_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_SIMULATION_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "services/common/log/log.h"
#include "services/provider_proxy/routing/retry_budget.h"
#include "services/provider_proxy/routing/route_picker.h"
#include "tests/support/fake_clock.h"

namespace prismatic::provider_proxy {

inline constexpr int kPerSecond = 100;  // requests, where nothing else is said
inline constexpr absl::Duration kRender = absl::Seconds(3);

inline Outcome Images() {
  Outcome outcome;
  outcome.verdict = Verdict::kImages;
  outcome.label = "ok";
  return outcome;
}

// One simulated provider-proxy with its upstreams. Times are seconds since the start.
class Simulation {
 public:
  // What an upstream answers at a time; `chance(p)` is true with that probability.
  using Chance = std::function<bool(double)>;
  using Upstream = std::function<Outcome(double at, const Chance& chance)>;

  // Who asks, evenly, from one second to another. With `brings` set it is what every call of his comes to,
  // at an upstream that is not dead: he sends what fails.
  struct Client {
    std::string name;
    double per_second = 1;
    double from = 0;
    double to = 1e9;
    std::optional<Outcome> brings;
  };

  struct Request {
    double at = 0;
    std::string client;
    int calls = 0;
    bool found = false;
    bool answered_at_once = false;  // nothing was called
    absl::Duration wait = absl::InfiniteDuration();
  };

  struct Pace {
    int per_second = kPerSecond;
    absl::Duration render = kRender;  // how long a picture takes
    absl::Duration failing = absl::Milliseconds(40);
  };

  Simulation(uint32_t seed, std::map<std::string, Upstream> upstreams)
      : Simulation(seed, upstreams, Pace()) {}
  Simulation(uint32_t seed, std::map<std::string, Upstream> upstreams, Pace pace)
      : pace_(pace), generator_(seed), upstreams_(std::move(upstreams)) {
    log::SetLevel(log::kError);
    for (const auto& [name, upstream] : upstreams_) {
      catalog_.add_providers()->set_name(name);
      catalog::v1::Route* route = model_->add_routes();
      route->set_provider(name);
      route->set_upstream_model("m");
      route->set_weight(100);
    }
    health_.UseCatalog(catalog_);
  }
  ~Simulation() { log::SetLevel(log::kInfo); }

  void Run(double seconds) { Run(seconds, {{.name = "", .per_second = 1.0 * pace_.per_second}}); }
  void Run(double seconds, const std::vector<Client>& clients) {
    for (const Client& client : clients) {
      for (double at = client.from; at < std::min(client.to, seconds); at += 1 / client.per_second) {
        At(start_ + ended_ + absl::Seconds(at), [this, client] { Arrive(client); });
      }
    }
    ended_ += absl::Seconds(seconds);
    while (!events_.empty()) {
      Event event = events_.top();
      events_.pop();
      clock_.Set(event.at);
      (*event.what)();
    }
  }

  const std::deque<Request>& requests() const { return requests_; }
  // Calls of a provider from one second to another.
  int CallsOf(const std::string& provider, double from, double to) const {
    auto found = calls_.find(provider);
    if (found == calls_.end()) return 0;
    return static_cast<int>(std::count_if(found->second.begin(), found->second.end(),
                                          [&](double at) { return at >= from && at < to; }));
  }
  int Attempts() const {
    int attempts = 0;
    for (const Request& each : requests_) attempts += each.calls;
    return attempts;
  }
  // Requests of a client from one second to another for which `counts`.
  int Count(const std::string& client, double from, double to,
            const std::function<bool(const Request&)>& counts) const {
    return static_cast<int>(std::count_if(requests_.begin(), requests_.end(), [&](const Request& each) {
      return each.client == client && each.at >= from && each.at < to && counts(each);
    }));
  }
  // Share of the requests since then that found an image.
  double FoundShare(double from, double to = 1e9) const {
    double all = 0, found = 0;
    for (const Request& each : requests_) {
      if (each.at < from || each.at >= to) continue;
      ++all;
      found += each.found && each.calls <= 2 ? 1 : 0;
    }
    return found / all;
  }
  double refused_retries() {
    return metrics_.GetCounter("prismatic_retry_budget_exhausted_total", "").value();
  }
  // When a provider was first ejected or opened; -1: never.
  double first_ejection() const { return first_ejection_; }
  // When one was first opened, and after how many calls; -1: never.
  double first_opening() const { return first_opening_; }
  int calls_before_opening() const { return calls_before_opening_; }

 private:
  struct Event {
    absl::Time at;
    int64_t order;
    std::shared_ptr<std::function<void()>> what;
    bool operator<(const Event& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  // A request on its way.
  struct Trial {
    Request* request;
    std::vector<Candidate> order;
    size_t next = 0;
    std::optional<Outcome> brings;
  };

  void At(absl::Time at, std::function<void()> what) {
    events_.push({at, ++order_, std::make_shared<std::function<void()>>(std::move(what))});
  }
  double Now() const { return absl::ToDoubleSeconds(clock_.Now() - start_); }

  void Arrive(const Client& client) {
    requests_.push_back({.at = Now(), .client = client.name});
    auto trial = std::make_shared<Trial>();
    trial->brings = client.brings;
    trial->request = &requests_.back();
    for (const catalog::v1::Route& route : model_->routes()) trial->order.push_back({&route});
    trial->order = InOrderOfTrial(std::move(trial->order), random_, health_, client.name);
    GoOn(trial);
  }

  // Asks the next route that may be asked.
  void GoOn(const std::shared_ptr<Trial>& trial) {
    Request& request = *trial->request;
    while (trial->next < trial->order.size()) {
      const catalog::v1::Route& route = *trial->order[trial->next++].route;
      auto permit = std::make_shared<Health::Permit>(
          health_.MayCall(route.provider(), route.upstream_model(), request.client));
      if (!*permit) {
        request.wait = std::min(request.wait, permit->wait());
        continue;
      }
      if (request.calls == 0) {
        budget_.NoteFirstCall();
      } else if (!budget_.TryTake()) {
        return;
      }
      ++request.calls;
      calls_[route.provider()].push_back(Now());
      Outcome outcome = upstreams_.at(route.provider())(
          Now(), [this](double p) { return std::uniform_real_distribution<>(0, 1)(generator_) < p; });
      if (trial->brings && outcome.label != "connect_error") outcome = *trial->brings;
      absl::Duration takes = outcome.verdict == Verdict::kImages ? pace_.render : pace_.failing;
      At(clock_.Now() + takes, [this, trial, permit, outcome] { End(trial, *permit, outcome); });
      return;
    }
    request.answered_at_once = request.calls == 0;
  }

  void End(const std::shared_ptr<Trial>& trial, Health::Permit& permit, const Outcome& outcome) {
    permit.Report(outcome);
    int worst = Worst();
    if (first_ejection_ < 0 && worst >= 2) first_ejection_ = Now();
    if (first_opening_ < 0 && worst == 3) {
      first_opening_ = Now();
      calls_before_opening_ = Attempts();
    }
    if (outcome.verdict == Verdict::kImages) {
      trial->request->found = true;
    } else if (outcome.verdict == Verdict::kNotStarted) {
      GoOn(trial);
    }
  }

  // Of all circuits.
  int Worst() {
    double worst = 0;
    for (const auto& [name, upstream] : upstreams_) {
      worst =
          std::max(worst, metrics_.GetGauge("prismatic_upstream_breaker", "", {{"provider", name}}).value());
    }
    return static_cast<int>(worst);
  }

  const Pace pace_;
  std::minstd_rand generator_;
  const Random random_ = [this](uint32_t bound) {
    return std::uniform_int_distribution<uint32_t>(0, bound - 1)(generator_);
  };
  const std::map<std::string, Upstream> upstreams_;
  ::prismatic::testing::FakeClock clock_;
  const absl::Time start_ = clock_.Now();
  metrics::Registry metrics_;
  catalog::v1::Catalog catalog_;
  catalog::v1::Model* const model_ = catalog_.add_models();
  Health health_{clock_, metrics_};
  RetryBudget budget_{clock_, metrics_};

  absl::Duration ended_ = absl::ZeroDuration();
  std::priority_queue<Event> events_;
  int64_t order_ = 0;
  std::deque<Request> requests_;
  std::map<std::string, std::vector<double>> calls_;
  double first_ejection_ = -1;
  double first_opening_ = -1;
  int calls_before_opening_ = -1;
};

// For the report of a run (--gtest_output=json:).
inline void Tell(const std::string& what, double value) {
  ::testing::Test::RecordProperty(what, std::to_string(value));
}

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_SIMULATION_FIXTURE_H_
