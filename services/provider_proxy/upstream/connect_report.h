#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CONNECT_REPORT_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CONNECT_REPORT_H_

#include <string>

namespace prismatic::provider_proxy {

// What kept a connection from standing, told apart as far as a person has to do different things about it.
enum class ConnectFault {
  kNone,
  kNameUnknown,
  kNameTimeout,
  kRefused,
  kUnreachable,
  kConnectTimeout,
  kConnectOther,
  // Of the egress proxy, which does not answer, does not let us through, or is no HTTP proxy.
  kProxyNameUnknown,
  kProxyRefused,
  kProxyFailed,
  kTlsUnknownAuthority,
  kTlsWrongName,
  kTlsExpired,
  kTlsNotYetValid,
  // The other side speaks something else, or has no protocol version or cipher in common with us.
  kTlsNotSpoken,
  kTlsTimeout,
  // Also what is wrong with our own file of authorities.
  kTlsOther,
};

// True for those that come once the TCP connection stands.
bool IsTlsFault(ConnectFault fault);

struct ConnectReport {
  // kNone too when something failed later.
  ConnectFault fault = ConnectFault::kNone;
  // The status with which the egress proxy answered CONNECT; 0: it was not asked, or did not answer.
  int proxy_status = 0;
  // Of the other end, which is the egress proxy's when there is one. Empty: none was reached.
  std::string address;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CONNECT_REPORT_H_
