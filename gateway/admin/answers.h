#ifndef PRISMATIC_GATEWAY_ADMIN_ANSWERS_H_
#define PRISMATIC_GATEWAY_ADMIN_ANSWERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/repeated_field.h"
#include "services/common/http/message.h"
#include "services/common/json/json.h"

namespace prismatic::gateway::admin {

// A complete JSON text as the answer.
http::Response JsonAnswer(json::Writer writer, int status = 200);
// 204.
http::Response NoContent();

// `{"error": {"code", "message", "param", "request_id"}}` with the HTTP status of the contract, by reason
// first and by gRPC code as fallback; Retry-After and Allow where they belong. Our words only.
http::Response ErrorAnswer(const absl::Status& status, absl::string_view request_id);
// For what only this API knows.
http::Response ErrorAnswer(int status, absl::string_view code, absl::string_view message,
                           absl::string_view request_id);
// CATALOG_INVALID with every error of the text, each as `line:column: path: message`. `param`: where the text
// came in; empty where the change had none.
http::Response CatalogErrors(const google::protobuf::RepeatedPtrField<std::string>& errors,
                             absl::string_view param, absl::string_view request_id);

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_ANSWERS_H_
