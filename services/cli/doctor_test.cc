// `doctor` as a whole, against services that are in this process and real on the wire.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "services/cli/commands_fixture.h"
#include "services/cli/errors.h"
#include "services/common/json/json.h"
#include "services/common/status/status.h"

namespace prismatic::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class DoctorTest : public CommandsTest {
 protected:
  DoctorTest() {
    Fill(admin_.status);
    Fill(billing_.status);
    proxy_.states.set_catalog_version(9);
    proxy_.states.set_process_time_us(Now());
    proxy_.states.add_providers()->set_name("sandbox");
    callers_.recorder.failure =
        Error(absl::StatusCode::kUnauthenticated, common::v1::ERROR_REASON_INVALID_API_KEY, "No.");
  }

  static int64_t Now() { return absl::ToUnixMicros(absl::Now()); }

  template <typename Status>
  static void Fill(Status& status) {
    status.set_catalog_version(9);
    status.set_process_time_us(Now());
    status.set_redis_time_us(Now());
    (*status.mutable_redis_settings())["appendonly"] = "yes";
    (*status.mutable_redis_settings())["appendfsync"] = "always";
    (*status.mutable_redis_settings())["maxmemory-policy"] = "noeviction";
    (*status.mutable_redis_settings())["redis_version"] = "7.0.15";
  }
};

TEST_F(DoctorTest, FindsNothingWrongAndSaysWhatItDidNotAsk) {
  Outcome outcome = RunCli({"doctor"});
  EXPECT_EQ(outcome.code, kDone) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(StartsWith("RESULT   CHECK "), HasSubstr("answers at 127.0.0.1:"),
                    HasSubstr("is accepted: admin-token, owner"), HasSubstr("version 9 everywhere"),
                    HasSubstr("within a second of this machine's"),
                    HasSubstr("warning  gateway                      was not asked: give --base-url"),
                    Not(HasSubstr("FAILED"))));
  EXPECT_THAT(outcome.err, IsEmpty());
}

TEST_F(DoctorTest, AMistakeEndsWithOneAndIsInTheJson) {
  (*billing_.status.mutable_redis_settings())["appendfsync"] = "everysec";
  Outcome outcome = RunJson({"doctor"});
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_EQ(outcome.err, "error: DOCTOR_FAILED: 1 check failed\n");
  absl::StatusOr<json::Document> document = json::Document::Parse(outcome.out);
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(document->root().Find("ok")->Bool(), false);
  EXPECT_EQ(document->root().Find("warnings")->Int(), 1);
  EXPECT_THAT(outcome.out,
              HasSubstr(R"({"result":"FAILED","name":"billing's Redis","words":"has appendfsync)"));
}

TEST_F(DoctorTest, AWrongTokenAndAServiceThatIsAwayAreNamed) {
  admin_.recorder.failure =
      Error(absl::StatusCode::kUnauthenticated, common::v1::ERROR_REASON_INVALID_API_KEY, "No.");
  Outcome refused = RunCli({"doctor"});
  EXPECT_EQ(refused.code, kRefused);
  EXPECT_THAT(refused.out, HasSubstr("is not accepted by model-registry"));
  server_->Shutdown(std::chrono::system_clock::now());
  Outcome away = RunCli({"doctor", "--base-url", absl::StrCat("http://", address(), "/v1")});
  EXPECT_EQ(away.code, kRefused);
  EXPECT_THAT(away.out,
              AllOf(HasSubstr(address() + " has nobody who listens"),
                    HasSubstr("skipped  settlements                  not looked at"),
                    HasSubstr("FAILED   gateway                      http://" + address() + "/readyz")));
}

TEST_F(DoctorTest, WithoutAnyAddressItIsNoSuccess) {
  environment_.clear();
  Outcome outcome = RunCli({"doctor"});
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_THAT(outcome.out, HasSubstr("nothing was asked"));
  EXPECT_EQ(outcome.err, "error: DOCTOR_FAILED: 1 check failed\n");
}

TEST_F(DoctorTest, TheGatewaysPortInPlaceOfAnotherIsSeen) {
  Outcome outcome = RunCli({"doctor", "--base-url", absl::StrCat("http://", address(), "/v1")});
  EXPECT_EQ(outcome.code, kRefused);
  EXPECT_THAT(outcome.out, HasSubstr("is --base-url right"));
}

}  // namespace
}  // namespace prismatic::cli
