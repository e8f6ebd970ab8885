#include "services/common/http/server.h"

#include <httplib.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "services/common/http/exchange.h"
#include "services/common/http/listener.h"
#include "services/common/http/socket.h"
#include "services/common/http/threads.h"

// Debian 12's cpp-httplib parses requests and writes answers; sockets and threads are ours, because its
// own serve five requests a connection with a backlog of five and wake each idle one a hundred times a
// second. It is called through the protected process_request with a Stream of ours.

namespace prismatic::http {
namespace {

constexpr size_t kHeadBytesMax = 32 << 10;
constexpr size_t kPathBytesMax = 2048;
// More than a body's length is reserved, so that a JSON parser finds its padding without a copy.
constexpr size_t kBodySpare = 64;
// Chunk sizes, their line ends and trailers count as read, too.
constexpr size_t kFramingSpare = 64 << 10;
// How long a connection accepted during a drain may take to send its request.
constexpr absl::Duration kDrainPatience = absl::Milliseconds(200);

// The exchange that this thread is working on; the library's callbacks have no other way to it.
thread_local Exchange* current = nullptr;

class SocketStream : public httplib::Stream {
 public:
  explicit SocketStream(Socket& socket) : socket_(socket) {}
  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* ptr, size_t size) override { return socket_.Read(ptr, size); }
  ssize_t write(const char* ptr, size_t size) override {
    return socket_.Write(absl::string_view(ptr, size)) ? static_cast<ssize_t>(size) : -1;
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override { port = 0; }
  void get_local_ip_and_port(std::string& ip, int& port) const override { port = 0; }
  socket_t socket() const override { return socket_.fd(); }

 private:
  Socket& socket_;
};

bool IsBodyless(absl::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE" ||
         method == "CONNECT";
}

// Hop by hop, or what would make the answer other than the handler's.
bool IsKeptFromHandlers(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "accept-encoding",  "range",     "connection",  "keep-alive",
      "proxy-connection", "te",        "trailer",     "transfer-encoding",
      "upgrade",          "expect",    "remote_addr", "remote_port",
      "local_addr",       "local_port"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](absl::string_view kept) { return absl::EqualsIgnoreCase(name, kept); });
}

bool HasControl(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return (static_cast<uint8_t>(c) < 0x20 && c != '\t') || c == 0x7f; });
}

std::shared_ptr<Request> RequestOf(const httplib::Request& from) {
  auto request = std::make_shared<Request>();
  request->method = from.method;
  request->path = from.path;
  for (const auto& [key, value] : from.params) request->query.emplace_back(key, value);
  for (const auto& [key, value] : from.headers) {
    if (!IsKeptFromHandlers(key)) request->headers.emplace_back(key, value);
  }
  return request;
}

// The status to refuse a head with; 0 when it is fine.
int HeadRefusal(const httplib::Request& request, int64_t body_bytes_max) {
  for (const auto& [key, value] : request.headers) {
    // The library percent-decodes values.
    if (HasControl(key) || HasControl(value)) return 400;
  }
  if (request.path.size() > kPathBytesMax) return 414;
  size_t lengths = request.get_header_value_count("Content-Length");
  size_t codings = request.get_header_value_count("Transfer-Encoding");
  if (lengths + codings > 1) return 400;
  std::string coding = request.get_header_value("Transfer-Encoding");
  if (codings == 1 && !absl::EqualsIgnoreCase(coding, "chunked")) return 501;
  std::string length = request.get_header_value("Content-Length");
  int64_t bytes = 0;
  if (lengths == 1 && (!std::all_of(length.begin(), length.end(), absl::ascii_isdigit) ||
                       !absl::SimpleAtoi(length, &bytes))) {
    return 400;
  }
  if (bytes > body_bytes_max) return 413;
  // The library leaves these bodies on the connection, where they would be taken for a request.
  if (IsBodyless(request.method) && (bytes > 0 || codings == 1)) return 400;
  std::string encoding = request.get_header_value("Content-Encoding");
  if (!encoding.empty() && !absl::EqualsIgnoreCase(encoding, "identity")) return 415;
  return 0;
}

// Takes from the library what it would act upon by itself.
void Disarm(httplib::Request& request) {
  request.headers.erase("Accept-Encoding");
  request.headers.erase("Range");
  request.ranges.clear();
  // Forms are bodies like others: no parsing, no limit of 8 KiB. The handler has the header already.
  request.headers.erase("Content-Type");
  request.headers.erase("Content-Encoding");
  // Without a length the library would read until the client closes.
  if (!IsBodyless(request.method) && !request.has_header("Content-Length") &&
      !request.has_header("Transfer-Encoding")) {
    request.set_header("Content-Length", "0");
  }
  // The one path that every handler is registered for.
  request.path = "/";
}

void Fill(httplib::Response& to, Response&& from) {
  to.status = from.status;
  for (const auto& [key, value] : from.headers) to.set_header(key, value);
  // These have no body; a client would take one for the next answer.
  if (from.status == 204 || from.status == 304) return;
  if (from.cut_body_at < 0 || from.body.empty()) {
    if (!from.body.empty()) to.set_header("Content-Type", from.content_type);
    to.body = std::move(from.body);
    return;
  }
  size_t size = from.body.size();
  size_t sent = std::min(size, static_cast<size_t>(from.cut_body_at));
  to.set_content_provider(size, from.content_type,
                          [body = std::move(from.body), sent](size_t, size_t, httplib::DataSink& sink) {
                            sink.write(body.data(), sent);
                            return false;  // ends the connection
                          });
}

}  // namespace

struct Server::Impl : httplib::Server {
  struct Connection {
    bool busy = false;
    // Of the request that is being handled.
    std::optional<Cancellation> cancellation;
  };

  Impl(ServerOptions server_options, prismatic::http::Handler request_handler);
  // The four callbacks of the library.
  void Prepare(httplib::Request& request, Socket& socket);
  void HandleWithBody(httplib::Response& response, const httplib::ContentReader& reader);
  void Answer(httplib::Response& response);
  void Refuse(httplib::Response& response);
  void FinishHead(httplib::Response& response);

  void Accept(int fd);
  void Serve(int fd);
  bool AwaitRequest(Socket& socket);
  bool ServeOne(Socket& socket);
  void Track(Socket& socket, std::optional<Cancellation> cancellation, bool busy);
  void Drain(absl::Duration grace);

  ServerOptions options;
  prismatic::http::Handler handler;
  std::unique_ptr<Listener> listener;

  std::mutex drain_mutex;
  std::atomic<bool> draining{false};
  std::mutex mutex;
  std::condition_variable gone;
  std::map<Socket*, Connection> connections;  // guarded by mutex
  int open = 0;          // guarded by mutex; accepted, also those not yet in `connections`
  bool closing = false;  // guarded by mutex; the drain's grace is over
  // Last, so that its destructor's wait comes first.
  Threads threads;
};

Server::Impl::Impl(ServerOptions server_options, prismatic::http::Handler request_handler)
    : options(std::move(server_options)),
      handler(std::move(request_handler)),
      threads(options.connections_max) {
  // The library takes an invalid listening socket for its own shutdown and then sends no provided
  // bodies. It is never used otherwise.
  svr_sock_ = 0;
  set_payload_max_length(static_cast<size_t>(options.body_bytes_max));
  auto bodyless = [this](const httplib::Request&, httplib::Response& response) { Answer(response); };
  auto with_body = [this](const httplib::Request&, httplib::Response& response,
                          const httplib::ContentReader& reader) { HandleWithBody(response, reader); };
  Get("/", bodyless);
  Options("/", bodyless);
  Post("/", with_body);
  Put("/", with_body);
  Patch("/", with_body);
  Delete("/", with_body);
  set_expect_100_continue_handler([](const httplib::Request&, httplib::Response& response) {
    if (current->refusal == 0) return 100;
    response.status = current->refusal;
    return current->refusal;
  });
  set_pre_routing_handler([](const httplib::Request&, httplib::Response& response) {
    if (current->refusal == 0) return HandlerResponse::Unhandled;
    response.status = current->refusal;
    return HandlerResponse::Handled;
  });
  set_error_handler(httplib::Server::Handler([this](const httplib::Request&, httplib::Response& response) {
    if (!current->answered) Refuse(response);
  }));
  set_exception_handler([](const httplib::Request&, httplib::Response& response, std::exception_ptr) {
    response.status = 500;
  });
  set_post_routing_handler(
      [this](const httplib::Request&, httplib::Response& response) { FinishHead(response); });
}

void Server::Impl::Prepare(httplib::Request& request, Socket& socket) {
  current->request = RequestOf(request);
  current->refusal = HeadRefusal(request, options.body_bytes_max);
  current->body_read = IsBodyless(request.method);
  Disarm(request);
  socket.Allow(options.body_time, static_cast<size_t>(options.body_bytes_max) + kFramingSpare);
  if (current->refusal == 0) {
    std::string length = request.get_header_value("Content-Length");
    size_t bytes = 0;
    if (absl::SimpleAtoi(length, &bytes)) current->request->body.reserve(bytes + kBodySpare);
  }
}

void Server::Impl::HandleWithBody(httplib::Response& response, const httplib::ContentReader& reader) {
  std::string& body = current->request->body;
  bool too_large = false;
  bool complete = reader([&](const char* data, size_t size) {
    too_large = body.size() + size > static_cast<size_t>(options.body_bytes_max);
    if (!too_large) body.append(data, size);
    return !too_large;
  });
  if (!complete) {
    response.status = too_large ? 413 : 400;
    return;
  }
  current->body_read = true;
  Answer(response);
}

void Server::Impl::Answer(httplib::Response& response) {
  static thread_local AnswerWait wait;
  Response answer = wait.Run(handler, current->request, current->fd);
  current->answered = true;
  Fill(response, std::move(answer));
}

void Server::Impl::Refuse(httplib::Response& response) {
  int status = current->socket->too_slow() ? 408 : response.status;
  response.status = status;
  current->close = true;
  response.headers.clear();
  if (!options.refuse) return;
  Response refusal = options.refuse(status);
  Fill(response, std::move(refusal));
}

void Server::Impl::FinishHead(httplib::Response& response) {
  if (draining) current->close = true;
  response.headers.erase("Keep-Alive");
  response.headers.erase("Accept-Ranges");
  response.headers.erase("Connection");
  if (current->close) response.set_header("Connection", "close");
}

void Server::Impl::Track(Socket& socket, std::optional<Cancellation> cancellation, bool busy) {
  std::lock_guard<std::mutex> lock(mutex);
  connections[&socket] = {.busy = busy, .cancellation = std::move(cancellation)};
  if (closing) socket.Shutdown();
}

void Server::Impl::Accept(int fd) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    ++open;
  }
  if (threads.Run([this, fd] { Serve(fd); })) return;
  close(fd);
  std::lock_guard<std::mutex> lock(mutex);
  --open;
}

void Server::Impl::Serve(int fd) {
  {
    Socket socket(fd);
    Track(socket, std::nullopt, false);
    while (AwaitRequest(socket) && ServeOne(socket)) {
    }
    std::lock_guard<std::mutex> lock(mutex);
    connections.erase(&socket);
  }
  std::lock_guard<std::mutex> lock(mutex);
  --open;
  gone.notify_all();
}

bool Server::Impl::AwaitRequest(Socket& socket) {
  if (!socket.AwaitData(draining ? kDrainPatience : options.keep_alive)) return false;
  Track(socket, std::nullopt, true);
  return true;
}

bool Server::Impl::ServeOne(Socket& socket) {
  Exchange exchange;
  exchange.fd = socket.fd();
  exchange.socket = &socket;
  current = &exchange;
  SocketStream stream(socket);
  socket.Allow(options.head_time, kHeadBytesMax);
  bool closed = false;
  bool served = process_request(stream, /*close_connection=*/false, closed, [&](httplib::Request& request) {
    Prepare(request, socket);
    Track(socket, exchange.request->cancellation, true);
  });
  current = nullptr;
  served = socket.Flush() && served;
  if (served && exchange.close && !exchange.body_read) socket.Linger();
  if (!served || closed || exchange.close) return false;
  Track(socket, std::nullopt, false);
  return !draining;
}

void Server::Impl::Drain(absl::Duration grace) {
  std::lock_guard<std::mutex> once(drain_mutex);
  if (listener == nullptr) return;
  draining = true;
  threads.Stop();
  listener->Stop();
  listener.reset();
  std::unique_lock<std::mutex> lock(mutex);
  for (auto& [socket, connection] : connections) {
    if (!connection.busy) socket->Shutdown();
  }
  absl::Time until = absl::Now() + grace;
  auto all_gone = [this] { return open == 0; };
  gone.wait_until(lock, absl::ToChronoTime(until), all_gone);
  closing = true;
  std::vector<Cancellation> unfinished;
  for (auto& [socket, connection] : connections) {
    if (connection.cancellation) unfinished.push_back(*connection.cancellation);
    socket->Shutdown();
  }
  // A cancelled handler may end on this thread, inside Cancel.
  lock.unlock();
  for (Cancellation& cancellation : unfinished) cancellation.Cancel();
  lock.lock();
  gone.wait(lock, all_gone);
}

Server::Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Start(ServerOptions options, Handler handler) {
  absl::StatusOr<std::unique_ptr<Listener>> listener = Listener::Bind(options.address);
  if (!listener.ok()) return listener.status();
  std::unique_ptr<Server> server(new Server());
  server->port_ = (*listener)->port();
  server->impl_ = std::make_unique<Impl>(std::move(options), std::move(handler));
  Impl* impl = server->impl_.get();
  impl->listener = *std::move(listener);
  impl->listener->Run([impl](int fd) { impl->Accept(fd); });
  return server;
}

Server::~Server() {
  if (impl_ != nullptr) Drain(absl::ZeroDuration());
}

int Server::port() const { return port_; }

void Server::Drain(absl::Duration grace) { impl_->Drain(grace); }

}  // namespace prismatic::http
