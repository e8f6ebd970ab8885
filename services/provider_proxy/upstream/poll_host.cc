#include "services/provider_proxy/upstream/poll_host.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "services/provider_proxy/upstream/fetch_guard.h"

namespace prismatic::provider_proxy {
namespace {

// `*.example.com` means every name below, and not example.com itself.
bool Matches(const std::string& host, absl::string_view pattern) {
  if (!absl::ConsumePrefix(&pattern, "*")) return absl::EqualsIgnoreCase(host, pattern);
  return host.size() > pattern.size() && absl::EndsWithIgnoreCase(host, pattern);
}

}  // namespace

bool MayPoll(const std::string& url, const catalog::v1::Provider& provider) {
  absl::StatusOr<FetchTarget> asked = ParseFetchUrl(url);
  absl::StatusOr<FetchTarget> base = ParseFetchUrl(provider.base_url());
  if (!asked.ok() || !base.ok()) return false;
  if (absl::EqualsIgnoreCase(asked->host, base->host) && asked->port == base->port &&
      asked->https == base->https) {
    return true;
  }
  constexpr int kHttpsPort = 443;
  if (!asked->https || asked->port != kHttpsPort) return false;
  for (const std::string& pattern : provider.poll_hosts()) {
    if (Matches(asked->host, pattern)) return true;
  }
  return false;
}

}  // namespace prismatic::provider_proxy
