#ifndef PRISMATIC_SERVICES_CATALOG_WATCH_ROUTE_RULES_H_
#define PRISMATIC_SERVICES_CATALOG_WATCH_ROUTE_RULES_H_

#include "prismatic/catalog/v1/catalog.pb.h"

// What a route's entry means, for those who must read it alike.

namespace prismatic::catalog_watch {

// Whether the route can carry so many reference images.
bool TakesReferenceImages(const catalog::v1::Route& route, int count);

}  // namespace prismatic::catalog_watch

#endif  // PRISMATIC_SERVICES_CATALOG_WATCH_ROUTE_RULES_H_
