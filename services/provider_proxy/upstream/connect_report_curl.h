#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CONNECT_REPORT_CURL_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CONNECT_REPORT_CURL_H_

#include <curl/curl.h>

#include "services/provider_proxy/upstream/connect_report.h"

namespace prismatic::provider_proxy {

// Reads it from a handle that curl has ended with `code`.
ConnectReport ReadConnectReport(CURL* easy, CURLcode code, bool through_proxy);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CONNECT_REPORT_CURL_H_
