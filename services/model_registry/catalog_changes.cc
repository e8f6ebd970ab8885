#include "services/model_registry/catalog_changes.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "services/model_registry/catalog_draft.h"
#include "services/model_registry/yaml_draft.h"
#include "services/model_registry/yaml_scalar.h"

namespace prismatic::model_registry {
namespace {

namespace pb = catalog::v1;

constexpr size_t kChangesMax = 1'000;
constexpr size_t kValueBytesMax = 500;

// How far a change is followed into maps of maps: a provider has its endpoint, and that its headers.
constexpr int kProviderLevels = 3;
constexpr int kModelLevels = 1;
// What is within one extra field is one value.
constexpr int kRouteLevels = 2;

using Named = std::vector<std::pair<std::string, const YamlDraft*>>;

// Walks two lists of named things side by side: each name once, in the order of `after`, what is gone where
// it was.
template <typename Value, typename Visit>
void Merge(const std::vector<std::pair<std::string, Value>>& before,
           const std::vector<std::pair<std::string, Value>>& after, Visit visit) {
  constexpr const Value* kNone = nullptr;
  absl::flat_hash_map<absl::string_view, size_t> places;
  for (size_t i = 0; i < before.size(); ++i) places.emplace(before[i].first, i);
  absl::flat_hash_map<absl::string_view, size_t> stay;
  for (size_t i = 0; i < after.size(); ++i) stay.emplace(after[i].first, i);
  size_t seen = 0;
  auto is_gone = [&](size_t i) { return !stay.contains(before[i].first); };
  auto gone_until = [&](size_t end) {
    for (; seen < end; ++seen) {
      if (is_gone(seen)) visit(before[seen].first, &before[seen].second, kNone);
    }
  };
  for (const auto& [name, value] : after) {
    auto was = places.find(name);
    bool is_new = was == places.end();
    if (is_new) {  // What stood here is named before what has come.
      size_t end = seen;
      while (end < before.size() && is_gone(end)) ++end;
      gone_until(end);
    } else {
      gone_until(was->second);
      seen = std::max(seen, was->second + 1);
    }
    visit(name, is_new ? kNone : &before[was->second].second, &value);
  }
  gone_until(before.size());
}

// Whether what is in both has the same order in both.
template <typename Value>
bool SameOrder(const std::vector<std::pair<std::string, Value>>& before,
               const std::vector<std::pair<std::string, Value>>& after) {
  absl::flat_hash_map<absl::string_view, size_t> places;
  for (size_t i = 0; i < before.size(); ++i) places.emplace(before[i].first, i);
  size_t last = 0;
  for (const auto& [name, value] : after) {
    auto was = places.find(name);
    if (was == places.end()) continue;
    if (was->second < last) return false;
    last = was->second;
  }
  return true;
}

template <typename Value>
YamlDraft NamesOf(const std::vector<std::pair<std::string, Value>>& entries) {
  YamlDraft names = YamlDraft::List();
  for (const auto& [name, value] : entries) names.Add(YamlDraft::Text(name));
  return names;
}

class Changes {
 public:
  void Add(const std::string& path, const YamlDraft* before, const YamlDraft* after) {
    v1::CatalogChange& change = changes_.emplace_back();
    change.set_path(path);
    if (before != nullptr) change.set_before(CutText(YamlLine(*before), kValueBytesMax));
    if (after != nullptr) change.set_after(CutText(YamlLine(*after), kValueBytesMax));
  }

  // Whatever is different in two values, the maps among them entry by entry, `levels` deep.
  void Compare(const std::string& path, const YamlDraft* before, const YamlDraft* after, int levels) {
    bool both = before != nullptr && after != nullptr;
    if (both && *before == *after) return;
    bool maps = both && before->is_map() && after->is_map();
    if (!maps || levels == 0 || !SameOrder(before->entries(), after->entries()))
      return Add(path, before, after);
    Merge(before->entries(), after->entries(),
          [&](const std::string& key, const YamlDraft* old_value, const YamlDraft* new_value) {
            if (key == "routes") return CompareRoutes(path, old_value, new_value);
            Compare(absl::StrCat(path, ".", key), old_value, new_value, levels - 1);
          });
  }

  // Lists of named things, whose order is a value too. `name` and `compare` are of one of them.
  template <typename Value>
  void CompareOrder(const std::string& path, const std::vector<std::pair<std::string, Value>>& before,
                    const std::vector<std::pair<std::string, Value>>& after) {
    if (SameOrder(before, after)) return;
    YamlDraft old_names = NamesOf(before), new_names = NamesOf(after);
    Add(path, &old_names, &new_names);
  }

  // At most kChangesMax, and first of all an owner's: nobody may hide one behind a thousand others.
  std::vector<v1::CatalogChange> Take() {
    if (changes_.size() <= kChangesMax) return std::move(changes_);
    auto owners = static_cast<size_t>(std::count_if(changes_.begin(), changes_.end(), IsOwnersChange));
    size_t others_left = kChangesMax - std::min(owners, kChangesMax);
    std::vector<v1::CatalogChange> kept;
    for (v1::CatalogChange& change : changes_) {
      if (kept.size() == kChangesMax) break;
      bool owners_change = IsOwnersChange(change);
      if (!owners_change && others_left == 0) continue;
      others_left -= owners_change ? 0 : 1;
      kept.push_back(std::move(change));
    }
    return kept;
  }

 private:
  static std::vector<std::pair<std::string, YamlDraft>> RoutesByName(const YamlDraft* routes) {
    std::vector<std::pair<std::string, YamlDraft>> named;
    absl::flat_hash_map<std::string, int> seen;
    if (routes == nullptr) return named;
    for (const YamlDraft& route : routes->elements()) {
      auto text = [&](absl::string_view key) {
        const YamlDraft* value = route.Find(key);
        return value == nullptr ? "" : value->text();
      };
      // A path ends a name with `]`: nobody may call a model so that more of the path seems to follow.
      std::string name =
          absl::StrReplaceAll(absl::StrCat(text("provider"), "/", text("upstream_model")), {{"]", "%5D"}});
      int number = ++seen[name];
      // Neither part has blanks, so no route is called so by itself.
      named.emplace_back(number == 1 ? name : absl::StrCat(name, " (", number, ")"), route);
    }
    return named;
  }

  void CompareRoutes(const std::string& model, const YamlDraft* before, const YamlDraft* after) {
    auto old_routes = RoutesByName(before), new_routes = RoutesByName(after);
    CompareOrder(absl::StrCat(model, ".routes"), old_routes, new_routes);
    Merge(old_routes, new_routes,
          [&](const std::string& name, const YamlDraft* old_route, const YamlDraft* new_route) {
            Compare(absl::StrCat(model, ".routes[", name, "]"), old_route, new_route, kRouteLevels);
          });
  }

  std::vector<v1::CatalogChange> changes_;
};

template <typename Entries>
auto ByName(const Entries& entries) {
  using Entry = std::remove_cv_t<std::remove_reference_t<decltype(entries[0])>>;
  std::vector<std::pair<std::string, const Entry*>> named;
  for (const Entry& entry : entries) named.emplace_back(entry.name(), &entry);
  return named;
}

// `draft` makes a YamlDraft of an entry of either catalog.
template <typename Entries, typename Draft>
void CompareEntries(const std::string& list, const Entries& before, const Entries& after, int levels,
                    const Draft& draft_before, const Draft& draft_after, Changes& changes) {
  auto old_entries = ByName(before), new_entries = ByName(after);
  changes.CompareOrder(list, old_entries, new_entries);
  Merge(old_entries, new_entries, [&](const std::string& name, const auto* old_entry, const auto* new_entry) {
    bool both = old_entry != nullptr && new_entry != nullptr;
    // Most are; drafts of ten thousand models take a while.
    if (both && (*old_entry)->SerializeAsString() == (*new_entry)->SerializeAsString()) return;
    std::optional<YamlDraft> old_draft, new_draft;
    if (old_entry != nullptr) old_draft = draft_before(**old_entry);
    if (new_entry != nullptr) new_draft = draft_after(**new_entry);
    changes.Compare(absl::StrCat(list, "[", name, "]"), old_draft.has_value() ? &*old_draft : nullptr,
                    new_draft.has_value() ? &*new_draft : nullptr, levels);
  });
}

// What an operator may change; all else is an owner's: prices and what they are the prices of, where
// requests, pictures and credentials go, what may be bought twice.
constexpr absl::string_view kProviderFields[] = {"images_enabled", "images_override", "max_concurrent",
                                                 "timeout_seconds"};
constexpr absl::string_view kModelFields[] = {"owned_by", "created", "routes"};
constexpr absl::string_view kRouteFields[] = {"priority",
                                              "weight",
                                              "disabled",
                                              "supported_parameters",
                                              "max_images_per_call",
                                              "size_form",
                                              "fold_negative_prompt",
                                              "reference_images",
                                              "max_reference_images",
                                              "max_image_bytes",
                                              "limits",
                                              "modalities"};

template <size_t N>
bool IsOneOf(absl::string_view field, const absl::string_view (&fields)[N]) {
  absl::string_view first = field.substr(0, field.find('.'));
  return std::find(std::begin(fields), std::end(fields), first) != std::end(fields);
}

// Takes the entry's name and what is behind it off `providers[openai].base_url`.
std::string FieldOf(absl::string_view path) {
  size_t end = path.find(']');
  if (end == absl::string_view::npos) return "";
  path.remove_prefix(end + 1);
  absl::ConsumePrefix(&path, ".");
  return std::string(path);
}

}  // namespace

std::vector<v1::CatalogChange> ChangesBetween(const pb::Catalog& before, const pb::Catalog& after) {
  Changes changes;
  std::function<YamlDraft(const pb::Provider&)> provider = ProviderDraft;
  CompareEntries("providers", before.providers(), after.providers(), kProviderLevels, provider, provider,
                 changes);
  auto models_of = [](const pb::Catalog& catalog) -> std::function<YamlDraft(const pb::Model&)> {
    return [formats = FormatsOf(catalog)](const pb::Model& model) { return ModelDraft(model, formats); };
  };
  CompareEntries("models", before.models(), after.models(), kModelLevels, models_of(before), models_of(after),
                 changes);
  return changes.Take();
}

bool IsOwnersChange(const v1::CatalogChange& change) {
  absl::string_view path = change.path();
  std::string field = FieldOf(path);
  if (absl::ConsumePrefix(&path, "providers[")) return !IsOneOf(field, kProviderFields);
  // The order of the list.
  if (!absl::ConsumePrefix(&path, "models[")) return false;
  if (!absl::StartsWith(field, "routes[")) return !IsOneOf(field, kModelFields);
  return !IsOneOf(FieldOf(field), kRouteFields);
}

}  // namespace prismatic::model_registry
