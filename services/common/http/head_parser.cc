#include "services/common/http/head_parser.h"

#include <httplib.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "absl/strings/match.h"

// The one file that includes the library for serving. What it does is reached through the protected
// process_request, with a stream in memory.

namespace prismatic::http {
namespace {

// A head to read from; what the library would answer goes nowhere.
class MemoryStream : public httplib::Stream {
 public:
  explicit MemoryStream(absl::string_view input) : input_(input) {}
  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, size_t size) override {
    size_t part = std::min(size, input_.size());
    std::memcpy(to, input_.data(), part);
    input_.remove_prefix(part);
    return static_cast<ssize_t>(part);
  }
  ssize_t write(const char*, size_t size) override { return static_cast<ssize_t>(size); }
  void get_remote_ip_and_port(std::string&, int& port) const override { port = 0; }
  void get_local_ip_and_port(std::string&, int& port) const override { port = 0; }
  socket_t socket() const override { return INVALID_SOCKET; }

 private:
  absl::string_view input_;
};

// The library adds these by itself; the gate lets none through that a client sent.
bool IsOfTheLibrary(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {"REMOTE_ADDR", "REMOTE_PORT", "LOCAL_ADDR", "LOCAL_PORT",
                                                 "Content-Length"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](absl::string_view own) { return absl::EqualsIgnoreCase(name, own); });
}

void Fill(const httplib::Request& from, Request& to) {
  to.method = from.method;
  to.path = from.path;
  to.raw_path = from.target.substr(0, from.target.find('?'));
  for (const auto& [key, value] : from.params) to.query.emplace_back(key, value);
  for (const auto& [key, value] : from.headers) {
    if (!IsOfTheLibrary(key)) to.headers.emplace_back(key, value);
  }
}

}  // namespace

class HeadParser::Library : public httplib::Server {
 public:
  Library() {
    // Before it looks for a route: there is none, since paths are compared by whoever serves them.
    set_pre_routing_handler(
        [](const httplib::Request&, httplib::Response&) { return HandlerResponse::Handled; });
  }

  bool Parse(absl::string_view text, Request& request) {
    MemoryStream stream(text);
    bool parsed = false;
    bool closed = false;
    process_request(stream, /*close_connection=*/true, closed, [&](httplib::Request& from) {
      Fill(from, request);
      parsed = true;
    });
    return parsed;
  }
};

HeadParser::HeadParser() : library_(std::make_unique<Library>()) {}

HeadParser::~HeadParser() = default;

bool HeadParser::Parse(const Head& head, Request& request) const {
  return library_->Parse(head.rewritten, request);
}

}  // namespace prismatic::http
