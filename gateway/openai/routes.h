#ifndef PRISMATIC_GATEWAY_OPENAI_ROUTES_H_
#define PRISMATIC_GATEWAY_OPENAI_ROUTES_H_

#include <string>

#include "absl/strings/string_view.h"

namespace prismatic::gateway::openai {

enum class Endpoint { kUnknown, kGenerations, kModels, kModel, kOpenApi, kHealth, kReady };

struct Route {
  Endpoint endpoint = Endpoint::kUnknown;
  // A fixed name, for logs and metrics.
  const char* name = "unknown";
  // The methods that it has, as `Allow` says them.
  const char* allow = "";
  // Of kModel: the public ID, percent-decoded.
  std::string public_id;

  bool Allows(absl::string_view method) const;
};

// Paths are compared as they were sent: another spelling of a path is another path, so that a proxy in
// front which allows or forbids paths sees the same one as we do. Only the model's ID may be encoded;
// it may also hold `/` as it is.
Route MatchRoute(absl::string_view raw_path);

}  // namespace prismatic::gateway::openai

#endif  // PRISMATIC_GATEWAY_OPENAI_ROUTES_H_
