#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_MODEL_LISTS_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_MODEL_LISTS_H_

#include <string>

// What vendors answer without making anything, as JSON. The sandbox draws for any model; the lists have
// those of deploy/catalog/sandbox.yaml.

namespace prismatic::sandbox {

std::string OpenAiModels();
std::string GeminiModels();
std::string SdModels();
std::string BlackForestLabsCredits();
std::string ReplicateAccount();

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_MODEL_LISTS_H_
