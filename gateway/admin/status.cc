#include "gateway/admin/status.h"

#include <utility>
#include <vector>

#include "gateway/admin/answers.h"
#include "gateway/admin/endpoint.h"
#include "gateway/admin/query_reader.h"
#include "services/admin_json/words.h"

namespace prismatic::gateway::admin {
namespace {

// How far its clock is ahead of ours, taking the answer to have been made half way.
int64_t SkewMilliseconds(const ServiceStatus& status) {
  absl::Time middle = status.asked + (status.received - status.asked) / 2;
  return absl::ToInt64Milliseconds(absl::FromUnixMicros(status.process_time_us) - middle);
}

void WriteRedis(json::Writer& writer, const ServiceStatus& status) {
  writer.BeginObject().Key("settings").BeginObject();
  for (const auto& [name, value] : *status.redis_settings) writer.Key(name).String(value);
  writer.EndObject();
  admin_json::WriteText(writer, "error", status.redis_error);
  writer.EndObject();
}

void WriteService(json::Writer& writer, const ServiceStatus& status) {
  bool answered = status.answered.ok();
  std::string error = answered ? status.redis_error : std::string(status.answered.message());
  if (answered && error.empty() && status.catalog_version == 0) error = "It has no catalog yet.";
  writer.BeginObject().Key("name").String(status.name).Key("ok").Bool(error.empty());
  writer.Key("catalog_version");
  if (answered && status.catalog_version > 0) {
    writer.Int(status.catalog_version);
  } else {
    writer.Null();
  }
  admin_json::WriteText(writer, "error", error);
  writer.Key("clock_skew_ms");
  if (answered && status.process_time_us > 0) {
    writer.Int(SkewMilliseconds(status));
  } else {
    writer.Null();
  }
  writer.Key("redis");
  if (answered && status.redis_settings) {
    WriteRedis(writer, status);
  } else {
    writer.Null();
  }
  writer.EndObject();
}

template <typename Response>
void TakeRedis(const Response& response, ServiceStatus& status) {
  status.redis_settings.emplace(response.redis_settings().begin(), response.redis_settings().end());
  status.redis_error = response.redis_error();
}

Task<ServiceStatus> AskRegistry(AdminParts parts, CallPtr call) {
  ServiceStatus status{.name = "model-registry", .asked = absl::Now()};
  auto asking = parts.clients->AskRegistry(call, &RegistryMethods::GetRegistryStatus, {});
  absl::StatusOr<model_registry::v1::GetRegistryStatusResponse> response = co_await asking;
  status.received = absl::Now();
  status.answered = response.status();
  if (!response.ok()) co_return status;
  status.catalog_version = response->catalog_version();
  status.process_time_us = response->process_time_us();
  TakeRedis(*response, status);
  co_return status;
}

Task<ServiceStatus> AskBilling(AdminParts parts, CallPtr call) {
  ServiceStatus status{.name = "billing", .asked = absl::Now()};
  auto asking = parts.clients->AskBilling(call, &BillingMethods::GetBillingStatus, {});
  absl::StatusOr<billing::v1::GetBillingStatusResponse> response = co_await asking;
  status.received = absl::Now();
  status.answered = response.status();
  if (!response.ok()) co_return status;
  status.catalog_version = response->catalog_version();
  status.process_time_us = response->process_time_us();
  TakeRedis(*response, status);
  co_return status;
}

Task<ServiceStatus> AskProvider(AdminParts parts, CallPtr call) {
  ServiceStatus status{.name = "provider-proxy", .asked = absl::Now()};
  auto asking = parts.clients->AskProvider(call, &ProviderMethods::GetProviderStates, {});
  absl::StatusOr<provider_proxy::v1::GetProviderStatesResponse> response = co_await asking;
  status.received = absl::Now();
  status.answered = response.status();
  if (!response.ok()) co_return status;
  status.catalog_version = response->catalog_version();
  status.process_time_us = response->process_time_us();
  co_return status;
}

Task<Answer> ShowStatus(AdminParts parts, CallPtr call) {
  absl::Status read = QueryReader(*call->request).Done();
  if (!read.ok()) co_return read;
  std::vector<Task<ServiceStatus>> asking;
  asking.push_back(AskRegistry(parts, call));
  asking.push_back(AskBilling(parts, call));
  asking.push_back(AskProvider(parts, call));
  auto all = WhenAll(std::move(asking));
  std::vector<ServiceStatus> services = co_await all;
  json::Writer writer;
  writer.BeginObject().Key("services").BeginArray();
  WriteService(writer, {.name = "gateway", .catalog_version = parts.catalog->Current()->version()});
  for (const ServiceStatus& service : services) WriteService(writer, service);
  writer.EndArray().EndObject();
  co_return JsonAnswer(std::move(writer));
}

}  // namespace

Endpoints StatusEndpoints() {
  return {{"GET", "/admin/v1/status", Access::kViewer, BodyKind::kNone, ShowStatus}};
}

}  // namespace prismatic::gateway::admin
