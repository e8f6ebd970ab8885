#include "services/cli/http_post.h"

#include <curl/curl.h>

#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/cli/errors.h"

namespace prismatic::cli {
namespace {

// Ten images of 32 MiB as base64, and the JSON around them.
constexpr size_t kAnswerBytesMax = size_t{10} * (44 << 20);
// A host that takes longer to accept is down.
constexpr long kConnectTimeoutMs = 10'000;

using Handle = std::unique_ptr<CURL, void (*)(CURL*)>;
using HeaderList = std::unique_ptr<curl_slist, void (*)(curl_slist*)>;

size_t OnBody(char* data, size_t size, size_t count, void* user) {
  auto* reply = static_cast<HttpReply*>(user);
  if (reply->body.size() + size * count > kAnswerBytesMax) return 0;
  reply->body.append(data, size * count);
  return size * count;
}

size_t OnHeader(char* data, size_t size, size_t count, void* user) {
  auto* reply = static_cast<HttpReply*>(user);
  absl::string_view line(data, size * count);
  // Only the last answer counts: an interim one (100 Continue) has a status line of its own.
  if (absl::StartsWith(line, "HTTP/")) reply->headers.clear();
  size_t colon = line.find(':');
  if (colon != absl::string_view::npos) {
    reply->headers.emplace_back(std::string(line.substr(0, colon)),
                                std::string(absl::StripAsciiWhitespace(line.substr(colon + 1))));
  }
  return size * count;
}

// The suite on this machine is never behind the proxy that the environment names for the world.
bool IsLoopback(absl::string_view url) {
  for (absl::string_view host : {"://127.", "://localhost:", "://localhost/", "://[::1]"}) {
    if (absl::StrContains(url, host)) return true;
  }
  return false;
}

void SetOptions(CURL* curl, const std::string& url, absl::Duration timeout, curl_slist* headers,
                HttpReply* reply) {
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "prismatic-cli");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(absl::ToInt64Milliseconds(timeout)));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, reply);
  if (IsLoopback(url)) curl_easy_setopt(curl, CURLOPT_PROXY, "");
}

// `afterwards` is what is to be said of a request that may have been worked on.
absl::Status FailureOf(CURLcode code, const std::string& url, absl::string_view afterwards) {
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return UsageError(absl::StrCat("--base-url makes no http URL: ", url));
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Unreachable(absl::StrCat(url, ": ", curl_easy_strerror(code)));
    case CURLE_WRITE_ERROR:
      return Refused("ANSWER_TOO_LARGE",
                     absl::StrCat("the answer has more than ", kAnswerBytesMax, " bytes"));
    default:
      return Unreachable(absl::StrCat(url, " gave no whole answer: ", curl_easy_strerror(code), afterwards));
  }
}

Handle NewHandle() {
  // Once, and before any thread: nothing else in this program uses curl.
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  return Handle(initialised == CURLE_OK ? curl_easy_init() : nullptr, curl_easy_cleanup);
}

absl::StatusOr<HttpReply> Perform(CURL* curl, const std::string& url, HttpReply& reply,
                                  absl::string_view afterwards) {
  CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) return FailureOf(code, url, afterwards);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<int>(status);
  return std::move(reply);
}

}  // namespace

absl::string_view HttpReply::header(absl::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (absl::EqualsIgnoreCase(key, name)) return value;
  }
  return "";
}

absl::StatusOr<HttpReply> HttpPost(const HttpPostRequest& request) {
  Handle curl = NewHandle();
  if (curl == nullptr) return absl::InternalError("libcurl does not start");
  curl_slist* list = nullptr;
  std::string authorization = absl::StrCat("Authorization: Bearer ", request.bearer_token);
  // Curl would wait a second for a 100 Continue before a large body.
  for (const char* header : {authorization.c_str(), "Content-Type: application/json", "Expect:"}) {
    list = curl_slist_append(list, header);
  }
  HeaderList headers(list, curl_slist_free_all);
  HttpReply reply;
  SetOptions(curl.get(), request.url, request.timeout, headers.get(), &reply);
  curl_easy_setopt(curl.get(), CURLOPT_POST, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, request.json_body.data());
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(request.json_body.size()));
  // The request had been sent, perhaps: whoever repeats it may pay twice.
  return Perform(curl.get(), request.url, reply,
                 "; the images may have been made and charged, see `prismatic ledger list`");
}

absl::StatusOr<HttpReply> HttpGet(const HttpGetRequest& request) {
  Handle curl = NewHandle();
  if (curl == nullptr) return absl::InternalError("libcurl does not start");
  curl_slist* list = nullptr;
  if (!request.bearer_token.empty()) {
    list = curl_slist_append(list, absl::StrCat("Authorization: Bearer ", request.bearer_token).c_str());
  }
  HeaderList headers(list, curl_slist_free_all);
  HttpReply reply;
  SetOptions(curl.get(), request.url, request.timeout, headers.get(), &reply);
  return Perform(curl.get(), request.url, reply, "");
}

}  // namespace prismatic::cli
