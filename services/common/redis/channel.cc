#include "services/common/redis/channel.h"

#include <algorithm>

#include "services/common/status/status_macros.h"

namespace prismatic::redis {
namespace {

// A TLS record: what is encrypted at once, so that little waits outside of the caller's count.
constexpr size_t kRecordBytes = 16 * 1024;
constexpr size_t kReadBytes = 64 * 1024;

}  // namespace

absl::Status Channel::Connect(const loop::Loop::Address& address) {
  tls_.reset();
  ciphertext_.clear();
  if (tls_files_) {
    ASSIGN_OR_RETURN(tls_, TlsSession::Create(*tls_files_, host_));
  }
  return socket_.Connect(address);
}

absl::StatusOr<bool> Channel::Handshake() {
  if (tls_ == nullptr) return true;
  for (;;) {
    absl::StatusOr<bool> made = tls_->Handshake();
    // Also after a failure: the alert tells the server why.
    absl::Status drained = Drain();
    if (!made.ok()) return made.status();
    RETURN_IF_ERROR(drained);
    if (*made) return true;
    ASSIGN_OR_RETURN(bool fed, Fill());
    if (!fed) return false;
  }
}

absl::StatusOr<size_t> Channel::Write(absl::string_view bytes) {
  if (tls_ == nullptr) return socket_.Write(bytes);
  RETURN_IF_ERROR(Drain());
  if (wants_write() || bytes.empty()) return 0;
  absl::string_view record = bytes.substr(0, kRecordBytes);
  RETURN_IF_ERROR(tls_->Encrypt(record));
  RETURN_IF_ERROR(Drain());
  return record.size();
}

absl::StatusOr<size_t> Channel::Read(char* buffer, size_t size) {
  if (tls_ == nullptr) return socket_.Read(buffer, size);
  for (;;) {
    ASSIGN_OR_RETURN(size_t count, tls_->Decrypt(buffer, size));
    if (count > 0) return count;
    ASSIGN_OR_RETURN(bool fed, Fill());
    if (!fed) return 0;
  }
}

// Writes what TLS has to say, as far as the socket takes it.
absl::Status Channel::Drain() {
  ciphertext_ += tls_->TakeOutput();
  size_t written = 0;
  while (written < ciphertext_.size()) {
    ASSIGN_OR_RETURN(size_t count, socket_.Write(absl::string_view(ciphertext_).substr(written)));
    if (count == 0) break;
    written += count;
  }
  ciphertext_.erase(0, written);
  return absl::OkStatus();
}

// Whether something came from the socket.
absl::StatusOr<bool> Channel::Fill() {
  static thread_local std::string buffer(kReadBytes, '\0');
  ASSIGN_OR_RETURN(size_t count, socket_.Read(buffer.data(), buffer.size()));
  if (count > 0) tls_->Feed(absl::string_view(buffer.data(), count));
  return count > 0;
}

}  // namespace prismatic::redis
