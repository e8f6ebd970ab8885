#include "gateway/admin/callers_terms.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::admin {
namespace {

using namespace common::v1;  // NOLINT: reasons

// What billing calls the name that is in the path.
struct PathName {
  absl::string_view beginning;
  absl::string_view param;
  ErrorReason reason;
  absl::string_view message;
};
constexpr PathName kPathNames[] = {
    {"/admin/v1/accounts/{name}", "name", ERROR_REASON_ACCOUNT_NOT_FOUND, "There is no such account."},
    {"/admin/v1/accounts/{name}", "account", ERROR_REASON_ACCOUNT_NOT_FOUND, "There is no such account."},
    {"/admin/v1/keys/{id}", "key_id", ERROR_REASON_KEY_NOT_FOUND, "There is no such key."},
};

// As the body calls it.
std::string BodysName(absl::string_view param) {
  if (absl::ConsumePrefix(&param, "allowed_models")) return absl::StrCat("models", param);
  absl::ConsumePrefix(&param, "limits.");
  return std::string(param);
}

absl::Status Renamed(const absl::Status& refusal, const std::string& from, const std::string& to) {
  absl::Status renamed(refusal.code(), absl::StrReplaceAll(refusal.message(), {{from, to}}));
  ErrorDetail detail = *DetailOf(refusal);
  (*detail.mutable_metadata())["param"] = to;
  SetDetail(renamed, detail);
  return renamed;
}

}  // namespace

absl::Status InCallersTerms(const Endpoint& endpoint, const absl::Status& refusal) {
  if (!HasReason(refusal, ERROR_REASON_INVALID_VALUE)) return refusal;
  std::string param = MetadataOf(refusal, "param");
  for (const PathName& name : kPathNames) {
    if (param != name.param || !absl::StartsWith(endpoint.path, name.beginning)) continue;
    return Error(absl::StatusCode::kNotFound, name.reason, name.message);
  }
  std::string own = BodysName(param);
  return own == param ? refusal : Renamed(refusal, param, own);
}

}  // namespace prismatic::gateway::admin
