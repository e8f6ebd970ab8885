#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_REQUEST_OBJECT_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_REQUEST_OBJECT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "services/common/json/json.h"

namespace prismatic::provider_proxy {

// A JSON object of a request, under the route's names, with the route's fixed fields behind our own. An
// own field wins over a fixed one of its name; of two objects the members are joined, by the same rule.
class RequestObject {
 public:
  // Begins an object at the writer's place. The writer outlives it.
  RequestObject(const catalog::v1::Route& route, json::Writer& writer);

  // Begins the field that the catalog calls `name`: under the route's name for it, else as `spelled`. The
  // caller writes the value.
  json::Writer& Field(absl::string_view name, absl::string_view spelled);
  // Begins a field that the route has no name for.
  json::Writer& Key(absl::string_view key);
  // An object in such a field. Ended before this one goes on.
  RequestObject Object(absl::string_view key);
  // Writes the fixed fields that are left, and ends the object.
  void End();

 private:
  struct Fixed {
    std::string name;
    std::string json;
    bool written = false;
  };
  RequestObject(const catalog::v1::Route& route, json::Writer& writer, std::vector<Fixed> fixed);

  const catalog::v1::Route& route_;
  json::Writer& writer_;
  std::vector<Fixed> fixed_;
};

// What the route calls a field; `spelled` where it does not say.
std::string FieldName(const catalog::v1::Route& route, absl::string_view name, absl::string_view spelled);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_REQUEST_OBJECT_H_
