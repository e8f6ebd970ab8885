#include "services/provider_proxy/upstream/http_client.h"

#include <curl/curl.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "services/provider_proxy/upstream/transfer.h"

namespace prismatic::provider_proxy {
namespace {

// Connections kept open while idle, over all upstreams.
constexpr long kIdleConnectionsMax = 1000;

void InitCurlOnce() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

// Everything here runs on the loop.
class HttpClient::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(loop::Loop& loop, HttpClientOptions options) : loop_(loop), options_(std::move(options)) {}

  void Open() {
    multi_ = curl_multi_init();
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Impl::OnSocket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Impl::OnTimer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kIdleConnectionsMax);
    // One call at a time per connection, also with HTTP/2. With several of them, what comes for one that is
    // to be left unread until there is memory is read along with the others, into memory that nobody
    // counts; and a connection that dies leaves one call broken, not a hundred.
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
  }

  void Begin(HttpRequest request, SendOptions options, Transfer::Done done) {
    auto transfer = std::make_unique<Transfer>(std::move(request), std::move(options), std::move(done));
    if (multi_ == nullptr || transfer->cancellation().cancelled()) {
      return transfer->Answer(transfer->Abandon(HttpEnd::kCancelled, "cancelled"));
    }
    if (transfer->late()) return transfer->Answer(transfer->Abandon(HttpEnd::kNotStarted, kLate));
    // What comes back may come on any thread, also after the call has ended, hence a number and no pointer.
    int64_t number = next_number_++;
    transfer->number = number;
    if (absl::Status prepared = transfer->Prepare(options_, HostOf(number)); !prepared.ok()) {
      return transfer->Answer(transfer->Abandon(HttpEnd::kNotStarted, prepared.message()));
    }
    CURLMcode added = curl_multi_add_handle(multi_, transfer->easy());
    if (added != CURLM_OK) {
      return transfer->Answer(transfer->Abandon(HttpEnd::kNotStarted, curl_multi_strerror(added)));
    }
    Transfer& here = *transfers_.emplace(number, std::move(transfer)).first->second;
    here.StartTimers();
    here.on_cancel = here.cancellation().OnCancel([weak = weak_from_this(), loop = &loop_, number] {
      loop->Post([weak, number] {
        if (std::shared_ptr<Impl> self = weak.lock()) self->Cancel(number);
      });
    });
  }

  void Close() {
    while (!transfers_.empty()) {
      End(transfers_.begin()->first,
          [](Transfer& left) { return left.Abandon(HttpEnd::kCancelled, "shutting down"); });
    }
    curl_multi_cleanup(std::exchange(multi_, nullptr));
    watchers_.clear();
    timer_.reset();
  }

 private:
  static int OnSocket(CURL*, curl_socket_t socket, int what, void* self, void*) {
    static_cast<Impl*>(self)->Watch(socket, what);
    return 0;
  }
  static int OnTimer(CURLM*, long milliseconds, void* self) {
    static_cast<Impl*>(self)->SetTimer(milliseconds);
    return 0;
  }

  void Watch(curl_socket_t socket, int what) {
    if (what == CURL_POLL_REMOVE) {
      watchers_.erase(socket);
      return;
    }
    int readiness = (what & CURL_POLL_IN ? loop::Loop::kReadable : 0) |
                    (what & CURL_POLL_OUT ? loop::Loop::kWritable : 0);
    std::unique_ptr<loop::Loop::Watcher>& watcher = watchers_[socket];
    if (watcher != nullptr) return watcher->Set(readiness);
    watcher = loop_.Watch(socket, readiness, [this, socket](int ready) {
      int action = (ready & loop::Loop::kReadable ? CURL_CSELECT_IN : 0) |
                   (ready & loop::Loop::kWritable ? CURL_CSELECT_OUT : 0);
      Act(socket, action);
    });
  }

  void SetTimer(long milliseconds) {
    timer_.reset();
    if (milliseconds < 0) return;
    timer_ = loop_.After(absl::Milliseconds(milliseconds), [this] { Act(CURL_SOCKET_TIMEOUT, 0); });
  }

  // The coroutines that this resumes may begin new calls, which are posted and so never re-enter.
  void Act(curl_socket_t socket, int action) {
    std::shared_ptr<Impl> alive = shared_from_this();
    int running = 0;
    curl_multi_socket_action(multi_, socket, action, &running);
    int left = 0;
    while (multi_ != nullptr) {
      CURLMsg* message = curl_multi_info_read(multi_, &left);
      if (message == nullptr) break;
      if (message->msg != CURLMSG_DONE) continue;
      CURLcode code = message->data.result;
      char* transfer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      End(reinterpret_cast<Transfer*>(transfer)->number,
          [code](Transfer& ended) { return ended.Finish(code); });
    }
  }

  Transfer::Host HostOf(int64_t number) {
    return {
        .loop = &loop_,
        .entered =
            [weak = weak_from_this(), loop = &loop_, number](ByteRoom::Entry room) {
              auto shared = std::make_shared<ByteRoom::Entry>(std::move(room));
              loop->Post([weak, number, shared] {
                if (std::shared_ptr<Impl> self = weak.lock()) self->Resume(number, std::move(*shared));
              });
            },
        .over = [this, number](
                    Transfer::Over why) { End(number, [why](Transfer& over) { return over.Expire(why); }); }};
  }

  void Resume(int64_t number, ByteRoom::Entry room) {
    auto found = transfers_.find(number);
    if (found == transfers_.end()) return;
    // An error in here is told to nobody else: curl would go on and call the rest a success.
    CURLcode code = found->second->Resume(std::move(room));
    if (code != CURLE_OK) End(number, [code](Transfer& ended) { return ended.Finish(code); });
  }

  void Cancel(int64_t number) {
    End(number, [](Transfer& cancelled) { return cancelled.Abandon(HttpEnd::kCancelled, "cancelled"); });
  }

  void End(int64_t number, const std::function<HttpResult(Transfer&)>& conclude) {
    auto found = transfers_.find(number);
    if (found == transfers_.end()) return;
    std::unique_ptr<Transfer> transfer = std::move(found->second);
    transfers_.erase(found);
    HttpResult result = conclude(*transfer);
    curl_multi_remove_handle(multi_, transfer->easy());
    transfer->Answer(std::move(result));
  }

  loop::Loop& loop_;
  const HttpClientOptions options_;
  CURLM* multi_ = nullptr;
  std::unordered_map<curl_socket_t, std::unique_ptr<loop::Loop::Watcher>> watchers_;
  std::unique_ptr<loop::Loop::Timer> timer_;
  std::unordered_map<int64_t, std::unique_ptr<Transfer>> transfers_;
  int64_t next_number_ = 1;
};

HttpClient::HttpClient(loop::Loop& loop, HttpClientOptions options)
    : loop_(loop), impl_(std::make_shared<Impl>(loop, std::move(options))) {
  InitCurlOnce();
  loop_.Post([impl = impl_] { impl->Open(); });
}

HttpClient::~HttpClient() {
  std::mutex mutex;
  std::condition_variable closed;
  bool done = false;
  loop_.Post([&, impl = std::move(impl_)]() mutable {
    impl->Close();
    impl.reset();
    std::lock_guard<std::mutex> lock(mutex);
    done = true;
    closed.notify_one();
  });
  std::unique_lock<std::mutex> lock(mutex);
  closed.wait(lock, [&] { return done; });
}

Task<HttpResult> HttpClient::Send(HttpRequest request, SendOptions options) {
  auto shared = std::make_shared<HttpRequest>(std::move(request));
  Callback<HttpResult> ended([&](Callback<HttpResult>::Done done) {
    loop_.Post([impl = impl_, shared, options, done = std::move(done)]() mutable {
      impl->Begin(std::move(*shared), std::move(options), std::move(done));
    });
  });
  HttpResult result = co_await ended;
  co_return result;
}

}  // namespace prismatic::provider_proxy
