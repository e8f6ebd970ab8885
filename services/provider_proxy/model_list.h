#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_MODEL_LIST_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_MODEL_LIST_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "services/common/json/json.h"
#include "services/provider_proxy/adapters/http_message.h"

namespace prismatic::provider_proxy {

// What can be asked of an upstream without making or changing anything: a GET with the credential, which
// lists its models in most wire formats.
struct HarmlessGet {
  // Behind base_url.
  std::string path;
  bool lists_models = false;
};
// Empty where the wire format has none.
std::optional<HarmlessGet> HarmlessGetOf(const catalog::v1::Provider& provider);

// The request for it, without a credential, addressed and authorized as the provider's calls are. Fails
// when the wire format cannot build a call for the provider.
absl::StatusOr<HttpRequest> BuildHarmlessGet(const catalog::v1::Provider& provider, const HarmlessGet& get);

// The models that an upstream says it has.
class ModelList {
 public:
  // Fails when the answer is no list of the provider's wire format.
  static absl::StatusOr<ModelList> Read(const catalog::v1::Provider& provider, const json::Value& answer);

  bool Has(absl::string_view upstream_model) const;
  // There are no further pages.
  bool complete() const { return complete_; }
  // The name that looks most like it: at most a third of its letters differ, where only one of the two begins
  // with a maker's name (`maker/model`) without that. Empty when there is none, or none that may be shown:
  // upstreams do not write our texts.
  std::string Nearest(absl::string_view upstream_model) const;

 private:
  std::vector<std::string> names_;
  bool complete_ = true;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_MODEL_LIST_H_
