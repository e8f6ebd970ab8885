// What a catalog file may say of a provider: credentials, endpoint, proxy, jobs.
#include <vector>

#include "services/model_registry/test_yaml.h"

namespace prismatic::model_registry {
namespace {

namespace pb = catalog::v1;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Pairs(const google::protobuf::RepeatedPtrField<pb::NameValue>& values) {
  std::vector<std::string> pairs;
  for (const pb::NameValue& each : values) pairs.push_back(absl::StrCat(each.name(), "=", each.value()));
  return pairs;
}

TEST(ProviderYamlTest, FillsDefaults) {
  pb::Provider provider = ProviderOf({});
  EXPECT_EQ(provider.credentials_size(), 0);
  EXPECT_FALSE(provider.images_enabled());
  EXPECT_EQ(provider.max_concurrent(), 64);
  EXPECT_EQ(provider.fetch_hosts_size(), 0);
  EXPECT_FALSE(provider.has_endpoint());
  EXPECT_EQ(provider.timeout_seconds(), 295);
  EXPECT_EQ(provider.egress_proxy(), "");
  EXPECT_EQ(provider.job_mapping(), pb::JOB_MAPPING_UNSPECIFIED);
  EXPECT_EQ(provider.poll_hosts_size(), 0);
}

TEST(ProviderYamlTest, TakesEveryWireFormat) {
  EXPECT_EQ(ProviderOf({.format = "openai_images"}).wire_format(), pb::WIRE_FORMAT_OPENAI_IMAGES);
  EXPECT_EQ(ProviderOf({.format = "chat_completions"}).wire_format(), pb::WIRE_FORMAT_CHAT_COMPLETIONS);
  EXPECT_EQ(ProviderOf({.format = "gemini"}).wire_format(), pb::WIRE_FORMAT_GEMINI);
  EXPECT_EQ(ProviderOf({.format = "async_job", .provider = "job_mapping: fal"}).wire_format(),
            pb::WIRE_FORMAT_ASYNC_JOB);
  EXPECT_EQ(ProviderOf({.format = "sdapi"}).wire_format(), pb::WIRE_FORMAT_SDAPI);
}

TEST(ProviderYamlTest, TakesOneCredentialOrSeveral) {
  EXPECT_THAT(ProviderOf({.provider = "credential: env:PROVIDER_KEY_A"}).credentials(),
              ElementsAre("env:PROVIDER_KEY_A"));
  EXPECT_THAT(ProviderOf({.provider = "credentials: [file:b, env:PROVIDER_KEY_A]"}).credentials(),
              ElementsAre("file:b", "env:PROVIDER_KEY_A"));
  std::string sixteen = "file:k0";
  for (int i = 1; i < 16; ++i) absl::StrAppend(&sixteen, ", file:k", i);
  EXPECT_EQ(ProviderOf({.provider = absl::StrCat("credentials: [", sixteen, "]")}).credentials_size(), 16);
  EXPECT_THAT(Errors({.provider = absl::StrCat("credentials: [", sixteen, ", file:k16]")}),
              ElementsAre(HasSubstr("providers[0].credentials: has 17 entries; at most 16")));
}

TEST(ProviderYamlTest, ReadsAnEndpointInTheOrderOfTheFile) {
  pb::Provider provider = ProviderOf(
      {.provider =
           "endpoint: {path: \"/deployments/{model}/generations\", reference_path: /images/edits, "
           "query: {zone: \"\", api-version: 2025-04-01-preview}, auth_header: api-key, "
           "auth_scheme: plain, headers: {X-Title: \"A shop\", HTTP-Referer: \"https://a.example\"}}"});
  const pb::Endpoint& endpoint = provider.endpoint();
  EXPECT_EQ(endpoint.path(), "/deployments/{model}/generations");
  EXPECT_EQ(endpoint.reference_path(), "/images/edits");
  EXPECT_THAT(Pairs(endpoint.query()), ElementsAre("zone=", "api-version=2025-04-01-preview"));
  EXPECT_EQ(endpoint.auth_header(), "api-key");
  EXPECT_EQ(endpoint.auth_scheme(), pb::AUTH_SCHEME_PLAIN);
  EXPECT_THAT(Pairs(endpoint.headers()), ElementsAre("X-Title=A shop", "HTTP-Referer=https://a.example"));
}

TEST(ProviderYamlTest, KnowsTheAuthSchemes) {
  auto scheme = [](absl::string_view word) {
    return ProviderOf({.provider = absl::StrCat("endpoint: {auth_scheme: ", word, "}")})
        .endpoint()
        .auth_scheme();
  };
  EXPECT_EQ(scheme("bearer"), pb::AUTH_SCHEME_BEARER);
  EXPECT_EQ(scheme("key"), pb::AUTH_SCHEME_KEY);
  EXPECT_EQ(scheme("basic"), pb::AUTH_SCHEME_BASIC);
  EXPECT_EQ(scheme("plain"), pb::AUTH_SCHEME_PLAIN);
  EXPECT_EQ(ProviderOf({.provider = "endpoint: {}"}).endpoint().auth_scheme(), pb::AUTH_SCHEME_UNSPECIFIED);
}

TEST(ProviderYamlTest, KnowsTheJobMappings) {
  auto mapping = [](absl::string_view word) {
    return ProviderOf({.format = "async_job", .provider = absl::StrCat("job_mapping: ", word)}).job_mapping();
  };
  EXPECT_EQ(mapping("black_forest_labs"), pb::JOB_MAPPING_BLACK_FOREST_LABS);
  EXPECT_EQ(mapping("fal"), pb::JOB_MAPPING_FAL);
  EXPECT_EQ(mapping("replicate"), pb::JOB_MAPPING_REPLICATE);
}

TEST(ProviderYamlTest, WritesPollHostsInLowerCase) {
  EXPECT_THAT(
      ProviderOf({.format = "async_job",
                  .provider = "job_mapping: fal, poll_hosts: [API.example.com, \"*.Bfl.ai\", 10.0.0.1]"})
          .poll_hosts(),
      ElementsAre("api.example.com", "*.bfl.ai", "10.0.0.1"));
}

TEST(ProviderYamlTest, TakesAProxyOrNone) {
  for (absl::string_view proxy :
       {"direct", "http://egress.example.com:3128", "http://10.0.0.1:8080", "http://[::1]:3128"}) {
    EXPECT_EQ(ProviderOf({.provider = absl::StrCat("egress_proxy: \"", proxy, "\"")}).egress_proxy(), proxy);
  }
}

struct BadProvider {
  const char* name;
  const char* format;
  const char* provider;
  const char* error;
};

class BadProviderTest : public ::testing::TestWithParam<BadProvider> {};

TEST_P(BadProviderTest, IsAnsweredWithPlaceAndPath) {
  EXPECT_THAT(Errors({.format = GetParam().format, .provider = GetParam().provider}),
              ElementsAre(AllOf(HasSubstr("2:"), HasSubstr("providers[0]"), HasSubstr(GetParam().error))));
}

constexpr char kOpenai[] = "openai_images";
constexpr char kJob[] = "async_job";
constexpr BadProvider kBadProviders[] = {
    {"BothCredentialForms", kOpenai, "credential: file:a, credentials: [file:b]",
     ".credentials: `credential` is there too"},
    {"RepeatedCredential", kOpenai, "credentials: [file:a, file:a]", ".credentials[1]: is there twice"},
    {"CredentialItself", kOpenai, "credentials: [file:a, sk-secret]",
     ".credentials[1]: must be env:PROVIDER_KEY_NAME or file:NAME, never the credential itself"},
    {"CredentialList", kOpenai, "credential: [file:a]", ".credential: must be text, is a list"},
    {"CredentialsText", kOpenai, "credentials: file:a", ".credentials: must be a list"},
    {"TimeoutZero", kOpenai, "timeout_seconds: 0", ".timeout_seconds: must be from 1 to 295, is `0`"},
    {"TimeoutTooLong", kOpenai, "timeout_seconds: 296", ".timeout_seconds: must be from 1 to 295"},
    {"MistypedKey", kOpenai, "time_out_seconds: 5",
     ": unknown key `time_out_seconds`; did you mean `timeout_seconds`?"},
    {"ProxyHttps", kOpenai, "egress_proxy: \"https://e.example:1\"",
     ".egress_proxy: must be `direct` or http://host:port, without user, path and query"},
    {"ProxyUser", kOpenai, "egress_proxy: \"http://me:pass@e.example:3128\"",
     ".egress_proxy: must be `direct`"},
    {"ProxyNoPort", kOpenai, "egress_proxy: \"http://e.example\"", ".egress_proxy: must be `direct`"},
    {"ProxyNoPort6", kOpenai, "egress_proxy: \"http://[::1]\"", ".egress_proxy: must be `direct`"},
    {"ProxyBare6", kOpenai, "egress_proxy: \"http://2001:db8::1\"", ".egress_proxy: must be `direct`"},
    {"ProxyPath", kOpenai, "egress_proxy: \"http://e.example:3128/\"", ".egress_proxy: must be `direct`"},
    {"ProxyQuery", kOpenai, "egress_proxy: \"http://e.example:3128?x=1\"", ".egress_proxy: must be `direct`"},
    {"ProxyWord", kOpenai, "egress_proxy: none", ".egress_proxy: must be `direct`"},
    {"JobWithoutMapping", kJob, "max_concurrent: 5", ": `job_mapping` is missing"},
    {"MappingMistyped", kJob, "job_mapping: replicat",
     ".job_mapping: must be one of black_forest_labs, fal, replicate; is `replicat`; did you mean "
     "`replicate`?"},
    {"MappingWithoutJob", kOpenai, "job_mapping: fal",
     ".job_mapping: is for async_job only; the provider speaks openai_images"},
    {"PollHostsWithoutJob", "gemini", "poll_hosts: [a.example]",
     ".poll_hosts: is for async_job only; the provider speaks gemini"},
    {"PollHostOneLabel", kJob, "job_mapping: fal, poll_hosts: [\"*.ai\"]",
     ".poll_hosts[0]: must have at least two labels below `*.`"},
    {"PollHostAll", kJob, "job_mapping: fal, poll_hosts: [\"*\"]", ".poll_hosts[0]: must be a host name"},
    {"PollHostInner", kJob, "job_mapping: fal, poll_hosts: [\"a.*.example.com\"]",
     ".poll_hosts[0]: must be a host name"},
    {"PollHostPort", kJob, "job_mapping: fal, poll_hosts: [\"a.example:443\"]",
     ".poll_hosts[0]: must be a host name, or `*.` and a host name, without scheme, port and path"},
    {"PollHostUrl", kJob, "job_mapping: fal, poll_hosts: [\"https://a.example\"]",
     ".poll_hosts[0]: must be a host name"},
    {"PollHostAddressPattern", kJob, "job_mapping: fal, poll_hosts: [\"*.10.0.0.1\"]",
     ".poll_hosts[0]: must be a host name"},
    {"EndpointKey", kOpenai, "endpoint: {pth: /x}", ".endpoint: unknown key `pth`; did you mean `path`?"},
    {"EndpointText", kOpenai, "endpoint: /x", ".endpoint: must be a map, is plain text"},
    {"PathNoSlash", kOpenai, "endpoint: {path: images}", ".endpoint.path: must begin with a slash"},
    {"PathUrl", kOpenai, "endpoint: {path: \"https://a.example/\"}",
     ".endpoint.path: must begin with a slash"},
    {"PathQuery", kOpenai, "endpoint: {path: \"/x?v=1\"}",
     ".endpoint.path: must not hold `?`; put a query under `query`"},
    {"PathFragment", kOpenai, "endpoint: {path: \"/x#y\"}", ".endpoint.path: must not hold `#`"},
    {"PathUp", kOpenai, "endpoint: {reference_path: /x/../y}",
     ".endpoint.reference_path: must not hold `..` or `.`"},
    {"PathEscapedUp", kOpenai, "endpoint: {path: /x/%2e%2e/y}",
     ".endpoint.path: must be plain printable ASCII"},
    {"PathBackslash", kOpenai, "endpoint: {path: '/x\\..\\y'}",
     ".endpoint.path: must be plain printable ASCII"},
    {"PathBlank", kOpenai, "endpoint: {path: /x y}", ".endpoint.path: must be plain printable ASCII"},
    {"PathBraces", kOpenai, "endpoint: {path: \"/{deployment}/x\"}",
     ".endpoint.path: only `{model}` is filled in; no other braces"},
    {"PathSlashes", kOpenai, "endpoint: {path: /x//y}", ".endpoint.path: must not hold `//`"},
    {"SchemeMistyped", kOpenai, "endpoint: {auth_scheme: barer}",
     ".endpoint.auth_scheme: must be one of bearer, key, basic, plain; is `barer`; did you mean `bearer`?"},
    {"AuthHeaderBlank", kOpenai, "endpoint: {auth_header: \"api key\"}",
     ".endpoint.auth_header: must be 1 to 64 letters"},
    {"AuthHeaderHost", kOpenai, "endpoint: {auth_header: host}",
     ".endpoint.auth_header: is written by whoever sends the request; name the header that carries the "
     "credential"},
    {"HeaderHost", kOpenai, "endpoint: {headers: {HOST: a.example}}",
     ".endpoint.headers.HOST: must not be set: whoever sends the request writes this header"},
    {"HeaderLength", kOpenai, "endpoint: {headers: {Content-Length: \"5\"}}",
     ".endpoint.headers.Content-Length: must not be set"},
    {"HeaderEncoding", kOpenai, "endpoint: {headers: {transfer-encoding: chunked}}",
     ".endpoint.headers.transfer-encoding: must not be set"},
    {"HeaderConnection", kOpenai, "endpoint: {headers: {Connection: close}}",
     ".endpoint.headers.Connection: must not be set"},
    {"HeaderCookie", kOpenai, "endpoint: {headers: {Cookie: a=b}}",
     ".endpoint.headers.Cookie: must not be set"},
    {"HeaderAuthorization", kOpenai, "endpoint: {headers: {authorization: Bearer x}}",
     ".endpoint.headers.authorization: `authorization` speaks of a secret, and the catalog holds none: name "
     "the "
     "credential under `credential`, as env:PROVIDER_KEY_NAME or file:NAME, and the header that carries it "
     "under "
     "`auth_header`"},
    {"HeaderOfTheCredential", kOpenai, "endpoint: {auth_header: X-Caller, headers: {x-caller: me}}",
     ".endpoint.headers.x-caller: is the `auth_header`, which gets the credential"},
    {"HeaderKey", kOpenai, "endpoint: {headers: {x-key: abc}}",
     ".endpoint.headers.x-key: `x-key` speaks of a"},
    {"HeaderToken", kOpenai, "endpoint: {headers: {X-AccessToken: abc}}",
     "`X-AccessToken` speaks of a secret"},
    {"HeaderSecret", kOpenai, "endpoint: {headers: {client_secret: abc}}",
     "`client_secret` speaks of a secret"},
    {"HeaderTwice", kOpenai, "endpoint: {headers: {X-A: a, x-a: b}}",
     ".endpoint.headers.x-a: is there twice; the case of a header's name does not count"},
    {"HeaderRepeated", kOpenai, "endpoint: {headers: {X-A: a, X-A: b}}",
     ".endpoint.headers: the key `X-A` is there twice"},
    {"HeaderName", kOpenai, "endpoint: {headers: {\"X A\": a}}",
     ".endpoint.headers.X A: must be 1 to 64 letters"},
    {"HeaderNameBreak", kOpenai, "endpoint: {headers: {\"X\\nA\": a}}", "must be 1 to 64 letters"},
    {"HeaderValueBreak", kOpenai, "endpoint: {headers: {X-A: \"a\\r\\nX-B: c\"}}",
     ".endpoint.headers.X-A: must be 1 to 1024 printable ASCII characters without control characters"},
    {"HeaderValueNumber", kOpenai, "endpoint: {headers: {X-A: 5}}",
     ".endpoint.headers.X-A: must be text; put `5` in quotes"},
    {"HeadersList", kOpenai, "endpoint: {headers: [a]}", ".endpoint.headers: must be a map, is a list"},
    {"QueryKey", kOpenai, "endpoint: {query: {apiKey: x}}",
     ".endpoint.query.apiKey: `apiKey` speaks of a secret"},
    {"QueryPlainKey", kOpenai, "endpoint: {query: {key: x}}",
     ".endpoint.query.key: `key` speaks of a secret"},
    {"QueryBlank", kOpenai, "endpoint: {query: {\"a b\": x}}",
     ".endpoint.query.a b: must be 1 to 64 printable"},
    {"QueryValueBreak", kOpenai, "endpoint: {query: {a: \"x\\ny\"}}",
     ".endpoint.query.a: must be at most 1024 bytes without control characters"},
};

std::string NameOfBadProvider(const ::testing::TestParamInfo<BadProvider>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(All, BadProviderTest, ::testing::ValuesIn(kBadProviders), NameOfBadProvider);

TEST(ProviderYamlTest, LetsHarmlessNamesPass) {
  EXPECT_EQ(ProviderOf({.provider = "endpoint: {headers: {X-Monkey: a, Prefer: wait, X-Author: b, "
                                    "OpenAI-Organization: o}, query: {api-version: v, design: d}}"})
                .endpoint()
                .headers_size(),
            4);
}

TEST(ProviderYamlTest, SaysEverythingAboutOneProviderAtOnce) {
  EXPECT_THAT(Errors({.provider = "credentials: [x], endpoint: {path: x, headers: {Host: a, X-Key: b}}, "
                                  "timeout_seconds: 0, egress_proxy: x, job_mapping: fal"}),
              ElementsAre(HasSubstr("credentials[0]"), HasSubstr("endpoint.path"), HasSubstr("headers.Host"),
                          HasSubstr("headers.X-Key"), HasSubstr("timeout_seconds"), HasSubstr("egress_proxy"),
                          HasSubstr("job_mapping")));
}

}  // namespace
}  // namespace prismatic::model_registry
