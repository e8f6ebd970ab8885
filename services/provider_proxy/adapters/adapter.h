#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_ADAPTER_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_ADAPTER_H_

#include "absl/status/statusor.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/catalog_watch/route_rules.h"
#include "services/provider_proxy/adapters/http_message.h"
#include "services/provider_proxy/adapters/outcome.h"
#include "services/provider_proxy/adapters/parameters.h"

namespace prismatic::provider_proxy {

// A route and the provider that it leads to.
struct Target {
  const catalog::v1::Provider& provider;
  const catalog::v1::Route& route;
};

// Which of a request's images one call asks for.
struct Piece {
  Piece(int images, int before = 0) : count(images), first(before) {}  // NOLINT: a number is a piece

  int count;
  // How many of the request's other images come before: a seed counts on by so much, or pieces with one seed
  // would be the same picture several times.
  int first;
};

// Speaks one wire format: pure functions without state or sockets, thread-safe. The upstream always
// gets the route's own model ID, never a public one.
class Adapter {
 public:
  virtual ~Adapter() = default;

  // What the format has fields for.
  virtual const FormatFields& Fields(const Target& target) const = 0;

  // Images that one call over this route can be asked for, at least 1.
  virtual int ImagesPerCallMax(const Target& target) const = 0;

  // Whether reference images must be `data:` URLs by the time of BuildRequest.
  virtual bool NeedsReferenceBytes(const Target& target) const = 0;

  // The call that asks for a piece of the request's images, without a credential. Fails with INVALID_VALUE
  // when the format cannot carry the request; nothing is ever dropped silently.
  virtual absl::StatusOr<HttpRequest> BuildRequest(const v1::GenerateImagesRequest& request,
                                                   const Target& target, Piece piece) const = 0;

  // Reads a complete answer, whatever its status. At most `count` images are taken, and only such as
  // are whole; URLs are passed on unseen. A job that was only begun gives Verdict::kPending with the
  // request to poll it with.
  virtual Outcome ReadResponse(HttpResponse response, const Target& target, int count) const = 0;

  // Reads the answer to a poll, as ReadResponse does. Failures that say nothing of the job (429, 5xx, no
  // answer) never come here: they are polled again.
  virtual Outcome ReadPoll(HttpResponse response, const Target& target, int count) const;
};

// nullptr for a format that is not known.
const Adapter* AdapterFor(catalog::v1::WireFormat format);

using catalog_watch::TakesReferenceImages;

// The request's fields as the route gets them, and what was left out or changed.
Parameters ParametersFor(const v1::GenerateImagesRequest& request, const Adapter& adapter,
                         const Target& target, int first = 0);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_ADAPTER_H_
