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
  EXPECT_TRUE(steering.refuse);
  EXPECT_EQ(steering.body, BodyFault::kHtml);
  EXPECT_TRUE(steering.url_only);
  EXPECT_TRUE(steering.revised);
  EXPECT_TRUE(steering.usage);
  EXPECT_EQ(steering.size_bytes, 1'000'000);
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
