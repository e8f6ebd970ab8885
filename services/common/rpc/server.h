#ifndef PRISMATIC_SERVICES_COMMON_RPC_SERVER_H_
#define PRISMATIC_SERVICES_COMMON_RPC_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace prismatic::rpc {

// A further port, for callers that show a certificate. PEM files, read at the start.
struct TlsPort {
  // host:port; empty: there is none. Port 0 picks one.
  std::string address;
  std::string cert_file;
  std::string key_file;
  // The authorities whose clients are let in, and nobody else.
  std::string client_ca_file;
};

struct ServerOptions {
  // host:port; port 0 picks one.
  std::string address;
  // The same services are there as at `address`.
  TlsPort tls;
  std::vector<grpc::Service*> services;
  // 1 MiB unless images or the catalog pass (64 MiB).
  int64_t message_bytes_max = int64_t{1} << 20;
  // Calls at once on one connection.
  int concurrent_streams_max = 10'000;
  // A connection lives this long, so that clients find new replicas; its calls have `connection_grace`
  // to finish, longer than the longest generation.
  absl::Duration connection_age = absl::Minutes(10);
  absl::Duration connection_grace = absl::Seconds(330);
};

// A gRPC server with health (`grpc.health.v1`: the empty name and each service's) and reflection, no
// port sharing, bounded messages, streams and metadata. Starts as NOT_SERVING.
class Server {
 public:
  // Fails when a port is taken or a file cannot be read.
  static absl::StatusOr<std::unique_ptr<Server>> Start(ServerOptions options);
  // Shuts down with a grace of 0.
  ~Server();

  int port() const { return port_; }
  // 0 when there is none.
  int tls_port() const { return tls_port_; }
  // What health answers from now on. Thread-safe.
  void SetServing(bool serving);
  // NOT_SERVING, no new calls; calls in flight have `grace` to finish, then they are cancelled. Blocks.
  void Shutdown(absl::Duration grace);

 private:
  Server() = default;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
  int tls_port_ = 0;
};

}  // namespace prismatic::rpc

#endif  // PRISMATIC_SERVICES_COMMON_RPC_SERVER_H_
