#include "services/provider_proxy/routing/route_picker.h"

#include <algorithm>
#include <random>
#include <utility>

namespace prismatic::provider_proxy {
namespace {

uint32_t WeightOf(const Candidate& candidate) {
  return static_cast<uint32_t>(std::clamp(candidate.route->weight(), 1, 10'000));
}

// Draws one after the other, each with a chance that is its share of the weight left.
void DrawByWeight(std::vector<Candidate>::iterator first, std::vector<Candidate>::iterator last,
                  const Random& random) {
  for (; last - first > 1; ++first) {
    uint32_t total = 0;
    for (auto each = first; each != last; ++each) total += WeightOf(*each);
    uint32_t drawn = random(total);
    auto chosen = first;
    while (drawn >= WeightOf(*chosen)) drawn -= WeightOf(*chosen++);
    std::rotate(first, chosen, chosen + 1);
  }
}

}  // namespace

Random RealRandom() {
  return [](uint32_t bound) {
    thread_local std::minstd_rand generator{std::random_device{}()};
    return std::uniform_int_distribution<uint32_t>(0, bound - 1)(generator);
  };
}

std::vector<Candidate> ThatTakeReferences(std::vector<Candidate> candidates, int references) {
  auto cannot = [references](const Candidate& each) { return !TakesReferenceImages(*each.route, references); };
  candidates.erase(std::remove_if(candidates.begin(), candidates.end(), cannot), candidates.end());
  return candidates;
}

std::vector<Candidate> InOrderOfTrial(std::vector<Candidate> candidates, const Random& random) {
  auto priority = [](const Candidate& each) { return each.route->priority(); };
  std::stable_sort(candidates.begin(), candidates.end(),
                   [&](const Candidate& a, const Candidate& b) { return priority(a) < priority(b); });
  for (auto first = candidates.begin(); first != candidates.end();) {
    auto last = std::find_if(first, candidates.end(),
                             [&](const Candidate& each) { return priority(each) != priority(*first); });
    DrawByWeight(first, last, random);
    first = last;
  }
  return candidates;
}

}  // namespace prismatic::provider_proxy
