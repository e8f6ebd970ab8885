#ifndef PRISMATIC_SERVICES_CLI_DOCTOR_CHECKS_H_
#define PRISMATIC_SERVICES_CLI_DOCTOR_CHECKS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "prismatic/billing/v1/billing.pb.h"
#include "prismatic/model_registry/v1/model_registry.pb.h"
#include "prismatic/model_registry/v1/operators.pb.h"
#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/cli/http_post.h"
#include "services/cli/port_probe.h"

namespace prismatic::cli {

// What one question came to.
template <typename Response>
struct Answer {
  // Whom it was for: the service, its flag, the address. An empty address: nobody was asked.
  std::string service;
  std::string flag;
  std::string address;
  absl::Status status;
  Response response;
  // When it was sent and answered, Unix microseconds of this machine.
  int64_t sent_us = 0;
  int64_t answered_us = 0;
  // Where the service gave no answer: what is at the address.
  PortKind port = PortKind::kHttp2;

  bool asked() const { return !address.empty(); }
  bool ok() const { return asked() && status.ok(); }
};

// Everything that `doctor` asks.
struct Answers {
  // An admin token was given.
  bool has_token = false;
  Answer<model_registry::v1::WhoAmIResponse> who;
  Answer<model_registry::v1::GetRegistryStatusResponse> registry;
  Answer<model_registry::v1::ListProvidersResponse> providers;
  // At the registry's callers' port.
  Answer<model_registry::v1::ListModelsResponse> models;
  Answer<billing::v1::GetBillingStatusResponse> billing;
  // At billing's callers' port, with a key that is none: INVALID_API_KEY is the answer.
  Answer<billing::v1::CheckKeyResponse> metering;
  Answer<provider_proxy::v1::GetProviderStatesResponse> states;
  // GET /readyz, and GET /v1/models with the API key where there is one.
  Answer<HttpReply> ready;
  Answer<HttpReply> listing;
};

// Skipped: could not be looked at.
enum class Verdict { kOk, kWarning, kFailed, kSkipped };

struct Finding {
  Verdict verdict;
  // What was looked at: "billing's admin port", "clocks".
  std::string name;
  // What was found, and what to do about it.
  std::string words;
};

// "ok", "warning", "FAILED", "skipped".
std::string VerdictWord(Verdict verdict);

// All findings, in the order in which a person would look. Pure.
std::vector<Finding> Examine(const Answers& answers);

// Whether the processes that told it hold different versions of the catalog: a change may just be on its way.
bool VersionsDiffer(const Answers& answers);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_DOCTOR_CHECKS_H_
