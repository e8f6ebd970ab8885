#ifndef PRISMATIC_SERVICES_COMMON_RPC_CHANNEL_H_
#define PRISMATIC_SERVICES_COMMON_RPC_CHANNEL_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace prismatic::rpc {

// A channel to `target` (host:port, dns:///name:port, or ipv4:address:port,address:port) with the lean
// settings: no compression, no channelz; calls go to all addresses in turn; reconnects within a second,
// leaves a peer that has gone silent within 25 s. gRPC sends a call again only when it was provably never
// seen by a server (it met the end of a connection); all else that is repeated the caller repeats
// (docs/adr/0008).
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& target,
                                           int64_t message_bytes_max = int64_t{1} << 20);
// The same between services of the suite: calls go only to those addresses whose health says SERVING, and are
// UNAVAILABLE at once where there is none.
std::shared_ptr<grpc::Channel> MakeServiceChannel(const std::string& target,
                                                  int64_t message_bytes_max = int64_t{1} << 20);

// The bearer token that admin ports ask for. The file holds it alone, 16 to 512 characters.
class AdminToken {
 public:
  // Fails when the file is missing, or the token too short.
  static absl::StatusOr<AdminToken> FromFile(const std::string& path);
  // UNAUTHENTICATED, INVALID_API_KEY unless the call carries `authorization: Bearer <token>`.
  absl::Status Check(const grpc::CallbackServerContext& context) const;
  // Whether this is `Bearer <token>`, in a time that says nothing of where it differs.
  bool Matches(absl::string_view authorization) const;
  // What `authorization` is to say.
  std::string Authorization() const;
  // Adds it to a call.
  void AddTo(grpc::ClientContext& context) const;

 private:
  explicit AdminToken(std::string token) : token_(std::move(token)) {}
  std::string token_;
};

}  // namespace prismatic::rpc

#endif  // PRISMATIC_SERVICES_COMMON_RPC_CHANNEL_H_
