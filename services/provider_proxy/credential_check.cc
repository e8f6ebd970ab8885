#include "services/provider_proxy/credential_check.h"

#include <algorithm>
#include <utility>

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

// Something came back that is HTTP.
bool Answers(const HttpResult& answer) {
  return answer.end == HttpEnd::kAnswered || answer.end == HttpEnd::kTooLarge;
}

// Among them 404, 405, redirects, and the 400 of a server that waits for TLS.
bool MayBeElsewhere(const HttpResult& answer) {
  int status = answer.response.status;
  return answer.end == HttpEnd::kAnswered && status >= 300 && status < 500 && status != 429;
}

std::string CannotTell(const HarmlessGet& get, const HttpResult& answer) {
  std::string how = answer.end == HttpEnd::kAnswered   ? absl::StrCat("HTTP ", answer.response.status)
                    : answer.end == HttpEnd::kTimedOut ? "no answer in time"
                    : answer.end == HttpEnd::kTooLarge ? "more than can be read"
                                                       : "a connection that broke";
  return absl::StrCat("GET ", get.path, " gave ", how, ", which says nothing about the credential",
                      MayBeElsewhere(answer)
                          ? ". Not every upstream has it; if images fail too, look at base_url, wire_format "
                            "and endpoint.path"
                          : "",
                      "; --generate tells.");
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

struct Refused {
  std::string reference;
  int status = 0;
};

std::string RefusalWords(const std::vector<Refused>& refused, size_t usable) {
  std::vector<std::string> names;
  bool wrong = false;
  bool forbidden = false;
  for (const Refused& each : refused) {
    names.push_back(absl::StrCat(each.reference, " (HTTP ", each.status, ")"));
    (each.status == 403 ? forbidden : wrong) = true;
  }
  std::vector<absl::string_view> causes;
  if (wrong) causes.push_back("the key is wrong");
  if (forbidden) {
    causes.push_back(
        "a key answered with 403 lacks a right, or may not be used from this country or address");
  }
  return absl::StrCat("The upstream refuses ", absl::StrJoin(names, ", "), ": ", absl::StrJoin(causes, "; "),
                      "; or it stands in the wrong header: look at wire_format and endpoint.auth_header.",
                      usable > 0 ? absl::StrCat(" Not refused: ", usable, ".") : "");
}

}  // namespace

std::string NoAnswerWords(const std::vector<HttpResult>& answers) {
  if (answers.empty() || std::any_of(answers.begin(), answers.end(), Answers)) return "";
  switch (answers[0].end) {
    case HttpEnd::kTimedOut:
      return "It takes connections and does not answer in time: look at scheme, host and port of base_url, "
             "at "
             "what listens there, and for a firewall or a proxy in between.";
    case HttpEnd::kNotStarted:
      return "No further connection could be made, although one could a moment ago: the upstream or the way "
             "there is unsteady.";
    default:
      return "It takes connections and does not speak HTTP, or breaks off before it has answered: look at "
             "scheme, host and port of base_url, and for a proxy or a load balancer in between.";
  }
}

CredentialVerdict JudgeCredentials(const catalog::v1::Provider& provider, const HarmlessGet& get,
                                   const std::vector<FoundCredential>& credentials,
                                   std::vector<HttpResult>& answers) {
  if (std::string words = NoAnswerWords(answers); !words.empty()) {
    return {.result = v1::CHECK_RESULT_FAILED, .words = std::move(words)};
  }
  HttpResult& without = answers.back();
  if (credentials.empty()) return WithoutAny(provider, get, std::move(without));
  CredentialVerdict verdict;
  std::vector<Refused> refused;
  const HttpResult* unclear = nullptr;
  for (size_t i = 0; i < credentials.size(); ++i) {
    HttpResult& answer = answers[i];
    if (Refuses(provider, answer)) {
      refused.push_back({.reference = credentials[i].reference, .status = answer.response.status});
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
