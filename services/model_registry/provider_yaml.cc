#include "services/model_registry/provider_yaml.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/model_registry/catalog_defaults.h"
#include "services/model_registry/catalog_keys.h"
#include "services/model_registry/catalog_values.h"
#include "services/model_registry/catalog_words.h"
#include "services/model_registry/endpoint_values.h"

namespace prismatic::model_registry {
namespace {

namespace pb = catalog::v1;

constexpr size_t kFetchHostsMax = 100;
constexpr size_t kPollHostsMax = 16;
// More would be a pool of accounts, and each of them is asked after another's refusal.
constexpr size_t kCredentialsMax = 16;
constexpr size_t kHeadersMax = 16;
constexpr size_t kQueryMax = 16;
constexpr int64_t kTimeoutSecondsMax = kTimeoutSecondsDefault;

void ReadCredentials(const YamlFields& fields, pb::Provider& provider) {
  if (fields.Find("credential") != nullptr && fields.Find("credentials") != nullptr) {
    return fields.Note("credentials", "`credential` is there too; name all of them here, or one there");
  }
  std::string one = fields.Checked("credential", CheckCredential);
  if (!one.empty()) provider.add_credentials(one);
  for (std::string& each : fields.Texts("credentials", kCredentialsMax, CheckCredential)) {
    provider.add_credentials(std::move(each));
  }
}

void ReadQuery(const YamlFields& fields, YamlErrors& errors, pb::Endpoint& endpoint) {
  const YamlNode* node = fields.Find("query");
  if (node == nullptr) return;
  ReadMap(*node, fields.Path("query"), kQueryMax, errors,
          [&](const YamlNode& key, const YamlNode& value, const std::string& path) {
            std::string wrong = CheckQueryName(key.text);
            if (!wrong.empty()) return errors.Add(key, path, wrong);
            std::optional<std::string> text = ReadChecked(value, path, CheckQueryValue, errors);
            if (!text.has_value()) return;
            pb::NameValue& each = *endpoint.add_query();
            each.set_name(key.text);
            each.set_value(*text);
          });
}

void ReadHeaders(const YamlFields& fields, YamlErrors& errors, pb::Endpoint& endpoint) {
  const YamlNode* node = fields.Find("headers");
  if (node == nullptr) return;
  absl::flat_hash_set<std::string> seen;
  ReadMap(*node, fields.Path("headers"), kHeadersMax, errors,
          [&](const YamlNode& key, const YamlNode& value, const std::string& path) {
            bool carries = absl::EqualsIgnoreCase(key.text, endpoint.auth_header());
            std::string wrong = carries ? "is the `auth_header`, which gets the credential; remove it here"
                                        : CheckHeaderName(key.text);
            if (!wrong.empty()) return errors.Add(key, path, wrong);
            if (!seen.insert(absl::AsciiStrToLower(key.text)).second) {
              return errors.Add(key, path, "is there twice; the case of a header's name does not count");
            }
            std::optional<std::string> text = ReadChecked(value, path, CheckHeaderValue, errors);
            if (!text.has_value()) return;
            pb::NameValue& each = *endpoint.add_headers();
            each.set_name(key.text);
            each.set_value(*text);
          });
}

void ReadEndpoint(const YamlFields& provider_fields, YamlErrors& errors, pb::Provider& provider) {
  const YamlNode* node = provider_fields.Find("endpoint");
  if (node == nullptr) return;
  YamlFields fields(*node, provider_fields.Path("endpoint"), EndpointKeys(), errors);
  pb::Endpoint& endpoint = *provider.mutable_endpoint();
  endpoint.set_path(fields.Checked("path", CheckEndpointPath));
  endpoint.set_reference_path(fields.Checked("reference_path", CheckEndpointPath));
  endpoint.set_auth_header(fields.Checked("auth_header", CheckAuthHeader));
  endpoint.set_auth_scheme(static_cast<pb::AuthScheme>(
      fields.Word("auth_scheme", AuthSchemes()).value_or(pb::AUTH_SCHEME_UNSPECIFIED)));
  ReadQuery(fields, errors, endpoint);
  ReadHeaders(fields, errors, endpoint);
}

// What only a provider of jobs has.
void ReadJobs(const YamlFields& fields, pb::Provider& provider) {
  std::optional<int> mapping = fields.Word("job_mapping", JobMappings());
  if (mapping.has_value()) provider.set_job_mapping(static_cast<pb::JobMapping>(*mapping));
  for (const std::string& host : fields.Texts("poll_hosts", kPollHostsMax, CheckPollHost)) {
    provider.add_poll_hosts(absl::AsciiStrToLower(host));
  }
  pb::WireFormat format = provider.wire_format();
  if (format == pb::WIRE_FORMAT_UNSPECIFIED) return;  // noted
  if (format == pb::WIRE_FORMAT_ASYNC_JOB) {
    fields.Required("job_mapping");
    return;
  }
  for (absl::string_view key : {"job_mapping", "poll_hosts"}) {
    if (fields.Find(key) == nullptr) continue;
    fields.Note(key,
                absl::StrCat("is for async_job only; the provider speaks ", NameOf(format, WireFormats())));
  }
}

}  // namespace

void ReadProvider(const YamlNode& node, const std::string& path, YamlErrors& errors,
                  catalog::v1::Provider& provider) {
  YamlFields fields(node, path, ProviderKeys(), errors);
  provider.set_name(fields.RequiredChecked("name", CheckProviderName));
  provider.set_wire_format(static_cast<pb::WireFormat>(
      fields.RequiredWord("wire_format", WireFormats()).value_or(pb::WIRE_FORMAT_UNSPECIFIED)));
  provider.set_base_url(fields.RequiredChecked("base_url", CheckBaseUrl));
  ReadCredentials(fields, provider);
  provider.set_images_enabled(fields.Switch("images_enabled").value_or(false));
  provider.set_max_concurrent(
      static_cast<int32_t>(fields.Integer("max_concurrent", 1, 100'000).value_or(kMaxConcurrentDefault)));
  if (const YamlNode* hosts = fields.Find("fetch_hosts")) {
    ReadList(*hosts, fields.Path("fetch_hosts"), kFetchHostsMax, errors,
             [&](const YamlNode& element, const std::string& element_path) {
               std::optional<std::string> host = ReadChecked(element, element_path, CheckHost, errors);
               if (host.has_value()) provider.add_fetch_hosts(NormalHost(*host));
             });
  }
  ReadEndpoint(fields, errors, provider);
  provider.set_timeout_seconds(static_cast<int32_t>(
      fields.Integer("timeout_seconds", 1, kTimeoutSecondsMax).value_or(kTimeoutSecondsDefault)));
  provider.set_egress_proxy(fields.Checked("egress_proxy", CheckEgressProxy));
  ReadJobs(fields, provider);
}

}  // namespace prismatic::model_registry
