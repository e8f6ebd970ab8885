#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_ROUTE_PICKER_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_ROUTE_PICKER_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "services/provider_proxy/adapters/adapter.h"
#include "services/provider_proxy/routing/health.h"
#include "services/provider_proxy/routing/random.h"

namespace prismatic::provider_proxy {

// A route with what is needed to use it. Points into the snapshot that it was made from.
struct Candidate {
  const catalog::v1::Route* route = nullptr;
  const catalog::v1::Provider* provider = nullptr;
  const Adapter* adapter = nullptr;
  // It honours every parameter of the request.
  bool honours_all = true;

  Target target() const { return {*provider, *route}; }
};

// Those that can take so many reference images.
std::vector<Candidate> ThatTakeReferences(std::vector<Candidate> candidates, int references);

// The order in which routes are tried. First those that may take traffic now, then those in trouble
// (Health::StandingOf, for this caller); among these by priority, the lower first; within one priority those
// that honour all parameters before the others; and among equals drawn by weight. None is left out: a route
// in trouble may be the only one that works.
std::vector<Candidate> InOrderOfTrial(std::vector<Candidate> candidates, const Random& random, Health& health,
                                      absl::string_view caller = "");

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_ROUTE_PICKER_H_
