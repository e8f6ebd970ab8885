#include "services/billing/functions.h"

#include <cstdlib>
#include <string>

#include "absl/strings/str_replace.h"

namespace prismatic::billing {
namespace {

// The contract's version: what KEYS, ARGV, answers and stored records mean.
constexpr char kPrefix[] = "billing_1";

}  // namespace

redis::FunctionLibrary Functions() { return redis::FunctionLibrary::FromSource(kPrefix, kFunctionsBody); }

redis::FunctionLibrary FunctionsWithTestClock() {
  std::string body = kFunctionsBody;
  int replaced = absl::StrReplaceAll({{"local TEST_CLOCK = false", "local TEST_CLOCK = true"}}, &body);
  if (replaced != 1) std::abort();
  return redis::FunctionLibrary::FromSource(kPrefix, body);
}

}  // namespace prismatic::billing
