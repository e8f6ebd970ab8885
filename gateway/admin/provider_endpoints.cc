#include <map>
#include <optional>
#include <string>
#include <utility>

#include "gateway/admin/answers.h"
#include "gateway/admin/body_reader.h"
#include "gateway/admin/catalog_edits.h"
#include "gateway/admin/endpoint.h"
#include "gateway/admin/query_reader.h"
#include "services/admin_json/provider_json.h"
#include "services/admin_json/registry_json.h"
#include "services/common/status/status.h"

// Providers: what the catalog says of them, how they are, and the Images switch.

namespace prismatic::gateway::admin {
namespace {

namespace pb = model_registry::v1;
namespace proxy = provider_proxy::v1;

// One image may take as long as a generation; without one, a handful of requests that each end within
// seconds.
constexpr absl::Duration kGenerateTestTime = absl::Seconds(300);
constexpr absl::Duration kTestTime = absl::Seconds(60);

using States = std::map<std::string, proxy::ProviderState, std::less<>>;

// Empty when provider-proxy does not answer.
Task<States> AskForStates(AdminParts parts, CallPtr call) {
  States by_name;
  auto asking = parts.clients->AskProvider(call, &ProviderMethods::GetProviderStates, {});
  absl::StatusOr<proxy::GetProviderStatesResponse> states = co_await asking;
  if (states.ok()) {
    for (proxy::ProviderState& state : *states->mutable_providers()) {
      std::string name = state.name();
      by_name.emplace(std::move(name), std::move(state));
    }
  }
  co_return by_name;
}

void WriteProvider(json::Writer& writer, const catalog::v1::Provider& provider, absl::string_view yaml,
                   const States& states) {
  writer.BeginObject();
  admin_json::WriteProviderMembers(writer, provider);
  writer.Key("yaml").String(yaml);
  writer.Key("state");
  auto state = states.find(provider.name());
  if (state == states.end()) {
    writer.Null();
  } else {
    admin_json::WriteProviderState(writer, state->second);
  }
  writer.EndObject();
}

Task<Answer> ListProviders(AdminParts parts, CallPtr call) {
  absl::Status read = QueryReader(*call->request).Done();
  if (!read.ok()) co_return read;
  auto asking = parts.clients->AskRegistry(call, &RegistryMethods::ListProviders, {});
  absl::StatusOr<pb::ListProvidersResponse> listed = co_await asking;
  if (!listed.ok()) co_return listed.status();
  auto looking = AskForStates(parts, call);
  States states = co_await looking;
  json::Writer writer;
  writer.BeginObject().Key("providers").BeginArray();
  for (int i = 0; i < listed->providers_size(); ++i) {
    WriteProvider(writer, listed->providers(i), i < listed->yamls_size() ? listed->yamls(i) : "", states);
  }
  writer.EndArray().Key("catalog_version").Int(listed->catalog_version());
  writer.Key("content_version").Int(listed->content_version()).EndObject();
  co_return JsonAnswer(std::move(writer));
}

Task<Answer> SwitchImages(AdminParts parts, CallPtr call) {
  BodyReader body(call->body->root());
  pb::SetProviderImagesRequest request;
  request.set_provider(call->words[0]);
  request.set_enabled(body.Bool("enabled"));
  absl::Status read = body.Done();
  if (!read.ok()) co_return read;
  auto asking = parts.clients->AskRegistry(call, &RegistryMethods::SetProviderImages, std::move(request));
  absl::StatusOr<pb::SetProviderImagesResponse> flipped = co_await asking;
  if (!flipped.ok()) co_return flipped.status();
  auto looking = AskForStates(parts, call);
  States states = co_await looking;
  json::Writer writer;
  writer.BeginObject().Key("provider");
  WriteProvider(writer, flipped->provider(), flipped->yaml(), states);
  writer.Key("catalog_version").Int(flipped->catalog_version()).EndObject();
  co_return JsonAnswer(std::move(writer));
}

// provider-proxy calls a provider that there is not an invalid value; here it is part of the path.
absl::Status NotFoundIfUnknown(const AdminParts& parts, const std::string& name, const absl::Status& status) {
  if (MetadataOf(status, "param") != "provider") return status;
  std::shared_ptr<const catalog_watch::Snapshot> snapshot = parts.catalog->Current();
  for (const catalog::v1::Provider& provider : snapshot->catalog().providers()) {
    if (provider.name() == name) return status;
  }
  return Error(absl::StatusCode::kNotFound, common::v1::ERROR_REASON_PROVIDER_NOT_FOUND,
               "There is no such provider.")
      .With("param", "name");
}

Task<Answer> TestProvider(AdminParts parts, CallPtr call) {
  BodyReader body(call->body->root());
  proxy::TestProviderRequest request;
  request.set_provider(call->words[0]);
  request.set_generate(body.OptionalBool("generate", false));
  std::optional<std::string> model = body.OptionalText("model");
  if (model && model->empty()) body.Fail("model", "must not be empty.");
  request.set_model(model.value_or(""));
  absl::Status read = body.Done();
  if (!read.ok()) co_return read;
  absl::Duration time = request.generate() ? kGenerateTestTime : kTestTime;
  auto asking = parts.clients->AskProvider(call, &ProviderMethods::TestProvider, std::move(request), time);
  absl::StatusOr<proxy::TestProviderResponse> tested = co_await asking;
  if (!tested.ok()) co_return NotFoundIfUnknown(parts, call->words[0], tested.status());
  json::Writer writer;
  writer.BeginObject();
  admin_json::WriteTestMembers(writer, *tested);
  writer.EndObject();
  co_return JsonAnswer(std::move(writer));
}

Task<Answer> PutProvider(AdminParts parts, CallPtr call) {
  BodyReader body(call->body->root());
  pb::EditCatalogRequest request;
  request.set_put_provider(body.Text("yaml"));
  if (!call->words.empty()) request.set_name(call->words[0]);
  ReadEditTerms(body, request);
  absl::Status read = body.Done();
  if (!read.ok()) co_return read;
  auto editing = Edit(parts, call, std::move(request));
  Answer answer = co_await editing;
  co_return answer;
}

Task<Answer> DeleteProvider(AdminParts parts, CallPtr call) {
  pb::EditCatalogRequest request;
  request.set_delete_provider(call->words[0]);
  absl::Status read = ReadQueryTerms(call, request);
  if (!read.ok()) co_return read;
  auto editing = Edit(parts, call, std::move(request));
  Answer answer = co_await editing;
  co_return answer;
}

}  // namespace

Endpoints ProviderEndpoints() {
  return {
      {"GET", "/admin/v1/providers", Access::kViewer, BodyKind::kNone, ListProviders},
      {"POST", "/admin/v1/providers/{name}/images", Access::kOperator, BodyKind::kObject, SwitchImages},
      {"POST", "/admin/v1/providers/{name}/test", Access::kOperator, BodyKind::kObject, TestProvider},
      {"POST", "/admin/v1/providers", Access::kOwner, BodyKind::kLargeObject, PutProvider},
      // The registry asks for more where a change is an owner's.
      {"PUT", "/admin/v1/providers/{name}", Access::kOperator, BodyKind::kLargeObject, PutProvider},
      {"DELETE", "/admin/v1/providers/{name}", Access::kOwner, BodyKind::kNone, DeleteProvider},
  };
}

}  // namespace prismatic::gateway::admin
