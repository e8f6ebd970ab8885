#ifndef PRISMATIC_GATEWAY_OPENAI_OPENAPI_JSON_H_
#define PRISMATIC_GATEWAY_OPENAI_OPENAPI_JSON_H_

namespace prismatic::gateway::openai {

// docs/reference/openapi.json, embedded at build.
extern const char kOpenApiJson[];

}  // namespace prismatic::gateway::openai

#endif  // PRISMATIC_GATEWAY_OPENAI_OPENAPI_JSON_H_
