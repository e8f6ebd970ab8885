#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/billing/functions.h"
#include "services/common/status/status.h"
#include "tests/model/model.h"
#include "tests/model/subject.h"
#include "tests/support/matchers.h"

// What the rate limits promise, looked at from outside: nothing here knows how they are counted.

namespace prismatic::billing::model {
namespace {

using ::prismatic::testing::HasReason;
using ::prismatic::testing::IsOk;
using ::testing::IsEmpty;

constexpr int64_t kLimits[] = {1, 2, 3, 7, 59, 60, 61, 1000, 999'999};
// Where more calls than this would be needed to use up a burst, it is marked as used.
constexpr int64_t kBurstPlayed = 100;

class GcraTest : public ::testing::Test {
 protected:
  GcraTest() : subject_(FunctionsWithTestClock()) {}

  // A key with this limit of images a minute.
  void Open(int64_t limit, bool used_up) {
    subject_.Reset();
    Do({.verb = Verb::kCreateAccount});
    Do({.verb = Verb::kCreateKey, .images_per_minute = limit});
    admitted_.clear();
    limit_ = limit;
    if (!used_up) return;
    Command({"HSET", AccountKeys(AccountName(0)).Key(KeyName(0, 1).Text()), "ipm_tat",
             absl::StrCat(subject_.now_us() + Interval() * limit)});
    admitted_.push_back({subject_.now_us(), limit});
  }
  void ChangeLimit(int64_t limit) {
    Do({.verb = Verb::kUpdateKey, .images_per_minute = limit});
    limit_ = limit;
    admitted_.clear();  // what is promised from now on is of the new limit
  }
  void Advance(int64_t microseconds) { Do({.verb = Verb::kStep, .amount = microseconds}); }

  int64_t Interval() const { return (kMinuteUs + limit_ - 1) / limit_; }

  // Asks for images that cost nothing, so that nothing but the limit refuses.
  absl::Status Ask(int64_t images) {
    Admission admission{.payer = {AccountName(0), KeyName(0, 1).Text(), SecretHash(0, 1)},
                        .attempt_id = AttemptName(++attempt_),
                        .fingerprint = "same",
                        .fact = {.kind = CatalogFact::Kind::kPriced, .model = "free", .version = 1},
                        .image_count = static_cast<int>(images)};
    AdmissionAnswer answer = Wait(subject_.ledger().Admit(admission));
    if (answer.response.ok()) admitted_.push_back({subject_.now_us(), images});
    return answer.response.status();
  }

  // A refusal changed no byte; it is still one a microsecond before the time it names, and none at that time.
  void ExpectRefusalIsExact(int64_t images, const absl::Status& refusal) {
    ASSERT_THAT(refusal, HasReason(common::v1::ERROR_REASON_RATE_LIMIT_EXCEEDED));
    EXPECT_THAT(Changed(), IsEmpty()) << "a refusal changed something";
    std::optional<absl::Duration> retry = RetryAfterOf(refusal);
    ASSERT_TRUE(retry.has_value());
    Advance(absl::ToInt64Microseconds(*retry) - 1);
    EXPECT_THAT(Ask(images), HasReason(common::v1::ERROR_REASON_RATE_LIMIT_EXCEEDED));
    EXPECT_THAT(Changed(), IsEmpty());
    Advance(1);
    EXPECT_THAT(Ask(images), IsOk());
  }

  void AskAndCheck(int64_t images) {
    Changed();
    absl::Status status = Ask(images);
    if (!status.ok()) ExpectRefusalIsExact(images, status);
  }

  // In no window were more admitted than a burst and what comes back within it.
  void ExpectNoWindowHasTooMuch() { ExpectNoWindowHasTooMuch(limit_, true); }
  void ExpectNoWindowHasTooMuch(int64_t limit, bool of_images) {
    const int64_t interval = (kMinuteUs + limit - 1) / limit;
    for (size_t first = 0; first < admitted_.size(); ++first) {
      int64_t taken = 0;
      for (size_t last = first; last < admitted_.size(); ++last) {
        taken += of_images ? admitted_[last].images : 1;
        int64_t window = admitted_[last].time_us - admitted_[first].time_us;
        ASSERT_LE(taken, limit + window / interval) << "limit " << limit << ", window " << window << " us";
      }
    }
  }

  // The keys, of all that there are, whose DUMP or end of life is not as it was at the last call.
  std::vector<std::string> Changed() { return Wait(subject_.mirror().Follow()); }

  redis::Reply Command(std::vector<std::string> words) {
    absl::StatusOr<redis::Reply> reply =
        Wait(subject_.client().Command(redis::Lane::kFast, std::move(words)));
    EXPECT_THAT(reply, IsOk());
    return reply.ok() ? *reply : redis::Reply();
  }
  void Do(const Operation& operation) { EXPECT_EQ(Wait(subject_.Apply(operation)).substr(0, 2), "OK"); }

  struct Admitted {
    int64_t time_us;
    int64_t images;
  };
  Subject subject_;
  std::vector<Admitted> admitted_;
  int64_t limit_ = 0;
  int attempt_ = 0;
};

// Waits of a client that does not know the limit: none, a little, about what one image takes, long.
int64_t RandomWait(std::mt19937_64& random, int64_t interval) {
  switch (random() % 4) {
    case 0:
      return 0;
    case 1:
      return static_cast<int64_t>(random() % 1000);
    case 2:
      return static_cast<int64_t>(random() % static_cast<uint64_t>(2 * interval));
    default:
      return random() % 8 == 0 ? 2 * kMinuteUs : interval;
  }
}

TEST_F(GcraTest, AdmitsExactlyAtTheTimeItNamesAndNeverTooMuchInAnyWindow) {
  std::mt19937_64 random(20260101);
  for (int64_t limit : kLimits) {
    for (int64_t images = 1; images <= 10 && images <= limit; ++images) {
      SCOPED_TRACE(absl::StrCat("limit ", limit, ", ", images, " images"));
      Open(limit, limit > kBurstPlayed);
      for (int i = 0; i < 40 && !HasFatalFailure(); ++i) {
        Advance(RandomWait(random, Interval()));
        AskAndCheck(images);
      }
      ExpectNoWindowHasTooMuch();
      if (HasFailure()) return;
    }
  }
}

// All or nothing: what one limit refuses takes nothing from the others, or their windows would not fill up
// again.
TEST_F(GcraTest, OfFourLimitsEachHoldsAndTheWaitIsTheLongest) {
  std::mt19937_64 random(20260104);
  auto draw = [&random] { return kLimits[random() % 5]; };
  for (int round = 0; round < 30; ++round) {
    const int64_t of_key[] = {draw(), draw()}, of_account[] = {draw(), draw()};
    SCOPED_TRACE(absl::StrCat("key ", of_key[0], " requests, ", of_key[1], " images; account ", of_account[0],
                              " requests, ", of_account[1], " images"));
    subject_.Reset();
    Do({.verb = Verb::kCreateAccount,
        .requests_per_minute = of_account[0],
        .images_per_minute = of_account[1]});
    Do({.verb = Verb::kCreateKey, .requests_per_minute = of_key[0], .images_per_minute = of_key[1]});
    admitted_.clear();
    const int64_t most = std::min<int64_t>({of_key[1], of_account[1], 10});
    for (int i = 0; i < 40 && !HasFatalFailure(); ++i) {
      Advance(RandomWait(random, kMinuteUs / std::max(of_key[0], of_account[1])));
      AskAndCheck(1 + static_cast<int64_t>(random() % static_cast<uint64_t>(most)));
    }
    ExpectNoWindowHasTooMuch(of_key[0], false);
    ExpectNoWindowHasTooMuch(of_account[0], false);
    ExpectNoWindowHasTooMuch(of_key[1], true);
    ExpectNoWindowHasTooMuch(of_account[1], true);
    if (HasFailure()) return;
  }
}

TEST_F(GcraTest, ABurstIsTheLimitAndNotOneMore) {
  for (int64_t limit : kLimits) {
    if (limit > kBurstPlayed) continue;
    Open(limit, false);
    for (int64_t i = 0; i < limit; ++i) EXPECT_THAT(Ask(1), IsOk());
    EXPECT_THAT(Ask(1), HasReason(common::v1::ERROR_REASON_RATE_LIMIT_EXCEEDED));
    Advance(Interval() * limit);
    for (int64_t i = 0; i < limit; ++i) EXPECT_THAT(Ask(1), IsOk());
    EXPECT_THAT(Ask(1), HasReason(common::v1::ERROR_REASON_RATE_LIMIT_EXCEEDED));
  }
}

TEST_F(GcraTest, MoreThanTheLimitAtOnceIsNoMatterOfTime) {
  for (int64_t limit : {1, 2, 3, 7}) {
    Open(limit, false);
    Changed();
    EXPECT_THAT(Ask(limit + 1), HasReason(common::v1::ERROR_REASON_IMAGE_COUNT_TOO_LARGE));
    EXPECT_THAT(Changed(), IsEmpty());
    EXPECT_THAT(Ask(limit), IsOk());
  }
}

TEST_F(GcraTest, ANewLimitHoldsFromItsChange) {
  std::mt19937_64 random(20260102);
  for (int64_t from : kLimits) {
    for (int64_t to : kLimits) {
      SCOPED_TRACE(absl::StrCat("from ", from, " to ", to));
      Open(from, from > kBurstPlayed);
      for (int i = 0; i < 8; ++i)
        AskAndCheck(1 + static_cast<int64_t>(random() % static_cast<uint64_t>(std::min<int64_t>(from, 10))));
      ChangeLimit(to);
      for (int i = 0; i < 12 && !HasFatalFailure(); ++i) {
        Advance(RandomWait(random, Interval()));
        AskAndCheck(1 + static_cast<int64_t>(random() % static_cast<uint64_t>(std::min<int64_t>(to, 10))));
      }
      ExpectNoWindowHasTooMuch();
      if (HasFailure()) return;
    }
  }
}

TEST_F(GcraTest, AStepOfTheClockBackGivesOneBurstMoreAtMostAndLocksNobodyOut) {
  for (int64_t back : {int64_t{1}, int64_t{4'999'999}, int64_t{5'000'001}, 60 * kMinuteUs}) {
    for (int64_t limit : {1, 2, 7, 60}) {
      SCOPED_TRACE(absl::StrCat("limit ", limit, ", back ", back, " us"));
      Open(limit, false);
      for (int64_t i = 0; i < limit; ++i) EXPECT_THAT(Ask(1), IsOk());
      Advance(-back);
      int64_t more = 0;
      while (more <= limit && Ask(1).ok()) ++more;
      EXPECT_LE(more, limit);
      // After a minute of the new time, and the little that was bridged, all is as ever.
      Advance(kMinuteUs + Interval() * limit + kStepBackUs);
      EXPECT_THAT(Ask(limit), IsOk());
    }
  }
}

TEST_F(GcraTest, AStepOfTheClockForwardGivesOneBurst) {
  for (int64_t limit : {1, 2, 7, 60}) {
    Open(limit, false);
    for (int64_t i = 0; i < limit; ++i) EXPECT_THAT(Ask(1), IsOk());
    Advance(24 * 60 * kMinuteUs);
    for (int64_t i = 0; i < limit; ++i) EXPECT_THAT(Ask(1), IsOk());
    EXPECT_THAT(Ask(1), HasReason(common::v1::ERROR_REASON_RATE_LIMIT_EXCEEDED));
  }
}

}  // namespace
}  // namespace prismatic::billing::model
