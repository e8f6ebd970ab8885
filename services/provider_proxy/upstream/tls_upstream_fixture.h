#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_TLS_UPSTREAM_FIXTURE_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_TLS_UPSTREAM_FIXTURE_H_

#include <openssl/ssl.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/provider_proxy/upstream/loopback_server.h"
#include "tests/support/certificates.h"

namespace prismatic::provider_proxy {

// For tests: a TLS server that speaks HTTP/2, or HTTP/1.1 when it shall, as far as a client of images can
// tell. It reads frames, ignores what the headers say, and answers a request as the script wants.
class TlsUpstream {
 public:
  // kCut: HTTP/1.1 only, a byte of the body is missing and the connection ends without TLS's farewell.
  enum class Act { kAnswer, kClose, kCut, kRefuseStream, kGoAway, kWantHttp11 };
  struct Request {
    std::string body;
    int connection = 0;
    int stream = 0;
    bool http2 = false;
  };
  struct Reply {
    Act act = Act::kAnswer;
    std::string body;
  };
  struct Options {
    bool http2 = true;
    // What a client may send of a body before it is told more; 0: nothing, so that a request never ends.
    uint32_t window = 65'535;
    // The script runs when the head is there and not when the body is.
    bool at_head = false;
  };
  using Script = std::function<Reply(const Request&)>;

  TlsUpstream(Script script, Options options)
      : script_(std::move(script)),
        options_(options),
        context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free),
        server_(std::make_unique<LoopbackServer>([this](int socket, int number) { Serve(socket, number); })) {
  }
  explicit TlsUpstream(Script script) : TlsUpstream(std::move(script), Options()) {}
  ~TlsUpstream() { server_.reset(); }

  std::string url(absl::string_view path = "/") const {
    return absl::StrCat("https://localhost:", server_->port(), path);
  }
  std::string ca_file() const { return certificates_.ca_file(); }
  int port() const { return server_->port(); }
  int connections() const { return server_->connections(); }
  std::vector<Request> requests() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return requests_;
  }
  // Bytes of bodies that HTTP/2 connections took.
  size_t written() const { return written_; }
  void AwaitRequests(size_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return requests_.size() >= count; });
  }

 private:
  // A TLS connection; false from all when it has ended.
  class Connection {
   public:
    Connection(SSL_CTX* context, int socket) : ssl_(SSL_new(context)) { SSL_set_fd(ssl_, socket); }
    ~Connection() { SSL_free(ssl_); }
    Connection(const Connection&) = delete;
    bool Accept() { return SSL_accept(ssl_) == 1; }
    bool http2() const {
      const unsigned char* name = nullptr;
      unsigned int size = 0;
      SSL_get0_alpn_selected(ssl_, &name, &size);
      return absl::string_view(reinterpret_cast<const char*>(name), size) == "h2";
    }
    bool Read(std::string& bytes, size_t count) {
      bytes.resize(count);
      for (size_t done = 0; done < count;) {
        int got = SSL_read(ssl_, bytes.data() + done, static_cast<int>(count - done));
        if (got <= 0) return false;
        done += static_cast<size_t>(got);
      }
      return true;
    }
    bool Write(absl::string_view bytes) {
      return bytes.empty() || SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) > 0;
    }

   private:
    SSL* ssl_;
  };

  // HTTP/2 in numbers, RFC 9113.
  enum Type : uint8_t {
    kData = 0,
    kHeaders = 1,
    kReset = 3,
    kSettings = 4,
    kPing = 6,
    kGoAwayFrame = 7,
    kWindow = 8
  };
  static constexpr uint8_t kEndStream = 1;
  static constexpr uint8_t kAck = 1;
  static constexpr uint8_t kEndHeaders = 4;
  static constexpr uint32_t kRefused = 7;
  static constexpr uint32_t kHttp11Required = 13;

  static std::string Number(uint32_t value, int bytes) {
    std::string text;
    for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
    return text;
  }
  static std::string Frame(Type type, uint8_t flags, int stream, absl::string_view payload) {
    return absl::StrCat(Number(static_cast<uint32_t>(payload.size()), 3), Number(type, 1), Number(flags, 1),
                        Number(static_cast<uint32_t>(stream), 4), payload);
  }

  void Serve(int socket, int number) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!ready_) Prepare();
    }
    Connection connection(context_.get(), socket);
    if (!connection.Accept()) return;
    if (connection.http2()) {
      ServeHttp2(connection, number);
    } else {
      ServeHttp1(connection, number);
    }
  }

  void Prepare() {
    // Writing to a connection that has ended is an error and no end of the process, as in a service.
    std::signal(SIGPIPE, SIG_IGN);
    SSL_CTX_use_certificate_file(context_.get(), certificates_.cert_file().c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context_.get(), certificates_.key_file().c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_set_alpn_select_cb(context_.get(), &TlsUpstream::SelectProtocol, &options_);
    ready_ = true;
  }

  static int SelectProtocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                            const unsigned char* offered, unsigned int offered_size, void* options) {
    static constexpr unsigned char kHttp2[] = "\x02h2";
    static constexpr unsigned char kHttp1[] = "\x08http/1.1";
    bool http2 = static_cast<Options*>(options)->http2;
    int found = SSL_select_next_proto(const_cast<unsigned char**>(chosen), chosen_size,
                                      http2 ? kHttp2 : kHttp1, http2 ? 3 : 9, offered, offered_size);
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
  }

  Reply Asked(Request request) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      requests_.push_back(request);
      changed_.notify_all();
    }
    return script_(request);
  }

  void ServeHttp1(Connection& connection, int number) {
    std::string head;
    for (std::string byte; connection.Read(byte, 1);) {
      head += byte;
      if (!absl::EndsWith(head, "\r\n\r\n")) continue;
      size_t length = 0;
      size_t at = absl::AsciiStrToLower(head).find("content-length: ");
      if (at != std::string::npos)
        (void)absl::SimpleAtoi(head.substr(at + 16, head.find('\r', at) - at - 16), &length);
      Request request{.connection = number};
      if (!connection.Read(request.body, length)) return;
      Reply reply = Asked(std::move(request));
      if (reply.act == Act::kCut) {
        connection.Write(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", reply.body.size() + 1,
                                      "\r\n\r\n", reply.body));
      }
      if (reply.act != Act::kAnswer) return;
      if (!connection.Write(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", reply.body.size(), "\r\n\r\n",
                                         reply.body))) {
        return;
      }
      head.clear();
    }
  }

  void ServeHttp2(Connection& connection, int number) {
    constexpr size_t kPreface = 24;
    std::string text;
    if (!connection.Read(text, kPreface)) return;
    constexpr uint32_t kInitialWindow = 4;
    connection.Write(Frame(kSettings, 0, 0, Number(kInitialWindow, 2) + Number(options_.window, 4)));
    std::map<int, std::string> bodies;
    while (connection.Read(text, 9)) {
      auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(text[i])); };
      uint32_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
      auto type = static_cast<Type>(byte(3));
      uint32_t flags = byte(4);
      auto stream = static_cast<int>(byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8));
      std::string payload;
      if (!connection.Read(payload, size)) return;
      if (type == kSettings && (flags & kAck) == 0) connection.Write(Frame(kSettings, kAck, 0, ""));
      if (type == kPing && (flags & kAck) == 0) connection.Write(Frame(kPing, kAck, 0, payload));
      if (type != kData && type != kHeaders) continue;
      if (type == kData) {
        bodies[stream] += payload;
        if (size > 0) {
          connection.Write(Frame(kWindow, 0, 0, Number(size, 4)) +
                           Frame(kWindow, 0, stream, Number(size, 4)));
        }
      }
      bool ended = (flags & kEndStream) != 0;
      if (options_.at_head ? type == kHeaders : ended) {
        Request request{
            .body = std::move(bodies[stream]), .connection = number, .stream = stream, .http2 = true};
        if (!Reply2(connection, stream, Asked(std::move(request)))) return;
      }
    }
  }

  // False when the connection is to be closed.
  bool Reply2(Connection& connection, int stream, const Reply& reply) {
    switch (reply.act) {
      case Act::kClose:
      case Act::kCut:
        return false;
      case Act::kRefuseStream:
        return connection.Write(Frame(kReset, 0, stream, Number(kRefused, 4)));
      case Act::kWantHttp11:
        return connection.Write(Frame(kReset, 0, stream, Number(kHttp11Required, 4)));
      case Act::kGoAway:
        // Nothing above stream 0 was worked on.
        return connection.Write(Frame(kGoAwayFrame, 0, 0, Number(0, 4) + Number(0, 4)));
      case Act::kAnswer:
        break;
    }
    static constexpr char kStatus200[] = "\x88";
    constexpr size_t kFrameMax = 16'384;
    if (!connection.Write(Frame(kHeaders, kEndHeaders, stream, kStatus200))) return false;
    for (size_t at = 0; at < reply.body.size(); at += kFrameMax) {
      if (!connection.Write(Frame(kData, 0, stream, absl::string_view(reply.body).substr(at, kFrameMax))))
        return false;
      written_ += std::min(kFrameMax, reply.body.size() - at);
    }
    return connection.Write(Frame(kData, kEndStream, stream, ""));
  }

  const Script script_;
  Options options_;
  testing::Certificates certificates_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool ready_ = false;  // guarded by mutex_, as all below
  std::vector<Request> requests_;
  std::atomic<size_t> written_{0};
  std::unique_ptr<LoopbackServer> server_;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_TLS_UPSTREAM_FIXTURE_H_
