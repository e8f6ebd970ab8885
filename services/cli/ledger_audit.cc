#include "services/cli/ledger_audit.h"

#include "absl/strings/str_cat.h"
#include "services/cli/amounts.h"

namespace prismatic::cli {
namespace {

using billing::v1::AuditAccountResponse;

class Account {
 public:
  explicit Account(std::vector<Difference>& differences) : differences_(differences) {}

  void Equal(const std::string& where, const std::string& what, int64_t expected, int64_t found) {
    if (expected == found) return;
    differences_.push_back({where, what, absl::StrCat(expected), absl::StrCat(found)});
  }
  void AtMost(const std::string& where, const std::string& what, int64_t limit, int64_t found) {
    if (found <= limit) return;
    differences_.push_back({where, what, absl::StrCat("at most ", limit), absl::StrCat(found)});
  }

 private:
  std::vector<Difference>& differences_;
};

void CompareSubscription(const Book& book, const AuditAccountResponse& audit, Account& account) {
  const billing::v1::Subscription& now = audit.account().subscription();
  const Book::Period& period = book.period();
  account.Equal("subscription", "units held", audit.pending_units(), now.held_units());
  account.Equal("subscription", "period's start", period.start_us, now.period_start_us());
  account.Equal("subscription", "period's end", period.end_us, now.period_end_us());
  account.Equal("subscription", "quota", period.quota_units, now.plan().quota_units());
  account.Equal("subscription", "units used", period.used_units, now.used_units());
  account.Equal("subscription", "units over", period.over_units, now.over_units());
  if (!period.lowered) {
    account.AtMost("subscription", "units used and held", now.plan().quota_units(),
                   now.used_units() + now.held_units());
  }
}

std::string NameOf(const UsageKey& key) {
  return absl::StrCat("usage of ", DayText(key.day), " ", key.key_id.empty() ? "(no key)" : key.key_id, " ",
                      key.model);
}

UsageSum Find(const UsageTable& table, const UsageKey& key) {
  auto found = table.find(key);
  return found == table.end() ? UsageSum() : found->second;
}

}  // namespace

std::vector<Difference> CompareAccount(const Book& book, const AuditAccountResponse& audit) {
  std::vector<Difference> differences;
  Account account(differences);
  const billing::v1::Account& now = audit.account();
  account.Equal("account", "ledger sequence", book.sequence(), now.ledger_sequence());
  account.Equal("account", "balance", book.balance_nano_usd(), now.balance_nano_usd());
  account.Equal("account", "owed", book.owed_nano_usd(), now.owed_nano_usd());
  account.Equal("account", "money held", audit.pending_nano_usd(), now.held_nano_usd());
  account.AtMost("account", "money held", now.balance_nano_usd(), now.held_nano_usd());
  account.Equal("account", "requests in flight", audit.pending_count(), now.concurrent());
  int64_t with_a_key = 0;
  for (const billing::v1::KeyConcurrency& key : audit.keys()) {
    account.Equal(absl::StrCat("key ", key.key_id()), "requests in flight", key.pending_count(),
                  key.concurrent());
    with_a_key += key.pending_count();
  }
  account.AtMost("account", "open reservations made with keys", audit.pending_count(), with_a_key);
  if (now.has_subscription()) {
    CompareSubscription(book, audit, account);
  } else {
    account.Equal("account", "units held without a subscription", 0, audit.pending_units());
    if (book.period().end_us != 0) {
      differences.push_back(
          {"subscription", "state", absl::StrCat("a quota of ", book.period().quota_units), "none"});
    }
  }
  return differences;
}

UsageTable TableOf(const google::protobuf::RepeatedPtrField<billing::v1::UsageRow>& rows) {
  UsageTable table;
  for (const billing::v1::UsageRow& row : rows) {
    UsageSum& sum = table[{row.day(), row.key_id(), row.model()}];
    sum.requests += row.requests();
    sum.images += row.images();
    sum.charged_nano_usd += row.charged_nano_usd();
    sum.units += row.units();
  }
  return table;
}

std::vector<Difference> CompareUsage(const UsageTable& before, const UsageTable& after,
                                     const UsageTable& table, int32_t whole_from,
                                     const std::set<int32_t>& left_out) {
  std::set<UsageKey> keys;
  for (const UsageTable* each : {&after, &table}) {
    for (const auto& [key, sum] : *each) keys.insert(key);
  }
  std::vector<Difference> differences;
  for (const UsageKey& key : keys) {
    if (key.day < whole_from || left_out.contains(key.day)) continue;
    UsageSum low = Find(before, key), high = Find(after, key), found = Find(table, key);
    auto compare = [&](const char* what, int64_t UsageSum::*field) {
      if (found.*field >= low.*field && found.*field <= high.*field) return;
      std::string expected = absl::StrCat(low.*field);
      if (low.*field != high.*field) absl::StrAppend(&expected, " to ", high.*field);
      differences.push_back({NameOf(key), what, expected, absl::StrCat(found.*field)});
    };
    compare("requests", &UsageSum::requests);
    compare("images", &UsageSum::images);
    compare("charged nano-USD", &UsageSum::charged_nano_usd);
    compare("units", &UsageSum::units);
  }
  return differences;
}

}  // namespace prismatic::cli
