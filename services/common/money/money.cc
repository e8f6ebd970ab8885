#include "services/common/money/money.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace prismatic {
namespace {

constexpr int64_t kNanosPerDollar = 1'000'000'000;

absl::Status Malformed(absl::string_view decimal, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("\"", decimal, "\" is not an amount of money: ", why));
}

bool AllDigits(absl::string_view text) {
  for (char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
  }
  return !text.empty();
}

}  // namespace

absl::StatusOr<Money> Money::Parse(absl::string_view decimal) {
  size_t point = decimal.find('.');
  bool has_point = point != absl::string_view::npos;
  absl::string_view whole = decimal.substr(0, point);
  absl::string_view fraction = has_point ? decimal.substr(point + 1) : absl::string_view("0");
  if (!AllDigits(whole) || !AllDigits(fraction)) {
    return Malformed(decimal, "digits with at most one point, such as 0.04, are expected");
  }
  if (has_point && fraction.size() > kDecimals) return Malformed(decimal, "more than 9 decimals");

  int64_t nanos = 0;
  for (char c : whole) {
    nanos = nanos * 10 + (c - '0');
    if (nanos > kMaxNanos / kNanosPerDollar) return Malformed(decimal, "more than 9000000");
  }
  nanos *= kNanosPerDollar;
  int64_t unit = kNanosPerDollar / 10;
  for (char c : fraction) {
    nanos += (c - '0') * unit;
    unit /= 10;
  }
  if (nanos > kMaxNanos) return Malformed(decimal, "more than 9000000");
  return Money(nanos);
}

std::string Money::ToDecimal() const {
  uint64_t size = nanos_ < 0 ? 0 - static_cast<uint64_t>(nanos_) : static_cast<uint64_t>(nanos_);
  std::string text =
      absl::StrFormat("%s%d.%09d", nanos_ < 0 ? "-" : "", size / kNanosPerDollar, size % kNanosPerDollar);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::optional<Money> Money::Times(int64_t count) const {
  int64_t product = 0;
  if (__builtin_mul_overflow(nanos_, count, &product)) return std::nullopt;
  if (product < 0 || product > kMaxNanos) return std::nullopt;
  return Money(product);
}

}  // namespace prismatic
