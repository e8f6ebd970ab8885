#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_PROXY_FIXTURE_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_PROXY_FIXTURE_H_

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/catalog_watch/catalog_holder.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/status/status.h"
#include "services/common/task/workers.h"
#include "services/provider_proxy/adapters/test_images.h"
#include "services/provider_proxy/provider_proxy.h"
#include "services/provider_proxy/upstream/scripted_upstream.h"

// For tests of the core and of the service: a catalog of scripted upstreams, and answers they give.

namespace prismatic::provider_proxy {

// What a test's process holds besides the proxy, in the order in which it may go.
struct TestProcess {
  metrics::Registry metrics;
  loop::Loop loop{"test"};
  Workers workers{2};
  ByteBudget bytes_in_flight{int64_t{64} << 20};
  catalog_watch::CatalogHolder catalog{loop, metrics};

  double Counted(const std::string& name, const metrics::Labels& labels) {
    return metrics.GetCounter(name, "", labels).value();
  }
};

// A catalog that grows by a provider and a route of the model `m` at a time.
class CatalogBuilder {
 public:
  CatalogBuilder() {
    catalog_.set_version(1);
    catalog_.add_models()->set_name("m");
    catalog_.mutable_models(0)->add_public_ids("public-m");
  }
  // Adds provider `name` at `url` and a route to it; both may be changed afterwards.
  catalog::v1::Route& Add(const std::string& name, const std::string& url,
                          catalog::v1::WireFormat format = catalog::v1::WIRE_FORMAT_OPENAI_IMAGES) {
    catalog::v1::Provider& provider = *catalog_.add_providers();
    provider.set_name(name);
    provider.set_base_url(url);
    provider.set_wire_format(format);
    provider.set_images_enabled(true);
    provider.set_max_concurrent(100);
    catalog::v1::Route& route = *catalog_.mutable_models(0)->add_routes();
    route.set_provider(name);
    route.set_upstream_model(name + "-model");
    route.set_priority(catalog_.providers_size());
    route.set_max_images_per_call(10);
    for (const char* parameter : {"n", "size", "response_format"}) route.add_supported_parameters(parameter);
    return route;
  }
  catalog::v1::Provider& provider(int index) { return *catalog_.mutable_providers(index); }
  const catalog::v1::Catalog& Build() const { return catalog_; }

 private:
  catalog::v1::Catalog catalog_;
};

inline v1::GenerateImagesRequest RequestFor(int images) {
  v1::GenerateImagesRequest request;
  request.set_request_id("test");
  request.set_catalog_version(1);
  request.set_model("m");
  request.set_image_count(images);
  request.set_prompt("a fox");
  return request;
}

// What one call of Generate gave.
struct Result {
  absl::Status status;
  std::vector<v1::GeneratedImage> images;
  std::optional<v1::GenerationSummary> summary;
  std::string reason() const { return status.ok() ? "OK" : ReasonName(ReasonOf(status)); }
};

// Calls the core directly.
class CoreTest : public ::testing::Test {
 protected:
  // May be called again with another catalog.
  void Use(const CatalogBuilder& builder) {
    catalog::v1::Catalog catalog = builder.Build();
    catalog.set_version(process_.catalog.Current()->version() + 1);
    process_.catalog.Set(catalog);
  }

  Result Generate(v1::GenerateImagesRequest request, CallContext call = {}) {
    Result result;
    auto take = [&](v1::GenerateImagesResponse response, std::shared_ptr<ByteRoom::Entry> room) {
      EXPECT_FALSE(result.summary.has_value()) << "the summary is last";
      if (response.has_image()) result.images.push_back(response.image());
      if (response.has_summary()) result.summary = response.summary();
    };
    auto shared = std::make_shared<v1::GenerateImagesRequest>(std::move(request));
    result.status = Wait(proxy_.Generate(std::move(call), std::move(shared), take)).status;
    return result;
  }

  TestProcess process_;
  ProviderProxy proxy_{
      {.loop = process_.loop,
       .workers = process_.workers,
       .metrics = process_.metrics,
       .catalog = process_.catalog,
       .bytes_in_flight = &process_.bytes_in_flight,
       .credentials = Credentials(
           {{"PROVIDER_KEY_A", "upstream-secret-1"}, {"PROVIDER_KEY_B", "upstream-secret-2"}}, ""),
       .http = {}}};
};

// As many whole images as the request's `n` says.
inline ScriptedUpstream::Reply ImagesAsAsked(const ScriptedUpstream::Request& request) {
  size_t at = request.body.find("\"n\":");
  int count = at == std::string::npos ? 1 : std::stoi(request.body.substr(at + 4));
  std::string items;
  for (int i = 0; i < count; ++i) {
    absl::StrAppend(&items, i > 0 ? "," : "", R"({"b64_json":")", test_images::PngBase64(64, 32), R"("})");
  }
  return ScriptedUpstream::Answer(200, absl::StrCat(R"({"created":1,"data":[)", items, "]}"));
}

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_PROXY_FIXTURE_H_
