#ifndef PRISMATIC_SERVICES_COMMON_RPC_SERVER_H_
#define PRISMATIC_SERVICES_COMMON_RPC_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/common/config/flags.h"

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

inline constexpr absl::Duration kConnectionAge = absl::Seconds(60);
// --connection-age, of every process with a gRPC port.
void AddConnectionAgeFlag(config::Flags& flags, absl::Duration* age);

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
  // A connection lives this long, give or take a tenth, so that clients find new replicas; its calls have
  // `connection_grace` to finish, longer than the longest generation.
  absl::Duration connection_age = kConnectionAge;
  absl::Duration connection_grace = absl::Seconds(330);
};

// The names of health that are no service's: `readiness` says what the empty name says, whether calls should
// be sent here; `liveness` is SERVING from the start to the end.
inline constexpr char kReadiness[] = "readiness";
inline constexpr char kLiveness[] = "liveness";

// A gRPC server with health (`grpc.health.v1`: the empty name, `readiness` and each service's name say the
// same) and reflection, no port sharing, bounded messages, streams and metadata. Starts as NOT_SERVING.
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
  // NOT_SERVING from now on, whatever SetServing says; calls are served all the same. Thread-safe.
  void StopBeingReady();
  // NOT_SERVING, no new calls; calls in flight have `grace` to finish, then they are cancelled. Blocks.
  void Shutdown(absl::Duration grace);

 private:
  Server() = default;
  void ShowReadiness(bool ready);

  std::unique_ptr<grpc::Server> server_;
  // The names of health that follow readiness.
  std::vector<std::string> names_;
  std::mutex mutex_;
  bool leaving_ = false;  // guarded by mutex_
  int port_ = 0;
  int tls_port_ = 0;
};

}  // namespace prismatic::rpc

#endif  // PRISMATIC_SERVICES_COMMON_RPC_SERVER_H_
