#include "services/model_registry/registry_errors.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
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

namespace {

constexpr char kHowToGoOn[] =
    "; nothing was changed. Compare with what is in force (`catalog export`, `catalog diff`), then "
    "repeat the change on top of it, or force it.";

Error Conflict(absl::string_view message) {
  return Error(absl::StatusCode::kAborted, common::v1::ERROR_REASON_CATALOG_CONFLICT, message);
}

}  // namespace

absl::Status LostRace() {
  return Conflict(
             "The catalog was changed by somebody else in between; nothing was changed. Read it and repeat.")
      .With("lost_race", "true");
}

bool IsLostRace(const absl::Status& status) {
  return HasReason(status, common::v1::ERROR_REASON_CATALOG_CONFLICT) &&
         MetadataOf(status, "lost_race") == "true";
}

absl::Status ChangedSince(int64_t based_on, const v1::CatalogVersion& since) {
  std::string time = absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::FromUnixMillis(since.time_unix_ms()),
                                      absl::UTCTimeZone());
  std::string which = absl::StrCat("version ", since.version(), ", by ",
                                   since.actor().empty() ? "an unknown actor" : since.actor(), " at ",
                                   since.time_unix_ms() > 0 ? time : "an unknown time");
  std::string what = based_on > 0
                         ? absl::StrCat("The catalog was changed since version ", based_on, " (", which, ")")
                         : absl::StrCat("The catalog in force was edited or rolled back (", which,
                                        ") and the change does not say which version it is based on");
  return Conflict(absl::StrCat(what, kHowToGoOn))
      .With("version", absl::StrCat(since.version()))
      .With("actor", since.actor())
      .With("time_unix_ms", absl::StrCat(since.time_unix_ms()));
}

absl::Status BasedOnUnknown(int64_t based_on, int64_t version) {
  return Conflict(absl::StrCat("The change is based on version ", based_on,
                               ", which is of another catalog or was lost: the newest one here is ", version,
                               kHowToGoOn));
}

absl::Status CatalogVersionNotFound(int64_t version) {
  return Error(absl::StatusCode::kNotFound, common::v1::ERROR_REASON_CATALOG_VERSION_NOT_FOUND,
               absl::StrCat("Version ", version, " of the catalog is not kept, or never was."))
      .With("version", absl::StrCat(version));
}

absl::Status OnlyOwners(absl::string_view path) {
  return Error(absl::StatusCode::kPermissionDenied, common::v1::ERROR_REASON_ROLE_NOT_ALLOWED,
               absl::StrCat("Only an owner may change `", path, "`; nothing was changed."))
      .With("path", path);
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
