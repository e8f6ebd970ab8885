#include "services/cli/doctor_catalog.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace prismatic::cli {
namespace {

using Names = std::vector<std::string>;
using provider_proxy::v1::ProviderState;

// "12 models: a, b, ... and 2 more".
std::string Some(const Names& names, absl::string_view one, absl::string_view many) {
  constexpr size_t kNamed = 10;
  Names some(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kNamed)));
  return absl::StrCat(names.size(), " ", names.size() == 1 ? one : many, " (", absl::StrJoin(some, ", "),
                      names.size() > kNamed ? absl::StrCat(" and ", names.size() - kNamed, " more") : "",
                      ")");
}

enum class Images { kOn, kOff, kNotKnown };

// Model-registry is asked for it, which may not have told.
Images ImagesOf(const Answers& answers, const std::string& provider) {
  if (!answers.providers.ok()) return Images::kNotKnown;
  for (const catalog::v1::Provider& each : answers.providers.response.providers()) {
    if (each.name() == provider) return each.images_enabled() ? Images::kOn : Images::kOff;
  }
  return Images::kNotKnown;
}

void CheckCredentials(const ProviderState& state, Images images, std::vector<Finding>& findings) {
  if (state.missing_credentials().empty()) return;
  bool none = state.health() == provider_proxy::v1::PROVIDER_HEALTH_NO_CREDENTIAL;
  bool fails = none && images == Images::kOn;
  findings.push_back(
      {fails ? Verdict::kFailed : Verdict::kWarning, absl::StrCat("provider ", state.name()),
       absl::StrCat("provider-proxy cannot find ", absl::StrJoin(state.missing_credentials(), ", "),
                    none ? ", and has no other credential for it" : ", and goes on with the others",
                    ": set the variable, or put the file below its --credentials-dir")});
}

void CheckHealth(const ProviderState& state, std::vector<Finding>& findings) {
  std::string name = absl::StrCat("provider ", state.name());
  bool left_out = state.health() == provider_proxy::v1::PROVIDER_HEALTH_LEFT_OUT;
  if (left_out || state.health() == provider_proxy::v1::PROVIDER_HEALTH_RESTING) {
    findings.push_back(
        {Verdict::kWarning, name,
         absl::StrCat("is ",
                      left_out ? "left out, for it failed too often" : "resting, for it asked us to wait",
                      ": `prismatic provider test ", state.name(), "` says what is wrong")});
  }
  if (!state.models_left_out().empty()) {
    Names models(state.models_left_out().begin(), state.models_left_out().end());
    findings.push_back({Verdict::kWarning, name,
                        absl::StrCat("does not take part for ", Some(models, "model", "models"),
                                     ", which failed too often there")});
  }
}

}  // namespace

void CheckImport(const Answers& answers, std::vector<Finding>& findings) {
  if (!answers.registry.ok()) return;
  int64_t lost = answers.registry.response.import_replaced_version();
  if (lost == 0) {
    findings.push_back({Verdict::kOk, "import", "no start of model-registry replaced what had been changed"});
    return;
  }
  findings.push_back(
      {Verdict::kWarning, "import",
       absl::StrCat(
           "the file of model-registry's --catalog replaced what had been changed here: `prismatic catalog "
           "compare ",
           lost, " current` shows what was lost, `prismatic catalog rollback ", lost, "` brings it back")});
}

void CheckModels(const Answers& answers, std::vector<Finding>& findings) {
  if (!answers.registry.ok()) return;
  const model_registry::v1::GetRegistryStatusResponse& registry = answers.registry.response;
  Names idle(registry.models_without_route().begin(), registry.models_without_route().end());
  std::set<std::string> is_idle(idle.begin(), idle.end());
  // Without a route as well, the route is what comes first: one line for a model, not two.
  Names unpriced;
  size_t both = 0;
  for (const std::string& model : registry.models_without_price()) {
    if (is_idle.count(model) > 0) {
      ++both;
    } else {
      unpriced.push_back(model);
    }
  }
  if (unpriced.empty() && idle.empty()) {
    findings.push_back({Verdict::kOk, "models", "each has a price and a route"});
  }
  if (!unpriced.empty()) {
    findings.push_back({Verdict::kWarning, "models",
                        absl::StrCat("no wallet can pay for ", Some(unpriced, "model", "models"),
                                     ", for want of a price: `prismatic model price NAME --usd D`")});
  }
  if (!idle.empty()) {
    findings.push_back({Verdict::kWarning, "models",
                        absl::StrCat("nobody makes images of ", Some(idle, "model", "models"),
                                     ": give a route, or switch Images of its provider on",
                                     both > 0 ? absl::StrCat("; ", both, " of them ",
                                                             both == 1 ? "has" : "have", " no price either")
                                              : "")});
  }
}

void CheckProviders(const Answers& answers, std::vector<Finding>& findings) {
  if (!answers.states.ok()) return;
  size_t before = findings.size();
  Names waiting;
  for (const ProviderState& state : answers.states.response.providers()) {
    Images images = ImagesOf(answers, state.name());
    // Nothing is sent there, so nothing is wrong yet: one line for all of them, and not one for each entry of
    // a stock catalog.
    if (images == Images::kOff) {
      if (!state.missing_credentials().empty()) waiting.push_back(state.name());
      continue;
    }
    CheckCredentials(state, images, findings);
    CheckHealth(state, findings);
  }
  if (!waiting.empty()) {
    findings.push_back(
        {Verdict::kWarning, "providers",
         absl::StrCat(Some(waiting, "provider", "providers"), waiting.size() == 1 ? " lacks" : " lack",
                      " credentials; that is fine as long as their Images are off")});
  }
  if (findings.size() == before) {
    findings.push_back({Verdict::kOk, "providers", "none is left out, and every credential is there"});
  }
}

}  // namespace prismatic::cli
