#include "services/provider_proxy/upstream/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "services/common/log/log.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class CredentialsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "credentials_test.XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  // As a secret store does it: a new file put in the old one's place.
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/.new") << text;
    std::filesystem::rename(folder_ + "/.new", folder_ + "/" + name);
  }
  Credentials Here() { return Credentials({{"PROVIDER_KEY_A", "secret-of-a-1234"}}, folder_); }

  std::string folder_;
};

TEST_F(CredentialsTest, FindsVariables) {
  Credentials credentials = Here();
  EXPECT_EQ(*credentials.Find("env:PROVIDER_KEY_A"), "secret-of-a-1234");
  EXPECT_EQ(*credentials.Find(""), "") << "no credential is none";
  EXPECT_EQ(credentials.Find("env:PROVIDER_KEY_B").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(CredentialsTest, TakesOnlyItsOwnVariablesFromTheProcess) {
  setenv("PROVIDER_KEY_FROM_PROCESS", "process-secret-1", 1);
  Credentials credentials = Credentials::FromProcess("");
  unsetenv("PROVIDER_KEY_FROM_PROCESS");
  EXPECT_EQ(*credentials.Find("env:PROVIDER_KEY_FROM_PROCESS"), "process-secret-1");
  EXPECT_FALSE(credentials.Find("env:HOME").ok());
  EXPECT_FALSE(credentials.Find("env:PATH").ok());
}

TEST_F(CredentialsTest, ReadsFilesAgainWhenTheyChange) {
  Write("openai", "first-secret-0001\n");
  Credentials credentials = Here();
  EXPECT_EQ(*credentials.Find("file:openai"), "first-secret-0001");
  Write("openai", "other-secret-0002\n");
  EXPECT_EQ(*credentials.Find("file:openai"), "other-secret-0002");
  std::filesystem::remove(folder_ + "/openai");
  EXPECT_FALSE(credentials.Find("file:openai").ok());
}

TEST_F(CredentialsTest, NeverLeavesItsFolder) {
  Credentials credentials = Here();
  for (const char* name : {"", ".", "..", "../passwd", "/etc/passwd", "a/b", ".hidden", "a b", "a\nb"}) {
    EXPECT_FALSE(credentials.Find(std::string("file:") + name).ok()) << name;
  }
  std::filesystem::create_directory(folder_ + "/sub");
  EXPECT_FALSE(credentials.Find("file:sub").ok());
  EXPECT_FALSE(Credentials({}, "").Find("file:openai").ok());
}

TEST_F(CredentialsTest, RefusesWhatWouldNotFitAHeader) {
  Write("two-lines", "secret-1\nX-Admin: yes");
  Write("empty", "\n");
  Write("huge", std::string(20'000, 'x'));
  Credentials credentials = Here();
  for (const char* name : {"file:two-lines", "file:empty", "file:huge"})
    EXPECT_FALSE(credentials.Find(name).ok());
  EXPECT_FALSE(Credentials({{"PROVIDER_KEY_X", "a\rb"}}, "").Find("env:PROVIDER_KEY_X").ok());
  EXPECT_FALSE(credentials.Find("secret-of-a-1234").ok());
}

TEST_F(CredentialsTest, KeepsWhatItFindsOutOfTheLog) {
  Write("openai", "file-secret-777\n");
  Credentials credentials = Here();
  ASSERT_TRUE(credentials.Find("file:openai").ok());
  EXPECT_THAT(log::Redact("x secret-of-a-1234 y file-secret-777 z"),
              ::testing::AllOf(Not(HasSubstr("secret-of-a")), Not(HasSubstr("file-secret"))));
}

}  // namespace
}  // namespace prismatic::provider_proxy
