#include "services/provider_proxy/routing/route_picker.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace prismatic::provider_proxy {
namespace {

struct Ranked {
  Candidate candidate;
  Standing standing;

  // The lower is tried first; equals are drawn.
  auto Rank() const { return std::make_tuple(standing, candidate.route->priority(), !candidate.honours_all); }
};

using Each = std::vector<Ranked>::iterator;

uint32_t WeightOf(const Ranked& ranked) {
  return static_cast<uint32_t>(std::clamp(ranked.candidate.route->weight(), 1, 10'000));
}

// Draws one after the other, each with a chance that is its share of the weight left.
void DrawByWeight(Each first, Each last, const Random& random) {
  for (; last - first > 1; ++first) {
    uint32_t total = 0;
    for (Each each = first; each != last; ++each) total += WeightOf(*each);
    uint32_t drawn = random(total);
    Each chosen = first;
    while (drawn >= WeightOf(*chosen)) drawn -= WeightOf(*chosen++);
    std::rotate(first, chosen, chosen + 1);
  }
}

std::vector<Candidate> InOrder(std::vector<Ranked> ranked, const Random& random) {
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Ranked& a, const Ranked& b) { return a.Rank() < b.Rank(); });
  for (Each first = ranked.begin(); first != ranked.end();) {
    Each last =
        std::find_if(first, ranked.end(), [&](const Ranked& each) { return each.Rank() != first->Rank(); });
    DrawByWeight(first, last, random);
    first = last;
  }
  std::vector<Candidate> ordered;
  for (const Ranked& each : ranked) ordered.push_back(each.candidate);
  return ordered;
}

}  // namespace

std::vector<Candidate> ThatTakeReferences(std::vector<Candidate> candidates, int references) {
  auto cannot = [references](const Candidate& each) {
    return !TakesReferenceImages(*each.route, references);
  };
  candidates.erase(std::remove_if(candidates.begin(), candidates.end(), cannot), candidates.end());
  return candidates;
}

std::vector<Candidate> InOrderOfTrial(std::vector<Candidate> candidates, const Random& random, Health& health,
                                      absl::string_view caller) {
  std::vector<Ranked> ranked;
  for (const Candidate& each : candidates) {
    const catalog::v1::Route& route = *each.route;
    ranked.push_back({each, health.StandingOf(route.provider(), route.upstream_model(), random, caller)});
  }
  return InOrder(std::move(ranked), random);
}

}  // namespace prismatic::provider_proxy
