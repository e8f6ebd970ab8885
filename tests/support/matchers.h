#ifndef PRISMATIC_TESTS_SUPPORT_MATCHERS_H_
#define PRISMATIC_TESTS_SUPPORT_MATCHERS_H_

#include <gmock/gmock.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/common/status/status.h"

// Matchers for absl::Status and absl::StatusOr alike.
//
//   EXPECT_THAT(billing.Reserve(request), HasReason(common::v1::ERROR_REASON_ACCOUNT_SUSPENDED));

namespace prismatic::testing {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& value) {
  return value.status();
}

MATCHER(IsOk, negation ? "is an error" : "is OK") {
  const absl::Status& status = StatusOf(arg);
  *result_listener << "which is " << status.ToString();
  return status.ok();
}

MATCHER_P(HasReason, reason,
          std::string(negation ? "is no error with reason " : "is an error with reason ") +
              ::prismatic::ReasonName(reason)) {
  const absl::Status& status = StatusOf(arg);
  *result_listener << "which is " << status.ToString() << " with reason "
                   << ::prismatic::ReasonName(::prismatic::ReasonOf(status));
  return ::prismatic::HasReason(status, reason);
}

MATCHER_P(HasCode, code,
          std::string(negation ? "has not code " : "has code ") + absl::StatusCodeToString(code)) {
  const absl::Status& status = StatusOf(arg);
  *result_listener << "which is " << status.ToString();
  return status.code() == code;
}

// `inner` matches the value of an OK StatusOr.
MATCHER_P(IsOkAnd, inner, negation ? "is an error or another value" : "is OK with a matching value") {
  if (!arg.ok()) {
    *result_listener << "which is " << arg.status().ToString();
    return false;
  }
  return ::testing::ExplainMatchResult(inner, *arg, result_listener);
}

}  // namespace prismatic::testing

#endif  // PRISMATIC_TESTS_SUPPORT_MATCHERS_H_
