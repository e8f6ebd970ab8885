#include "services/provider_proxy/routing/health.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/hash/hash.h"
#include "services/common/log/log.h"
#include "services/provider_proxy/routing/blame.h"

namespace prismatic::provider_proxy {
namespace {

using State = Circuit::State;

// How a provider is addressed, as bytes to compare: all of its entry but what says nothing of whether
// calls will do.
std::string AddressOf(catalog::v1::Provider provider) {
  provider.clear_images_enabled();
  provider.clear_images_override();
  provider.clear_max_concurrent();
  return provider.SerializeAsString();
}

std::optional<absl::Duration> RestFor(const Outcome& outcome) {
  Blame blame = BlameOf(outcome);
  if (blame == Blame::kNothing || blame == Blame::kNobody) return std::nullopt;
  bool wants_rest = outcome.label == "rate_limited" || outcome.label == "overloaded";
  if (!outcome.retry_after && !wants_rest) return std::nullopt;
  return std::clamp(outcome.retry_after.value_or(Health::kRestDefault), Health::kRestMin, Health::kRestMax);
}

// Whether anything that a caller sends can have brought it about. That there is no connection is known
// before any of it is on its way.
Circuit::Doing DoingOf(const Outcome& outcome) {
  bool nobodys = outcome.label == "connect_error" || outcome.label == "no_credential";
  return nobodys ? Circuit::Doing::kNobodys : Circuit::Doing::kPerhapsTheCallers;
}

uint64_t HashOf(absl::string_view caller) { return absl::Hash<absl::string_view>()(caller); }

}  // namespace

struct Health::Target {
  Target(std::string name, absl::Time now) : upstream_model(std::move(name)), circuit(now) {}

  const std::string upstream_model;
  Circuit circuit;
  absl::Time rests_until = absl::InfinitePast();
};

struct Health::Provider {
  Provider(std::string called, std::string at, absl::Time now, metrics::Gauge shown)
      : name(std::move(called)), address(std::move(at)), circuit(now), gauge(shown) {}

  // The worst of its circuits, for whoever looks at the metric.
  void Show() const {
    State worst = circuit.state();
    for (const auto& [model, target] : targets) worst = std::max(worst, target->circuit.state());
    if (!gone) gauge.Set(static_cast<int>(worst));
  }

  const std::string name;
  const std::string address;
  Circuit circuit;
  std::map<std::string, std::shared_ptr<Target>> targets;
  std::string last_failed;  // the model whose failure may have been the provider's; empty: it was that
  RecentCalls recent;
  std::optional<absl::Time> changed;  // its own circuit, last
  metrics::Gauge gauge;
  std::map<std::string, metrics::Counter> ejections;  // by reason
  bool gone = false;  // no longer in the catalog; calls may still be under way
};

Health::Health(const Clock& clock, metrics::Registry& metrics) : clock_(clock), metrics_(metrics) {}

Health::~Health() = default;

// -- What there is --

void Health::UseCatalog(const catalog::v1::Catalog& catalog) {
  std::lock_guard<std::mutex> lock(mutex_);
  absl::Time now = clock_.Now();
  UseProvidersLocked(catalog, now);
  UseTargetsLocked(catalog, now);
  for (const auto& [name, provider] : providers_) provider->Show();
}

void Health::UseProvidersLocked(const catalog::v1::Catalog& catalog, absl::Time now) {
  std::map<std::string, std::shared_ptr<Provider>> before;
  before.swap(providers_);
  for (const catalog::v1::Provider& named : catalog.providers()) {
    std::string address = AddressOf(named);
    std::shared_ptr<Provider>& known = before[named.name()];
    if (known != nullptr && known->address == address) {
      providers_[named.name()] = std::exchange(known, nullptr);
      continue;
    }
    metrics::Gauge gauge =
        metrics_.GetGauge("prismatic_upstream_breaker",
                          "The worst of a provider's circuits: 0 closed, 1 returning, 2 ejected, 3 open.",
                          {{"provider", named.name()}});
    providers_[named.name()] = std::make_shared<Provider>(named.name(), std::move(address), now, gauge);
  }
  for (const auto& [name, gone] : before) {
    if (gone == nullptr) continue;
    gone->gauge.Set(0);
    gone->gone = true;
  }
}

void Health::UseTargetsLocked(const catalog::v1::Catalog& catalog, absl::Time now) {
  std::set<std::pair<std::string, std::string>> named;
  for (const catalog::v1::Model& model : catalog.models()) {
    for (const catalog::v1::Route& route : model.routes()) {
      Provider* provider = FindLocked(route.provider());
      if (provider == nullptr) continue;
      std::shared_ptr<Target>& target = provider->targets[route.upstream_model()];
      if (target == nullptr) target = std::make_shared<Target>(route.upstream_model(), now);
      named.emplace(route.provider(), route.upstream_model());
    }
  }
  for (const auto& [name, provider] : providers_) {
    const std::string& of = name;
    std::erase_if(provider->targets, [&](const auto& each) { return named.count({of, each.first}) == 0; });
  }
}

Health::Provider* Health::FindLocked(const std::string& provider) {
  auto found = providers_.find(provider);
  return found == providers_.end() ? nullptr : found->second.get();
}

// -- Whom to call --

Standing Health::StandingOf(const std::string& provider, const std::string& upstream_model,
                            const Random& random, absl::string_view caller) {
  Changes changes;
  Standing standing = Standing::kReady;
  int share = 100;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    absl::Time now = clock_.Now();
    Found found = FindLocked(provider, upstream_model, now, changes);
    if (found.target == nullptr) return Standing::kReady;
    uint64_t hash = HashOf(caller);
    bool doubted =
        found.provider->circuit.OpenForAnotherOnly(hash) || found.target->circuit.OpenForAnotherOnly(hash);
    if (doubted) standing = Standing::kLast;
    if (WaitLocked(found, now, hash) > absl::ZeroDuration()) standing = Standing::kNotNow;
    share = std::min(found.provider->circuit.SharePercent(now), found.target->circuit.SharePercent(now));
  }
  Tell(changes);
  if (standing != Standing::kReady || share == 100) return standing;
  return random(100) < static_cast<uint32_t>(share) ? Standing::kReady : Standing::kLast;
}

Health::Permit Health::MayCall(const std::string& provider, const std::string& upstream_model,
                               absl::string_view caller) {
  uint64_t hash = HashOf(caller);
  Changes changes;
  Permit permit;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    absl::Time now = clock_.Now();
    Found found = FindLocked(provider, upstream_model, now, changes);
    if (found.target == nullptr) return permit;
    permit.wait_ = WaitLocked(found, now, hash);
    permit.given_ = permit.wait_ == absl::ZeroDuration();
    if (!permit.given_) {
      found.provider->circuit.NoteRefused(hash);
      found.target->circuit.NoteRefused(hash);
    } else {
      permit.health_ = this;
      permit.provider_call_ = found.provider->circuit.Begin(now, hash);
      permit.target_call_ = found.target->circuit.Begin(now, hash);
      permit.provider_ = std::move(found.provider);
      permit.target_ = std::move(found.target);
    }
  }
  Tell(changes);
  return permit;
}

Health::Found Health::FindLocked(const std::string& provider, const std::string& upstream_model,
                                 absl::Time now, Changes& changes) {
  auto by_name = providers_.find(provider);
  if (by_name == providers_.end()) return {};
  auto by_model = by_name->second->targets.find(upstream_model);
  if (by_model == by_name->second->targets.end()) return {};
  AdvanceLocked(*by_name->second, now, changes);
  return {by_name->second, by_model->second};
}

absl::Duration Health::WaitLocked(const Found& found, absl::Time now, uint64_t caller) {
  return std::max({absl::ZeroDuration(), found.target->rests_until - now,
                   found.provider->circuit.UntilMayCall(now, caller),
                   found.target->circuit.UntilMayCall(now, caller)});
}

void Health::Advance() {
  Changes changes;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    absl::Time now = clock_.Now();
    for (const auto& [name, provider] : providers_) AdvanceLocked(*provider, now, changes);
  }
  Tell(changes);
}

void Health::AdvanceLocked(Provider& provider, absl::Time now, Changes& changes) {
  NoteLocked(provider, "", provider.circuit.Advance(now), changes);
  for (const auto& [model, target] : provider.targets) {
    NoteLocked(provider, model, target->circuit.Advance(now), changes);
  }
}

std::optional<Health::View> Health::Look(const std::string& name) {
  Changes changes;
  View view;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    Provider* provider = FindLocked(name);
    if (provider == nullptr) return std::nullopt;
    absl::Time now = clock_.Now();
    AdvanceLocked(*provider, now, changes);
    view.state = provider->circuit.state();
    if (provider->changed) view.since = now - *provider->changed;
    view.recent = provider->recent.Look(now);
    size_t resting = 0;
    for (const auto& [model, target] : provider->targets) {
      State state = target->circuit.state();
      bool rests = target->rests_until > now;
      if (rests) ++resting;
      if (rests || state == State::kEjected || state == State::kOpen) view.left_out.push_back(model);
    }
    view.resting = resting > 0 && resting == provider->targets.size();
  }
  Tell(changes);
  return view;
}

// -- What it came to --

void Health::Report(const Permit& permit, const Outcome& outcome) {
  Changes changes;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    CountLocked(permit, outcome, changes);
  }
  Tell(changes);
}

void Health::CountLocked(const Permit& permit, const Outcome& outcome, Changes& changes) {
  Provider& provider = *permit.provider_;
  Target& target = *permit.target_;
  absl::Time now = clock_.Now();
  AdvanceLocked(provider, now, changes);
  if (std::optional<absl::Duration> rest = RestFor(outcome)) {
    target.rests_until = std::max(target.rests_until, now + *rest);
  }
  Blame blame = BlameOf(outcome);
  provider.recent.Add(now, blame != Blame::kNothing && blame != Blame::kNobody);
  switch (blame) {
    case Blame::kNothing:
      provider.circuit.Ignore(permit.provider_call_);
      target.circuit.Ignore(permit.target_call_);
      break;
    case Blame::kNobody:
      NoteLocked(provider, target.upstream_model, target.circuit.Succeed(now, permit.target_call_), changes);
      NoteLocked(provider, "", provider.circuit.Succeed(now, permit.provider_call_), changes);
      break;
    case Blame::kProvider:
      provider.last_failed.clear();
      target.circuit.Ignore(permit.target_call_);
      NoteLocked(provider, "", provider.circuit.Fail(now, permit.provider_call_, DoingOf(outcome)), changes);
      break;
    case Blame::kTarget:
      NoteLocked(provider, target.upstream_model, target.circuit.Fail(now, permit.target_call_), changes);
      NoteLocked(provider, "", provider.circuit.Succeed(now, permit.provider_call_), changes);
      break;
    case Blame::kEither:
      CountEitherLocked(permit, now, changes);
      break;
  }
}

// The model is blamed always. The provider is too when the failure before this one was another's, and the
// model is not known for failing: else one model that is broken for good would take the others with it.
void Health::CountEitherLocked(const Permit& permit, absl::Time now, Changes& changes) {
  Provider& provider = *permit.provider_;
  Target& target = *permit.target_;
  bool known = target.circuit.state() != State::kClosed;
  bool same_again = std::exchange(provider.last_failed, target.upstream_model) == target.upstream_model;
  NoteLocked(provider, target.upstream_model, target.circuit.Fail(now, permit.target_call_), changes);
  if (known || same_again) {
    provider.circuit.Ignore(permit.provider_call_);
  } else {
    NoteLocked(provider, "", provider.circuit.Fail(now, permit.provider_call_), changes);
  }
}

void Health::Drop(const Permit& permit) {
  std::lock_guard<std::mutex> lock(mutex_);
  permit.provider_->circuit.Ignore(permit.provider_call_);
  permit.target_->circuit.Ignore(permit.target_call_);
}

void Health::TakeBack(const Permit& permit) {
  std::lock_guard<std::mutex> lock(mutex_);
  permit.provider_->circuit.TakeBack(permit.provider_call_);
  permit.target_->circuit.TakeBack(permit.target_call_);
}

void Health::NoteLocked(Provider& provider, const std::string& upstream_model,
                        const std::optional<Circuit::Change>& change, Changes& changes) {
  if (!change) return;
  if (upstream_model.empty()) provider.changed = clock_.Now();
  provider.Show();
  if (change->to == State::kEjected || change->to == State::kOpen) {
    std::string reason(change->why);
    auto [found, added] = provider.ejections.try_emplace(reason);
    if (added) {
      found->second = metrics_.GetCounter("prismatic_upstream_ejections_total",
                                          "Times that a provider, or a model of it, was put last or not "
                                          "called at all for its failures.",
                                          {{"provider", provider.name}, {"reason", reason}});
    }
    found->second.Add();
  }
  changes.push_back({provider.name, upstream_model, *change});
}

void Health::Tell(const Changes& changes) {
  for (const Told& told : changes) {
    bool trouble = told.change.to == State::kEjected || told.change.to == State::kOpen;
    log::Write(trouble ? log::kWarning : log::kInfo, "upstream health changed",
               {{"provider", told.provider},
                {"upstream_model", told.upstream_model},
                {"from", NameOf(told.change.from)},
                {"to", NameOf(told.change.to)},
                {"why", told.change.why}});
  }
}

Health::Permit::Permit(Permit&& other) noexcept
    : health_(std::exchange(other.health_, nullptr)),
      provider_(std::move(other.provider_)),
      target_(std::move(other.target_)),
      provider_call_(other.provider_call_),
      target_call_(other.target_call_),
      given_(std::exchange(other.given_, false)),
      wait_(other.wait_) {}

Health::Permit::~Permit() {
  if (health_ != nullptr) health_->TakeBack(*this);
}

void Health::Permit::Report(const Outcome& outcome) {
  if (health_ != nullptr) std::exchange(health_, nullptr)->Report(*this, outcome);
}

void Health::Permit::Drop() {
  if (health_ != nullptr) std::exchange(health_, nullptr)->Drop(*this);
}

}  // namespace prismatic::provider_proxy
