#include "services/admin_json/provider_json.h"

#include <string>

#include "google/protobuf/repeated_field.h"
#include "services/admin_json/words.h"

namespace prismatic::admin_json {
namespace {

namespace pb = provider_proxy::v1;

}  // namespace

std::string HealthWord(pb::ProviderHealth health) {
  if (health == pb::PROVIDER_HEALTH_UNSPECIFIED) return "unknown";
  return EnumWord(pb::ProviderHealth_Name(health), "PROVIDER_HEALTH_", health);
}

void WriteProviderState(json::Writer& writer, const pb::ProviderState& state) {
  writer.BeginObject().Key("name").String(state.name());
  writer.Key("health").String(HealthWord(state.health()));
  WriteTime(writer, "since", state.since_us());
  writer.Key("in_flight").Int(state.in_flight()).Key("in_flight_max").Int(state.in_flight_max());
  writer.Key("waiting").Int(state.waiting());
  writer.Key("recent_calls").Int(state.recent_calls());
  writer.Key("recent_failures").Int(state.recent_failures());
  WriteTexts(writer, "missing_credentials", state.missing_credentials());
  writer.Key("credentials_missing").Int(state.credentials_missing());
  WriteTexts(writer, "models_left_out", state.models_left_out());
  writer.EndObject();
}

void WriteTestMembers(json::Writer& writer, const pb::TestProviderResponse& test) {
  writer.Key("ok").Bool(test.ok()).Key("checks").BeginArray();
  for (const pb::ProviderCheck& check : test.checks()) {
    writer.BeginObject().Key("name").String(check.name());
    writer.Key("result").String(CheckResultWord(check.result()));
    writer.Key("words").String(check.words()).Key("duration_ms").Int(check.duration_ms()).EndObject();
  }
  writer.EndArray();
}

std::string CheckResultWord(pb::CheckResult result) {
  return EnumWord(pb::CheckResult_Name(result), "CHECK_RESULT_", result);
}

}  // namespace prismatic::admin_json
