#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "services/billing/functions.h"
#include "tests/model/run.h"

namespace prismatic::billing::model {
namespace {

// Of one script: long enough for holds to expire and debts to be paid, short enough to be shrunk in seconds.
constexpr int kScriptSize = 250;
// So many steps meet everything that there is.
constexpr int64_t kEnoughForAll = 100'000;
#if defined(__SANITIZE_ADDRESS__)
constexpr int64_t kOperations = 5'000;
#else
constexpr int64_t kOperations = 100'000;
#endif

int64_t FromEnvironment(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  int64_t number = 0;
  return text && absl::SimpleAtoi(text, &number) ? number : otherwise;
}

// A file with the steps that a failure printed.
Script ScriptIn(const char* file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  std::optional<Script> script = Parse(text.str());
  EXPECT_TRUE(script.has_value()) << file << " is no script";
  return script.value_or(Script());
}

// A run that meets nothing proves nothing: what any 100,000 steps come across many times.
void ExpectAllIsMet(const Tally& tally) {
  for (const char* seen : {"kReserve OK",
                           "kReserve OK replayed: true",
                           "kReserve OK FUNDING_SOURCE_SUBSCRIPTION",
                           "kReserve INVALID_API_KEY",
                           "kReserve ACCOUNT_SUSPENDED",
                           "kReserve IDEMPOTENCY_KEY_REUSED",
                           "kReserve IDEMPOTENCY_KEY_IN_USE",
                           "kReserve IDEMPOTENCY_KEY_COMPLETED",
                           "kReserve IMAGE_COUNT_TOO_LARGE",
                           "kReserve RATE_LIMIT_EXCEEDED",
                           "kReserve CATALOG_BEHIND",
                           "kReserve MODEL_NOT_FOUND",
                           "kReserve MODEL_NOT_ALLOWED",
                           "kReserve GENERATION_PRICE_MISSING",
                           "kReserve ACCOUNT_IN_DEBT",
                           "kReserve SUBSCRIPTION_QUOTA_EXHAUSTED",
                           "kReserve CREDIT_BALANCE_EXHAUSTED",
                           "kReserve RESERVATION_RESOLVED",
                           "kSettle OK",
                           "kSettle OK replayed: true",
                           "kSettle OK SETTLED_LATE",
                           "kSettle OK passed on",
                           "kSettle RESERVATION_RESOLVED",
                           "kSettle RESERVATION_FORGOTTEN",
                           "kSettle DELIVERED_COUNT_TOO_LARGE",
                           "kRelease OK",
                           "kRelease OK replayed: true",
                           "kRelease RESERVATION_RESOLVED",
                           "kRelease INVALID_API_KEY",
                           "kRelease IDEMPOTENCY_KEY_REUSED",
                           "kExpire OK",
                           "kSweep OK",
                           "kTopUp OK",
                           "kTopUp OK replayed: true",
                           "kTopUp IDEMPOTENCY_KEY_REUSED",
                           "kTopUp INVALID_VALUE",
                           "kAdjust OK",
                           "kAdjust OK replayed: true",
                           "kAdjust CREDIT_BALANCE_EXHAUSTED",
                           "kWriteOff OK",
                           "kWriteOff INVALID_VALUE",
                           "kUpdateAccount OK",
                           "kUpdateKey OK",
                           "kImportKey OK",
                           "kImportKey OK replayed: true",
                           "kImportKey KEY_EXISTS",
                           "kRevokeKey OK",
                           "kRecount OK",
                           "kTrimLedger OK",
                           "kTrimLedger INVALID_VALUE",
                           "kCreateAccount ACCOUNT_EXISTS"}) {
    EXPECT_GT(tally.count(seen), 0U) << "no step was answered with " << seen;
  }
}

// PRISMATIC_MODEL_OPERATIONS and PRISMATIC_MODEL_SEED choose another length and repeat a run;
// PRISMATIC_MODEL_SCRIPT names a file with a script, and plays that instead.
TEST(BillingModelTest, TheFunctionsDoWhatTheModelDoes) {
  Subject subject(FunctionsWithTestClock());
  if (const char* file = std::getenv("PRISMATIC_MODEL_SCRIPT")) {
    Script script = ScriptIn(file);
    std::optional<Failure> failure = Play(subject, script);
    EXPECT_FALSE(failure) << "step " << failure->step + 1 << " of " << script.size() << "\n" << failure->what;
    return;
  }
  const int64_t operations = FromEnvironment("PRISMATIC_MODEL_OPERATIONS", kOperations);
  const auto seed = static_cast<uint64_t>(
      FromEnvironment("PRISMATIC_MODEL_SEED", static_cast<int64_t>(std::random_device()())));
  std::cout << "PRISMATIC_MODEL_SEED=" << seed << " PRISMATIC_MODEL_OPERATIONS=" << operations << std::endl;
  std::mt19937_64 random(seed);
  const absl::Time start = absl::Now();
  Tally tally;
  int64_t done = 0;
  for (; done < operations; done += kScriptSize) {
    Script script = RandomScript(random, kScriptSize);
    std::optional<Failure> failure = Play(subject, script, &tally);
    if (failure) {
      FAIL() << "seed " << seed << ", operation " << done + static_cast<int64_t>(failure->step) + 1 << ", "
             << Explain(subject, script, *failure);
    }
  }
  std::cout << done << " operations in " << absl::FormatDuration(absl::Now() - start) << std::endl;
  if (std::getenv("PRISMATIC_MODEL_TALLY")) {
    for (const auto& [what, count] : tally) std::cout << count << " " << what << "\n";
  }
  if (operations >= kEnoughForAll) ExpectAllIsMet(tally);
}

// What is printed is what is replayed.
TEST(BillingModelTest, APrintedScriptReadsAsItself) {
  std::mt19937_64 random(20260103);
  for (int i = 0; i < 20; ++i) {
    std::string printed = Print(RandomScript(random, kScriptSize));
    std::optional<Script> script = Parse(printed);
    ASSERT_TRUE(script.has_value());
    EXPECT_EQ(Print(*script), printed);
  }
}

}  // namespace
}  // namespace prismatic::billing::model
