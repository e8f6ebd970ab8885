#include "services/provider_proxy/upstream/credential_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/fake_clock.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::ElementsAre;
using Pick = CredentialPool::Pick;
using Refusal = CredentialRefusal;

class CredentialPoolTest : public ::testing::Test {
 protected:
  CredentialPoolTest() {
    for (const char* name : {"a", "b", "c"}) Write(name, std::string("secret-of-") + name + "-1");
  }
  ~CredentialPoolTest() override { std::filesystem::remove_all(folder_); }
  static std::string NewFolder() {
    std::string folder = ::testing::TempDir() + "credential_pool_test.XXXXXX";
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
    return folder;
  }
  // As a secret store does it: a new file put in the old one's place.
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/.new") << text;
    std::filesystem::rename(folder_ + "/.new", folder_ + "/" + name);
  }
  Pick Next() { return *pool_.Next("openai", references_); }
  // The next `count` references.
  std::vector<std::string> Turns(int count) {
    std::vector<std::string> turns;
    for (int i = 0; i < count; ++i) turns.push_back(Next().reference);
    return turns;
  }
  // Gets the credential of this reference, whoever's turn it is.
  Pick Of(const std::string& reference) { return *pool_.Next("other", {reference}); }
  void Refuse(const std::string& reference, Refusal kind,
              std::optional<absl::Duration> after = std::nullopt) {
    Pick pick = Of(reference);
    pick.provider = "openai";
    pool_.Refused(pick, kind, after);
  }

  const std::string folder_ = NewFolder();
  testing::FakeClock clock_;
  std::vector<std::string> references_{"file:a", "file:b", "file:c"};
  Credentials credentials_{{{"PROVIDER_KEY_X", "secret-of-x-1"}}, folder_};
  CredentialPool pool_{credentials_, clock_};
};

TEST_F(CredentialPoolTest, TheyTakeTurns) {
  EXPECT_THAT(Turns(5), ElementsAre("file:a", "file:b", "file:c", "file:a", "file:b"));
  EXPECT_EQ(Next().secret, "secret-of-c-1");
}

TEST_F(CredentialPoolTest, NoneIsNeededWhereNoneIsNamed) {
  absl::StatusOr<Pick> pick = pool_.Next("sandbox", {});
  ASSERT_TRUE(pick.ok());
  EXPECT_EQ(pick->secret, "");
  pool_.Refused(*pick, Refusal::kUnauthorized, std::nullopt);
  EXPECT_TRUE(pool_.Next("sandbox", {}).ok());
}

TEST_F(CredentialPoolTest, OneThatIsRefusedRestsForAMinute) {
  Refuse("file:b", Refusal::kUnauthorized);
  EXPECT_THAT(Turns(4), ElementsAre("file:a", "file:c", "file:c", "file:a"));
  clock_.Advance(absl::Seconds(59));
  EXPECT_THAT(Turns(3), ::testing::Not(::testing::Contains("file:b")));
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(Turns(3), ::testing::Contains("file:b"));
}

TEST_F(CredentialPoolTest, ItRestsTwiceAsLongEachTimeUpToTenMinutes) {
  for (int seconds : {60, 120, 240, 480, 600, 600}) {
    Refuse("file:b", Refusal::kUnauthorized);
    Refuse("file:b", Refusal::kUnauthorized);  // a call that was under way as well
    clock_.Advance(absl::Seconds(seconds - 1));
    EXPECT_THAT(Turns(3), ::testing::Not(::testing::Contains("file:b"))) << seconds;
    clock_.Advance(absl::Seconds(1));
    EXPECT_THAT(Turns(3), ::testing::Contains("file:b")) << seconds;
  }
}

TEST_F(CredentialPoolTest, ASuccessForgetsWhatWasHeldAgainstIt) {
  Refuse("file:b", Refusal::kUnauthorized);
  clock_.Advance(absl::Minutes(1));
  Pick pick = Of("file:b");
  pick.provider = "openai";
  pool_.Accepted(pick);
  Refuse("file:b", Refusal::kUnauthorized);
  clock_.Advance(absl::Minutes(1));
  EXPECT_THAT(Turns(3), ::testing::Contains("file:b")) << "a minute again, not two";
}

TEST_F(CredentialPoolTest, ANewSecretInItsFileIsTriedAtOnce) {
  references_ = {"file:a", "file:b"};
  Pick old = Of("file:b");
  old.provider = "openai";
  pool_.Refused(old, Refusal::kUnauthorized, std::nullopt);
  EXPECT_THAT(Turns(2), ElementsAre("file:a", "file:a"));
  Write("b", "secret-of-b-2");
  std::vector<std::string> secrets;
  for (int i = 0; i < 2; ++i) secrets.push_back(Next().secret);
  EXPECT_THAT(secrets, ::testing::Contains("secret-of-b-2"));
  pool_.Accepted(old);
  Refuse("file:b", Refusal::kUnauthorized);
  pool_.Accepted(old);
  EXPECT_THAT(Turns(2), ElementsAre("file:a", "file:a"))
      << "an old secret's success says nothing of the new one";
}

TEST_F(CredentialPoolTest, OneThatIsRateLimitedRestsAsLongAsItIsToldUpToAMinute) {
  Refuse("file:b", Refusal::kRateLimited, absl::Seconds(7));
  Refuse("file:c", Refusal::kRateLimited, absl::Hours(1));
  EXPECT_THAT(Turns(3), ElementsAre("file:a", "file:a", "file:a"));
  clock_.Advance(absl::Seconds(7));
  EXPECT_THAT(Turns(3), ::testing::Contains("file:b"));
  clock_.Advance(absl::Seconds(53));
  EXPECT_THAT(Turns(3), ElementsAre("file:a", "file:b", "file:c"));
  Refuse("file:a", Refusal::kRateLimited);
  EXPECT_THAT(Turns(2), ElementsAre("file:b", "file:b"));
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(Turns(3), ::testing::Contains("file:a")) << "a second when it is told nothing";
}

TEST_F(CredentialPoolTest, ARateLimitDoesNotShortenTheRestOfOneThatIsRefused) {
  references_ = {"file:a", "file:b"};
  Refuse("file:b", Refusal::kRateLimited, absl::Seconds(5));
  Refuse("file:b", Refusal::kUnauthorized);
  Refuse("file:b", Refusal::kRateLimited, absl::Seconds(1));
  clock_.Advance(absl::Seconds(59));
  EXPECT_THAT(Turns(2), ElementsAre("file:a", "file:a"));
}

TEST_F(CredentialPoolTest, WhenAllRestTheOneWithTheLeastToWaitIsTaken) {
  Refuse("file:a", Refusal::kUnauthorized);
  Refuse("file:b", Refusal::kRateLimited, absl::Seconds(9));
  Refuse("file:c", Refusal::kRateLimited, absl::Seconds(3));
  EXPECT_THAT(Turns(3), ElementsAre("file:c", "file:c", "file:c"));
}

TEST_F(CredentialPoolTest, OneAloneIsAlwaysTaken) {
  references_ = {"env:PROVIDER_KEY_X"};
  pool_.Refused(Next(), Refusal::kUnauthorized, std::nullopt);
  EXPECT_EQ(Next().secret, "secret-of-x-1");
}

TEST_F(CredentialPoolTest, ProvidersThatShareASecretRestApart) {
  Refuse("file:a", Refusal::kUnauthorized);
  EXPECT_EQ(pool_.Next("azure", {"file:a", "file:b"})->reference, "file:a");
}

TEST_F(CredentialPoolTest, ReferencesThatLeadToNothingArePassedOver) {
  references_ = {"file:gone", "file:b", "env:PROVIDER_KEY_GONE"};
  EXPECT_THAT(Turns(3), ElementsAre("file:b", "file:b", "file:b"));
  references_ = {"file:gone"};
  EXPECT_EQ(pool_.Next("openai", references_).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(CredentialPoolTest, ThreadsShareIt) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 200; ++i) {
        Pick pick = Next();
        if ((i + t) % 3 == 0) pool_.Refused(pick, Refusal::kRateLimited, absl::Milliseconds(i));
        if ((i + t) % 3 == 1) pool_.Accepted(pick);
        clock_.Advance(absl::Milliseconds(1));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  clock_.Advance(absl::Minutes(1));
  EXPECT_THAT(Turns(3), ::testing::UnorderedElementsAre("file:a", "file:b", "file:c"));
}

}  // namespace
}  // namespace prismatic::provider_proxy
