#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/civil_time.h"
#include "gateway/admin/answers.h"
#include "gateway/admin/endpoint.h"
#include "gateway/admin/query_reader.h"
#include "services/admin_json/provider_json.h"
#include "services/admin_json/words.h"

// What an operator looks at first: what was sold, how the providers are, what needs attention.

namespace prismatic::gateway::admin {
namespace {

// ListTotals' own limit.
constexpr IntRange kDays = {1, 366};
constexpr int64_t kDaysDefault = 30;

struct Sums {
  int64_t requests = 0;
  int64_t images = 0;
  int64_t charged_nano_usd = 0;
  int64_t units = 0;

  void Add(const billing::v1::TotalsRow& row) {
    requests += row.requests();
    images += row.images();
    charged_nano_usd += row.charged_nano_usd();
    units += row.units();
  }
};

// Into an object that is open.
void WriteSums(json::Writer& writer, const Sums& sums) {
  writer.Key("requests").Int(sums.requests).Key("images").Int(sums.images);
  admin_json::WriteUsd(writer, "charged", sums.charged_nano_usd);
  writer.Key("units").Int(sums.units);
}

// YYYYMMDD.
int32_t DayNumber(absl::CivilDay day) {
  return static_cast<int32_t>(day.year() * 10'000 + day.month() * 100 + day.day());
}

void WriteDays(json::Writer& writer, const billing::v1::ListTotalsResponse& totals, absl::CivilDay first,
               absl::CivilDay last) {
  std::map<int32_t, Sums> days;
  for (absl::CivilDay day = first; day <= last; ++day) days[DayNumber(day)];
  for (const billing::v1::TotalsRow& row : totals.rows()) days[row.day()].Add(row);
  writer.Key("days").BeginArray();
  for (const auto& [day, sums] : days) {
    writer.BeginObject().Key("day").String(admin_json::DayText(day));
    WriteSums(writer, sums);
    writer.EndObject();
  }
  writer.EndArray();
}

void WriteModels(json::Writer& writer, const billing::v1::ListTotalsResponse& totals) {
  std::map<std::string, Sums> by_name;
  for (const billing::v1::TotalsRow& row : totals.rows()) by_name[row.model()].Add(row);
  std::vector<std::pair<std::string, Sums>> models(by_name.begin(), by_name.end());
  std::stable_sort(models.begin(), models.end(),
                   [](const auto& a, const auto& b) { return a.second.images > b.second.images; });
  writer.Key("models").BeginArray();
  for (const auto& [model, sums] : models) {
    writer.BeginObject().Key("model").String(model);
    WriteSums(writer, sums);
    writer.EndObject();
  }
  writer.EndArray();
}

using Notices = std::vector<std::string>;

// `days` and `models`, into the object that is open.
Task<void> WriteSold(AdminParts parts, CallPtr call, int64_t days, json::Writer* writer, Notices* notices) {
  absl::CivilDay last = absl::ToCivilDay(absl::Now(), absl::UTCTimeZone());
  absl::CivilDay first = last - (days - 1);
  billing::v1::ListTotalsRequest request;
  request.set_first_day(DayNumber(first));
  request.set_last_day(DayNumber(last));
  auto asking = parts.clients->AskBilling(call, &BillingMethods::ListTotals, std::move(request));
  absl::StatusOr<billing::v1::ListTotalsResponse> totals = co_await asking;
  if (totals.ok()) {
    WriteDays(*writer, *totals, first, last);
    WriteModels(*writer, *totals);
    for (const std::string& words : totals->damaged()) {
      notices->push_back(absl::StrCat("What was sold cannot be read in part: ", words));
    }
  } else {
    notices->push_back(absl::StrCat("What was sold is not known: ", totals.status().message()));
    writer->Key("days").Null().Key("models").Null();
  }
}

// `providers`, into the object that is open.
Task<void> WriteProviders(AdminParts parts, CallPtr call, json::Writer* writer, Notices* notices) {
  auto asking = parts.clients->AskProvider(call, &ProviderMethods::GetProviderStates, {});
  absl::StatusOr<provider_proxy::v1::GetProviderStatesResponse> states = co_await asking;
  if (!states.ok()) {
    notices->push_back(absl::StrCat("How the providers are is not known: ", states.status().message()));
    writer->Key("providers").Null();
    co_return;
  }
  writer->Key("providers").BeginArray();
  for (const provider_proxy::v1::ProviderState& state : states->providers()) {
    admin_json::WriteProviderState(*writer, state);
    if (!state.missing_credentials().empty()) {
      notices->push_back(absl::StrCat("provider-proxy cannot find a credential of the provider ",
                                      state.name(), ": ", absl::StrJoin(state.missing_credentials(), ", "),
                                      "."));
    }
  }
  writer->EndArray();
}

// What nobody has seen to yet.
Task<void> LookAtRegistry(AdminParts parts, CallPtr call, Notices* notices) {
  auto asking = parts.clients->AskRegistry(call, &RegistryMethods::GetRegistryStatus, {});
  absl::StatusOr<model_registry::v1::GetRegistryStatusResponse> status = co_await asking;
  if (!status.ok()) {
    notices->push_back(absl::StrCat("How the registry is is not known: ", status.status().message()));
    co_return;
  }
  if (!status->redis_error().empty())
    notices->push_back(absl::StrCat("The registry cannot use its Redis: ", status->redis_error()));
  if (status->first_password_in_use())
    notices->push_back("The first owner still has the password that was made at the first start.");
  if (status->import_replaced_version() > 0) {
    notices->push_back(absl::StrCat(
        "The catalog was imported from its file over what had been changed since; that text is version ",
        status->import_replaced_version(), "."));
  }
  if (!status->models_without_price().empty()) {
    notices->push_back(absl::StrCat("Models without a price, for which no wallet can pay: ",
                                    absl::StrJoin(status->models_without_price(), ", "), "."));
  }
  if (!status->models_without_route().empty()) {
    notices->push_back(absl::StrCat("Models that no provider generates images for now: ",
                                    absl::StrJoin(status->models_without_route(), ", "), "."));
  }
}

Task<Answer> ShowOverview(AdminParts parts, CallPtr call) {
  QueryReader query(*call->request);
  int64_t days = query.Int("days", kDays).value_or(kDaysDefault);
  absl::Status read = query.Done();
  if (!read.ok()) co_return read;
  int64_t version = parts.catalog->Current()->version();
  json::Writer writer;
  Notices notices;
  writer.BeginObject().Key("catalog_version");
  version > 0 ? writer.Int(version) : writer.Null();
  auto sold = WriteSold(parts, call, days, &writer, &notices);
  co_await sold;
  auto providers = WriteProviders(parts, call, &writer, &notices);
  co_await providers;
  auto registry = LookAtRegistry(parts, call, &notices);
  co_await registry;
  writer.Key("notices").BeginArray();
  for (const std::string& notice : notices) writer.String(notice);
  writer.EndArray().EndObject();
  co_return JsonAnswer(std::move(writer));
}

}  // namespace

Endpoints OverviewEndpoints() {
  return {{"GET", "/admin/v1/overview", Access::kViewer, BodyKind::kNone, ShowOverview}};
}

}  // namespace prismatic::gateway::admin
