#ifndef PRISMATIC_SERVICES_COMMON_HTTP_SOCKET_H_
#define PRISMATIC_SERVICES_COMMON_HTTP_SOCKET_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace prismatic::http {

// A connection's socket with a buffer for each direction and a deadline for reading. One thread at a
// time, except Shutdown.
class Socket {
 public:
  // Takes `fd`. TCP_NODELAY is set: an answer leaves when it is complete.
  explicit Socket(int fd);
  Socket(const Socket&) = delete;
  ~Socket();

  int fd() const { return fd_; }

  // Waits for the first byte of a request. False: the peer closed, or nothing came.
  bool AwaitData(absl::Duration patience);
  // From now on reading fails after `patience`, or after `bytes_max` bytes.
  void Allow(absl::Duration patience, size_t bytes_max);
  // Up to `size` bytes; 0 at the end of the stream, -1 on an error, past the deadline or the limit.
  // What was written before is sent first.
  ssize_t Read(char* to, size_t size);
  // Whether reading has failed because its time was over.
  bool too_slow() const { return too_slow_; }

  // False when the peer takes no data.
  bool Write(absl::string_view data);
  bool Flush();

  // Reads and drops what the peer is still sending, so that it can read our answer before the
  // connection is reset. Ends after two seconds.
  void Linger();
  // Ends both directions; a blocked Read or Write returns. From any thread.
  void Shutdown();

 private:
  bool WaitReadable(absl::Time until);
  bool Send(absl::string_view data);

  const int fd_;
  std::string in_;
  size_t in_used_ = 0;
  std::string out_;
  absl::Time read_until_ = absl::InfiniteFuture();
  size_t read_left_ = static_cast<size_t>(-1);
  bool too_slow_ = false;
};

}  // namespace prismatic::http

#endif  // PRISMATIC_SERVICES_COMMON_HTTP_SOCKET_H_
