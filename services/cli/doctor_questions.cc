#include "services/cli/doctor_questions.h"

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "services/cli/errors.h"
#include "services/cli/progress.h"
#include "services/common/status/status.h"

namespace prismatic::cli {
namespace {

// To see what is at an address that gave no answer.
constexpr absl::Duration kProbeTimeout = absl::Seconds(3);
// A change of the catalog is everywhere within a second.
constexpr absl::Duration kPropagation = absl::Seconds(1);

int64_t NowUs() { return absl::ToUnixMicros(absl::Now()); }

// `ask` is not called without an address.
template <typename Response, typename Ask>
void Fill(Answer<Response>& answer, Ask ask) {
  if (!answer.asked()) return;
  answer.sent_us = NowUs();
  absl::StatusOr<Response> response = ask();
  answer.answered_us = NowUs();
  answer.status = response.status();
  if (response.ok()) answer.response = *std::move(response);
}

template <typename Response>
void Probe(Answer<Response>& answer) {
  if (answer.asked() && ExitCodeOf(answer.status) == kUnreachable) {
    answer.port = ProbePort(answer.address, kProbeTimeout);
  }
}

// Three times over a connection that is there: of the first question opening it is the longest part, and
// clocks are compared within half of what an answer takes.
template <typename Response, typename Ask>
void FillTimed(Answer<Response>& answer, Ask ask) {
  Fill(answer, ask);
  for (int i = 0; i < 2 && answer.ok(); ++i) {
    Answer<Response> again = answer;
    Fill(again, ask);
    if (again.ok() && again.answered_us - again.sent_us < answer.answered_us - answer.sent_us) {
      answer = std::move(again);
    }
  }
}

void AskRegistry(const Invocation& call, Answers& answers) {
  const Settings& settings = call.settings;
  Connections& connections = call.connections;
  answers.registry.service = "model-registry's admin port";
  answers.registry.flag = "registry-admin-addr";
  answers.registry.address = settings.registry_admin_addr;
  FillTimed(answers.registry, [&] { return connections.GetRegistryStatus({}); });
  Probe(answers.registry);
  if (answers.registry.ok()) {
    answers.who.address = answers.providers.address = settings.registry_admin_addr;
    Fill(answers.who, [&] { return connections.WhoAmI({}); });
    Fill(answers.providers, [&] { return connections.ListProviders({}); });
  }
  answers.models.service = "model-registry";
  answers.models.flag = "registry-addr";
  answers.models.address = settings.registry_addr;
  Fill(answers.models, [&] { return connections.ListModels({}); });
  Probe(answers.models);
}

void AskBilling(const Invocation& call, Answers& answers) {
  const Settings& settings = call.settings;
  answers.billing.service = "billing's admin port";
  answers.billing.flag = "billing-admin-addr";
  answers.billing.address = settings.billing_admin_addr;
  FillTimed(answers.billing, [&] { return call.connections.GetBillingStatus({}); });
  Probe(answers.billing);
  answers.metering.service = "billing";
  answers.metering.flag = "billing-addr";
  answers.metering.address = settings.billing_addr;
  Fill(answers.metering, [&]() -> absl::StatusOr<billing::v1::CheckKeyResponse> {
    // What is no key is refused without a look at Redis, with a reason: whoever does so is billing.
    absl::StatusOr<billing::v1::CheckKeyResponse> refused = call.connections.CheckKey({});
    bool answered = DetailOf(refused.status()).has_value() && !absl::IsUnavailable(refused.status());
    if (answered) return billing::v1::CheckKeyResponse();
    return refused;
  });
  Probe(answers.metering);
}

void AskProviderProxy(const Invocation& call, Answers& answers) {
  answers.states.service = "provider-proxy";
  answers.states.flag = "provider-addr";
  answers.states.address = call.settings.provider_addr;
  FillTimed(answers.states, [&] { return call.connections.GetProviderStates({}); });
  Probe(answers.states);
}

void AskGateway(const Invocation& call, Answers& answers) {
  const Settings& settings = call.settings;
  std::string base(absl::StripSuffix(settings.base_url, "/"));
  answers.ready.service = "gateway";
  answers.ready.flag = "base-url";
  if (!base.empty()) answers.ready.address = absl::StrCat(absl::StripSuffix(base, "/v1"), "/readyz");
  Fill(answers.ready, [&] { return HttpGet({answers.ready.address, "", settings.timeout}); });
  if (settings.api_key.empty() || base.empty() || !answers.ready.status.ok()) return;
  answers.listing.address = base + "/models";
  Fill(answers.listing, [&] {
    return HttpGet({answers.listing.address, settings.api_key, settings.timeout});
  });
}

}  // namespace

Answers AskEverybody(const Invocation& call) {
  Answers answers;
  answers.has_token = !call.settings.admin_token.empty();
  Progress progress(call, "looking");
  progress.Update("model-registry");
  AskRegistry(call, answers);
  progress.Update("billing");
  AskBilling(call, answers);
  progress.Update("provider-proxy");
  AskProviderProxy(call, answers);
  progress.Update("the gateway");
  AskGateway(call, answers);
  if (VersionsDiffer(answers)) {
    progress.Update("whether the catalog arrives everywhere");
    absl::SleepFor(kPropagation);
    AskRegistry(call, answers);
    AskBilling(call, answers);
    AskProviderProxy(call, answers);
  }
  return answers;
}

}  // namespace prismatic::cli
