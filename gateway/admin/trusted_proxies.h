#ifndef PRISMATIC_GATEWAY_ADMIN_TRUSTED_PROXIES_H_
#define PRISMATIC_GATEWAY_ADMIN_TRUSTED_PROXIES_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/http/message.h"

namespace prismatic::gateway::admin {

// The proxies in front of the admin port whose X-Forwarded-For is believed. Without them everybody behind a
// proxy has the proxy's address, and one who guesses passwords uses up the tries of all. Thread-safe.
class TrustedProxies {
 public:
  // Believes nobody.
  TrustedProxies() = default;
  // Each an address or a range, IPv4 or IPv6: `10.1.2.3`, `10.0.0.0/8`, `fd00:12::/32`. INVALID_ARGUMENT
  // names every one that is none.
  static absl::StatusOr<TrustedProxies> Parse(const std::vector<std::string>& texts);

  // Where the request comes from. From a trusted peer: the last address of X-Forwarded-For that is not
  // trusted itself, since what stands before it anybody may have written. The peer, when that is no address,
  // or when there is none.
  std::string ClientOf(const http::Request& request) const;

 private:
  // An IPv4 address as the IPv6 address that stands for it.
  using Address = std::array<uint8_t, 16>;
  struct Range {
    Address address;
    int bits;
  };
  static bool ReadAddress(const std::string& text, Address& address);
  static std::string ReadRange(const std::string& text, Range& range);
  bool IsTrusted(const Address& address) const;

  std::vector<Range> ranges_;
};

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_TRUSTED_PROXIES_H_
