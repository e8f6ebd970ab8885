#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_SHAPE_SELECTOR_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_SHAPE_SELECTOR_H_

#include "prismatic/catalog/v1/catalog.pb.h"
#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/provider_proxy/adapters/parameters.h"

namespace prismatic::provider_proxy {

// What a route understands of size and ratio.
struct ShapeRules {
  catalog::v1::SizeForm form = catalog::v1::SIZE_FORM_PIXELS;
  bool takes_size = false;
  bool takes_ratio = false;
  const catalog::v1::ParameterLimits& limits;
};

// Decides size and aspect_ratio together, since each can stand in for the other; notes what was left out
// or changed.
void SelectShape(const v1::GenerateImagesRequest& request, const ShapeRules& rules, Parameters& chosen);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_SHAPE_SELECTOR_H_
