#include "services/provider_proxy/provider_states.h"

#include <limits.h>
#include <unistd.h>

#include <set>
#include <string>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace prismatic::provider_proxy {
namespace {

std::string ThisReplica() {
  char host[HOST_NAME_MAX + 1] = {};
  if (gethostname(host, sizeof(host) - 1) != 0) return absl::StrCat("process ", getpid());
  return absl::StrCat(host, ":", getpid());
}

v1::ProviderHealth HealthOf(const Health::View& view) {
  switch (view.state) {
    case Circuit::State::kEjected:
    case Circuit::State::kOpen:
      return v1::PROVIDER_HEALTH_LEFT_OUT;
    case Circuit::State::kReturning:
      return view.resting ? v1::PROVIDER_HEALTH_RESTING : v1::PROVIDER_HEALTH_RETURNING;
    case Circuit::State::kClosed:
      break;
  }
  return view.resting ? v1::PROVIDER_HEALTH_RESTING : v1::PROVIDER_HEALTH_GOOD;
}

// The canonical models whose route to the provider goes to one of these upstream models.
std::set<std::string> ModelsOf(const catalog::v1::Catalog& catalog, const std::string& provider,
                               const std::vector<std::string>& upstream_models) {
  std::set<std::string> names;
  for (const catalog::v1::Model& model : catalog.models()) {
    for (const catalog::v1::Route& route : model.routes()) {
      bool meant =
          route.provider() == provider && absl::c_linear_search(upstream_models, route.upstream_model());
      if (meant) names.insert(model.name());
    }
  }
  return names;
}

// Without any of them no call can be made, so what the calls of earlier said of the provider no longer
// counts.
void LookForCredentials(const catalog::v1::Provider& provider, Credentials& credentials,
                        v1::ProviderState& state) {
  for (const std::string& reference : provider.credentials()) {
    if (!credentials.Find(reference).ok()) state.add_missing_credentials(reference);
  }
  state.set_credentials_missing(state.missing_credentials_size());
  if (provider.credentials().empty() || state.credentials_missing() < provider.credentials_size()) return;
  state.set_health(v1::PROVIDER_HEALTH_NO_CREDENTIAL);
  state.clear_since_us();
}

void Describe(const catalog::v1::Catalog& catalog, const catalog::v1::Provider& provider,
              const ProviderStateParts& parts, absl::Time now, v1::ProviderState& state) {
  state.set_name(provider.name());
  // One that the catalog has just got is yet to be watched over.
  Health::View view = parts.health.Look(provider.name()).value_or(Health::View());
  state.set_health(HealthOf(view));
  if (view.since) state.set_since_us(absl::ToUnixMicros(now - *view.since));
  state.set_recent_calls(view.recent.calls);
  state.set_recent_failures(view.recent.failures);
  for (const std::string& name : ModelsOf(catalog, provider.name(), view.left_out))
    state.add_models_left_out(name);
  Slots::View slots = parts.slots.Look(provider.name());
  state.set_in_flight(slots.in_flight);
  state.set_in_flight_max(slots.limit);
  state.set_waiting(slots.waiting);
  LookForCredentials(provider, parts.credentials, state);
}

}  // namespace

v1::GetProviderStatesResponse ProviderStates(const catalog_watch::Snapshot& snapshot,
                                             const ProviderStateParts& parts) {
  v1::GetProviderStatesResponse response;
  absl::Time now = absl::Now();
  for (const catalog::v1::Provider& provider : snapshot.catalog().providers()) {
    Describe(snapshot.catalog(), provider, parts, now, *response.add_providers());
  }
  response.set_catalog_version(snapshot.version());
  response.set_process_time_us(absl::ToUnixMicros(now));
  response.set_replica(ThisReplica());
  return response;
}

}  // namespace prismatic::provider_proxy
