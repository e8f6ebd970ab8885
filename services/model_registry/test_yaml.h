#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_TEST_YAML_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_TEST_YAML_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "services/model_registry/catalog_yaml.h"

// A catalog of one provider and one route, with the fields that a test is about.

namespace prismatic::model_registry {

// `provider` and `route` are more entries of a YAML flow map, `timeout_seconds: 5, poll_hosts: [x]`.
struct OneRoute {
  std::string format = "openai_images";
  std::string provider = "";
  std::string model = "u";
  std::string route = "";
};

inline CatalogFromYaml ReadOneRoute(const OneRoute& one) {
  auto more = [](const std::string& entries) { return entries.empty() ? "" : absl::StrCat(", ", entries); };
  return ReadCatalogYaml(absl::StrCat("providers:\n  - {name: p, wire_format: ", one.format,
                                      ", base_url: \"https://example.com\"", more(one.provider),
                                      "}\nmodels:\n  - {name: m, public_ids: [m], capabilities: "
                                      "[image_generation], routes: [{provider: p, upstream_model: \"",
                                      one.model, "\"", more(one.route), "}]}\n"));
}

inline catalog::v1::Provider ProviderOf(const OneRoute& one) {
  CatalogFromYaml read = ReadOneRoute(one);
  EXPECT_THAT(read.errors, ::testing::ElementsAre());
  return read.catalog.providers(0);
}

inline catalog::v1::Route RouteOf(const OneRoute& one) {
  CatalogFromYaml read = ReadOneRoute(one);
  EXPECT_THAT(read.errors, ::testing::ElementsAre());
  return read.catalog.models(0).routes(0);
}

// What is wrong with it, in one line each.
inline std::vector<std::string> Errors(const OneRoute& one) { return ReadOneRoute(one).errors; }

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_TEST_YAML_H_
