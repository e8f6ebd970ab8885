#ifndef PRISMATIC_SERVICES_COMMON_MONEY_MONEY_H_
#define PRISMATIC_SERVICES_COMMON_MONEY_MONEY_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace prismatic {

// An amount of US dollars in whole nano-dollars. Exact: integers only, overflow is an error.
class Money {
 public:
  // The largest amount: below 2^53, so that Lua's doubles hold it exactly.
  static constexpr int64_t kMaxNanos = 9'000'000'000'000'000;
  static constexpr int kDecimals = 9;

  constexpr Money() = default;
  static constexpr Money FromNanos(int64_t nanos) { return Money(nanos); }

  // Reads "0.04", "12", "1000.000000001": digits, at most one point with digits on both sides, at
  // most 9 decimals, at most kMaxNanos. No sign, exponent, blank or thousands separator.
  static absl::StatusOr<Money> Parse(absl::string_view decimal);

  constexpr int64_t nanos() const { return nanos_; }

  // The shortest decimal: "0.04", "12", "-0.5".
  std::string ToDecimal() const;

  // Empty when the product is negative or exceeds kMaxNanos.
  std::optional<Money> Times(int64_t count) const;

  friend constexpr auto operator<=>(const Money&, const Money&) = default;

 private:
  explicit constexpr Money(int64_t nanos) : nanos_(nanos) {}
  int64_t nanos_ = 0;
};

}  // namespace prismatic

#endif  // PRISMATIC_SERVICES_COMMON_MONEY_MONEY_H_
