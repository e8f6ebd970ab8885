#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_TRANSFER_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_TRANSFER_H_

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "services/common/byte_budget/byte_room.h"
#include "services/common/task/cancel.h"
#include "services/provider_proxy/upstream/body_decoder.h"
#include "services/provider_proxy/upstream/http_client.h"

namespace prismatic::provider_proxy {

// The note of a call whose deadline has passed.
inline constexpr char kLate[] = "the deadline has passed";

// One call under way: a curl handle with everything that it points to. Lives on the loop.
class Transfer {
 public:
  using Done = std::function<void(HttpResult)>;
  // Why a call is to end though nothing has failed.
  enum class Over { kDeadline, kTimeout, kTooSlow };
  // What it needs of the client that runs it.
  struct Host {
    loop::Loop* loop;
    // Called on any thread, also when the transfer has ended: resume it with this room.
    std::function<void(ByteRoom::Entry)> entered;
    // Called on the loop, not inside curl: end it.
    std::function<void(Over)> over;
  };

  Transfer(HttpRequest request, SendOptions options, Done done);
  ~Transfer();
  Transfer(const Transfer&) = delete;

  // Prepares the handle. INVALID_ARGUMENT when curl refuses a setting, say a URL that it cannot read.
  absl::Status Prepare(const HttpClientOptions& client, Host host);
  CURL* easy() const { return easy_; }
  // Its time has passed.
  bool late() const { return options_.deadline <= absl::Now() || options_.timeout <= absl::ZeroDuration(); }
  // From now on its time passes.
  void StartTimers();

  // Goes on with the body, for which there is room now. What it ends with if that ended it.
  CURLcode Resume(ByteRoom::Entry room);
  // What the transfer came to, once curl is through with it.
  HttpResult Finish(CURLcode code);
  // What it came to, once its host was told that it is over.
  HttpResult Expire(Over why);
  // Ended by somebody else: cancelled, or never begun.
  HttpResult Abandon(HttpEnd end, absl::string_view note);

  void Answer(HttpResult result) { done_(std::move(result)); }
  Cancellation& cancellation() { return options_.cancellation; }
  Cancellation::Registration on_cancel;
  // By which its client knows it.
  int64_t number = 0;

 private:
  enum class Body { kNone, kWaiting, kComing };

  static size_t ReadBody(char* buffer, size_t size, size_t count, void* self);
  static size_t WriteBody(char* data, size_t size, size_t count, void* self);
  static int BeforeRequest(void* self, char*, char*, int, int);
  size_t Take(absl::string_view part);
  // The body's first byte is here. False when it is not wanted as it is.
  bool BeginBody();
  void AskForRoom();
  bool Append(absl::string_view part);
  // Ends the transfer with a note of ours; false, for the caller to return.
  bool Fail(absl::string_view note);
  // Without what is no body yet.
  absl::string_view WithoutLeadingSpace(absl::string_view part);
  void WatchRate();
  // How much of the body there is, in its larger form.
  int64_t Progress() const { return std::max(body_received_, static_cast<int64_t>(response_body_.size())); }
  std::unique_ptr<loop::Loop::Timer> EndAfter(absl::Duration delay, Over why);
  void StartTimeout();
  void StopTimeout();

  absl::Status PrepareRequest();
  absl::Status PrepareProxy();
  absl::Status PrepareLimits();
  // Whether the upstream can have the whole request, and so have begun with it.
  bool MayHaveStarted() const;
  bool RefusedByProxy() const;
  HttpEnd EndOf(CURLcode code) const;
  void Count(HttpResult& result) const;
  void ReadAnswer(HttpResult& result);

  HttpRequest request_;
  SendOptions options_;
  Done done_;
  HttpClientOptions client_;
  Host host_ = {};
  CURL* easy_;
  curl_slist* headers_ = nullptr;
  curl_slist* connect_to_ = nullptr;
  // How often a connection was ready for the request.
  int attempts_ = 0;
  const size_t body_size_;
  size_t body_sent_ = 0;
  std::unique_ptr<loop::Loop::Timer> deadline_timer_;
  std::unique_ptr<loop::Loop::Timer> timeout_timer_;  // none while it stands still
  std::chrono::steady_clock::time_point timeout_began_;
  absl::Duration timeout_left_;

  Body body_ = Body::kNone;
  std::unique_ptr<BodyDecoder> decoder_;
  std::string response_body_;
  int64_t body_expected_ = 0;
  bool body_announced_ = false;  // the answer has told its size
  int64_t body_max_ = 0;
  // It was small, or has its entry in the room.
  bool counted_ = false;
  int64_t leading_space_ = 0;
  // As it came, undecoded; and what Progress was when the window of the rate began.
  int64_t body_received_ = 0;
  int64_t window_began_at_ = 0;
  std::unique_ptr<loop::Loop::Timer> rate_timer_;
  ByteRoom::Entry room_;

  bool too_large_ = false;
  std::string failure_;
  char error_[CURL_ERROR_SIZE] = "";
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_TRANSFER_H_
