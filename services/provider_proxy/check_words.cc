#include "services/provider_proxy/check_words.h"

#include <netdb.h>

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace prismatic::provider_proxy {
namespace {

struct LabelWords {
  absl::string_view label;
  absl::string_view words;
};

constexpr LabelWords kLabelWords[] = {
    {"unauthorized",
     "The upstream does not accept the credential for this call: it is not the right one, or it "
     "stands in the wrong header: look at wire_format and endpoint.auth_header."},
    {"payment_required",
     "The upstream asks for payment: the account behind the credential has no credit left."},
    {"forbidden",
     "The upstream knows the credential and does not allow this call: look at the rights of the "
     "key, the model's terms, and the countries and addresses that the account may call from."},
    {"forbidden_page",
     "A web page forbids this call: a firewall before the upstream did not like this prompt, the "
     "address that the call came from, or calls to this path. Ask the provider; also look at base_url."},
    {"not_found",
     "The upstream does not know the path or the model: look at base_url, wire_format, endpoint.path "
     "and upstream_model."},
    {"rate_limited",
     "The upstream has had enough calls from this account for now. The way there is in order; "
     "raise the account's limit if this goes on."},
    {"overloaded", "The upstream is overloaded. The way there is in order; try again later."},
    {"rejected",
     "The upstream finds the request wrong: look at wire_format, upstream_model, "
     "supported_parameters, size_form and extra_fields of the route."},
    {"moderation_blocked",
     "The upstream's safety system refused a harmless prompt. Way, credential and model "
     "are in order; look at the filters of the account."},
    {"timeout",
     "No answer came in time: the upstream is slow, or something between here and there drops what "
     "it answers. It may have made an image, and bill it."},
    {"gateway_timeout",
     "Something in front of the upstream gave up waiting for it. It may have made an image, "
     "and bill it."},
    {"server_error", "The upstream failed by itself. Try again later, or ask the provider."},
    {"connect_error",
     "The connection could not be made this time, although it could a moment ago: the upstream "
     "or the way there is unsteady."},
    {"broken",
     "The connection broke before the answer was complete. If it goes on, look for a proxy or a load "
     "balancer in between with a short time limit."},
    {"too_large",
     "The answer, or an image in it, is larger than the route allows: raise max_image_bytes if such images "
     "are wanted."},
    {"bad_answer",
     "The answer is not what the wire format says: no JSON, or JSON of another shape. A web page "
     "comes from a wrong base_url, a login in between or a proxy; JSON of another shape from a "
     "wrong wire_format."},
    {"error_in_200",
     "The upstream says 200 and reports an error inside. Look at upstream_model and at the "
     "parameters of the route, or ask the provider."},
    {"empty_answer",
     "The answer has the right form and holds no image: look whether upstream_model is one that "
     "makes images, and at the route's modalities."},
    {"no_image",
     "The answer says why it holds no image: the prompt did not lead to one, or the model ran out of tokens "
     "before. If it goes on, look whether upstream_model is one that makes images."},
    {"unusable_image",
     "The answer holds something in the place of an image that is no whole PNG, JPEG or WebP."},
    {"poll_refused",
     "The upstream wants its job polled at a host that poll_hosts does not list; the credential "
     "was not sent there."},
    {"fetch_failed", "The image is kept at a place from which it could not be fetched: look at fetch_hosts."},
    {"unexpected_status",
     "The upstream answers with a status that image calls do not end in: look at base_url "
     "and endpoint.path."},
};

absl::string_view WordsOf(absl::string_view label) {
  for (const LabelWords& each : kLabelWords) {
    if (each.label == label) return each.words;
  }
  return "";
}

// As far as it looks like the name or address of a host.
std::string ShownHost(const FetchTarget& target) {
  constexpr size_t kHostBytesMax = 253;
  bool plain = std::all_of(target.host.begin(), target.host.end(),
                           [](char c) { return absl::ascii_isalnum(c) || absl::StrContains("-._:[]", c); });
  return plain && target.host.size() <= kHostBytesMax ? HostAndPort(target) : "a host of an odd name";
}

std::string ImageFactsWords(const v1::GeneratedImage& image, absl::Duration took) {
  std::string words =
      absl::StrCat("The upstream made an image in ", absl::StrFormat("%.1f s", absl::ToDoubleSeconds(took)),
                   ": ", image.mime_type(), ", ", image.width(), "x", image.height(), ", whole.");
  absl::StatusOr<FetchTarget> target = ParseFetchUrl(image.url());
  if (target.ok())
    absl::StrAppend(&words, " It came as a URL and was fetched from ", ShownHost(*target), ".");
  return words;
}

// The status in the Fetcher's "... answered 404"; 0 when there is none.
int AnsweredStatus(absl::string_view message) {
  constexpr absl::string_view kAnswered = " answered ";
  size_t at = message.rfind(kAnswered);
  int status = 0;
  if (at == absl::string_view::npos) return 0;
  return absl::SimpleAtoi(message.substr(at + kAnswered.size()), &status) ? status : 0;
}

std::string OfFetch(const FetchTarget& target, const catalog::v1::Provider& provider,
                    const absl::Status& why) {
  std::vector<std::string> hosts(provider.fetch_hosts().begin(), provider.fetch_hosts().end());
  bool listed = IsListed(target, hosts);
  switch (why.code()) {
    case absl::StatusCode::kPermissionDenied:
      if (!target.https && !listed) {
        return "that is not https, and fetch_hosts does not list the host: list it if it is one of your own.";
      }
      return listed
                 ? "it leads on to a host that is not https or not public: list that one in fetch_hosts too "
                   "if it is one of your own."
                 : "it is, or leads to, an address that is not public, and fetch_hosts does not list the "
                   "host: list it if it is one of your own.";
    case absl::StatusCode::kOutOfRange:
      return "it is larger than the route allows: raise max_image_bytes if such images are wanted.";
    case absl::StatusCode::kInvalidArgument:
      return "what is there is no whole PNG, JPEG or WebP.";
    case absl::StatusCode::kDeadlineExceeded:
      return "its bytes did not come in time.";
    default:
      break;
  }
  int status = AnsweredStatus(why.message());
  if (status > 0) return absl::StrCat("HTTP ", status, " is what is answered there.");
  return "its name is not found from here, no connection can be made, its certificate is not valid, or the "
         "answer breaks off; the log line of provider-proxy for this test says which.";
}

std::string OfProxy(const ConnectReport& report, absl::string_view host) {
  switch (report.fault) {
    case ConnectFault::kProxyNameUnknown:
      return "The name of the egress proxy is not found: look at egress_proxy and --egress-proxy.";
    case ConnectFault::kProxyRefused:
      return absl::StrCat("The egress proxy answers ", report.proxy_status, " and lets nothing through to ",
                          host, ": allow it there, or look at the proxy's user name and password.");
    default:
      return "The egress proxy does not answer: look at its address (egress_proxy, --egress-proxy), and "
             "whether "
             "it runs and is an HTTP proxy.";
  }
}

std::string OfTls(ConnectFault fault, absl::string_view host) {
  switch (fault) {
    case ConnectFault::kTlsUnknownAuthority:
      return absl::StrCat("The certificate of ", host,
                          " comes from an authority that is not trusted here. If it is one of your own, name "
                          "its file with --upstream-ca-file; if not, somebody is in between.");
    case ConnectFault::kTlsWrongName:
      return absl::StrCat("The certificate is valid, but for another name than ", host,
                          ": base_url must have the name that the certificate is made for.");
    case ConnectFault::kTlsExpired:
      return absl::StrCat(
          "The certificate of ", host,
          " has expired: its owner must renew it. If everything has expired, this host's clock "
          "is wrong.");
    case ConnectFault::kTlsNotYetValid:
      return absl::StrCat("The certificate of ", host,
                          " is not valid yet: look at this host's clock, then ask the provider.");
    case ConnectFault::kTlsNotSpoken:
      return absl::StrCat(host,
                          " takes connections and ends them when TLS begins: it speaks plain http there, "
                          "or no version or cipher that we do. Look at scheme and port of base_url.");
    case ConnectFault::kTlsTimeout:
      return absl::StrCat(host,
                          " takes connections and says nothing when TLS begins: look at scheme and port "
                          "of base_url, and for a firewall in between.");
    default:
      return absl::StrCat(
          "TLS with ", host,
          " cannot be verified: look at the file of --upstream-ca-file, and at the chain that "
          "the upstream sends.");
  }
}

}  // namespace

std::string HostAndPort(const FetchTarget& target) {
  bool bare_ip6 = absl::StrContains(target.host, ":") && !absl::StartsWith(target.host, "[");
  return absl::StrCat(bare_ip6 ? "[" : "", target.host, bare_ip6 ? "]:" : ":", target.port);
}

std::string AddressesText(const std::vector<loop::Loop::Address>& addresses) {
  std::vector<std::string> texts;
  for (const loop::Loop::Address& each : addresses) {
    char text[NI_MAXHOST] = "";
    getnameinfo(reinterpret_cast<const sockaddr*>(&each.storage), each.size, text, sizeof(text), nullptr, 0,
                NI_NUMERICHOST);
    if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
  }
  constexpr int kAddressesShown = 3;
  int more = static_cast<int>(texts.size()) - kAddressesShown;
  if (more <= 0) return absl::StrJoin(texts, ", ");
  texts.resize(kAddressesShown);
  return absl::StrCat(absl::StrJoin(texts, ", "), " and ", more, " more");
}

std::string FaultWords(const ConnectReport& report, const FetchTarget& target) {
  std::string at = HostAndPort(target);
  switch (report.fault) {
    case ConnectFault::kNameUnknown:
    case ConnectFault::kNameTimeout:
      return absl::StrCat("The name ", target.host,
                          " is not found: look at base_url and at this host's DNS.");
    case ConnectFault::kRefused:
      return absl::StrCat(at,
                          " refuses connections: nothing listens there, or a firewall says no. Look at host "
                          "and port of base_url.");
    case ConnectFault::kUnreachable:
      return absl::StrCat("There is no way from here to ", at,
                          ": look at routes, network policies, and whether an egress proxy is needed.");
    case ConnectFault::kConnectTimeout:
      return absl::StrCat(at,
                          " does not answer to a connection: a firewall or a network policy drops it, an "
                          "egress proxy is needed, or the host is down.");
    case ConnectFault::kProxyNameUnknown:
    case ConnectFault::kProxyRefused:
    case ConnectFault::kProxyFailed:
      return OfProxy(report, at);
    case ConnectFault::kNone:
    case ConnectFault::kConnectOther:
      return absl::StrCat("No connection to ", at, " could be made.");
    default:
      return OfTls(report.fault, target.host);
  }
}

std::string ImageWords(const UpstreamExchange::Result& result, const catalog::v1::Provider& provider,
                       absl::Duration took) {
  const Outcome& outcome = result.outcome;
  if (outcome.verdict == Verdict::kImages && !outcome.images.empty()) {
    return ImageFactsWords(outcome.images[0], took);
  }
  std::string words = result.status > 0 ? absl::StrCat("HTTP ", result.status, ". ") : "";
  absl::string_view known = WordsOf(outcome.label);
  if (known.empty()) {
    absl::StrAppend(&words, "The call for an image ended as `", outcome.label,
                    "`; the log line of provider-proxy for this test says more.");
    return words;
  }
  absl::StrAppend(&words, known);
  if (outcome.label == "not_found" && provider.wire_format() == catalog::v1::WIRE_FORMAT_CHAT_COMPLETIONS) {
    absl::StrAppend(&words,
                    " A model that makes images and no text is not found either while the route's modalities "
                    "ask for text: look at modalities.");
  }
  // Of these the adapter says in our own words what was missing.
  bool of_the_answer = outcome.label == "bad_answer" || outcome.label == "empty_answer" ||
                       outcome.label == "no_image" || outcome.label == "unusable_image";
  if (of_the_answer && !outcome.note.empty()) absl::StrAppend(&words, " Found: ", outcome.note, ".");
  return words;
}

std::string FetchWords(const std::string& url, const catalog::v1::Provider& provider,
                       const absl::Status& why) {
  absl::StatusOr<FetchTarget> target = ParseFetchUrl(url);
  if (!target.ok()) return "The upstream made an image, and gave no URL for it that can be read.";
  return absl::StrCat("The upstream made an image, and it cannot be had from ", ShownHost(*target), ": ",
                      OfFetch(*target, provider, why), " Clients who want base64 get an error for it.");
}

}  // namespace prismatic::provider_proxy
