#ifndef PRISMATIC_GATEWAY_ADMIN_OPENAPI_JSON_H_
#define PRISMATIC_GATEWAY_ADMIN_OPENAPI_JSON_H_

namespace prismatic::gateway::admin {

// docs/reference/admin-openapi.json, embedded at build.
extern const char kOpenApiJson[];

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_OPENAPI_JSON_H_
