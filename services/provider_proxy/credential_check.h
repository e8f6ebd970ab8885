#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_CREDENTIAL_CHECK_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_CREDENTIAL_CHECK_H_

#include <optional>
#include <string>
#include <vector>

#include "prismatic/catalog/v1/catalog.pb.h"
#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/provider_proxy/model_list.h"
#include "services/provider_proxy/upstream/http_client.h"

namespace prismatic::provider_proxy {

struct FoundCredential {
  std::string reference;
  std::string secret;
};

struct CredentialVerdict {
  v1::CheckResult result = v1::CHECK_RESULT_SKIPPED;
  std::string words;
  // Those that were not refused; none when nobody answered.
  std::vector<FoundCredential> usable;
  // A good one, when there was one.
  std::optional<HttpResponse> answer;
};

// Empty as soon as one of them is an answer in HTTP; else what is wrong there.
std::string NoAnswerWords(const std::vector<HttpResult>& answers);

// What the answers to a harmless GET say of the credentials: one answer for each of them, in their order,
// and a last one to the same GET without any.
CredentialVerdict JudgeCredentials(const catalog::v1::Provider& provider, const HarmlessGet& get,
                                   const std::vector<FoundCredential>& credentials,
                                   std::vector<HttpResult>& answers);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_CREDENTIAL_CHECK_H_
