#ifndef PRISMATIC_SERVICES_ADMIN_JSON_BILLING_JSON_H_
#define PRISMATIC_SERVICES_ADMIN_JSON_BILLING_JSON_H_

#include <string>

#include "prismatic/billing/v1/billing.pb.h"
#include "services/common/json/json.h"

// What billing administers, as JSON objects; `...Members` write into an object that is open.

namespace prismatic::admin_json {

// The three limits; null: unlimited.
void WriteLimitsMembers(json::Writer& writer, const billing::v1::Limits& limits);
void WriteAccountMembers(json::Writer& writer, const billing::v1::Account& account);
void WriteKeyMembers(json::Writer& writer, const billing::v1::Key& key);
// Without `account`, which stands beside a list of them; ledger_entry.h has the entry as a whole, and for
// CSV.
void WriteEntryMembers(json::Writer& writer, const billing::v1::LedgerEntry& entry);
void WriteReservationMembers(json::Writer& writer, const billing::v1::Reservation& reservation);
void WriteUsageRow(json::Writer& writer, const billing::v1::UsageRow& row);
void WriteTotalsRow(json::Writer& writer, const billing::v1::TotalsRow& row);
// `damaged`: what the rows lack, in words.
void WriteDamaged(json::Writer& writer, const google::protobuf::RepeatedPtrField<std::string>& damaged);
// `source` "billing", so that it can stand beside the registry's.
void WriteAuditEntry(json::Writer& writer, const billing::v1::AuditEntry& entry);

// "subscription_first"; empty when unspecified.
std::string FundingPolicyWord(billing::v1::FundingPolicy policy);
// "month".
std::string PeriodWord(billing::v1::SubscriptionPeriod period);
// "wallet"; empty when nothing funded it (a top-up).
std::string FundingSourceWord(billing::v1::FundingSource source);
// "settled_late".
std::string ReservationStateWord(billing::v1::ReservationState state);
// "top_up".
std::string EntryTypeWord(billing::v1::LedgerEntryType type);

}  // namespace prismatic::admin_json

#endif  // PRISMATIC_SERVICES_ADMIN_JSON_BILLING_JSON_H_
