#include "services/billing/allowed_models.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/common/status/status.h"

namespace prismatic::billing {
namespace {

// What people read at once.
constexpr size_t kToldUnknown = 5;
constexpr size_t kToldKnown = 5;

size_t SameBeginning(absl::string_view a, absl::string_view b) {
  auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<size_t>(in_a - a.begin());
}

// All names that may be given, those that begin most like `name` first.
std::vector<absl::string_view> Similar(const catalog_watch::Snapshot& catalog, absl::string_view name) {
  std::vector<absl::string_view> names;
  for (const catalog::v1::Model& model : catalog.catalog().models()) {
    names.push_back(model.name());
    for (const std::string& id : model.public_ids()) {
      if (id != model.name()) names.push_back(id);
    }
  }
  std::stable_sort(names.begin(), names.end(), [name](absl::string_view a, absl::string_view b) {
    return SameBeginning(a, name) > SameBeginning(b, name);
  });
  return names;
}

std::string Quoted(absl::string_view name) { return absl::StrCat("`", name, "`"); }

}  // namespace

std::string CanonicalName(const catalog_watch::Snapshot& catalog, absl::string_view name) {
  const catalog::v1::Model* model = catalog.FindModel(name);
  if (model == nullptr) model = catalog.FindByPublicId(name);
  return model == nullptr ? "" : model->name();
}

AllowedModels ReadAllowedModels(const catalog_watch::Snapshot& catalog, const ModelNames& names,
                                const ModelNames& kept) {
  AllowedModels read;
  for (const std::string& name : names) {
    std::string canonical = CanonicalName(catalog, name);
    if (canonical.empty() && absl::c_linear_search(kept, name)) canonical = name;
    if (canonical.empty()) {
      read.unknown.push_back(name);
    } else if (!absl::c_linear_search(read.models, canonical)) {
      *read.models.Add() = std::move(canonical);
    }
  }
  return read;
}

absl::Status UnknownModels(const catalog_watch::Snapshot& catalog, const std::vector<std::string>& unknown) {
  std::vector<std::string> told(
      unknown.begin(), unknown.begin() + static_cast<ptrdiff_t>(std::min(unknown.size(), kToldUnknown)));
  std::string message = absl::StrCat("The catalog has no model ",
                                     absl::StrJoin(told, ", ", [](std::string* out, const std::string& name) {
                                       absl::StrAppend(out, Quoted(name));
                                     }));
  if (unknown.size() > told.size()) absl::StrAppend(&message, " and ", unknown.size() - told.size(), " more");
  std::vector<absl::string_view> known = Similar(catalog, unknown.front());
  const bool all = known.size() <= kToldKnown;
  known.resize(std::min(known.size(), kToldKnown));
  if (known.empty()) return InvalidValue("allowed_models", absl::StrCat(message, "; it has none at all."));
  absl::StrAppend(&message, "; it has ", all ? "" : "among others ", absl::StrJoin(known, ", "), ".");
  return InvalidValue("allowed_models", message);
}

}  // namespace prismatic::billing
