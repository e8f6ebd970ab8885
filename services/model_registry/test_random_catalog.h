#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_TEST_RANDOM_CATALOG_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_TEST_RANDOM_CATALOG_H_

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "services/common/json/json.h"
#include "services/common/money/money.h"
#include "services/model_registry/catalog_words.h"
#include "services/model_registry/test_odd_yaml.h"

// A valid catalog over all fields, as the reader must read it and as values to be spelled: written side by
// side, so that neither is made of the other.

namespace prismatic::model_registry {

class RandomCatalog {
 public:
  explicit RandomCatalog(uint64_t seed) : random_(seed) {
    Spelled providers = Spelled::List(), models = Spelled::List();
    int provider_count = 1 + Below(random_, 4), model_count = Below(random_, 5);
    for (int i = 0; i < provider_count; ++i) providers.Add(Provider(i));
    for (int i = 0; i < model_count; ++i) models.Add(Model(i));
    if (Chance(random_, 20))
      root_.Put("based_on", Spelled::Plain(absl::StrCat(1 + Below(random_, 1'000'000))));
    root_.Put("providers", std::move(providers));
    root_.Put("models", std::move(models));
  }

  const catalog::v1::Catalog& catalog() const { return catalog_; }
  const Spelled& root() const { return root_; }
  Random& random() { return random_; }

 private:
  // Puts a number; the default mostly unsaid.
  template <typename Set>
  void Number(Spelled& map, const char* key, int64_t min, int64_t max, int64_t otherwise, Set set) {
    int64_t number = Chance(random_, 50)
                         ? otherwise
                         : min + static_cast<int64_t>(random_() % (static_cast<uint64_t>(max - min) + 1));
    set(number);
    if (number != otherwise || Chance(random_, 30)) map.Put(key, Spelled::Plain(absl::StrCat(number)));
  }
  template <typename Set>
  void Switch(Spelled& map, const char* key, Set set) {
    bool on = Chance(random_, 40);
    set(on);
    if (on || Chance(random_, 30)) map.Put(key, Spelled::Plain(on ? "true" : "false"));
  }
  // Words of a table in any order, each once; empty with a chance.
  std::vector<std::pair<absl::string_view, int>> SomeOf(Words words) {
    std::shuffle(words.begin(), words.end(), random_);
    words.resize(static_cast<size_t>(Below(random_, static_cast<int>(words.size()) + 1)));
    return words;
  }

  // Whatever a text may be that has no control characters.
  std::string AnyText(size_t bytes_max) {
    static const std::vector<std::string> pieces = {"a",
                                                    "on",
                                                    "1e3",
                                                    "~",
                                                    "0x1F",
                                                    "null",
                                                    " ",
                                                    ": ",
                                                    " #",
                                                    "'",
                                                    "\"",
                                                    "\\",
                                                    "{",
                                                    "}",
                                                    "[",
                                                    "]",
                                                    ",",
                                                    "&",
                                                    "*",
                                                    "!",
                                                    "|",
                                                    ">",
                                                    "%",
                                                    "@",
                                                    "`",
                                                    "-",
                                                    "?",
                                                    ":",
                                                    "=",
                                                    "<<",
                                                    "16:9",
                                                    "1_0",
                                                    "2026-01-02",
                                                    "yes",
                                                    ".5",
                                                    "...",
                                                    "---",
                                                    "\xc3\xa9",
                                                    "\xe7\x94\xbb",
                                                    "\xf0\x9f\x8e\xa8",
                                                    "\xc2\x85",
                                                    "\xe2\x80\xa8",
                                                    "\xe2\x80\xae",
                                                    "\xef\xbb\xbf",
                                                    "\xc2\xa0",
                                                    "true",
                                                    "No",
                                                    "0",
                                                    "-1",
                                                    "+.inf",
                                                    ".NaN"};
    std::string text;
    for (int count = 1 + Below(random_, 4); count > 0; --count) {
      const std::string& piece = OneOf(random_, pieces);
      if (text.size() + piece.size() <= bytes_max) text += piece;
    }
    return text;
  }
  // Of printable ASCII without blanks.
  std::string UpstreamModel(bool in_path) {
    static const std::vector<std::string> odd = {
        "-",    "~",   "#x",  "{a}", "[b]", "a,b",        "\"q\"", "null", "1e3", "0x1F",
        "a:",   ":b",  "?",   "-x",  "--",  "---x",       "a#b",   "!t",   "&a",  "*a",
        "16:9", "a'b", "%20", "@x",  "`x`", "2026-01-02", "x\\y",  "=",    "<<",  "|"};
    return in_path || Chance(random_, 60) ? absl::StrCat("v/m-", Below(random_, 50), ".0")
                                          : OneOf(random_, odd);
  }
  std::string NewId(const char* prefix) {
    static const std::vector<std::string> odd = {"4",          "1e3",    "null",      "0x1F", "on",
                                                 "2026-01-02", "16:9",   "a:b/c@d+e", "1_",   "No",
                                                 "0o7",        "1:30.5", "x:",        "nan"};
    std::string id = Chance(random_, 25) ? OneOf(random_, odd) : absl::StrCat(prefix, Below(random_, 1000));
    while (std::find(ids_.begin(), ids_.end(), id) != ids_.end())
      absl::StrAppend(&id, "-", Below(random_, 10));
    ids_.push_back(id);
    return id;
  }

  Spelled Provider(int number) {
    catalog::v1::Provider& provider = *catalog_.add_providers();
    Spelled map = Spelled::Map();
    static const std::vector<std::string> names = {"p", "1e", "123", "null-", "-", "on-", "a-b-c"};
    provider.set_name(absl::StrCat(OneOf(random_, names), number));
    map.Put("name", Spelled::Text(provider.name()));
    const auto& [word, format] = OneOf(random_, WireFormats());
    provider.set_wire_format(static_cast<catalog::v1::WireFormat>(format));
    map.Put("wire_format", Spelled::Text(std::string(word)));
    provider.set_base_url(
        OneOf<std::string>(random_, {"https://example.com", "http://[::1]:9100/v1",
                                     "https://api.example.com:8443/a,b/%5B", "http://10.0.0.7"}));
    map.Put("base_url", Spelled::Text(provider.base_url()));
    Credentials(provider, map);
    Switch(map, "images_enabled", [&](bool on) { provider.set_images_enabled(on); });
    Number(map, "max_concurrent", 1, 100'000, 64,
           [&](int64_t n) { provider.set_max_concurrent(static_cast<int32_t>(n)); });
    FetchHosts(provider, map);
    if (Chance(random_, 50)) map.Put("endpoint", Endpoint(*provider.mutable_endpoint()));
    Number(map, "timeout_seconds", 1, 295, 295,
           [&](int64_t n) { provider.set_timeout_seconds(static_cast<int32_t>(n)); });
    if (Chance(random_, 30)) {
      provider.set_egress_proxy(
          OneOf<std::string>(random_, {"direct", "http://proxy:3128", "http://[::1]:80"}));
      map.Put("egress_proxy", Spelled::Text(provider.egress_proxy()));
    }
    if (format == catalog::v1::WIRE_FORMAT_ASYNC_JOB) Job(provider, map);
    return map;
  }

  void Credentials(catalog::v1::Provider& provider, Spelled& map) {
    int count = Below(random_, 4);
    for (int i = 0; i < count; ++i) {
      provider.add_credentials(Chance(random_, 50) ? absl::StrCat("env:PROVIDER_KEY_A", i)
                                                   : absl::StrCat("file:k.", i));
    }
    if (count == 1 && Chance(random_, 50))
      return map.Put("credential", Spelled::Text(provider.credentials(0)));
    Spelled list = Spelled::List();
    for (const std::string& each : provider.credentials()) list.Add(Spelled::Text(each));
    if (count > 0 || Chance(random_, 20)) map.Put("credentials", std::move(list));
  }

  void FetchHosts(catalog::v1::Provider& provider, Spelled& map) {
    static const std::vector<std::pair<std::string, std::string>> hosts = {
        {"CDN.Example.com:8443", "cdn.example.com:8443"},
        {"::1", "[::1]"},
        {"[2001:DB8::0:1]:80", "[2001:db8::1]:80"},
        {"127.0.0.1", "127.0.0.1"},
        {"10.0.0.5:8080", "10.0.0.5:8080"},
        {"null", "null"},
        {"localhost", "localhost"}};
    if (!Chance(random_, 40)) return;
    Spelled list = Spelled::List();
    for (int count = Below(random_, 5); count > 0; --count) {
      const auto& [said, read] = OneOf(random_, hosts);
      list.Add(Spelled::Text(said));
      provider.add_fetch_hosts(read);
    }
    map.Put("fetch_hosts", std::move(list));
  }

  void Job(catalog::v1::Provider& provider, Spelled& map) {
    const auto& [word, mapping] = OneOf(random_, JobMappings());
    provider.set_job_mapping(static_cast<catalog::v1::JobMapping>(mapping));
    map.Put("job_mapping", Spelled::Text(std::string(word)));
    if (!Chance(random_, 50)) return;
    Spelled list = Spelled::List();
    for (const char* host : {"*.bfl.ai", "api.us1.bfl.ai"}) {
      list.Add(Spelled::Text(host));
      provider.add_poll_hosts(host);
    }
    map.Put("poll_hosts", std::move(list));
  }

  Spelled Endpoint(catalog::v1::Endpoint& endpoint) {
    Spelled map = Spelled::Map();
    if (Chance(random_, 60)) {
      endpoint.set_path(
          OneOf<std::string>(random_, {"/images", "/v1/{model}", "/deployments/{model}/images:generate"}));
      map.Put("path", Spelled::Text(endpoint.path()));
    }
    if (Chance(random_, 30)) {
      endpoint.set_reference_path("/images/edits");
      map.Put("reference_path", Spelled::Text("/images/edits"));
    }
    if (Chance(random_, 50))
      map.Put("query", NamedTexts(endpoint.mutable_query(), {"v", "on", "~", "a#b", "#", "{x}", "1"}, true));
    if (Chance(random_, 30)) {
      endpoint.set_auth_header("api-key");
      map.Put("auth_header", Spelled::Text("api-key"));
    }
    if (Chance(random_, 30)) {
      const auto& [word, scheme] = OneOf(random_, AuthSchemes());
      endpoint.set_auth_scheme(static_cast<catalog::v1::AuthScheme>(scheme));
      map.Put("auth_scheme", Spelled::Text(std::string(word)));
    }
    if (Chance(random_, 40))
      map.Put("headers",
              NamedTexts(endpoint.mutable_headers(), {"X-Title", "on", "~", "Prefer", "1"}, false));
    return map;
  }

  template <typename NameValues>
  Spelled NamedTexts(NameValues* out, std::vector<std::string> names, bool any_text) {
    Spelled map = Spelled::Map(true);
    std::shuffle(names.begin(), names.end(), random_);
    names.resize(static_cast<size_t>(Below(random_, 4)));
    for (const std::string& name : names) {
      auto& each = *out->Add();
      each.set_name(name);
      each.set_value(
          any_text ? AnyText(64)
                   : OneOf<std::string>(random_, {"Shop", "wait=30", "null", "https://a.b", "a: b", "1"}));
      if (any_text && Chance(random_, 10)) each.clear_value();
      map.Put(name, Spelled::Text(each.value()));
    }
    return map;
  }

  Spelled Model(int number) {
    catalog::v1::Model& model = *catalog_.add_models();
    Spelled map = Spelled::Map();
    model.set_name(absl::StrCat(NewId("model-"), "/", number));
    map.Put("name", Spelled::Text(model.name()));
    Spelled ids = Spelled::List();
    for (int count = 1 + Below(random_, 3); count > 0; --count) {
      model.add_public_ids(NewId("id-"));
      ids.Add(Spelled::Text(model.public_ids(model.public_ids_size() - 1)));
    }
    map.Put("public_ids", std::move(ids));
    if (Chance(random_, 50)) {
      model.set_owned_by(absl::StrCat(AnyText(60), "x"));
      map.Put("owned_by", Spelled::Text(model.owned_by()));
    }
    Number(map, "created", 0, 253'402'300'799, 0, [&](int64_t n) { model.set_created(n); });
    Capabilities_(model, map);
    Price(model, map);
    Number(map, "quota_units_per_image", 1, 1'000'000, 1,
           [&](int64_t n) { model.set_quota_units_per_image(static_cast<int32_t>(n)); });
    Spelled routes = Spelled::List();
    for (int count = Below(random_, 4); count > 0; --count) routes.Add(Route(*model.add_routes()));
    if (!routes.elements.empty() || Chance(random_, 20)) map.Put("routes", std::move(routes));
    return map;
  }

  void Capabilities_(catalog::v1::Model& model, Spelled& map) {
    Spelled list = Spelled::List();
    auto some = SomeOf(Capabilities());
    if (some.empty()) some = Capabilities();
    for (const auto& [word, value] : some) {
      model.add_capabilities(static_cast<catalog::v1::Capability>(value));
      list.Add(Spelled::Text(std::string(word)));
    }
    map.Put("capabilities", std::move(list));
  }

  void Price(catalog::v1::Model& model, Spelled& map) {
    if (Chance(random_, 30)) return;
    int64_t nanos = Chance(random_, 50) ? Below(random_, 100) * 10'000'000
                                        : static_cast<int64_t>(random_() % (Money::kMaxNanos + 1));
    model.add_prices()->set_retail_generation_nano_usd(nanos);
    std::string said = Money::FromNanos(nanos).ToDecimal();
    if (said.find('.') != std::string::npos && said.size() - said.find('.') < 9 && Chance(random_, 20))
      said += "0";
    map.Put("retail_generation_usd", Chance(random_, 50) ? Spelled::Plain(said) : Spelled::Text(said));
  }

  Spelled Route(catalog::v1::Route& route);
  void Parameters_(catalog::v1::Route& route, const catalog::v1::Provider& provider, Spelled& map);
  void References(catalog::v1::Route& route, const catalog::v1::Provider& provider, Spelled& map);
  void Forms(catalog::v1::Route& route, const catalog::v1::Provider& provider, Spelled& map);
  void Fields(catalog::v1::Route& route, Spelled& map);
  Spelled Limits(catalog::v1::ParameterLimits& limits, bool tiers, bool sides);
  std::pair<std::string, Spelled> Json(int depth);

  Random random_;
  catalog::v1::Catalog catalog_;
  Spelled root_ = Spelled::Map();
  std::vector<std::string> ids_;
};

}  // namespace prismatic::model_registry

#include "services/model_registry/test_random_route.h"

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_TEST_RANDOM_CATALOG_H_
