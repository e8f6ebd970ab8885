#include "services/provider_proxy/provider_check.h"

#include <arpa/inet.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "services/common/json/json.h"
#include "services/common/log/log.h"
#include "services/common/status/status.h"
#include "services/provider_proxy/adapters/provider_errors.h"
#include "services/provider_proxy/check_words.h"
#include "services/provider_proxy/credential_check.h"

namespace prismatic::provider_proxy {
namespace {

using catalog::v1::Provider;
using catalog::v1::Route;

// The lists of models that exist have a few hundred kilobytes.
constexpr int64_t kListBytesMax = int64_t{4} << 20;
constexpr char kAuthentication[] = "authentication";
constexpr char kModel[] = "model";

// The first of a lookup's answer and its time limit. Lives on the loop; the lookup cannot be taken back.
struct LookupWait {
  void End(Fetcher::Addresses addresses) {
    if (!done) return;
    auto ended = std::exchange(done, nullptr);
    timer.reset();
    ended(std::move(addresses));
  }
  std::function<void(Fetcher::Addresses)> done;
  std::unique_ptr<loop::Loop::Timer> timer;
};

std::string WithoutBrackets(absl::string_view host) {
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  return std::string(host);
}

bool IsAddress(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET, host.c_str(), &address) == 1 || inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

// With a deployment's name in the path, a list of models is not a list of what may stand there.
bool NamesDeployments(const Provider& provider) {
  return provider.wire_format() != catalog::v1::WIRE_FORMAT_GEMINI &&
         absl::StrContains(provider.endpoint().path(), "{model}");
}

}  // namespace

ProviderCheck::ProviderCheck(Parts parts)
    : parts_(std::move(parts)),
      fetcher_(parts_.loop, parts_.client, parts_.resolver),
      sample_image_({parts_.workers, parts_.exchange, fetcher_, parts_.bytes_in_flight}) {}

// One run: what it is about, and what was found so far.
struct ProviderCheck::Visit {
  CallContext call;
  v1::TestProviderRequest request;
  std::shared_ptr<const catalog_watch::Snapshot> snapshot;
  // Point into the snapshot.
  const Provider* provider = nullptr;
  std::vector<const Route*> routes;
  FetchTarget target;
  std::string egress_proxy;
  // Those that were found; after CheckAuthentication those that were not refused.
  std::vector<FoundCredential> credentials;
  // The answer to the harmless GET, and whether that lists models.
  std::optional<HttpResponse> answer;
  bool lists_models = false;
  v1::TestProviderResponse response;

  void Add(absl::string_view name, v1::CheckResult result, absl::string_view words,
           absl::Duration took = absl::ZeroDuration()) {
    v1::ProviderCheck& check = *response.add_checks();
    check.set_name(std::string(name));
    check.set_result(result);
    check.set_words(std::string(words));
    check.set_duration_ms(absl::ToInt64Milliseconds(took));
  }
  bool lacks_credential() const { return credentials.empty() && !provider->credentials().empty(); }
  bool cancelled() const { return call.cancellation.cancelled(); }
};

Task<absl::StatusOr<v1::TestProviderResponse>> ProviderCheck::Run(CallContext call,
                                                                  v1::TestProviderRequest request) {
  ResumeOn workers(&parts_.workers);
  co_await workers;
  Visit visit{.call = std::move(call), .request = std::move(request), .snapshot = parts_.catalog.Current()};
  absl::Status begun = Begin(visit);
  if (!begun.ok()) co_return begun;
  CheckSwitch(visit);
  CheckCredentials(visit);
  auto name = CheckName(&visit);
  bool on = co_await name;
  if (on) {
    auto connection = CheckConnection(&visit);
    on = co_await connection;
  }
  if (on) {
    auto authentication = CheckAuthentication(&visit);
    on = co_await authentication;
  }
  if (on) {
    CheckModels(visit);
    auto image = CheckImage(&visit);
    co_await image;
  }
  if (visit.cancelled()) co_return error::CallerGone();

  std::vector<std::string> failed;
  for (const v1::ProviderCheck& check : visit.response.checks()) {
    if (check.result() == v1::CHECK_RESULT_FAILED) failed.push_back(check.name());
  }
  visit.response.set_ok(failed.empty());
  log::Info("provider tested", {{"request_id", visit.call.request_id},
                                visit.call.trace,
                                {"provider", visit.provider->name()},
                                {"failed", absl::StrJoin(failed, ",")}});
  co_return std::move(visit.response);
}

absl::Status ProviderCheck::Begin(Visit& visit) const {
  if (visit.snapshot->version() == 0) return error::CatalogBehind(0, 1);
  const std::string& name = visit.request.provider();
  visit.provider = visit.snapshot->FindProvider(name);
  if (visit.provider == nullptr) {
    return InvalidValue("provider", absl::StrCat("The catalog has no provider \"", name, "\"."));
  }
  absl::StatusOr<FetchTarget> target = ParseFetchUrl(visit.provider->base_url());
  if (!target.ok()) return InvalidValue("provider", absl::StrCat("base_url: ", target.status().message()));
  visit.target = *std::move(target);
  visit.egress_proxy = parts_.exchange.EgressOf(*visit.provider);
  return ChooseRoutes(visit);
}

absl::Status ProviderCheck::ChooseRoutes(Visit& visit) const {
  const std::string& wanted = visit.request.model();
  const catalog::v1::Model* only = visit.snapshot->FindModel(wanted);
  if (only == nullptr) only = visit.snapshot->FindByPublicId(wanted);
  if (!wanted.empty() && only == nullptr) {
    return InvalidValue("model", absl::StrCat("The catalog has no model \"", wanted, "\"."));
  }
  for (const catalog::v1::Model& model : visit.snapshot->catalog().models()) {
    if (!wanted.empty() && &model != only) continue;
    for (const Route& route : model.routes()) {
      if (route.provider() == visit.provider->name()) visit.routes.push_back(&route);
    }
  }
  if (!wanted.empty() && visit.routes.empty()) {
    return InvalidValue(
        "model", absl::StrCat("The model \"", wanted, "\" has no route to ", visit.provider->name(), "."));
  }
  return absl::OkStatus();
}

void ProviderCheck::CheckSwitch(Visit& visit) {
  const Provider& provider = *visit.provider;
  if (provider.images_enabled()) return visit.Add("switch", v1::CHECK_RESULT_OK, "Images is switched on.");
  std::string by = provider.has_images_override() ? absl::StrCat(" by ", provider.images_override().actor())
                                                  : " in the catalog file";
  visit.Add("switch", v1::CHECK_RESULT_SKIPPED,
            absl::StrCat("Images is switched off", by,
                         ", so no request is sent to this provider. `prismatic "
                         "provider images ",
                         provider.name(),
                         " on` switches it on; what follows is looked at all "
                         "the same."));
}

void ProviderCheck::CheckCredentials(Visit& visit) const {
  const auto& references = visit.provider->credentials();
  if (references.empty()) {
    return visit.Add("credential", v1::CHECK_RESULT_OK, "The catalog names none: calls go out without one.");
  }
  std::vector<std::string> found;
  std::vector<std::string> missing;
  for (const std::string& reference : references) {
    absl::StatusOr<std::string> secret = parts_.credentials.Find(reference);
    if (secret.ok()) {
      found.push_back(reference);
      visit.credentials.push_back({.reference = reference, .secret = *std::move(secret)});
    } else {
      missing.push_back(std::string(secret.status().message()));
    }
  }
  std::string words = found.empty() ? "" : absl::StrCat("Found: ", absl::StrJoin(found, ", "), ". ");
  if (missing.empty()) {
    absl::StripTrailingAsciiWhitespace(&words);
    return visit.Add("credential", v1::CHECK_RESULT_OK, words);
  }
  absl::StrAppend(
      &words, "Not found: ", absl::StrJoin(missing, "; "),
      ". `env:` names a variable of provider-proxy's own environment as it was at its start, `file:` "
      "a file below its --credentials-dir.");
  visit.Add("credential", v1::CHECK_RESULT_FAILED, words);
}

Task<Fetcher::Addresses> ProviderCheck::Resolve(std::string host, int port) {
  Callback<Fetcher::Addresses> resolved([&](Callback<Fetcher::Addresses>::Done done) {
    parts_.loop.Post([this, host, port, done = std::move(done)]() mutable {
      auto wait = std::make_shared<LookupWait>();
      wait->done = std::move(done);
      wait->timer = parts_.loop.After(parts_.step_max, [weak = std::weak_ptr<LookupWait>(wait), host] {
        if (auto here = weak.lock()) {
          here->End(absl::DeadlineExceededError(absl::StrCat("nobody says where ", host, " is")));
        }
      });
      auto answer = [wait](Fetcher::Addresses addresses) { wait->End(std::move(addresses)); };
      if (parts_.resolver) return parts_.resolver(host, port, answer);
      parts_.loop.Resolve(host, port, answer);
    });
  });
  Fetcher::Addresses addresses = co_await resolved;
  ResumeOn workers(&parts_.workers);
  co_await workers;
  co_return addresses;
}

Task<bool> ProviderCheck::CheckName(Visit* visit) {
  std::string host = WithoutBrackets(visit->target.host);
  if (!visit->egress_proxy.empty()) {
    visit->Add("name", v1::CHECK_RESULT_SKIPPED,
               absl::StrCat("An egress proxy is in use; it looks ", host, " up, not this host."));
    co_return true;
  }
  if (IsAddress(host)) {
    visit->Add("name", v1::CHECK_RESULT_OK,
               absl::StrCat(host, " is an address, there is nothing to look up."));
    co_return true;
  }
  absl::Time started = absl::Now();
  auto resolving = Resolve(host, visit->target.port);
  Fetcher::Addresses addresses = co_await resolving;
  absl::Duration took = absl::Now() - started;
  if (addresses.ok()) {
    visit->Add("name", v1::CHECK_RESULT_OK, absl::StrCat(host, " is ", AddressesText(*addresses), "."), took);
    co_return true;
  }
  bool no_answer = absl::IsDeadlineExceeded(addresses.status());
  visit->Add("name", v1::CHECK_RESULT_FAILED,
             absl::StrCat("The name ", host,
                          no_answer ? " was not looked up in time: this host's DNS does not "
                                      "answer."
                                    : " is not found: look at base_url, and at the DNS of this "
                                      "host (in a cluster, that of the pod)."),
             took);
  co_return false;
}

Task<bool> ProviderCheck::CheckConnection(Visit* visit) {
  absl::Time started = absl::Now();
  HttpRequest nothing{.method = "GET", .url = visit->provider->base_url()};
  SendOptions options{.deadline = std::min(visit->call.deadline, started + parts_.step_max),
                      .cancellation = visit->call.cancellation,
                      .egress_proxy = visit->egress_proxy,
                      .connect_only = true};
  auto connecting = parts_.client.Send(std::move(nothing), std::move(options));
  HttpResult result = co_await connecting;
  const ConnectReport& report = result.connect;
  ResumeOn workers(&parts_.workers);
  co_await workers;

  absl::Duration took = absl::Now() - started;
  bool stands = result.end == HttpEnd::kAnswered;
  if (!stands && !IsTlsFault(report.fault)) {
    visit->Add("connection", v1::CHECK_RESULT_FAILED, FaultWords(report, visit->target), took);
    co_return false;
  }
  // One attempt makes both; its time stands with the last.
  bool https = visit->target.https;
  visit->Add("connection", v1::CHECK_RESULT_OK,
             visit->egress_proxy.empty()
                 ? absl::StrCat(HostAndPort(visit->target), " takes connections (", report.address, ").")
                 : absl::StrCat("The egress proxy (", report.address, ") takes connections",
                                https ? " and lets them through." : "."),
             https ? absl::ZeroDuration() : took);
  if (!https) {
    visit->Add("tls", v1::CHECK_RESULT_SKIPPED,
               "base_url is plain http: credentials and prompts can be read on the way.");
  } else if (stands) {
    visit->Add("tls", v1::CHECK_RESULT_OK,
               absl::StrCat("The certificate is valid for ", visit->target.host, "."), took);
  } else {
    visit->Add("tls", v1::CHECK_RESULT_FAILED, FaultWords(report, visit->target), took);
  }
  co_return stands;
}

Task<HttpResult> ProviderCheck::SendGet(Visit* visit, HttpRequest request, std::string secret) {
  if (!secret.empty()) {
    request.headers.emplace_back(request.auth_header, AuthValue(request.auth_scheme, secret));
  }
  SendOptions options{.deadline = std::min(visit->call.deadline, absl::Now() + parts_.step_max),
                      .cancellation = visit->call.cancellation,
                      .response_bytes_max = kListBytesMax,
                      .egress_proxy = visit->egress_proxy};
  return parts_.client.Send(std::move(request), std::move(options));
}

Task<std::vector<HttpResult>> ProviderCheck::Ask(Visit* visit, HttpRequest request) {
  std::vector<Task<HttpResult>> calls;
  for (const FoundCredential& each : visit->credentials)
    calls.push_back(SendGet(visit, request, each.secret));
  // Who answers strangers as well says nothing about a credential.
  calls.push_back(SendGet(visit, request, ""));
  auto all = WhenAll(std::move(calls));
  std::vector<HttpResult> results = co_await all;
  ResumeOn workers(&parts_.workers);
  co_await workers;
  co_return results;
}

Task<bool> ProviderCheck::CheckHttp(Visit* visit) {
  absl::Time started = absl::Now();
  auto getting = SendGet(visit, {.method = "GET", .url = visit->provider->base_url()}, "");
  HttpResult answer = co_await getting;
  ResumeOn workers(&parts_.workers);
  co_await workers;
  std::vector<HttpResult> answers;
  answers.push_back(std::move(answer));
  std::string no_answer = NoAnswerWords(answers);
  visit->Add(kAuthentication, no_answer.empty() ? v1::CHECK_RESULT_SKIPPED : v1::CHECK_RESULT_FAILED,
             no_answer.empty() ? "The upstream answers. This wire format has nothing that can be asked for "
                                 "without a bill; --generate tells."
                               : no_answer,
             absl::Now() - started);
  co_return no_answer.empty();
}

Task<bool> ProviderCheck::CheckAuthentication(Visit* visit) {
  if (visit->lacks_credential()) {
    visit->Add(kAuthentication, v1::CHECK_RESULT_SKIPPED, "There is no credential to ask with.");
    co_return true;
  }
  std::optional<HarmlessGet> get = HarmlessGetOf(*visit->provider);
  if (!get) {
    auto asking = CheckHttp(visit);
    bool answers = co_await asking;
    co_return answers;
  }
  absl::StatusOr<HttpRequest> request = BuildHarmlessGet(*visit->provider, *get);
  if (!request.ok()) {
    visit->Add(kAuthentication, v1::CHECK_RESULT_SKIPPED,
               absl::StrCat("No call can be built for this provider: ", request.status().message()));
    co_return true;
  }
  absl::Time started = absl::Now();
  auto asking = Ask(visit, *std::move(request));
  std::vector<HttpResult> answers = co_await asking;
  CredentialVerdict verdict = JudgeCredentials(*visit->provider, *get, visit->credentials, answers);
  visit->Add(kAuthentication, verdict.result, verdict.words, absl::Now() - started);
  visit->credentials = std::move(verdict.usable);
  visit->answer = std::move(verdict.answer);
  visit->lists_models = get->lists_models;
  co_return verdict.result != v1::CHECK_RESULT_FAILED || !visit->credentials.empty();
}

void ProviderCheck::CheckModels(Visit& visit) {
  auto skip = [&](absl::string_view words) { visit.Add(kModel, v1::CHECK_RESULT_SKIPPED, words); };
  absl::StatusOr<json::Document> document = absl::NotFoundError("no answer");
  if (visit.answer) document = json::Document::Parse(std::move(visit.answer->body));
  // First of all: it is wrong whatever the routes are.
  if (visit.answer && !document.ok()) {
    return visit.Add(kModel, v1::CHECK_RESULT_FAILED,
                     absl::StrCat("HTTP ", visit.answer->status,
                                  " came with something that is no JSON: this is a web page, or a server of "
                                  "another kind. Look at base_url, and for a login or a proxy in between."));
  }
  if (visit.routes.empty()) return skip("No route of the catalog leads to this provider.");
  if (!visit.answer || !visit.lists_models)
    return skip("The upstream gave no list of its models to compare with; --generate tells.");
  if (NamesDeployments(*visit.provider)) {
    return skip("The routes name deployments, which the list of models does not have; --generate tells.");
  }
  absl::StatusOr<ModelList> models = ModelList::Read(*visit.provider, document->root());
  if (!models.ok()) {
    return skip(absl::StrCat("The answer is no list of models as wire_format has it, ",
                             models.status().message(),
                             ". If images fail too, look at base_url, wire_format and endpoint.path; "
                             "--generate tells."));
  }
  CompareModels(visit, *models);
}

void ProviderCheck::CompareModels(Visit& visit, const ModelList& models) {
  std::set<std::string> names;
  for (const Route* route : visit.routes) {
    const std::string& name = route->upstream_model();
    if (!names.insert(name).second) continue;
    if (models.Has(name)) {
      visit.Add(kModel, v1::CHECK_RESULT_OK, absl::StrCat("The upstream lists ", name, "."));
    } else if (!models.complete()) {
      visit.Add(kModel, v1::CHECK_RESULT_SKIPPED,
                absl::StrCat(name, " is not in the part of the upstream's list that one answer holds."));
    } else {
      std::string nearest = models.Nearest(name);
      visit.Add(
          kModel, v1::CHECK_RESULT_FAILED,
          absl::StrCat("The upstream does not list ", name,
                       nearest.empty() ? "" : absl::StrCat("; the nearest name is ", nearest),
                       ". Look at the route's upstream_model; --generate tells whether the list is whole."));
    }
  }
}

Task<bool> ProviderCheck::CheckImage(Visit* visit) {
  constexpr char kName[] = "image";
  if (!visit->request.generate() || visit->routes.empty() || visit->lacks_credential()) {
    visit->Add(kName, v1::CHECK_RESULT_SKIPPED,
               !visit->request.generate()
                   ? "Not asked for; --generate makes one image, which the provider may bill."
               : visit->routes.empty() ? "No route of the catalog leads to this provider."
                                       : "There is no credential to ask with.");
    co_return false;
  }
  const Route* route = visit->routes[0];
  Candidate candidate{
      .route = route, .provider = visit->provider, .adapter = AdapterFor(visit->provider->wire_format())};
  absl::Time started = absl::Now();
  CallContext call = visit->call;
  call.deadline = std::min(call.deadline, started + parts_.image_max);
  std::string secret = visit->credentials.empty() ? "" : visit->credentials[0].secret;
  auto making = sample_image_.Make(std::move(call), candidate, std::move(secret));
  SampleImage::Made made = co_await making;
  visit->Add(kName, made.ok ? v1::CHECK_RESULT_OK : v1::CHECK_RESULT_FAILED,
             absl::StrCat(route->upstream_model(), ": ", made.words), absl::Now() - started);
  co_return made.ok;
}

}  // namespace prismatic::provider_proxy
