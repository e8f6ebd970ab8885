#include "services/common/redis/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "absl/strings/str_cat.h"
#include "services/common/status/status_macros.h"

namespace prismatic::redis {
namespace {

// Why OpenSSL's last call failed; the queue is empty afterwards.
std::string LastError() {
  unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown";
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? absl::StrCat("error ", code) : reason;
}

absl::Status FileError(absl::string_view what, absl::string_view path) {
  return absl::UnavailableError(absl::StrCat("TLS: cannot use the ", what, " ", path, ": ", LastError()));
}

bool IsIpAddress(const std::string& host) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

absl::Status LoadFiles(SSL_CTX* context, const TlsFiles& files) {
  int trusted = files.ca_file.empty() ? SSL_CTX_set_default_verify_paths(context)
                                      : SSL_CTX_load_verify_file(context, files.ca_file.c_str());
  if (trusted != 1) {
    return FileError("authorities", files.ca_file.empty() ? "of the system" : files.ca_file);
  }
  if (files.cert_file.empty()) return absl::OkStatus();
  if (SSL_CTX_use_certificate_chain_file(context, files.cert_file.c_str()) != 1) {
    return FileError("certificate", files.cert_file);
  }
  if (SSL_CTX_use_PrivateKey_file(context, files.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return FileError("private key", files.key_file);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsSession>> TlsSession::Create(const TlsFiles& files,
                                                               const std::string& host) {
  std::unique_ptr<TlsSession> session(new TlsSession());
  RETURN_IF_ERROR(session->Prepare(files, host));
  return session;
}

absl::Status TlsSession::Prepare(const TlsFiles& files, const std::string& host) {
  ERR_clear_error();
  context_ = SSL_CTX_new(TLS_client_method());
  if (context_ == nullptr) return absl::UnavailableError(absl::StrCat("TLS: ", LastError()));
  SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
  // A renegotiation would make writing depend on reading; nobody needs one.
  SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
  RETURN_IF_ERROR(LoadFiles(context_, files));

  ssl_ = SSL_new(context_);
  input_ = BIO_new(BIO_s_mem());
  output_ = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl_, input_, output_);
  SSL_set_connect_state(ssl_);
  if (IsIpAddress(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl_, host.c_str());
    SSL_set1_host(ssl_, host.c_str());
  }
  return absl::OkStatus();
}

TlsSession::~TlsSession() {
  SSL_free(ssl_);  // with both BIOs
  SSL_CTX_free(context_);
}

void TlsSession::Feed(absl::string_view ciphertext) {
  BIO_write(input_, ciphertext.data(), static_cast<int>(ciphertext.size()));
}

std::string TlsSession::TakeOutput() {
  std::string bytes(BIO_ctrl_pending(output_), '\0');
  if (!bytes.empty()) BIO_read(output_, bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

absl::Status TlsSession::Failure(absl::string_view what) const {
  long verified = SSL_get_verify_result(ssl_);
  if (verified != X509_V_OK) {
    ERR_clear_error();
    return absl::UnavailableError(
        absl::StrCat("TLS: the server's certificate is refused: ", X509_verify_cert_error_string(verified)));
  }
  return absl::UnavailableError(absl::StrCat("TLS: ", what, ": ", LastError()));
}

absl::StatusOr<bool> TlsSession::Handshake() {
  ERR_clear_error();
  int result = SSL_do_handshake(ssl_);
  if (result == 1) return true;
  if (SSL_get_error(ssl_, result) == SSL_ERROR_WANT_READ) return false;
  return Failure("handshake");
}

absl::Status TlsSession::Encrypt(absl::string_view plaintext) {
  ERR_clear_error();
  int count = SSL_write(ssl_, plaintext.data(), static_cast<int>(plaintext.size()));
  // A BIO in memory takes everything.
  return count == static_cast<int>(plaintext.size()) ? absl::OkStatus() : Failure("write");
}

absl::StatusOr<size_t> TlsSession::Decrypt(char* buffer, size_t size) {
  ERR_clear_error();
  int count = SSL_read(ssl_, buffer, static_cast<int>(size));
  if (count > 0) return static_cast<size_t>(count);
  int error = SSL_get_error(ssl_, count);
  if (error == SSL_ERROR_WANT_READ) return 0;
  if (error == SSL_ERROR_ZERO_RETURN) return absl::UnavailableError("Redis closed the connection");
  return Failure("read");
}

}  // namespace prismatic::redis
