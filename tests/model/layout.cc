#include "tests/model/layout.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace prismatic::billing::model {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kHourMs = 60 * kMinuteMs;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kIdempotencyMs = kDayMs + 15 * kMinuteMs;
constexpr int64_t kUsageMs = 400 * kDayMs;

// SHA-1 of the two reasons that scripts give.
constexpr const char* kReasonHashes[] = {"c22eb6f4bb2cf2caf00f2a6eb3937e33cb29e2a2",
                                         "8d8f9ceda14e3f06f9c23f592d92c3799857eb5e"};

using Fields = std::map<std::string, std::string>;

void Put(Fields& fields, const std::string& name, Number number) {
  if (number) fields[name] = absl::StrCat(*number);
}

Record Hash(const Fields& fields, int64_t life_ms = 0) {
  return {absl::StrCat("hash ", absl::StrJoin(fields, " ", absl::PairFormatter("="))), life_ms};
}
Record Text(const std::string& text, int64_t life_ms = 0) { return {absl::StrCat("string ", text), life_ms}; }

// `FUNDING_POLICY_WALLET_ONLY` is `wallet_only` in Redis.
std::string Word(const std::string& name, const std::string& prefix) {
  return absl::AsciiStrToLower(name.substr(prefix.size()));
}

void PutLimited(Fields& fields, const Limited& limited) {
  Put(fields, "rpm", limited.limits.requests);
  Put(fields, "ipm", limited.limits.images);
  Put(fields, "cc_max", limited.limits.concurrent);
  Put(fields, "rpm_tat", limited.requests_tat);
  Put(fields, "ipm_tat", limited.images_tat);
}

std::string SubscriptionText(const Account& account) {
  if (!account.subscription) return absl::StrCat(account.period_number);
  const Subscription& plan = *account.subscription;
  return absl::StrCat(account.period_number, "|", plan.quota, "|",
                      Word(v1::SubscriptionPeriod_Name(plan.kind), "SUBSCRIPTION_PERIOD_"), "|",
                      absl::StrJoin({plan.first_us, plan.start_us, plan.end_us, plan.used,
                                     account.HeldUnits(account.period_number), plan.over},
                                    "|"));
}

Record AccountHash(int name, const Account& account) {
  Fields fields = {{"state", account.suspended ? "suspended" : "active"},
                   {"policy", Word(v1::FundingPolicy_Name(account.policy), "FUNDING_POLICY_")}};
  PutLimited(fields, account);
  Put(fields, "bal", account.balance);
  Put(fields, "held", account.Held());
  Put(fields, "owed", account.owed);
  Put(fields, "seq", account.ledger.size());
  Put(fields, "key_seq", account.key_sequence);
  Put(fields, "cc", account.Concurrent());
  Put(fields, "last_us", account.last_us);
  Put(fields, "create_us", account.create_us);
  if (account.period_number > 0) fields["sub"] = SubscriptionText(account);
  for (const auto& [number, key] : account.keys) {
    int64_t running = account.Concurrent(KeyName(name, number).Text());
    if (running > 0) Put(fields, absl::StrCat("cc:", number), running);
  }
  return Hash(fields);
}

Record KeyHash(const Key& key) {
  Fields fields = {{"state", key.revoked ? "revoked" : "active"},
                   {"hash", key.secret_hash},
                   {"models", key.one_model ? kCatalog[0].name : ""}};
  if (key.imported > 0) fields["imported"] = "1";
  PutLimited(fields, key);
  Put(fields, "create_us", key.create_us);
  Put(fields, "expire_us", key.expire_us);
  return Hash(fields);
}

const char* StateLetter(const Reservation& r) {
  switch (r.state) {
    case v1::RESERVATION_STATE_PENDING:
      return "P";
    case v1::RESERVATION_STATE_EXPIRED:
      return "E";
    case v1::RESERVATION_STATE_SETTLED:
      return "S";
    case v1::RESERVATION_STATE_SETTLED_LATE:
      return "L";
    default:
      return "R";
  }
}

Record ReservationText(const Reservation& r) {
  std::string head = absl::StrCat(StateLetter(r), "|", r.fingerprint, "|", r.key_id, "|",
                                  r.has_idempotency_key ? 1 : 0, "|");
  if (!r.whole()) return Text(absl::StrCat(head, r.delivered, "|", r.charge, "|", r.sequence), r.life_ms);
  std::string source = r.by_subscription() ? absl::StrCat("subscription/", r.period_number, "/", r.units)
                                           : std::string("wallet");
  return Text(absl::StrCat(head, absl::StrJoin({r.n, r.unit, r.amount()}, "|"), "|", source, "|",
                           absl::StrJoin({kCatalogVersion, r.create_us, r.end_us}, "|"), "|",
                           r.passed_on ? 1 : 0, "|", r.model),
              r.life_ms);
}

std::string SourceWord(v1::FundingSource source) {
  if (source == v1::FUNDING_SOURCE_UNSPECIFIED) return "";
  return Word(v1::FundingSource_Name(source), "FUNDING_SOURCE_");
}

std::vector<std::string> EntryWords(const v1::LedgerEntry& e) {
  std::vector<std::string> words = {absl::StrCat(e.sequence(), "-0"), "type",
                                    Word(v1::LedgerEntryType_Name(e.type()), "LEDGER_ENTRY_TYPE_")};
  auto add = [&words](const char* name, auto value) {
    words.push_back(name);
    words.push_back(absl::StrCat(value));
  };
  bool by_subscription = e.funding_source() == v1::FUNDING_SOURCE_SUBSCRIPTION;
  bool of_plan = e.type() == v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_GRANTED ||
                 e.type() == v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_CHANGED ||
                 e.type() == v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_ROLLED_OVER;
  bool rolled_over = e.type() == v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_ROLLED_OVER;
  // Where a number would mean nothing, there is none.
  auto add_where = [&add](bool there, const char* name, int64_t value) {
    there ? add(name, value) : add(name, "");
  };
  add("us", e.time_us());
  add("amount", e.amount_nano_usd());
  add("owed_change", e.owed_change_nano_usd());
  add("bal", e.balance_nano_usd());
  add("owed", e.owed_nano_usd());
  add("rsv", e.reservation_id());
  add("key", e.key_id());
  add("model", e.model());
  add("n", e.image_count());
  add("delivered", e.delivered_count());
  add("unit", e.unit_price_nano_usd());
  add("src", SourceWord(e.funding_source()));
  add("ver", e.catalog_version());
  add("request", e.request_id());
  bool carried = e.type() == v1::LEDGER_ENTRY_TYPE_CARRIED_FORWARD;
  bool carried_plan = carried && e.period_end_us() != 0;
  add_where(by_subscription || rolled_over || carried_plan, "units", e.units());
  add_where(by_subscription || carried_plan, "over", e.over_units());
  add_where(of_plan || carried_plan, "quota", e.quota_units());
  add_where(e.period_end_us() != 0, "start", e.period_start_us());
  add_where(e.period_end_us() != 0, "end", e.period_end_us());
  add("reason", e.reason());
  add_where(carried, "carried", e.carried_amount_nano_usd());
  add_where(carried, "carried_owed", e.carried_owed_change_nano_usd());
  return words;
}

std::vector<std::string> NoteWords(const AuditNote& note) {
  std::vector<std::string> words = {"us",      absl::StrCat(note.time_us),
                                    "actor",   kActor,
                                    "action",  note.action,
                                    "account", note.account,
                                    "target",  note.target,
                                    "reason",  note.reason};
  for (const AuditNote::Change& change : note.changes) {
    if (change.before) words.insert(words.end(), {absl::StrCat("-", change.path), *change.before});
    if (change.after) words.insert(words.end(), {absl::StrCat("+", change.path), *change.after});
  }
  return words;
}

// The newest notes, newest first.
Record AuditStream(const std::vector<AuditNote>& notes) {
  std::vector<std::string> words = {"stream", absl::StrCat(notes.size())};
  for (size_t i = 0; i < std::min<size_t>(notes.size(), kNewestEntries); ++i) {
    for (std::string& word : NoteWords(notes[notes.size() - 1 - i])) words.push_back(std::move(word));
  }
  return {absl::StrJoin(words, " ")};
}

// One of the bucket's two logs.
void PutAudit(const std::vector<AuditNote>& all, bool of_settings, const std::string& key, Bytes& bytes) {
  std::vector<AuditNote> notes;
  for (const AuditNote& note : all) {
    if (note.of_settings == of_settings) notes.push_back(note);
  }
  if (!notes.empty()) bytes[key] = AuditStream(notes);
}

// The newest of `length` entries that end with `last`, newest first.
Record Stream(const v1::LedgerEntry* last, size_t length) {
  std::vector<std::string> words = {"stream", absl::StrCat(length)};
  for (size_t i = 0; i < std::min<size_t>(length, kNewestEntries); ++i) {
    for (std::string& word : EntryWords(*(last - i))) words.push_back(std::move(word));
  }
  return {absl::StrJoin(words, " ")};
}

Record ChangeText(const Change& change) {
  std::string text = absl::StrCat(change.amount, "|", change.sequence);
  if (change.verb == Verb::kTopUp) return Text(text);
  const char* kind = change.verb == Verb::kAdjust ? "adjustment" : "write_off";
  return Text(absl::StrCat(text, "|", kind, "|", kReasonHashes[change.reason]));
}

void PutUsage(const AccountKeys& keys, const Account& account, Bytes& bytes) {
  std::map<int32_t, Fields> days;
  for (const auto& [name, usage] : account.usage) {
    const auto& [day, key_id, model] = name;
    std::string number = key_id.empty() ? "-" : key_id.substr(key_id.find('.') + 1);
    std::string row = absl::StrCat(number, "|", model);
    Put(days[day], row + "|r", usage.requests);
    Put(days[day], row + "|i", usage.images);
    Put(days[day], row + "|c", usage.charged);
    Put(days[day], row + "|u", usage.units);
  }
  for (const auto& [day, fields] : days) bytes[keys.Usage(day)] = Hash(fields, kUsageMs);
}

void PutAccount(int name, const Account& account, Bytes& bytes) {
  AccountKeys keys(AccountName(name));
  bytes[keys.Account()] = AccountHash(name, account);
  for (const auto& [number, key] : account.keys) {
    std::string id = KeyName(name, number).Text();
    bytes[keys.Key(id)] = KeyHash(key);
    if (key.imported == 0) continue;
    bytes[keys.Import(key.secret_hash)] = Text(absl::StrCat(number));
    bytes[ImportedKeyName(key.secret_hash)] = Text(id);
  }
  for (const auto& [attempt, r] : account.reservations) {
    bytes[keys.Reservation(AttemptName(attempt))] = ReservationText(r);
  }
  for (const auto& [number, mark] : account.idempotency) {
    bytes[keys.Idempotency(IdempotencyHash(number))] =
        Text(absl::StrCat(AttemptName(mark.attempt), "|", mark.body), kIdempotencyMs);
  }
  for (const auto& [request, change] : account.changes) {
    bytes[keys.TopUp(RequestName(request))] = ChangeText(change);
  }
  if (!account.ledger.empty()) {
    size_t kept = account.ledger.size() - static_cast<size_t>(account.trimmed());
    bytes[keys.Ledger()] = Stream(&account.ledger.back(), kept);
  }
  if (account.carried_forward) bytes[keys.CarriedForward()] = Stream(&*account.carried_forward, 1);
  PutUsage(keys, account, bytes);
}

// What both accounts share, which are in one bucket.
void PutBucket(const Model& model, Bytes& bytes) {
  AccountKeys keys(AccountName(0));
  auto zset = [](const Fields& fields) {
    return Record{absl::StrCat("zset ", absl::StrJoin(fields, " ", absl::PairFormatter("=")))};
  };
  Fields due, names;
  for (const auto& [name, account] : model.accounts()) {
    names[AccountName(name)] = "0";
    for (const auto& [attempt, r] : account.reservations) {
      if (r.pending()) Put(due, ReservationId{AccountName(name), AttemptName(attempt)}.Text(), r.end_us);
    }
  }
  if (!due.empty()) bytes[keys.Due()] = zset(due);
  if (!names.empty()) bytes[keys.AccountList()] = zset(names);
  PutAudit(model.audit(), false, keys.Audit(), bytes);
  PutAudit(model.audit(), true, keys.SettingsAudit(), bytes);
  for (const auto& [day, rows] : model.totals()) {
    Fields fields;
    for (const auto& [name, usage] : rows) {
      fields[name] = absl::StrJoin({usage.requests, usage.images, usage.charged, usage.units}, "|");
    }
    bytes[keys.Totals(day)] = Hash(fields, kUsageMs);
  }
}

}  // namespace

Bytes ExpectedBytes(const Model& model) {
  Bytes bytes;
  for (const auto& [name, account] : model.accounts()) PutAccount(name, account, bytes);
  PutBucket(model, bytes);
  return bytes;
}

}  // namespace prismatic::billing::model
