#include "gateway/admin/trusted_proxies.h"

#include <arpa/inet.h>

#include <algorithm>
#include <iterator>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace prismatic::gateway::admin {
namespace {

// ::ffff:0:0/96, where IPv6 keeps the IPv4 addresses.
constexpr uint8_t kV4Prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr int kV4PrefixBits = 96;
constexpr int kBitsMax = 128;

template <typename Address>
bool IsV4(const Address& address) {
  return std::equal(std::begin(kV4Prefix), std::end(kV4Prefix), address.begin());
}

// As the gate writes peers: one text for each address.
template <typename Address>
std::string TextOf(const Address& address) {
  char text[INET6_ADDRSTRLEN] = "";
  bool v4 = IsV4(address);
  inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &address[12] : address.data(), text, sizeof text);
  return text;
}

// Clears all behind the first `bits`.
template <typename Address>
Address NetworkOf(Address address, int bits) {
  for (int bit = bits; bit < kBitsMax; ++bit) {
    address[static_cast<size_t>(bit / 8)] &= static_cast<uint8_t>(~(0x80 >> (bit % 8)));
  }
  return address;
}

// The last part of all lines of the header, which are one list, first.
std::vector<std::string> HopsBackwards(const http::Request& request) {
  std::vector<std::string> hops;
  for (const auto& [name, value] : request.headers) {
    if (!absl::EqualsIgnoreCase(name, "x-forwarded-for")) continue;
    for (absl::string_view hop : absl::StrSplit(value, ','))
      hops.emplace_back(absl::StripAsciiWhitespace(hop));
  }
  std::reverse(hops.begin(), hops.end());
  return hops;
}

}  // namespace

bool TrustedProxies::ReadAddress(const std::string& text, Address& address) {
  // inet_pton stops at the first.
  if (absl::StrContains(text, '\0')) return false;
  if (inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return true;
  std::copy(std::begin(kV4Prefix), std::end(kV4Prefix), address.begin());
  return inet_pton(AF_INET, text.c_str(), &address[12]) == 1;
}

// What is wrong with it; empty when nothing is.
std::string TrustedProxies::ReadRange(const std::string& text, Range& range) {
  size_t slash = text.find('/');
  if (!ReadAddress(text.substr(0, slash), range.address)) return "is neither an address nor a range";
  bool v4 = !absl::StrContains(text, ':');
  int bits_max = v4 ? kBitsMax - kV4PrefixBits : kBitsMax;
  range.bits = kBitsMax;
  if (slash == std::string::npos) return "";
  std::string digits = text.substr(slash + 1);
  int bits = 0;
  bool number = !digits.empty() && digits.size() <= 3 &&
                std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) &&
                absl::SimpleAtoi(digits, &bits);
  // With 0 everybody would be believed.
  if (!number || bits < 1 || bits > bits_max) {
    return absl::StrCat("must end in a number of bits from 1 to ", bits_max);
  }
  range.bits = v4 ? kV4PrefixBits + bits : bits;
  Address network = NetworkOf(range.address, range.bits);
  if (network != range.address) {
    return absl::StrCat("has bits behind its end; ", TextOf(network), "/", bits, " is the range");
  }
  return "";
}

absl::StatusOr<TrustedProxies> TrustedProxies::Parse(const std::vector<std::string>& texts) {
  TrustedProxies proxies;
  std::vector<std::string> errors;
  for (const std::string& text : texts) {
    std::string trimmed(absl::StripAsciiWhitespace(text));
    Range range;
    std::string error = ReadRange(trimmed, range);
    if (!error.empty()) errors.push_back(absl::StrCat("--admin-trusted-proxies: \"", trimmed, "\" ", error));
    proxies.ranges_.push_back(range);
  }
  if (!errors.empty()) return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
  return proxies;
}

bool TrustedProxies::IsTrusted(const Address& address) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const Range& range) { return NetworkOf(address, range.bits) == range.address; });
}

std::string TrustedProxies::ClientOf(const http::Request& request) const {
  Address address;
  if (ranges_.empty() || !ReadAddress(request.peer, address) || !IsTrusted(address)) return request.peer;
  for (const std::string& hop : HopsBackwards(request)) {
    if (!ReadAddress(hop, address)) return request.peer;
    if (!IsTrusted(address)) return TextOf(address);
  }
  return request.peer;
}

}  // namespace prismatic::gateway::admin
