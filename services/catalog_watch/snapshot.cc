#include "services/catalog_watch/snapshot.h"

#include <algorithm>
#include <utility>

namespace prismatic::catalog_watch {
namespace {

template <typename T>
const T* FindIn(const absl::flat_hash_map<absl::string_view, const T*>& index, absl::string_view name) {
  auto found = index.find(name);
  return found == index.end() ? nullptr : found->second;
}

}  // namespace

Snapshot::Snapshot(catalog::v1::Catalog catalog) : catalog_(std::move(catalog)) {
  for (const catalog::v1::Provider& provider : catalog_.providers()) {
    providers_.try_emplace(provider.name(), &provider);
  }
  for (const catalog::v1::Model& model : catalog_.models()) {
    models_.try_emplace(model.name(), &model);
    for (const std::string& public_id : model.public_ids()) by_public_id_.try_emplace(public_id, &model);
  }
}

const catalog::v1::Model* Snapshot::FindByPublicId(absl::string_view public_id) const {
  return FindIn(by_public_id_, public_id);
}

const catalog::v1::Model* Snapshot::FindModel(absl::string_view canonical) const {
  return FindIn(models_, canonical);
}

const catalog::v1::Provider* Snapshot::FindProvider(absl::string_view name) const {
  return FindIn(providers_, name);
}

bool Snapshot::Active(const catalog::v1::Route& route) const {
  if (route.disabled()) return false;
  const catalog::v1::Provider* provider = FindProvider(route.provider());
  return provider != nullptr && provider->images_enabled();
}

std::vector<const catalog::v1::Route*> Snapshot::ActiveRoutes(const catalog::v1::Model& model) const {
  std::vector<const catalog::v1::Route*> routes;
  for (const catalog::v1::Route& route : model.routes()) {
    if (Active(route)) routes.push_back(&route);
  }
  std::stable_sort(routes.begin(), routes.end(),
                   [](const auto* a, const auto* b) { return a->priority() < b->priority(); });
  return routes;
}

}  // namespace prismatic::catalog_watch
