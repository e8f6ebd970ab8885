#include "services/admin_json/billing_json.h"

#include "services/admin_json/changes_json.h"
#include "services/admin_json/words.h"

namespace prismatic::admin_json {
namespace {

namespace pb = billing::v1;

void WriteLimit(json::Writer& writer, absl::string_view name, bool given, int64_t limit) {
  writer.Key(name);
  if (given) {
    writer.Int(limit);
  } else {
    writer.Null();
  }
}

void WriteSubscription(json::Writer& writer, const pb::Account& account) {
  writer.Key("subscription");
  if (!account.has_subscription()) {
    writer.Null();
    return;
  }
  const pb::Subscription& subscription = account.subscription();
  writer.BeginObject();
  writer.Key("quota_units").Int(subscription.plan().quota_units());
  writer.Key("period").String(PeriodWord(subscription.plan().period()));
  WriteTime(writer, "start_time", subscription.plan().start_time_us());
  WriteTime(writer, "period_start", subscription.period_start_us());
  WriteTime(writer, "period_end", subscription.period_end_us());
  writer.Key("used_units").Int(subscription.used_units());
  writer.Key("held_units").Int(subscription.held_units());
  writer.Key("over_units").Int(subscription.over_units());
  writer.EndObject();
}

// What usage by key and totals of all have in common.
template <typename Row>
void WriteSums(json::Writer& writer, const Row& row) {
  writer.Key("model").String(row.model());
  writer.Key("requests").Int(row.requests()).Key("images").Int(row.images());
  WriteUsd(writer, "charged", row.charged_nano_usd());
  writer.Key("units").Int(row.units());
}

}  // namespace

std::string FundingPolicyWord(pb::FundingPolicy policy) {
  if (policy == pb::FUNDING_POLICY_UNSPECIFIED) return "";
  return EnumWord(pb::FundingPolicy_Name(policy), "FUNDING_POLICY_", policy);
}

std::string PeriodWord(pb::SubscriptionPeriod period) {
  return EnumWord(pb::SubscriptionPeriod_Name(period), "SUBSCRIPTION_PERIOD_", period);
}

std::string FundingSourceWord(pb::FundingSource source) {
  if (source == pb::FUNDING_SOURCE_UNSPECIFIED) return "";
  return EnumWord(pb::FundingSource_Name(source), "FUNDING_SOURCE_", source);
}

std::string ReservationStateWord(pb::ReservationState state) {
  return EnumWord(pb::ReservationState_Name(state), "RESERVATION_STATE_", state);
}

std::string EntryTypeWord(pb::LedgerEntryType type) {
  return EnumWord(pb::LedgerEntryType_Name(type), "LEDGER_ENTRY_TYPE_", type);
}

void WriteLimitsMembers(json::Writer& writer, const pb::Limits& limits) {
  WriteLimit(writer, "requests_per_minute", limits.has_requests_per_minute(), limits.requests_per_minute());
  WriteLimit(writer, "images_per_minute", limits.has_images_per_minute(), limits.images_per_minute());
  WriteLimit(writer, "max_concurrent", limits.has_max_concurrent(), limits.max_concurrent());
}

void WriteAccountMembers(json::Writer& writer, const pb::Account& account) {
  writer.Key("name").String(account.name()).Key("suspended").Bool(account.suspended());
  WriteUsd(writer, "balance", account.balance_nano_usd());
  WriteUsd(writer, "held", account.held_nano_usd());
  WriteUsd(writer, "available", account.balance_nano_usd() - account.held_nano_usd());
  WriteUsd(writer, "owed", account.owed_nano_usd());
  WriteLimitsMembers(writer, account.limits());
  writer.Key("concurrent").Int(account.concurrent());
  writer.Key("ledger_sequence").Int(account.ledger_sequence());
  WriteTime(writer, "create_time", account.create_time_us());
  WriteText(writer, "funding_policy", FundingPolicyWord(account.funding_policy()));
  WriteSubscription(writer, account);
}

void WriteKeyMembers(json::Writer& writer, const pb::Key& key) {
  writer.Key("id").String(key.id()).Key("account").String(key.account());
  writer.Key("revoked").Bool(key.revoked());
  WriteLimitsMembers(writer, key.limits());
  writer.Key("models").BeginArray();
  for (const std::string& model : key.allowed_models()) writer.String(model);
  writer.EndArray();
  writer.Key("concurrent").Int(key.concurrent());
  WriteTime(writer, "create_time", key.create_time_us());
  WriteTime(writer, "expire_time", key.expire_time_us());
  writer.Key("imported").Bool(key.imported());
}

void WriteReservationMembers(json::Writer& writer, const pb::Reservation& reservation) {
  writer.Key("id").String(reservation.id()).Key("account").String(reservation.account());
  WriteText(writer, "key_id", reservation.key_id());
  writer.Key("state").String(ReservationStateWord(reservation.state()));
  WriteText(writer, "model", reservation.model());
  writer.Key("image_count").Int(reservation.image_count());
  writer.Key("delivered_count").Int(reservation.delivered_count());
  WriteText(writer, "funding_source", FundingSourceWord(reservation.funding_source()));
  WriteUsd(writer, "unit_price", reservation.unit_price_nano_usd());
  WriteUsd(writer, "reserved", reservation.reserved_nano_usd());
  writer.Key("reserved_units").Int(reservation.reserved_units());
  WriteUsd(writer, "charge", reservation.charge_nano_usd());
  WriteTime(writer, "create_time", reservation.create_time_us());
  WriteTime(writer, "expire_time", reservation.expire_time_us());
  writer.Key("catalog_version").Int(reservation.catalog_version());
}

void WriteUsageRow(json::Writer& writer, const pb::UsageRow& row) {
  writer.BeginObject().Key("day").String(DayText(row.day()));
  WriteText(writer, "key_id", row.key_id());
  WriteSums(writer, row);
  writer.EndObject();
}

void WriteTotalsRow(json::Writer& writer, const pb::TotalsRow& row) {
  writer.BeginObject().Key("day").String(DayText(row.day()));
  WriteSums(writer, row);
  writer.EndObject();
}

void WriteDamaged(json::Writer& writer, const google::protobuf::RepeatedPtrField<std::string>& damaged) {
  WriteTexts(writer, "damaged", damaged);
}

void WriteAuditEntry(json::Writer& writer, const pb::AuditEntry& entry) {
  writer.BeginObject();
  WriteTime(writer, "time", entry.time_us());
  writer.Key("actor").String(entry.actor()).Key("source").String("billing");
  writer.Key("action").String(entry.action());
  WriteText(writer, "account", entry.account());
  writer.Key("target").String(entry.target()).Key("changes");
  WriteChangeList(writer, entry.changes());
  writer.Key("note").String(entry.reason()).EndObject();
}

}  // namespace prismatic::admin_json
