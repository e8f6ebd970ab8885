#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_ADAPTER_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_ADAPTER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/provider_proxy/adapters/http_message.h"
#include "services/provider_proxy/adapters/outcome.h"

namespace prismatic::provider_proxy {

// Speaks one wire format: pure functions without state or sockets, thread-safe. The upstream always
// gets the route's own model ID, never a public one.
class Adapter {
 public:
  virtual ~Adapter() = default;

  // Images that one call over this route can be asked for, at least 1.
  virtual int ImagesPerCallMax(const catalog::v1::Route& route) const = 0;

  // Whether the route can carry reference images in this format.
  virtual bool TakesReferenceImages(const catalog::v1::Route& route) const = 0;

  // Request fields that are left out on this route, in the order of the contract.
  virtual std::vector<std::string> IgnoredParameters(const v1::GenerateImagesRequest& request,
                                                     const catalog::v1::Route& route) const = 0;

  // The call that asks for `count` images, without a credential. Fails with INVALID_VALUE when the
  // format cannot carry the request; nothing is ever dropped silently.
  virtual absl::StatusOr<HttpRequest> BuildRequest(const v1::GenerateImagesRequest& request,
                                                   const catalog::v1::Provider& provider,
                                                   const catalog::v1::Route& route, int count) const = 0;

  // Reads a complete answer, whatever its status. At most `count` images are taken, and only such as
  // are whole; URLs are passed on unseen.
  virtual Outcome ReadResponse(HttpResponse response, const catalog::v1::Route& route, int count) const = 0;
};

// nullptr for a format that is not built yet.
const Adapter* AdapterFor(catalog::v1::WireFormat format);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_ADAPTER_H_
