#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "tests/model/model.h"

// What the audit log must say of each change by hand.

namespace prismatic::billing::model {
namespace {

using Picture = std::map<std::string, std::optional<std::string>>;

// What the log speaks of, in the order in which it does.
constexpr const char* kPaths[] = {"suspended",
                                  "revoked",
                                  "balance_nano_usd",
                                  "owed_nano_usd",
                                  "requests_per_minute",
                                  "images_per_minute",
                                  "max_concurrent",
                                  "funding_policy",
                                  "subscription.quota_units",
                                  "subscription.period",
                                  "allowed_models",
                                  "expire_time_us"};

std::string ActionOf(Verb verb) {
  switch (verb) {
    case Verb::kCreateAccount:
      return "account.create";
    case Verb::kUpdateAccount:
      return "account.update";
    case Verb::kSuspend:
      return "account.suspend";
    case Verb::kResume:
      return "account.resume";
    case Verb::kRecount:
      return "account.recount";
    case Verb::kTopUp:
      return "wallet.top_up";
    case Verb::kAdjust:
      return "wallet.adjust";
    case Verb::kWriteOff:
      return "wallet.write_off";
    case Verb::kCreateKey:
      return "key.create";
    case Verb::kImportKey:
      return "key.import";
    case Verb::kUpdateKey:
      return "key.update";
    case Verb::kRevokeKey:
      return "key.revoke";
    case Verb::kTrimLedger:
      return "ledger.trim";
    default:
      return "";
  }
}

// What leaves nothing that stays: no entry of the ledger, no account or key, no key's end.
bool IsOfSettings(Verb verb, size_t new_entries) {
  switch (verb) {
    case Verb::kSuspend:
    case Verb::kResume:
    case Verb::kRecount:
    case Verb::kUpdateKey:
      return true;
    default:
      return verb == Verb::kUpdateAccount && new_entries == 0;
  }
}

std::string Word(const std::string& name, const std::string& prefix) {
  return absl::AsciiStrToLower(name.substr(prefix.size()));
}

std::string YesOrNo(bool yes) { return yes ? "true" : "false"; }

void PutLimits(const Limits& limits, Picture& picture) {
  if (limits.requests) picture["requests_per_minute"] = absl::StrCat(*limits.requests);
  if (limits.images) picture["images_per_minute"] = absl::StrCat(*limits.images);
  if (limits.concurrent) picture["max_concurrent"] = absl::StrCat(*limits.concurrent);
}

Picture PictureOf(const Account& account) {
  Picture picture = {{"suspended", YesOrNo(account.suspended)},
                     {"balance_nano_usd", absl::StrCat(account.balance)},
                     {"owed_nano_usd", absl::StrCat(account.owed)},
                     {"funding_policy", Word(v1::FundingPolicy_Name(account.policy), "FUNDING_POLICY_")}};
  PutLimits(account.limits, picture);
  if (account.subscription) {
    picture["subscription.quota_units"] = absl::StrCat(account.subscription->quota);
    picture["subscription.period"] =
        Word(v1::SubscriptionPeriod_Name(account.subscription->kind), "SUBSCRIPTION_PERIOD_");
  }
  return picture;
}

Picture PictureOf(const Key& key) {
  Picture picture = {{"revoked", YesOrNo(key.revoked)}};
  PutLimits(key.limits, picture);
  if (key.one_model) picture["allowed_models"] = kCatalog[0].name;
  if (key.expire_us != 0) picture["expire_time_us"] = absl::StrCat(key.expire_us);
  return picture;
}

std::vector<AuditNote::Change> Differences(Picture before, Picture after) {
  std::vector<AuditNote::Change> changes;
  for (const char* path : kPaths) {
    if (before[path] != after[path]) changes.push_back({path, before[path], after[path]});
  }
  return changes;
}

// Of what was not there before: all but what is so with every new one.
std::vector<AuditNote::Change> Beginnings(Picture picture) {
  for (const auto& [path, usual] : Picture{
           {"suspended", "false"}, {"revoked", "false"}, {"balance_nano_usd", "0"}, {"owed_nano_usd", "0"}}) {
    if (picture[path] == usual) picture[path].reset();
  }
  return Differences({}, std::move(picture));
}

// The counters that a script spoils before a recount, and how.
std::vector<AuditNote::Change> Mended(int name, const Account& account) {
  std::vector<AuditNote::Change> changes;
  auto mended = [&changes](const std::string& path, int64_t wrong, int64_t right) {
    changes.push_back({path, absl::StrCat(wrong), absl::StrCat(right)});
  };
  mended("held_nano_usd", account.Held() + 3, account.Held());
  mended("concurrent", account.Concurrent() + 3, account.Concurrent());
  if (account.subscription) {
    mended("subscription.held_units", 12345, account.HeldUnits(account.period_number));
  }
  for (int number : {1, 9}) {
    int64_t running = account.Concurrent(KeyName(name, number).Text());
    mended(absl::StrCat("keys.", number, ".concurrent"), running + 3, running);
  }
  return changes;
}

// The key that is not as it was, and how; nullopt when there is none.
std::optional<std::pair<int, std::vector<AuditNote::Change>>> ChangeOfKey(const Account& before,
                                                                          const Account& after) {
  for (const auto& [number, key] : after.keys) {
    auto was = before.keys.find(number);
    if (was == before.keys.end()) return std::pair(number, Beginnings(PictureOf(key)));
    auto changes = Differences(PictureOf(was->second), PictureOf(key));
    if (!changes.empty()) return std::pair(number, std::move(changes));
  }
  return std::nullopt;
}

}  // namespace

void Model::NoteChange(const Operation& operation, const std::optional<Account>& before, int64_t now) {
  const Account* account = Find(operation.account);
  AuditNote note{
      .time_us = now, .action = ActionOf(operation.verb), .account = AccountName(operation.account)};
  if (!account || note.action.empty()) return;
  note.of_settings =
      IsOfSettings(operation.verb, before ? account->ledger.size() - before->ledger.size() : 0);
  if (operation.verb == Verb::kCreateAccount) {
    if (before) return;
    note.changes = Beginnings(PictureOf(*account));
  } else if (operation.verb == Verb::kRecount) {
    if (operation.body != 0) note.changes = Mended(operation.account, *account);
  } else if (operation.verb == Verb::kTrimLedger) {
    if (account->trimmed() == before->trimmed()) return;
    note.changes.push_back({"trimmed_through", std::nullopt, absl::StrCat(account->trimmed())});
    if (before->trimmed() > 0) note.changes[0].before = absl::StrCat(before->trimmed());
  } else if (auto key = ChangeOfKey(*before, *account)) {
    note.target = KeyName(operation.account, key->first).Text();
    note.changes = std::move(key->second);
    return audit_.push_back(std::move(note));  // a new key may have nothing to tell of
  } else {
    note.changes = Differences(PictureOf(*before), PictureOf(*account));
    bool of_money = note.action.substr(0, 6) == "wallet";
    if (of_money) note.target = RequestName(operation.request);
    if (of_money && operation.verb != Verb::kTopUp) note.reason = Reason(operation.body);
  }
  if (!note.changes.empty()) audit_.push_back(std::move(note));
}

}  // namespace prismatic::billing::model
