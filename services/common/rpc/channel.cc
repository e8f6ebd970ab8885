#include "services/common/rpc/channel.h"

#include <fstream>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "services/common/crypto/crypto.h"
#include "services/common/log/log.h"
#include "services/common/status/status.h"

namespace prismatic::rpc {
namespace {

// A peer that says nothing is left after both of them; they are also how often servers are to bear our pings.
constexpr int kKeepaliveTimeMs = 15'000;
constexpr int kKeepaliveTimeoutMs = 10'000;
// The request's head counts, too.
constexpr int kMetadataBytes = 64 << 10;
// No retryPolicy: what was seen by a server is never repeated here.
constexpr char kBalanced[] = R"({"loadBalancingConfig":[{"round_robin":{}}]})";
// The empty name: every gRPC server with health knows it, also one of another version.
constexpr char kBalancedOverReady[] =
    R"({"loadBalancingConfig":[{"round_robin":{}}],"healthCheckConfig":{"serviceName":""}})";
constexpr size_t kTokenSizeMin = 16;
constexpr size_t kTokenSizeMax = 512;

std::shared_ptr<grpc::Channel> Make(const std::string& target, int64_t message_bytes_max,
                                    const char* service_config) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(static_cast<int>(message_bytes_max));
  arguments.SetMaxSendMessageSize(static_cast<int>(message_bytes_max));
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
  // Transparent ones, which need a request until its answer begins: what is larger than the buffer would be
  // lost to the end of a connection. The buffer refers to the bytes that are sent and copies none.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 1);
  arguments.SetInt(GRPC_ARG_PER_RPC_RETRY_BUFFER_SIZE, static_cast<int>(message_bytes_max) + kMetadataBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_CHANNELZ, 0);
  arguments.SetInt(GRPC_ARG_MAX_CHANNEL_TRACE_EVENT_MEMORY_PER_NODE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // Also how long one attempt to connect may take.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, 10'000);
  arguments.SetServiceConfigJSON(service_config);
  // Nor may a name server say otherwise.
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  // A peer whose machine vanished says nothing: without these a watch would wait on it for ever.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A proxy from the environment has no business between our own services.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& target, int64_t message_bytes_max) {
  return Make(target, message_bytes_max, kBalanced);
}

std::shared_ptr<grpc::Channel> MakeServiceChannel(const std::string& target, int64_t message_bytes_max) {
  return Make(target, message_bytes_max, kBalancedOverReady);
}

absl::StatusOr<AdminToken> AdminToken::FromFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read the admin token file ", path));
  std::stringstream text;
  text << file.rdbuf();
  std::string token(absl::StripAsciiWhitespace(text.str()));
  if (token.size() < kTokenSizeMin || token.size() > kTokenSizeMax) {
    return absl::InvalidArgumentError(absl::StrCat("the admin token in ", path, " must have ", kTokenSizeMin,
                                                   " to ", kTokenSizeMax, " characters"));
  }
  log::RegisterSecret(token);
  return AdminToken(std::move(token));
}

absl::Status AdminToken::Check(const grpc::CallbackServerContext& context) const {
  auto found = context.client_metadata().find("authorization");
  if (found != context.client_metadata().end()) {
    absl::string_view given(found->second.data(), found->second.size());
    if (Matches(given)) return absl::OkStatus();
  }
  return Error(absl::StatusCode::kUnauthenticated, common::v1::ERROR_REASON_INVALID_API_KEY,
               "This port asks for `authorization: Bearer <admin token>`.");
}

std::string AdminToken::Authorization() const { return absl::StrCat("Bearer ", token_); }

bool AdminToken::Matches(absl::string_view authorization) const {
  return crypto::ConstantTimeEquals(authorization, Authorization());
}

void AdminToken::AddTo(grpc::ClientContext& context) const {
  context.AddMetadata("authorization", Authorization());
}

}  // namespace prismatic::rpc
