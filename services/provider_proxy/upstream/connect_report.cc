#include "services/provider_proxy/upstream/connect_report.h"

#include <openssl/x509_vfy.h>

#include <cerrno>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "services/provider_proxy/upstream/connect_report_curl.h"

namespace prismatic::provider_proxy {
namespace {

// How far the call got.
struct Progress {
  bool through_proxy = false;
  bool https = false;
  bool name_found = false;
  // Of the other end, once TCP stands. curl's CONNECT_TIME waits for TLS as well.
  std::string address;
  bool tls_stands = false;
  int proxy_status = 0;

  // Behind a proxy TLS begins when the tunnel stands.
  bool connected() const { return !address.empty(); }
  bool in_tls() const { return https && connected() && !tls_stands && (!through_proxy || tunnel_stands()); }
  bool tunnel_stands() const { return proxy_status >= 200 && proxy_status < 300; }
};

bool Passed(CURL* easy, CURLINFO time) {
  curl_off_t microseconds = 0;
  return curl_easy_getinfo(easy, time, &microseconds) == CURLE_OK && microseconds > 0;
}

Progress ReadProgress(CURL* easy, bool through_proxy) {
  char* url = nullptr;
  char* address = nullptr;
  long proxy_status = 0;
  curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address);
  curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url);
  curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
  return {.through_proxy = through_proxy,
          .https = url != nullptr && absl::StartsWithIgnoreCase(url, "https:"),
          .name_found = Passed(easy, CURLINFO_NAMELOOKUP_TIME_T),
          .address = address == nullptr ? "" : address,
          .tls_stands = Passed(easy, CURLINFO_APPCONNECT_TIME_T),
          .proxy_status = static_cast<int>(proxy_status)};
}

ConnectFault OfSystemError(CURL* easy) {
  long system_error = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &system_error);
  switch (system_error) {
    case ECONNREFUSED:
      return ConnectFault::kRefused;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
      return ConnectFault::kUnreachable;
    case ETIMEDOUT:
      return ConnectFault::kConnectTimeout;
    default:
      return ConnectFault::kConnectOther;
  }
}

ConnectFault OfCertificate(CURL* easy) {
  long verified = X509_V_OK;
  curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verified);
  switch (verified) {
    // curl looks at the name itself, and then does not ask OpenSSL for its result; it began as UNSPECIFIED.
    case X509_V_OK:
    case X509_V_ERR_UNSPECIFIED:
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return ConnectFault::kTlsWrongName;
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return ConnectFault::kTlsExpired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return ConnectFault::kTlsNotYetValid;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
      return ConnectFault::kTlsUnknownAuthority;
    default:
      return ConnectFault::kTlsOther;
  }
}

ConnectFault OfTimeout(const Progress& progress) {
  if (!progress.name_found) {
    return progress.through_proxy ? ConnectFault::kProxyNameUnknown : ConnectFault::kNameTimeout;
  }
  if (!progress.connected()) {
    return progress.through_proxy ? ConnectFault::kProxyFailed : ConnectFault::kConnectTimeout;
  }
  if (progress.in_tls()) return ConnectFault::kTlsTimeout;
  bool waits_for_tunnel = progress.through_proxy && progress.https && !progress.tunnel_stands();
  return waits_for_tunnel ? ConnectFault::kProxyFailed : ConnectFault::kNone;
}

// Whatever curl calls it: where it happened is what counts.
ConnectFault OfPlace(CURL* easy, const Progress& progress) {
  if (progress.in_tls()) return ConnectFault::kTlsNotSpoken;
  if (progress.through_proxy && progress.https && !progress.tls_stands) {
    return progress.proxy_status == 0 ? ConnectFault::kProxyFailed : ConnectFault::kProxyRefused;
  }
  return progress.connected() ? ConnectFault::kNone : OfSystemError(easy);
}

ConnectFault FaultOf(CURL* easy, CURLcode code, const Progress& progress) {
  switch (code) {
    case CURLE_OK:
      return ConnectFault::kNone;
    case CURLE_COULDNT_RESOLVE_HOST:
      return ConnectFault::kNameUnknown;
    case CURLE_COULDNT_RESOLVE_PROXY:
      return ConnectFault::kProxyNameUnknown;
    case CURLE_COULDNT_CONNECT:
      return progress.through_proxy ? ConnectFault::kProxyFailed : OfSystemError(easy);
    case CURLE_PEER_FAILED_VERIFICATION:
      return OfCertificate(easy);
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return ConnectFault::kTlsOther;
    case CURLE_OPERATION_TIMEDOUT:
      return OfTimeout(progress);
    default:
      return OfPlace(easy, progress);
  }
}

}  // namespace

bool IsTlsFault(ConnectFault fault) { return fault >= ConnectFault::kTlsUnknownAuthority; }

ConnectReport ReadConnectReport(CURL* easy, CURLcode code, bool through_proxy) {
  Progress progress = ReadProgress(easy, through_proxy);
  return {.fault = FaultOf(easy, code, progress),
          .proxy_status = progress.proxy_status,
          .address = std::move(progress.address)};
}

}  // namespace prismatic::provider_proxy
