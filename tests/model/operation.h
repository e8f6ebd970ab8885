#ifndef PRISMATIC_TESTS_MODEL_OPERATION_H_
#define PRISMATIC_TESTS_MODEL_OPERATION_H_

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace prismatic::billing::model {

// What can be done to billing. kStep moves the clock; kForget and kForgetIdempotencyKey are what Redis does
// by itself when a record's time to live is over.
enum class Verb {
  kReserve,
  kValidate,
  kSettle,
  kRelease,
  kExpire,
  kSweep,
  kTopUp,
  kCheckKey,
  kEstimate,
  kGetReservation,
  kListLedger,
  kCreateAccount,
  kCreateKey,
  kImportKey,
  kRevokeKey,
  kAdjust,
  kWriteOff,
  kSuspend,
  kResume,
  kUpdateAccount,
  kUpdateKey,
  kListUsage,
  kListReservations,
  kAudit,
  kRecount,
  kTrimLedger,
  kStep,
  kForget,
  kForgetIdempotencyKey,
};

// Limits in an operation, where they are no numbers.
inline constexpr int64_t kUnlimited = -1;
inline constexpr int64_t kStays = -2;
// Quotas in an operation, where they are no numbers.
inline constexpr int64_t kNoQuota = -1;
inline constexpr int64_t kQuotaEnds = -2;
// A key's life in an update; 0: it stays as it is.
inline constexpr int64_t kForEver = -1;

// One step of a script. It names everything by small numbers, not by what the steps before it did, so that
// a script still means something after any of its steps was taken out.
struct Operation {
  Verb verb = Verb::kStep;
  int account = 0;
  // From 1; 0: the account was named instead. kStranger: a key that does not exist, kThief: key 1 with
  // another's secret, from kFirstImported on: keys that were made elsewhere.
  int key = 1;
  int attempt = 0;
  // Asked for or delivered; kept of a ledger that is trimmed.
  int images = 1;
  // Index into kCatalog.
  int model = 0;
  // 0: none.
  int idempotency_key = 0;
  // Another body is another content: the fingerprint differs too. Also: which reason is given, and how far
  // the balance is off that a trimming names, and whether the counters were spoilt
  // before a recount.
  int body = 0;
  // Nano-USD, microseconds of a clock step or of a key's life.
  int64_t amount = 0;
  // Of a change of money by hand.
  int request = 0;
  int64_t requests_per_minute = kUnlimited;
  int64_t images_per_minute = kUnlimited;
  int64_t concurrent = kUnlimited;
  // Which models a key may use. 0: all (a new key), or as before; 1: the catalog's first; 2: all.
  int models = 0;
  // v1::FundingPolicy; 0: the usual one, or as before.
  int policy = 0;
  int64_t quota = kNoQuota;
  // v1::SubscriptionPeriod.
  int period = 1;
  // How long ago the first period began, in microseconds; 0: now.
  int64_t started = 0;
};

inline constexpr int kStranger = 99;
inline constexpr int kThief = 98;
inline constexpr int kFirstImported = 100;
inline bool IsImported(int key) { return key >= kFirstImported; }

// What the catalog says of the models that scripts ask for; an image's price, and units of a subscription.
struct CatalogEntry {
  const char* name;
  enum class Kind { kPriced, kUnpriced, kMissing, kBehind } kind;
  int64_t unit_price;
  int64_t units;
};
inline constexpr CatalogEntry kCatalog[] = {
    {"plain", CatalogEntry::Kind::kPriced, 40'000'000, 1},
    {"odd", CatalogEntry::Kind::kPriced, 7, 3},
    {"dear", CatalogEntry::Kind::kPriced, 2'000'000'000'000'003, 2},
    {"free", CatalogEntry::Kind::kPriced, 0, 1},
    {"unpriced", CatalogEntry::Kind::kUnpriced, 0, 2},
    {"missing", CatalogEntry::Kind::kMissing, 0, 0},
    {"behind", CatalogEntry::Kind::kBehind, 0, 0},
};
inline constexpr int kCatalogSize = sizeof(kCatalog) / sizeof(kCatalog[0]);
inline constexpr int64_t kCatalogVersion = 7;
inline constexpr int kAccounts = 2;

using Script = std::vector<Operation>;

// "kSettle".
std::string NameOf(Verb verb);
// `{.verb = Verb::kSettle, .attempt = 3, .images = 2},`: what a regression test is made of.
std::string Print(const Operation& operation);
std::string Print(const Script& script);
// What Print wrote; nullopt when it is something else.
std::optional<Script> Parse(absl::string_view text);

// A script of `size` steps: opening steps, then weighted random ones with small numbers, so that they meet.
Script RandomScript(std::mt19937_64& random, int size);

}  // namespace prismatic::billing::model

#endif  // PRISMATIC_TESTS_MODEL_OPERATION_H_
