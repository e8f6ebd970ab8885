#ifndef PRISMATIC_SERVICES_ADMIN_JSON_PROVIDER_JSON_H_
#define PRISMATIC_SERVICES_ADMIN_JSON_PROVIDER_JSON_H_

#include <string>

#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/common/json/json.h"

// What provider-proxy tells operators, as JSON objects.

namespace prismatic::admin_json {

void WriteProviderState(json::Writer& writer, const provider_proxy::v1::ProviderState& state);
// {"ok", "checks": [{"name", "result", "words", "duration_ms"}]}
void WriteTestMembers(json::Writer& writer, const provider_proxy::v1::TestProviderResponse& test);

// "left_out"; "unknown" when unspecified.
std::string HealthWord(provider_proxy::v1::ProviderHealth health);
// "ok".
std::string CheckResultWord(provider_proxy::v1::CheckResult result);

}  // namespace prismatic::admin_json

#endif  // PRISMATIC_SERVICES_ADMIN_JSON_PROVIDER_JSON_H_
