#include "services/sandbox_provider/steering.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prismatic::sandbox {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(SteeringTest, UnderstandsEveryWord) {
  Steering steering;
  ASSERT_TRUE(
      Steer("status=429 retry_after=2,delay_ms=500  cut=100 images=0 refuse body=html url_only revised usage "
            "size_bytes=1000000",
            steering)
          .ok());
  EXPECT_EQ(steering.status, 429);
  EXPECT_EQ(steering.retry_after_seconds, 2);
  EXPECT_EQ(steering.delay, absl::Milliseconds(500));
  EXPECT_EQ(steering.cut_body_at, 100);
  EXPECT_EQ(steering.images, 0);
  EXPECT_EQ(steering.refuse, "usual");
  EXPECT_EQ(steering.body, BodyFault::kHtml);
  EXPECT_TRUE(steering.url_only);
  EXPECT_TRUE(steering.revised);
  EXPECT_TRUE(steering.usage);
  EXPECT_EQ(steering.size_bytes, 1'000'000);
}

TEST(SteeringTest, UnderstandsTheWordsOfSomeFormats) {
  Steering steering;
  ASSERT_TRUE(
      Steer("refuse=nsfw at=result polls=3 poll_status=503 grid thought markdown huge_dimensions gzip "
            "gzip_bomb=1024",
            steering)
          .ok());
  EXPECT_EQ(steering.refuse, "nsfw");
  EXPECT_EQ(steering.at, FaultPlace::kResult);
  EXPECT_EQ(steering.polls, 3);
  EXPECT_EQ(steering.poll_status, 503);
  EXPECT_TRUE(steering.grid && steering.thought && steering.markdown && steering.huge_dimensions &&
              steering.gzip);
  EXPECT_EQ(steering.gzip_bomb_mib, 1024);
  for (const char* wrong :
       {"gzip_bomb=1025", "polls=-1", "poll_status=200", "at=home", "refuse=maybe", "grid=2"}) {
    EXPECT_FALSE(Steer(wrong, steering).ok()) << wrong;
  }
}

TEST(SteeringTest, FaultsOfAWholeAnswerConcernOnePlaceAndThoseOfPicturesAll) {
  Steering steering;
  ASSERT_TRUE(
      Steer("at=picture status=500 delay_ms=5 cut=1 gzip images=2 size_bytes=7 body=html", steering).ok());
  EXPECT_EQ(Here(steering, FaultPlace::kPicture).status, 500);
  Steering answer = Here(steering, FaultPlace::kAnswer);
  EXPECT_EQ(answer.status, std::nullopt);
  EXPECT_EQ(answer.delay, absl::ZeroDuration());
  EXPECT_EQ(answer.cut_body_at, std::nullopt);
  EXPECT_FALSE(answer.gzip);
  EXPECT_EQ(answer.body, BodyFault::kNone);
  EXPECT_EQ(answer.images, 2);
  EXPECT_EQ(answer.size_bytes, 7);
  ASSERT_TRUE(Steer("body=not_image", steering).ok());
  EXPECT_EQ(Here(steering, FaultPlace::kAnswer).body, BodyFault::kNotImage);
}

TEST(SteeringTest, ALaterWordReplacesAnEarlierOne) {
  Steering steering;
  ASSERT_TRUE(Steer("status=500 delay_ms=1", steering).ok());
  ASSERT_TRUE(Steer("status=200", steering).ok());
  EXPECT_EQ(steering.status, 200);
  EXPECT_EQ(steering.delay, absl::Milliseconds(1));
}

TEST(SteeringTest, NamesEveryWordThatItDoesNotUnderstand) {
  Steering steering;
  std::string message(
      Steer("speed=9 status=99 delay_ms=600001 refuse=yes body=soup images=1 =", steering).message());
  for (const char* word :
       {"`speed=9`", "`status=99`", "`delay_ms=600001`", "`refuse=yes`", "`body=soup`", "`=`"}) {
    EXPECT_THAT(message, HasSubstr(word));
  }
  EXPECT_THAT(message, Not(HasSubstr("images")));
}

TEST(SteeringTest, TakesDirectivesOutOfThePrompt) {
  absl::StatusOr<DirectedPrompt> taken = TakeDirectives("[[sandbox status=500]] a red [[sandbox cut=3]]fox ");
  ASSERT_TRUE(taken.ok());
  EXPECT_EQ(taken->prompt, "a red fox");
  EXPECT_EQ(taken->words, "  status=500  cut=3");
}

TEST(SteeringTest, LeavesOtherBracketsAlone) {
  absl::StatusOr<DirectedPrompt> taken = TakeDirectives("a [[wiki]] link");
  ASSERT_TRUE(taken.ok());
  EXPECT_EQ(taken->prompt, "a [[wiki]] link");
  EXPECT_EQ(taken->words, "");
}

TEST(SteeringTest, ADirectiveWithoutEndIsAnError) {
  EXPECT_FALSE(TakeDirectives("fox [[sandbox status=500").ok());
}

}  // namespace
}  // namespace prismatic::sandbox
