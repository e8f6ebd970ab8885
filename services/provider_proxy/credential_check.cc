#include "services/provider_proxy/credential_check.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace prismatic::provider_proxy {
namespace {

bool Takes(const HttpResult& answer) {
  return answer.end == HttpEnd::kAnswered && answer.response.status >= 200 && answer.response.status < 300;
}

bool Refuses(const catalog::v1::Provider& provider, const HttpResult& answer) {
  if (answer.end != HttpEnd::kAnswered) return false;
  int status = answer.response.status;
  // Gemini calls a wrong key a wrong argument.
  bool wrong_argument = provider.wire_format() == catalog::v1::WIRE_FORMAT_GEMINI && status == 400 &&
                        absl::StrContains(answer.response.body, "API_KEY_INVALID");
  return status == 401 || status == 403 || wrong_argument;
}

std::string CannotTell(const HarmlessGet& get, const HttpResult& answer) {
  std::string how = answer.end == HttpEnd::kAnswered   ? absl::StrCat("HTTP ", answer.response.status)
                    : answer.end == HttpEnd::kTimedOut ? "no answer in time"
                    : answer.end == HttpEnd::kTooLarge ? "more than can be read"
                                                       : "a connection that broke";
  return absl::StrCat("GET ", get.path, " gave ", how,
                      ", which says nothing about the credential; --generate tells.");
}

CredentialVerdict WithoutAny(const catalog::v1::Provider& provider, const HarmlessGet& get,
                             HttpResult answer) {
  CredentialVerdict verdict;
  if (Takes(answer)) {
    verdict.result = v1::CHECK_RESULT_OK;
    verdict.words = "The upstream answers without a credential.";
    verdict.answer = std::move(answer.response);
  } else if (Refuses(provider, answer)) {
    verdict.result = v1::CHECK_RESULT_FAILED;
    verdict.words = absl::StrCat("HTTP ", answer.response.status,
                                 ": the upstream asks for a credential, and the catalog names none for it.");
  } else {
    verdict.words = CannotTell(get, answer);
  }
  return verdict;
}

std::string RefusalWords(const std::vector<std::string>& refused, size_t usable) {
  return absl::StrCat("The upstream refuses ", absl::StrJoin(refused, ", "),
                      ". After a 401 put in the right key; after a 403 look at the key's rights, and at the "
                      "countries and addresses that it may be used from.",
                      usable > 0 ? absl::StrCat(" Not refused: ", usable, ".") : "");
}

}  // namespace

CredentialVerdict JudgeCredentials(const catalog::v1::Provider& provider, const HarmlessGet& get,
                                   const std::vector<FoundCredential>& credentials,
                                   std::vector<HttpResult>& answers) {
  HttpResult& without = answers.back();
  if (credentials.empty()) return WithoutAny(provider, get, std::move(without));
  CredentialVerdict verdict;
  std::vector<std::string> refused;
  const HttpResult* unclear = nullptr;
  for (size_t i = 0; i < credentials.size(); ++i) {
    HttpResult& answer = answers[i];
    if (Refuses(provider, answer)) {
      refused.push_back(absl::StrCat(credentials[i].reference, " (HTTP ", answer.response.status, ")"));
      continue;
    }
    verdict.usable.push_back(credentials[i]);
    if (!Takes(answer)) {
      unclear = &answer;
    } else if (!verdict.answer) {
      verdict.answer = std::move(answer.response);
    }
  }
  if (!refused.empty()) {
    verdict.result = v1::CHECK_RESULT_FAILED;
    verdict.words = RefusalWords(refused, verdict.usable.size());
  } else if (unclear != nullptr) {
    verdict.words = CannotTell(get, *unclear);
  } else if (Takes(without)) {
    verdict.words =
        absl::StrCat("GET ", get.path,
                     " is answered without a credential too, so it says nothing about one; --generate "
                     "tells.");
  } else {
    verdict.result = v1::CHECK_RESULT_OK;
    verdict.words = credentials.size() == 1
                        ? "The upstream takes the credential."
                        : absl::StrCat("The upstream takes all ", credentials.size(), " credentials.");
  }
  return verdict;
}

}  // namespace prismatic::provider_proxy
