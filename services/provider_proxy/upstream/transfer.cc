#include "services/provider_proxy/upstream/transfer.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/common/json/json.h"
#include "services/provider_proxy/upstream/connect_report_curl.h"

namespace prismatic::provider_proxy {
namespace {

constexpr char kUserAgent[] = "prismatic/0.1";
// Below the idle time of common servers, so that a connection which the other side is about to close
// is seldom picked: a call that dies on one cannot be repeated.
constexpr long kIdleSecondsMax = 30;
// A Retry-After beyond an hour is an upstream's mistake.
constexpr int64_t kRetryAfterSecondsMax = 3600;

// What an answer other than a success may hold: words, and never more than its page of HTML. It waits for no
// room and so has to be small.
constexpr int64_t kErrorBytesMax = 256 << 10;
// What may come of a body that does not announce its size before room for all that is expected is made:
// most such answers are small.
constexpr size_t kSmallBody = 64 << 10;
// An upstream that paints for five minutes and writes a thousand blanks a second stays below it.
constexpr int64_t kLeadingSpaceMax = 1 << 20;
// One read of a large body. Smaller ones cost a tenth of the throughput of 4 MiB images.
constexpr long kReceiveBytes = 256 << 10;

// The value of a header of the answer; empty without one, and a value that nothing has with several.
absl::string_view HeaderOf(CURL* easy, const char* name) {
  curl_header* header = nullptr;
  if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) return "";
  if (header->amount > 1) return "several";
  return absl::StripAsciiWhitespace(header->value);
}

int StatusOf(CURL* easy) {
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

// Settings of a handle, and whether curl took them all.
class Settings {
 public:
  explicit Settings(CURL* easy) : easy_(easy) {}
  template <typename Value>
  void Set(CURLoption option, Value value) {
    ok_ &= curl_easy_setopt(easy_, option, value) == CURLE_OK;
  }
  absl::Status status() const {
    return ok_ ? absl::OkStatus() : absl::InvalidArgumentError("curl refuses the request's settings");
  }

 private:
  CURL* easy_;
  bool ok_ = true;
};

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
      easy_(curl_easy_init()),
      body_size_(request_.body.size()),
      timeout_left_(options_.timeout) {}

Transfer::~Transfer() {
  if (easy_ != nullptr) curl_easy_cleanup(easy_);
  curl_slist_free_all(headers_);
  curl_slist_free_all(connect_to_);
}

absl::Status Transfer::Prepare(const HttpClientOptions& client, Host host) {
  client_ = client;
  host_ = std::move(host);
  if (easy_ == nullptr) return absl::ResourceExhaustedError("curl has no memory");
  absl::Status status = PrepareRequest();
  if (status.ok()) status = PrepareProxy();
  if (status.ok()) status = PrepareLimits();
  return status;
}

absl::Status Transfer::PrepareRequest() {
  // No "Expect: 100-continue": it costs a second with servers that do not know it.
  headers_ = curl_slist_append(headers_, "Expect:");
  // Images do not become smaller, and base64 costs more time than it saves.
  headers_ = curl_slist_append(headers_, "Accept-Encoding: identity");
  for (const auto& [name, value] : request_.headers) {
    headers_ = curl_slist_append(headers_, absl::StrCat(name, ": ", value).c_str());
  }
  Settings settings(easy_);
  settings.Set(CURLOPT_URL, request_.url.c_str());
  settings.Set(CURLOPT_HTTPHEADER, headers_);
  settings.Set(CURLOPT_USERAGENT, kUserAgent);
  settings.Set(CURLOPT_PREREQFUNCTION, &Transfer::BeforeRequest);
  settings.Set(CURLOPT_PREREQDATA, this);
  if (request_.method == "POST") {
    // The body is read through a callback that cannot be rewound. By itself curl would send a POST
    // again when a reused connection dies without an answer, and an image would be bought twice; this
    // way it fails as soon as part of the body has gone out.
    settings.Set(CURLOPT_POST, 1L);
    settings.Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_size_));
    settings.Set(CURLOPT_READFUNCTION, &Transfer::ReadBody);
    settings.Set(CURLOPT_READDATA, this);
  }
  if (options_.connect_only) settings.Set(CURLOPT_CONNECT_ONLY, 1L);
  if (!options_.connect_to.empty()) {
    // An empty host and port match those of the URL; an empty port at the end keeps the URL's.
    connect_to_ = curl_slist_append(nullptr, absl::StrCat("::", options_.connect_to, ":").c_str());
    settings.Set(CURLOPT_CONNECT_TO, connect_to_);
  }
  return settings.status();
}

absl::Status Transfer::PrepareProxy() {
  // Other schemes would be other protocols, and without a scheme curl guesses.
  if (!options_.egress_proxy.empty() && !absl::StartsWithIgnoreCase(options_.egress_proxy, "http://")) {
    return absl::InvalidArgumentError("the egress proxy is not http://host:port");
  }
  Settings settings(easy_);
  // Also when empty: then the environment's proxy is not used. The same for its exceptions.
  settings.Set(CURLOPT_PROXY, options_.egress_proxy.c_str());
  settings.Set(CURLOPT_NOPROXY, "");
  settings.Set(CURLOPT_PROXYAUTH, static_cast<long>(CURLAUTH_BASIC));
  // The credential is for the upstream, at the end of the tunnel.
  settings.Set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
  settings.Set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  return settings.status();
}

absl::Status Transfer::PrepareLimits() {
  Settings settings(easy_);
  settings.Set(CURLOPT_CONNECTTIMEOUT_MS,
               static_cast<long>(absl::ToInt64Milliseconds(client_.connect_timeout)));
  settings.Set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(options_.response_bytes_max));
  settings.Set(CURLOPT_BUFFERSIZE, kReceiveBytes);
  settings.Set(CURLOPT_MAXAGE_CONN, kIdleSecondsMax);
  settings.Set(CURLOPT_PROTOCOLS_STR, "http,https");
  settings.Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  settings.Set(CURLOPT_FOLLOWLOCATION, 0L);
  settings.Set(CURLOPT_NOSIGNAL, 1L);
  settings.Set(CURLOPT_SSL_VERIFYPEER, 1L);
  settings.Set(CURLOPT_SSL_VERIFYHOST, 2L);
  if (!client_.ca_file.empty()) settings.Set(CURLOPT_CAINFO, client_.ca_file.c_str());
  settings.Set(CURLOPT_WRITEFUNCTION, &Transfer::WriteBody);
  settings.Set(CURLOPT_WRITEDATA, this);
  settings.Set(CURLOPT_ERRORBUFFER, error_);
  settings.Set(CURLOPT_PRIVATE, this);
  return settings.status();
}

// curl calls it whenever a connection, with tunnel and TLS, is ready for the request. A second time means
// that curl repeats it by itself: after a reused connection died, a stream was refused (REFUSED_STREAM,
// GOAWAY) or HTTP/1.1 was asked for. The callback that cannot be rewound stops the first of these; the last
// comes without a rewind, and none is stopped while no byte of the body was written.
int Transfer::BeforeRequest(void* self, char*, char*, int, int) {
  auto* transfer = static_cast<Transfer*>(self);
  // A loop that stood still has not yet come to the timer.
  if (transfer->late()) {
    transfer->Fail(kLate);
    return CURL_PREREQFUNC_ABORT;
  }
  bool repeated = transfer->attempts_ > 0 && transfer->request_.method != "GET";
  if (!repeated) ++transfer->attempts_;
  return repeated ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

size_t Transfer::ReadBody(char* buffer, size_t size, size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  size_t part = std::min(size * count, transfer->body_size_ - transfer->body_sent_);
  if (part == 0) return 0;
  std::memcpy(buffer, transfer->request_.body.data() + transfer->body_sent_, part);
  transfer->body_sent_ += part;
  // It is never sent again, and the upstream may take minutes from here.
  if (transfer->body_sent_ == transfer->body_size_) std::string().swap(transfer->request_.body);
  return part;
}

size_t Transfer::WriteBody(char* data, size_t size, size_t count, void* self) {
  return static_cast<Transfer*>(self)->Take(absl::string_view(data, size * count));
}

size_t Transfer::Take(absl::string_view part) {
  size_t whole = part.size();
  part = WithoutLeadingSpace(part);
  if (too_large_) return 0;
  if (part.empty()) return whole;
  if (body_ == Body::kNone && !BeginBody()) return 0;
  // Handed over again, as it is, once there is room.
  if (body_ == Body::kWaiting) return CURL_WRITEFUNC_PAUSE;
  body_received_ += static_cast<int64_t>(part.size());
  bool taken = decoder_ == nullptr ? Append(part) : decoder_->Decode(part, [this](absl::string_view piece) {
    return Append(piece);
  }) || too_large_ || Fail("the body is not in the encoding that it claims");
  if (!taken || too_large_) return 0;
  if (rate_timer_ == nullptr && body_received_ < body_expected_) WatchRate();
  return whole;
}

// It neither takes memory nor has it to come quickly.
absl::string_view Transfer::WithoutLeadingSpace(absl::string_view part) {
  bool leads = options_.strip_leading_space && body_received_ == 0;
  if (!leads || !HeaderOf(easy_, "content-encoding").empty()) return part;
  absl::string_view rest = absl::StripLeadingAsciiWhitespace(part);
  // A part with some of the body may be handed over again, after a wait.
  if (rest.empty()) leading_space_ += static_cast<int64_t>(part.size());
  too_large_ |= leading_space_ > kLeadingSpaceMax;
  return rest;
}

bool Transfer::BeginBody() {
  curl_off_t announced = -1;
  curl_easy_getinfo(easy_, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
  absl::string_view encoding = HeaderOf(easy_, "content-encoding");
  if (!encoding.empty() && !absl::EqualsIgnoreCase(encoding, "identity")) {
    decoder_ = BodyDecoder::For(encoding);
    if (decoder_ == nullptr) return Fail("the body has an encoding that was not asked for");
    announced = -1;
  }
  // curl would decode it, also while the transfer is paused, and nobody asked for it.
  absl::string_view transfer_encoding = HeaderOf(easy_, "transfer-encoding");
  if (!transfer_encoding.empty() && !absl::EqualsIgnoreCase(transfer_encoding, "chunked")) {
    return Fail("the answer has a transfer encoding that was not asked for");
  }
  bool success = StatusOf(easy_) / 100 == 2;
  body_max_ = success ? options_.response_bytes_max : std::min(options_.response_bytes_max, kErrorBytesMax);
  int64_t expected = success ? options_.bytes_expected : ByteRoom::kUncountedMax;
  body_expected_ = std::min(announced > 0 ? announced : expected, body_max_);
  body_announced_ = announced > 0;
  counted_ = body_expected_ > ByteRoom::kUncountedMax;
  AskForRoom();
  return true;
}

void Transfer::AskForRoom() {
  body_ = Body::kComing;
  if (options_.room == nullptr) return;
  body_ = Body::kWaiting;
  // Of the loop alone. The answer may come when this transfer has gone, but not while it is asking.
  auto asking = std::make_shared<bool>(true);
  options_.room->Enter(body_expected_, options_.parts, [this, asking, host = host_](ByteRoom::Entry room) {
    if (!host.loop->InLoop() || !*asking) return host.entered(std::move(room));
    room_ = std::move(room);
    body_ = Body::kComing;
  });
  *asking = false;
  if (body_ == Body::kWaiting) StopTimeout();
}

CURLcode Transfer::Resume(ByteRoom::Entry room) {
  room_ = std::move(room);
  body_ = Body::kComing;
  StartTimeout();
  return curl_easy_pause(easy_, CURLPAUSE_CONT);
}

bool Transfer::Append(absl::string_view part) {
  size_t size = response_body_.size() + part.size();
  if (static_cast<int64_t>(size) > body_max_) {
    too_large_ = true;
    return false;
  }
  // Not before there is room for it: what waits owns nothing. With the room that the JSON reader wants, so
  // that it does not move the text.
  bool reserve = body_announced_ || size > kSmallBody;
  if (reserve && response_body_.capacity() < static_cast<size_t>(body_expected_)) {
    response_body_.reserve(static_cast<size_t>(body_expected_) + json::Document::kPadding);
  }
  response_body_.append(part.data(), part.size());
  auto bytes = static_cast<int64_t>(size);
  if (!counted_ && bytes > ByteRoom::kUncountedMax && options_.room != nullptr) {
    counted_ = true;
    room_ = options_.room->Join(bytes);
  } else if (bytes > room_.bytes()) {
    room_.Set(bytes);
  }
  return true;
}

bool Transfer::Fail(absl::string_view note) {
  failure_ = std::string(note);
  return false;
}

void Transfer::WatchRate() {
  using SteadyClock = std::chrono::steady_clock;
  window_began_at_ = Progress();
  rate_timer_ = host_.loop->After(client_.body_rate_window, [this, began = SteadyClock::now()] {
    double window = absl::ToDoubleSeconds(client_.body_rate_window);
    // A loop or a process that stood still has not read what came meanwhile.
    bool stalled = std::chrono::duration<double>(SteadyClock::now() - began).count() > 1.5 * window;
    double for_its_size = static_cast<double>(body_expected_) / absl::ToDoubleSeconds(kBodyTimeMax);
    double rate = std::max(static_cast<double>(client_.body_bytes_per_second_min), for_its_size);
    if (stalled || static_cast<double>(Progress() - window_began_at_) >= rate * window) return WatchRate();
    auto over = host_.over;
    over(Over::kTooSlow);
  });
}

// Not curl's own timeout: curl does not look at it again when it is changed on the way.
std::unique_ptr<loop::Loop::Timer> Transfer::EndAfter(absl::Duration delay, Over why) {
  if (delay == absl::InfiniteDuration()) return nullptr;
  return host_.loop->After(delay, [this, why] {
    auto over = host_.over;
    over(why);
  });
}

void Transfer::StartTimers() {
  deadline_timer_ = EndAfter(options_.deadline - absl::Now(), Over::kDeadline);
  StartTimeout();
}

void Transfer::StartTimeout() {
  timeout_began_ = std::chrono::steady_clock::now();
  timeout_timer_ = EndAfter(timeout_left_, Over::kTimeout);
}

void Transfer::StopTimeout() {
  timeout_timer_.reset();
  timeout_left_ -= absl::FromChrono(std::chrono::steady_clock::now() - timeout_began_);
}

// What curl calls the failure does not count: the same code can come from before the request went out
// and from an answer that it cannot read (an answer that is not HTTP is an "unsupported protocol"). Only
// how much was handed over does. Before a connection with its tunnel and TLS stands, nothing is.
bool Transfer::MayHaveStarted() const { return attempts_ > 0 && body_sent_ == body_size_; }

// Without a tunnel the proxy's answers look like the upstream's. Only this one is nobody else's, and then the
// upstream has not seen the request.
bool Transfer::RefusedByProxy() const {
  constexpr int kProxyAuthenticationRequired = 407;
  bool tunnel = connect_to_ != nullptr || absl::StartsWithIgnoreCase(request_.url, "https:");
  return !options_.egress_proxy.empty() && !tunnel && StatusOf(easy_) == kProxyAuthenticationRequired;
}

HttpEnd Transfer::EndOf(CURLcode code) const {
  if (too_large_ || code == CURLE_FILESIZE_EXCEEDED) return HttpEnd::kTooLarge;
  if (code == CURLE_OK && failure_.empty()) return HttpEnd::kAnswered;
  if (!MayHaveStarted()) return HttpEnd::kNotStarted;
  return code == CURLE_OPERATION_TIMEDOUT ? HttpEnd::kTimedOut : HttpEnd::kBroken;
}

void Transfer::ReadAnswer(HttpResult& result) {
  result.response.status = StatusOf(easy_);
  result.response.retry_after = RetryAfter(easy_);
  char* redirect_url = nullptr;
  curl_easy_getinfo(easy_, CURLINFO_REDIRECT_URL, &redirect_url);
  if (redirect_url != nullptr) result.redirect_url = redirect_url;
  room_.Set(static_cast<int64_t>(response_body_.size()));
  result.room = std::move(room_);
  result.response.body = std::move(response_body_);
}

void Transfer::Count(HttpResult& result) const {
  long request_bytes = 0;
  curl_off_t received = 0;
  curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &request_bytes);
  curl_easy_getinfo(easy_, CURLINFO_SIZE_DOWNLOAD_T, &received);
  result.bytes_sent = int64_t{request_bytes} + static_cast<int64_t>(body_sent_);
  result.bytes_received = received;
}

HttpResult Transfer::Finish(CURLcode code) {
  if (code == CURLE_OK && decoder_ != nullptr && !decoder_->complete()) Fail("the encoded body was cut");
  HttpResult result;
  result.end = EndOf(code);
  result.connect = ReadConnectReport(easy_, code, !options_.egress_proxy.empty());
  Count(result);
  if (result.end == HttpEnd::kAnswered && RefusedByProxy()) {
    result.end = HttpEnd::kNotStarted;
    Fail("the egress proxy wants other credentials (407)");
  }
  if (result.end == HttpEnd::kAnswered) {
    ReadAnswer(result);
  } else if (!failure_.empty()) {
    result.note = failure_;
  } else {
    result.note = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
  }
  return result;
}

HttpResult Transfer::Expire(Over why) {
  if (why == Over::kTooSlow) return Abandon(HttpEnd::kTimedOut, "the body came too slowly");
  bool late = why == Over::kDeadline;
  if (late && body_ == Body::kWaiting) return Abandon(HttpEnd::kNoRoom, "no room for the body in time");
  Fail(late ? kLate : "it took too long");
  return Finish(CURLE_OPERATION_TIMEDOUT);
}

HttpResult Transfer::Abandon(HttpEnd end, absl::string_view note) {
  HttpResult result;
  result.end = end;
  result.note = std::string(note);
  if (easy_ != nullptr) Count(result);
  return result;
}

}  // namespace prismatic::provider_proxy
