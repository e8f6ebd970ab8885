#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_ENDPOINTS_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_ENDPOINTS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "services/sandbox_provider/wire_formats.h"

namespace prismatic::sandbox {

enum class EndpointKind {
  kGenerate,
  // A job's state, and its result where that is the same.
  kPoll,
  // A job's result.
  kResult,
  // What there is, or whose key it is: asked for diagnosis.
  kList,
};

// One path of one vendor: `prefix` and `suffix` with something between them, or `prefix` alone.
struct Endpoint {
  absl::string_view method;
  absl::string_view prefix;
  absl::string_view suffix;
  // Something stands between prefix and suffix.
  bool has_middle;
  EndpointKind kind;
  const WireFormat* format;
  // Of kList: the answer.
  std::string (*list)();
};

struct EndpointMatch {
  // Null: nothing is there, or only for other methods.
  const Endpoint* endpoint = nullptr;
  // What stands between prefix and suffix: a model or a job.
  std::string middle;
  bool other_method = false;
};

EndpointMatch FindEndpoint(absl::string_view method, absl::string_view path);

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_ENDPOINTS_H_
