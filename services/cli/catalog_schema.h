#ifndef PRISMATIC_SERVICES_CLI_CATALOG_SCHEMA_H_
#define PRISMATIC_SERVICES_CLI_CATALOG_SCHEMA_H_

namespace prismatic::cli {

// docs/reference/catalog.schema.json as it was at the build; empty when it was not there.
extern const char kCatalogSchema[];

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_CATALOG_SCHEMA_H_
