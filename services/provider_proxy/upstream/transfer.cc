#include "services/provider_proxy/upstream/transfer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/common/json/json.h"

namespace prismatic::provider_proxy {
namespace {

constexpr char kUserAgent[] = "prismatic/0.1";
// Below the idle time of common servers, so that a connection which the other side is about to close
// is seldom picked: a call that dies on one cannot be repeated.
constexpr long kIdleSecondsMax = 30;
// A Retry-After beyond an hour is an upstream's mistake.
constexpr int64_t kRetryAfterSecondsMax = 3600;

std::optional<absl::Duration> RetryAfter(CURL* easy) {
  curl_header* header = nullptr;
  double milliseconds = 0;
  if (curl_easy_header(easy, "retry-after-ms", 0, CURLH_HEADER, -1, &header) == CURLHE_OK &&
      absl::SimpleAtod(header->value, &milliseconds) && milliseconds >= 0) {
    return absl::Milliseconds(std::min(milliseconds, 1000.0 * kRetryAfterSecondsMax));
  }
  curl_off_t seconds = 0;
  bool present = curl_easy_header(easy, "retry-after", 0, CURLH_HEADER, -1, &header) == CURLHE_OK;
  if (!present || curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK) return std::nullopt;
  return absl::Seconds(std::clamp<int64_t>(seconds, 0, kRetryAfterSecondsMax));
}

}  // namespace

Transfer::Transfer(HttpRequest request, SendOptions options, Done done)
    : request_(std::move(request)),
      options_(std::move(options)),
      done_(std::move(done)),
      easy_(curl_easy_init()) {}

Transfer::~Transfer() {
  if (easy_ != nullptr) curl_easy_cleanup(easy_);
  curl_slist_free_all(headers_);
  curl_slist_free_all(connect_to_);
}

bool Transfer::Prepare(const HttpClientOptions& client) {
  return easy_ != nullptr && PrepareRequest() && PrepareLimits(client);
}

bool Transfer::PrepareRequest() {
  // No "Expect: 100-continue": it costs a second with servers that do not know it.
  headers_ = curl_slist_append(headers_, "Expect:");
  for (const auto& [name, value] : request_.headers) {
    headers_ = curl_slist_append(headers_, absl::StrCat(name, ": ", value).c_str());
  }
  bool ok = curl_easy_setopt(easy_, CURLOPT_URL, request_.url.c_str()) == CURLE_OK;
  ok &= curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_) == CURLE_OK;
  ok &= curl_easy_setopt(easy_, CURLOPT_USERAGENT, kUserAgent) == CURLE_OK;
  if (request_.method == "POST") {
    // The body is read through a callback that cannot be rewound. By itself curl would send a POST
    // again when a reused connection dies without an answer, and an image would be bought twice; this
    // way it fails as soon as part of the body has gone out.
    ok &= curl_easy_setopt(easy_, CURLOPT_POST, 1L) == CURLE_OK;
    ok &= curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                           static_cast<curl_off_t>(request_.body.size())) == CURLE_OK;
    ok &= curl_easy_setopt(easy_, CURLOPT_READFUNCTION, &Transfer::ReadBody) == CURLE_OK;
    ok &= curl_easy_setopt(easy_, CURLOPT_READDATA, this) == CURLE_OK;
  }
  if (!options_.connect_to.empty()) {
    // An empty host and port match those of the URL; an empty port at the end keeps the URL's.
    connect_to_ = curl_slist_append(nullptr, absl::StrCat("::", options_.connect_to, ":").c_str());
    ok &= curl_easy_setopt(easy_, CURLOPT_CONNECT_TO, connect_to_) == CURLE_OK;
  }
  return ok;
}

bool Transfer::PrepareLimits(const HttpClientOptions& client) {
  int64_t left_ms = options_.deadline == absl::InfiniteFuture()
                        ? 0
                        : std::max<int64_t>(1, absl::ToInt64Milliseconds(options_.deadline - absl::Now()));
  auto connect_ms = static_cast<long>(absl::ToInt64Milliseconds(client.connect_timeout));
  bool ok = true;
  auto set = [&](CURLoption option, auto value) { ok &= curl_easy_setopt(easy_, option, value) == CURLE_OK; };
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(left_ms));
  set(CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
  set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(options_.response_bytes_max));
  set(CURLOPT_MAXAGE_CONN, kIdleSecondsMax);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  if (!client.ca_file.empty()) set(CURLOPT_CAINFO, client.ca_file.c_str());
  set(CURLOPT_WRITEFUNCTION, &Transfer::WriteBody);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_ERRORBUFFER, error_);
  set(CURLOPT_PRIVATE, this);
  return ok;
}

size_t Transfer::ReadBody(char* buffer, size_t size, size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  const std::string& body = transfer->request_.body;
  size_t part = std::min(size * count, body.size() - transfer->body_sent_);
  std::memcpy(buffer, body.data() + transfer->body_sent_, part);
  transfer->body_sent_ += part;
  return part;
}

size_t Transfer::WriteBody(char* data, size_t size, size_t count, void* self) {
  return static_cast<Transfer*>(self)->Take(absl::string_view(data, size * count)) ? size * count : 0;
}

bool Transfer::Take(absl::string_view part) {
  if (response_body_.empty()) {
    curl_off_t announced = -1;
    curl_easy_getinfo(easy_, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    // With the room that the JSON reader wants, so that it does not move the text.
    if (announced > 0 && announced <= options_.response_bytes_max) {
      response_body_.reserve(static_cast<size_t>(announced) + json::Document::kPadding);
    }
  }
  if (static_cast<int64_t>(response_body_.size() + part.size()) > options_.response_bytes_max) {
    too_large_ = true;
    return false;
  }
  response_body_.append(part.data(), part.size());
  return true;
}

// What curl calls the failure does not count: the same code can come from before the request went out
// and from an answer that it cannot read (an answer that is not HTTP is an "unsupported protocol"). Only
// how much was handed over does. Before a connection with its TLS stands, nothing is.
bool Transfer::MayHaveStarted() const {
  long head_bytes = 0;
  curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &head_bytes);
  return head_bytes > 0 && body_sent_ == request_.body.size();
}

HttpEnd Transfer::EndOf(CURLcode code) const {
  if (code == CURLE_OK) return HttpEnd::kAnswered;
  if (too_large_ || code == CURLE_FILESIZE_EXCEEDED) return HttpEnd::kTooLarge;
  if (!MayHaveStarted()) return HttpEnd::kNotStarted;
  return code == CURLE_OPERATION_TIMEDOUT ? HttpEnd::kTimedOut : HttpEnd::kBroken;
}

void Transfer::ReadAnswer(HttpResponse& response) {
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  response.retry_after = RetryAfter(easy_);
  response.body = std::move(response_body_);
}

HttpResult Transfer::Finish(CURLcode code) {
  HttpResult result;
  result.end = EndOf(code);
  long request_bytes = 0;
  curl_off_t received = 0;
  curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &request_bytes);
  curl_easy_getinfo(easy_, CURLINFO_SIZE_DOWNLOAD_T, &received);
  result.bytes_sent = std::max<int64_t>(request_bytes, static_cast<int64_t>(body_sent_));
  result.bytes_received = received;
  if (result.end == HttpEnd::kAnswered) {
    ReadAnswer(result.response);
  } else {
    result.note = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
  }
  return result;
}

HttpResult Transfer::Abandon(HttpEnd end, absl::string_view note) {
  HttpResult result;
  result.end = end;
  result.note = std::string(note);
  return result;
}

}  // namespace prismatic::provider_proxy
