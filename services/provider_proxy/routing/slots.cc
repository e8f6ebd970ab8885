#include "services/provider_proxy/routing/slots.h"

#include <algorithm>

namespace prismatic::provider_proxy {
namespace {

// An unset limit is the catalog's default.
constexpr int kLimitDefault = 64;

}  // namespace

Slots::Provider& Slots::Of(const std::string& name, int limit_of_new) {
  auto [found, added] = providers_.try_emplace(name);
  if (added) {
    found->second.limit = limit_of_new > 0 ? limit_of_new : kLimitDefault;
    found->second.gauge =
        metrics_.GetGauge("prismatic_upstream_in_flight", "Upstream calls under way.", {{"provider", name}});
  }
  return found->second;
}

Slots::Turns Slots::HandOutLocked(Provider& provider) {
  Turns turns;
  while (!provider.waiting.empty() && provider.in_flight < provider.limit) {
    ++provider.in_flight;
    provider.waiting.front()->over = true;
    turns.push_back(std::move(provider.waiting.front()->done));
    provider.waiting.pop_front();
  }
  provider.gauge.Set(provider.in_flight);
  return turns;
}

std::optional<Slots::Slot> Slots::TryTake(const std::string& name, int limit) {
  std::lock_guard<std::mutex> lock(mutex_);
  Provider& provider = Of(name, limit);
  if (provider.in_flight >= provider.limit || !provider.waiting.empty()) return std::nullopt;
  ++provider.in_flight;
  provider.gauge.Set(provider.in_flight);
  return Slot(this, name);
}

Slots::View Slots::Look(const std::string& name) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = providers_.find(name);
  if (found == providers_.end()) return {};
  const Provider& provider = found->second;
  return {provider.in_flight, provider.limit, static_cast<int>(provider.waiting.size())};
}

void Slots::SetLimit(const std::string& name, int limit) {
  Turns turns;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    Provider& provider = Of(name, limit);
    provider.limit = limit > 0 ? limit : kLimitDefault;
    turns = HandOutLocked(provider);
  }
  for (const auto& turn : turns) turn(true);
}

void Slots::GiveBack(const std::string& name) {
  Turns turns;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    Provider& provider = Of(name);
    --provider.in_flight;
    turns = HandOutLocked(provider);
  }
  for (const auto& turn : turns) turn(true);
}

void Slots::Queue(const std::string& name, const std::shared_ptr<Waiter>& waiter,
                  std::function<void(bool)> done) {
  bool taken = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    Provider& provider = Of(name);
    // A slot may have come back since it was asked for; nobody else would tell.
    taken = !waiter->over && provider.in_flight < provider.limit && provider.waiting.empty();
    if (taken) provider.gauge.Set(++provider.in_flight);
    if (!taken && !waiter->over) {
      waiter->done = std::move(done);
      provider.waiting.push_back(waiter);
      return;
    }
    waiter->over = true;
  }
  done(taken);
}

void Slots::GiveUp(const std::string& name, const std::shared_ptr<Waiter>& waiter) {
  std::function<void(bool)> done;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (std::exchange(waiter->over, true)) return;
    std::deque<std::shared_ptr<Waiter>>& waiting = Of(name).waiting;
    waiting.erase(std::remove(waiting.begin(), waiting.end(), waiter), waiting.end());
    done = std::move(waiter->done);
  }
  if (done) done(false);
}

Task<std::optional<Slots::Slot>> Slots::Take(std::string name, int limit, absl::Duration timeout,
                                             Cancellation cancellation) {
  std::optional<Slot> at_once = TryTake(name, limit);
  if (at_once) co_return at_once;

  // The ways to give up exist before the wait begins; one that is taken before counts all the same.
  auto waiter = std::make_shared<Waiter>();
  auto timer = std::make_shared<std::unique_ptr<loop::Loop::Timer>>();
  loop_.Post([this, timer, timeout, name, waiter] {
    *timer = loop_.After(timeout, [this, name, waiter] { GiveUp(name, waiter); });
  });
  Cancellation::Registration on_cancel =
      cancellation.OnCancel([this, name, waiter] { GiveUp(name, waiter); });
  Callback<bool> turn([&](Callback<bool>::Done done) { Queue(name, waiter, std::move(done)); });
  bool taken = co_await turn;
  loop_.Post([timer] { timer->reset(); });
  if (!taken) co_return std::nullopt;
  co_return Slot(this, name);
}

}  // namespace prismatic::provider_proxy
