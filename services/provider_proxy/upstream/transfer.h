#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_TRANSFER_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_TRANSFER_H_

#include <curl/curl.h>

#include <functional>
#include <string>

#include "services/common/task/cancel.h"
#include "services/provider_proxy/upstream/http_client.h"

namespace prismatic::provider_proxy {

// One call under way: a curl handle with everything that it points to. Lives on the loop.
class Transfer {
 public:
  using Done = std::function<void(HttpResult)>;

  Transfer(HttpRequest request, SendOptions options, Done done);
  ~Transfer();
  Transfer(const Transfer&) = delete;

  // Prepares the handle. False when curl refuses a setting, say a URL that it cannot read.
  bool Prepare(const HttpClientOptions& client);
  CURL* easy() const { return easy_; }

  // What the transfer came to, once curl is through with it.
  HttpResult Finish(CURLcode code);
  // Cancelled, or never begun.
  HttpResult Abandon(HttpEnd end, absl::string_view note);

  void Answer(HttpResult result) { done_(std::move(result)); }
  Cancellation& cancellation() { return options_.cancellation; }
  Cancellation::Registration on_cancel;
  // By which its client knows it.
  int64_t number = 0;

 private:
  static size_t ReadBody(char* buffer, size_t size, size_t count, void* self);
  static size_t WriteBody(char* data, size_t size, size_t count, void* self);
  bool Take(absl::string_view part);
  bool PrepareRequest();
  bool PrepareLimits(const HttpClientOptions& client);
  // Whether the upstream can have the whole request, and so have begun with it.
  bool MayHaveStarted() const;
  HttpEnd EndOf(CURLcode code) const;
  void ReadAnswer(HttpResponse& response);

  HttpRequest request_;
  SendOptions options_;
  Done done_;
  CURL* easy_;
  curl_slist* headers_ = nullptr;
  curl_slist* connect_to_ = nullptr;
  size_t body_sent_ = 0;
  std::string response_body_;
  bool too_large_ = false;
  char error_[CURL_ERROR_SIZE] = "";
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_TRANSFER_H_
