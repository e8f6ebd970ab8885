#include <optional>
#include <string>
#include <utility>

#include "gateway/admin/answers.h"
#include "gateway/admin/body_reader.h"
#include "gateway/admin/catalog_edits.h"
#include "gateway/admin/endpoint.h"
#include "gateway/admin/query_reader.h"
#include "services/admin_json/registry_json.h"
#include "services/common/money/money.h"
#include "services/common/status/status.h"

// Models and their prices.

namespace prismatic::gateway::admin {
namespace {

namespace pb = model_registry::v1;

// catalog.proto's range.
constexpr IntRange kQuotaUnits = {1, 1'000'000};

Task<Answer> ListModels(AdminParts parts, CallPtr call) {
  absl::Status read = QueryReader(*call->request).Done();
  if (!read.ok()) co_return read;
  auto asking = parts.clients->AskRegistry(call, &RegistryMethods::ListCanonicalModels, {});
  absl::StatusOr<pb::ListCanonicalModelsResponse> listed = co_await asking;
  if (!listed.ok()) co_return listed.status();
  json::Writer writer;
  writer.BeginObject().Key("models").BeginArray();
  for (const pb::ListCanonicalModelsResponse::Entry& entry : listed->models()) {
    writer.BeginObject();
    admin_json::WriteModelMembers(writer, entry.model());
    writer.Key("available").Bool(entry.available()).Key("yaml").String(entry.yaml()).EndObject();
  }
  writer.EndArray().Key("catalog_version").Int(listed->catalog_version());
  writer.Key("content_version").Int(listed->content_version()).EndObject();
  co_return JsonAnswer(std::move(writer));
}

Task<Answer> PutModel(AdminParts parts, CallPtr call) {
  BodyReader body(call->body->root());
  pb::EditCatalogRequest request;
  request.set_put_model(body.Text("yaml"));
  if (!call->words.empty()) request.set_name(call->words[0]);
  ReadEditTerms(body, request);
  absl::Status read = body.Done();
  if (!read.ok()) co_return read;
  auto editing = Edit(parts, call, std::move(request));
  Answer answer = co_await editing;
  co_return answer;
}

Task<Answer> DeleteModel(AdminParts parts, CallPtr call) {
  pb::EditCatalogRequest request;
  request.set_delete_model(call->words[0]);
  absl::Status read = ReadQueryTerms(call, request);
  if (!read.ok()) co_return read;
  auto editing = Edit(parts, call, std::move(request));
  Answer answer = co_await editing;
  co_return answer;
}

// Null: none.
void ReadPrice(BodyReader& body, pb::ModelPrice& price) {
  if (body.IsNull("retail_generation_usd")) return;
  absl::StatusOr<Money> given = Money::Parse(body.Text("retail_generation_usd"));
  if (!given.ok()) {
    return body.Fail("retail_generation_usd",
                     "must be a decimal like 0.04, with at most 9 decimals, or null.");
  }
  price.set_retail_generation_nano_usd(given->nanos());
}

Task<Answer> SetPrice(AdminParts parts, CallPtr call) {
  BodyReader body(call->body->root());
  pb::EditCatalogRequest request;
  pb::ModelPrice& price = *request.mutable_set_price();
  price.set_model(call->words[0]);
  ReadPrice(body, price);
  price.set_quota_units_per_image(
      static_cast<int32_t>(body.OptionalInt("quota_units_per_image", kQuotaUnits).value_or(0)));
  request.set_based_on(body.OptionalInt("based_on", kVersions).value_or(0));
  request.set_note(body.OptionalText("note").value_or(""));
  absl::Status read = body.Done();
  if (!read.ok()) co_return read;
  auto editing = Edit(parts, call, std::move(request));
  Answer answer = co_await editing;
  co_return answer;
}

}  // namespace

Endpoints ModelEndpoints() {
  return {
      {"GET", "/admin/v1/models", Access::kViewer, BodyKind::kNone, ListModels},
      {"POST", "/admin/v1/models", Access::kOwner, BodyKind::kLargeObject, PutModel},
      // The registry asks for more where a change is an owner's.
      {"PUT", "/admin/v1/models/{name}", Access::kOperator, BodyKind::kLargeObject, PutModel},
      {"DELETE", "/admin/v1/models/{name}", Access::kOwner, BodyKind::kNone, DeleteModel},
      {"PUT", "/admin/v1/models/{name}/price", Access::kOwner, BodyKind::kObject, SetPrice},
  };
}

}  // namespace prismatic::gateway::admin
