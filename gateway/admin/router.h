#ifndef PRISMATIC_GATEWAY_ADMIN_ROUTER_H_
#define PRISMATIC_GATEWAY_ADMIN_ROUTER_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gateway/admin/endpoint.h"

namespace prismatic::gateway::admin {

// Finds the endpoint of a request. Paths are compared word by word as they were sent: another spelling of a
// word is another path, so that a proxy in front sees the same one as we do. Pure, thread-safe.
class Router {
 public:
  explicit Router(Endpoints endpoints);
  Router(const Router&) = delete;

  struct Match {
    // Null: the path is unknown, or known and not with this method.
    const Endpoint* endpoint = nullptr;
    std::vector<std::string> words;
    // The methods that the path has, as `Allow` says them; empty: the path is unknown.
    std::string allow;
  };
  Match Find(absl::string_view method, absl::string_view raw_path) const;

  const Endpoints& endpoints() const { return endpoints_; }

 private:
  struct Route {
    const Endpoint* endpoint;
    std::vector<std::string> words;
  };
  const Endpoints endpoints_;
  std::vector<Route> routes_;
};

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_ROUTER_H_
