#ifndef PRISMATIC_GATEWAY_ADMIN_CATALOG_EDITS_H_
#define PRISMATIC_GATEWAY_ADMIN_CATALOG_EDITS_H_

#include <limits>

#include "gateway/admin/body_reader.h"
#include "gateway/admin/endpoint.h"
#include "prismatic/model_registry/v1/model_registry.pb.h"

// What the changes of the catalog have in common.

namespace prismatic::gateway::admin {

inline constexpr IntRange kVersions = {1, std::numeric_limits<int64_t>::max()};
// A catalog of 8 MiB takes seconds to read, check and compare.
inline constexpr absl::Duration kCatalogTime = absl::Seconds(30);

// `Applied`, or CATALOG_INVALID with every error.
Answer AppliedAnswer(const CallPtr& call,
                     const absl::StatusOr<model_registry::v1::ApplyCatalogResponse>& applied);

// Reads {based_on, force, validate_only, note} into a request that has fields of these names.
template <typename Request>
void ReadEditTerms(BodyReader& body, Request& request) {
  request.set_based_on(body.OptionalInt("based_on", kVersions).value_or(0));
  request.set_force(body.OptionalBool("force", false));
  request.set_validate_only(body.OptionalBool("validate_only", false));
  request.set_note(body.OptionalText("note").value_or(""));
}

// Asks the registry for the edit and answers with what came of it.
Task<Answer> Edit(AdminParts parts, CallPtr call, model_registry::v1::EditCatalogRequest request);

// The terms of an edit that has no body: `?based_on=N&note=`.
absl::Status ReadQueryTerms(const CallPtr& call, model_registry::v1::EditCatalogRequest& request);

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_CATALOG_EDITS_H_
