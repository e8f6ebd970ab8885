#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_TEST_TARGET_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_TEST_TARGET_H_

#include <string>
#include <utility>

#include "services/common/status/status.h"
#include "services/provider_proxy/adapters/adapter.h"

// For tests: a provider, a route, and the request of the product's own description.

namespace prismatic::provider_proxy::test_target {

inline catalog::v1::Provider TestProvider() {
  catalog::v1::Provider provider;
  provider.set_name("sandbox");
  provider.set_base_url("http://127.0.0.1:9100/v1");
  return provider;
}

inline catalog::v1::Route TestRoute(
    catalog::v1::ReferenceImages references = catalog::v1::REFERENCE_IMAGES_NATIVE) {
  catalog::v1::Route route;
  route.set_provider("sandbox");
  route.set_upstream_model("imagen-4.0-generate-001");
  for (const char* name :
       {"n", "size", "aspect_ratio", "seed", "negative_prompt", "quality", "style", "response_format"}) {
    route.add_supported_parameters(name);
  }
  route.set_max_images_per_call(4);
  route.set_reference_images(references);
  return route;
}

inline v1::GenerateImagesRequest SeedRequest() {
  v1::GenerateImagesRequest request;
  request.set_model("imagen-4");
  request.set_image_count(1);
  request.set_prompt("A clean product mockup on a \"neutral\" desk");
  request.add_reference_images("https://example.com/reference.png");
  request.set_negative_prompt("clutter, text artifacts");
  request.set_aspect_ratio("16:9");
  request.set_quality("high");
  request.set_style("natural");
  request.set_seed(42);
  request.set_response_format(v1::RESPONSE_FORMAT_B64_JSON);
  return request;
}

// What the answer comes to over the test's route.
inline Outcome Read(const Adapter& adapter, std::string body, int count = 1, int status = 200) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return adapter.ReadResponse(std::move(response), {TestProvider(), TestRoute()}, count);
}

inline std::string ReasonOfOutcome(const Outcome& outcome) {
  return outcome.status.ok() ? "OK" : ReasonName(ReasonOf(outcome.status));
}

}  // namespace prismatic::provider_proxy::test_target

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_TEST_TARGET_H_
