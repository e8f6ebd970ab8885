#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_GEMINI_ANSWER_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_GEMINI_ANSWER_H_

#include "prismatic/catalog/v1/catalog.pb.h"
#include "services/provider_proxy/adapters/http_message.h"
#include "services/provider_proxy/adapters/outcome.h"

// What generateContent answers, in camelCase as Google writes it or in snake_case as some gateways do.

namespace prismatic::provider_proxy::gemini {

// A 2xx: images, or why there are none.
Outcome ReadAnswer(HttpResponse response, const catalog::v1::Route& route, int count);
// Anything else: `{"error":{"code","message","status","details"}}`.
Outcome ReadError(HttpResponse response);

}  // namespace prismatic::provider_proxy::gemini

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_GEMINI_ANSWER_H_
