#ifndef PRISMATIC_TESTS_MODEL_TOLD_H_
#define PRISMATIC_TESTS_MODEL_TOLD_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/model/model.h"

namespace prismatic::billing::model {

// A refusal in the model's words: reason, facts, when to retry.
std::string Told(const absl::Status& status);

template <typename T>
std::string Told(const absl::StatusOr<T>& answer) {
  return answer.ok() ? Told(*answer) : Told(answer.status());
}

// More than any script makes.
inline constexpr int kAllAtOnce = 10'000;

}  // namespace prismatic::billing::model

#endif  // PRISMATIC_TESTS_MODEL_TOLD_H_
