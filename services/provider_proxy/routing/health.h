#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_HEALTH_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_HEALTH_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "services/common/clock/clock.h"
#include "services/common/metrics/metrics.h"
#include "services/provider_proxy/adapters/outcome.h"
#include "services/provider_proxy/routing/circuit.h"
#include "services/provider_proxy/routing/random.h"
#include "services/provider_proxy/routing/recent_calls.h"

namespace prismatic::provider_proxy {

// Where a route stands in the order of trial.
enum class Standing {
  kReady = 0,
  // Ejected, or returning and not drawn: when nothing better is there.
  kLast = 1,
  // Resting or open: MayCall would say no.
  kNotNow = 2,
};

// Who may be called, learnt from what calls came to: a circuit (circuit.h) for each provider and for each
// model at a provider, and the rest that a model was asked to be left in (Retry-After). It knows what the
// catalog names, and nothing else: other names are never held back and never remembered. Thread-safe.
//
// Metrics: prismatic_upstream_breaker{provider}, prismatic_upstream_ejections_total{provider,reason}.
class Health {
 private:
  struct Target;
  struct Provider;

 public:
  // How long an upstream that says 429 or "overloaded" is left alone, when it does not say how long; and
  // the bounds of what it says: below a second is no rest, and beyond a minute nobody is believed, since
  // the only provider of a model would be gone for so long.
  static constexpr absl::Duration kRestDefault = absl::Seconds(2);
  static constexpr absl::Duration kRestMin = absl::Seconds(1);
  static constexpr absl::Duration kRestMax = absl::Seconds(60);

  // A clock that does not step. Both outlive this and its permits, and this outlives its permits.
  Health(const Clock& clock, metrics::Registry& metrics);
  ~Health();
  Health(const Health&) = delete;

  // The right to make one call, or the word that it may not be made now.
  class Permit {
   public:
    Permit(Permit&& other) noexcept;
    Permit& operator=(Permit&& other) = delete;
    // One that was given and never reported on: the call was not made, and a probe is free again.
    ~Permit();

    explicit operator bool() const { return given_; }
    // When not given: how long until it may be asked for again. Positive.
    absl::Duration wait() const { return wait_; }
    // What the call came to. At most once.
    void Report(const Outcome& outcome);
    // The call was made, and another one of the same request says what there is to say. A probe is spent.
    void Drop();

   private:
    friend class Health;
    Permit() = default;
    Health* health_ = nullptr;  // null: nothing to report to
    std::shared_ptr<Provider> provider_;
    std::shared_ptr<Target> target_;
    int64_t provider_call_ = 0;  // their circuits' numbers for it
    int64_t target_call_ = 0;
    bool given_ = true;
    absl::Duration wait_ = absl::ZeroDuration();
  };

  // Takes the names that it watches over from now on. What is gone is forgotten; a provider that is
  // addressed in another way than before begins anew.
  void UseCatalog(const catalog::v1::Catalog& catalog);

  // Looks and takes nothing. One that returns is drawn by the share of its traffic that it is to have.
  Standing StandingOf(const std::string& provider, const std::string& upstream_model, const Random& random,
                      absl::string_view caller = "");

  // Before every call. Of an open circuit, one caller per interval gets the permit: the probe. `caller` is
  // whoever pays for it, any text: his failures alone take nothing from others. All that are unknown
  // (empty) are one.
  Permit MayCall(const std::string& provider, const std::string& upstream_model,
                 absl::string_view caller = "");

  // How a provider stands, for people who look.
  struct View {
    // Of the provider itself; its models may be worse.
    Circuit::State state = Circuit::State::kClosed;
    // Since its last change; nothing: there has been none.
    std::optional<absl::Duration> since;
    // Every one of its models was asked to be left in peace for a while.
    bool resting = false;
    RecentCalls::Counts recent;
    // Upstream models that rest, are ejected or open by themselves.
    std::vector<std::string> left_out;
  };
  // Nothing when the catalog does not name it.
  std::optional<View> Look(const std::string& provider);

  // Moves on what time alone changes, so that the metrics are right when nothing is called. Now and then.
  void Advance();

 private:
  // A change of state that is yet to be logged, without the lock. No model: of the whole provider.
  struct Told {
    std::string provider;
    std::string upstream_model;
    Circuit::Change change;
  };
  using Changes = std::vector<Told>;

  // Both null: the catalog does not name them.
  struct Found {
    std::shared_ptr<Provider> provider;
    std::shared_ptr<Target> target;
  };

  void UseProvidersLocked(const catalog::v1::Catalog& catalog, absl::Time now);
  void UseTargetsLocked(const catalog::v1::Catalog& catalog, absl::Time now);
  Provider* FindLocked(const std::string& provider);
  Found FindLocked(const std::string& provider, const std::string& upstream_model, absl::Time now,
                   Changes& changes);
  // How long until he may call it; zero: now.
  static absl::Duration WaitLocked(const Found& found, absl::Time now, uint64_t caller);
  void AdvanceLocked(Provider& provider, absl::Time now, Changes& changes);
  void NoteLocked(Provider& provider, const std::string& upstream_model,
                  const std::optional<Circuit::Change>& change, Changes& changes);
  void CountLocked(const Permit& permit, const Outcome& outcome, Changes& changes);
  // A failure that speaks of one of the two.
  void CountEitherLocked(const Permit& permit, absl::Time now, Changes& changes);
  static void Tell(const Changes& changes);
  void Report(const Permit& permit, const Outcome& outcome);
  void Drop(const Permit& permit);
  void TakeBack(const Permit& permit);

  const Clock& clock_;
  metrics::Registry& metrics_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Provider>> providers_;  // guarded by mutex_, as all in them
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_HEALTH_H_
