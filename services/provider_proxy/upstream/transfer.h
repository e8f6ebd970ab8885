#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_TRANSFER_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_TRANSFER_H_

#include <curl/curl.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "services/common/byte_budget/byte_room.h"
#include "services/common/task/cancel.h"
#include "services/provider_proxy/upstream/body_decoder.h"
#include "services/provider_proxy/upstream/http_client.h"

namespace prismatic::provider_proxy {

// One call under way: a curl handle with everything that it points to. Lives on the loop.
class Transfer {
 public:
  using Done = std::function<void(HttpResult)>;
  // What it needs of the client that runs it.
  struct Host {
    loop::Loop* loop;
    // Called on any thread, also when the transfer has ended: resume it with this room.
    std::function<void(ByteRoom::Entry)> entered;
    // Called on the loop, not inside curl: its body comes too slowly.
    std::function<void()> too_slow;
  };

  Transfer(HttpRequest request, SendOptions options, Done done);
  ~Transfer();
  Transfer(const Transfer&) = delete;

  // Prepares the handle. INVALID_ARGUMENT when curl refuses a setting, say a URL that it cannot read.
  absl::Status Prepare(const HttpClientOptions& client, Host host);
  CURL* easy() const { return easy_; }

  // Goes on with the body, for which there is room now. What it ends with if that ended it.
  CURLcode Resume(ByteRoom::Entry room);
  // What the transfer came to, once curl is through with it.
  HttpResult Finish(CURLcode code);
  // Ended by somebody else: cancelled, too slow, or never begun.
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
  void WatchRate();

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
  size_t body_sent_ = 0;

  Body body_ = Body::kNone;
  std::unique_ptr<BodyDecoder> decoder_;
  std::string response_body_;
  int64_t body_expected_ = 0;
  bool body_announced_ = false;  // the answer has told its size
  int64_t body_max_ = 0;
  // As it came, undecoded; and how much of it there was when the window of the rate began.
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
