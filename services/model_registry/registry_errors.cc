#include "services/model_registry/registry_errors.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/common/status/status.h"

namespace prismatic::model_registry::error {

absl::Status ModelNotFound(absl::string_view name) {
  return Error(absl::StatusCode::kNotFound, common::v1::ERROR_REASON_MODEL_NOT_FOUND,
               absl::StrCat("The model `", name.substr(0, 128), "` does not exist."))
      .With("param", "model");
}

absl::Status ProviderNotFound(absl::string_view name) {
  return Error(absl::StatusCode::kNotFound, common::v1::ERROR_REASON_PROVIDER_NOT_FOUND,
               absl::StrCat("The provider `", name.substr(0, 128), "` does not exist."));
}

absl::Status CatalogInvalid(const std::vector<std::string>& errors) {
  return Error(absl::StatusCode::kInvalidArgument, common::v1::ERROR_REASON_CATALOG_INVALID,
               absl::StrCat("The catalog has ", errors.size(),
                            errors.size() == 1 ? " error:\n" : " errors:\n", absl::StrJoin(errors, "\n")));
}

absl::Status CatalogConflict() {
  return Error(
      absl::StatusCode::kAborted, common::v1::ERROR_REASON_CATALOG_CONFLICT,
      "The catalog was changed by somebody else in between; nothing was changed. Read it and repeat.");
}

absl::Status RegistryUnavailable(absl::string_view why) {
  return Error(absl::StatusCode::kUnavailable, common::v1::ERROR_REASON_REGISTRY_UNAVAILABLE,
               absl::StrCat("The registry's Redis does not answer: ", why));
}

absl::Status StoreUnreadable() {
  return InternalError("The catalog's store holds something that is no catalog; apply one to replace it.");
}

absl::Status NotLoadedYet() {
  return Error(absl::StatusCode::kUnavailable, common::v1::ERROR_REASON_REGISTRY_UNAVAILABLE,
               "The registry has not loaded a catalog yet.");
}

}  // namespace prismatic::model_registry::error
