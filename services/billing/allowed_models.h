#ifndef PRISMATIC_SERVICES_BILLING_ALLOWED_MODELS_H_
#define PRISMATIC_SERVICES_BILLING_ALLOWED_MODELS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/repeated_field.h"
#include "services/catalog_watch/snapshot.h"

// The models that a key is allowed, as administrators name them and as the catalog does.

namespace prismatic::billing {

using ModelNames = google::protobuf::RepeatedPtrField<std::string>;

// The canonical name of what is named canonically or by a public ID, which are looked for in this order;
// empty when the catalog has no such model.
std::string CanonicalName(const catalog_watch::Snapshot& catalog, absl::string_view name);

struct AllowedModels {
  // Canonical, each once, in the order in which they come first.
  ModelNames models;
  // What the catalog does not have.
  std::vector<std::string> unknown;
};
// Names that are among `kept` stay as they are, whatever the catalog has.
AllowedModels ReadAllowedModels(const catalog_watch::Snapshot& catalog, const ModelNames& names,
                                const ModelNames& kept = {});

// INVALID_VALUE that names what is unknown, and what the catalog has that begins most alike.
absl::Status UnknownModels(const catalog_watch::Snapshot& catalog, const std::vector<std::string>& unknown);

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_ALLOWED_MODELS_H_
