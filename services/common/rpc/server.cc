#include "services/common/rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_initializer.h>

#include <fstream>
#include <sstream>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "services/common/status/status_macros.h"

namespace prismatic::rpc {
namespace {

// What a client may send as metadata in one call: a request ID, a token, tracing.
constexpr int kMetadataBytesMax = 16 << 10;
// Clients of ours ping every 15 s (channel.cc), those of others may every 10 s; much more often is abuse.
constexpr int kPingIntervalMsMin = 5'000;

// Learns the full names of the services, which grpc::Service keeps to itself.
class NameReader : public grpc::ServerBuilderPlugin {
 public:
  explicit NameReader(std::vector<std::string>* names) : names_(names) {}
  std::string name() override { return "prismatic_service_names"; }
  void InitServer(grpc::ServerInitializer*) override {}
  void Finish(grpc::ServerInitializer* server) override { *names_ = *server->GetServiceList(); }
  void ChangeArguments(const std::string&, void*) override {}

 private:
  std::vector<std::string>* names_;
};

class ReadNames : public grpc::ServerBuilderOption {
 public:
  explicit ReadNames(std::vector<std::string>* names) : names_(names) {}
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    plugins->push_back(std::make_unique<NameReader>(names_));
  }

 private:
  std::vector<std::string>* names_;
};

absl::StatusOr<std::string> ReadPem(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  if (content.str().empty()) return absl::InvalidArgumentError(absl::StrCat("cannot read ", path));
  return content.str();
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> CredentialsOf(const TlsPort& port) {
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  ASSIGN_OR_RETURN(options.pem_root_certs, ReadPem(port.client_ca_file));
  grpc::SslServerCredentialsOptions::PemKeyCertPair pair;
  ASSIGN_OR_RETURN(pair.private_key, ReadPem(port.key_file));
  ASSIGN_OR_RETURN(pair.cert_chain, ReadPem(port.cert_file));
  options.pem_key_cert_pairs.push_back(std::move(pair));
  return grpc::SslServerCredentials(options);
}

absl::Status CannotListen(const std::string& address) {
  return absl::UnavailableError(absl::StrCat("cannot listen on ", address, ": is the port taken?"));
}

}  // namespace

void AddConnectionAgeFlag(config::Flags& flags, absl::Duration* age) {
  flags.Duration(
      "connection-age", age, absl::Milliseconds(100), absl::Hours(24),
      "how long, give or take a tenth, before a gRPC connection is ended so that its client looks for new "
      "replicas; its calls are finished");
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(ServerOptions options) {
  grpc::EnableDefaultHealthCheckService(true);
  static const bool reflection = [] {
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    return true;
  }();
  (void)reflection;

  grpc::ServerBuilder builder;
  int port = 0, tls_port = 0;
  builder.AddListeningPort(options.address, grpc::InsecureServerCredentials(), &port);
  if (!options.tls.address.empty()) {
    ASSIGN_OR_RETURN(std::shared_ptr<grpc::ServerCredentials> credentials, CredentialsOf(options.tls));
    builder.AddListeningPort(options.tls.address, credentials, &tls_port);
  }
  for (grpc::Service* service : options.services) builder.RegisterService(service);
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.message_bytes_max));
  builder.SetMaxSendMessageSize(static_cast<int>(options.message_bytes_max));
  // Without this, a second process would silently share the port.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.concurrent_streams_max);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                             static_cast<int>(absl::ToInt64Milliseconds(options.connection_age)));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                             static_cast<int>(absl::ToInt64Milliseconds(options.connection_grace)));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kPingIntervalMsMin);
  // A client without calls that pings wants its next call to find a connection.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CHANNEL_TRACE_EVENT_MEMORY_PER_NODE, 0);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);

  std::unique_ptr<Server> server(new Server());
  builder.SetOption(std::make_unique<ReadNames>(&server->names_));
  server->server_ = builder.BuildAndStart();
  if (port == 0) return CannotListen(options.address);
  if (server->server_ == nullptr || (!options.tls.address.empty() && tls_port == 0)) {
    return CannotListen(options.tls.address.empty() ? options.address : options.tls.address);
  }
  server->port_ = port;
  server->tls_port_ = tls_port;
  server->names_.insert(server->names_.end(), {"", kReadiness});
  server->SetServing(false);
  server->server_->GetHealthCheckService()->SetServingStatus(kLiveness, true);
  return server;
}

Server::~Server() { Shutdown(absl::ZeroDuration()); }

void Server::SetServing(bool serving) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!leaving_) ShowReadiness(serving);
}

void Server::StopBeingReady() {
  std::lock_guard<std::mutex> lock(mutex_);
  leaving_ = true;
  ShowReadiness(false);
}

void Server::ShowReadiness(bool ready) {
  if (server_ == nullptr) return;
  // Each by its name: all at once would be liveness, too.
  grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
  for (const std::string& name : names_) health->SetServingStatus(name, ready);
}

void Server::Shutdown(absl::Duration grace) {
  if (server_ == nullptr) return;
  StopBeingReady();
  server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
  server_.reset();
}

}  // namespace prismatic::rpc
