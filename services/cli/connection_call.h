#ifndef PRISMATIC_SERVICES_CLI_CONNECTION_CALL_H_
#define PRISMATIC_SERVICES_CLI_CONNECTION_CALL_H_

// How Connections makes a call; for its own files.

#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "services/cli/settings.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {

struct Endpoint {
  // As people call it: "billing's admin port".
  absl::string_view name;
  absl::string_view flag;
  const std::string& address;
  bool admin;
};

Endpoint BillingAdminAt(const Settings& settings);
Endpoint BillingAt(const Settings& settings);
Endpoint RegistryAdminAt(const Settings& settings);
Endpoint RegistryAt(const Settings& settings);
Endpoint ProviderProxyAt(const Settings& settings);

using Channels = std::map<std::string, std::shared_ptr<grpc::Channel>>;

// Commands that read page after page call one service many times.
std::shared_ptr<grpc::Channel> ChannelTo(Channels& channels, const Endpoint& endpoint);
// Wrong usage without an address, or without the token that it asks for.
absl::Status CheckEndpoint(const Endpoint& endpoint, const Settings& settings);
// gRPC's own failures carry no reason; those that mean "nobody answered" are told apart from refusals.
absl::Status FailureOf(const grpc::Status& status, const Endpoint& endpoint);
// At an admin port: the credential, and who acts.
void Authorize(const Endpoint& endpoint, const Settings& settings, grpc::ClientContext& context);

template <typename Service, typename Request, typename Response>
absl::StatusOr<Response> Call(Channels& channels, const Endpoint& endpoint, const Settings& settings,
                              grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                    Response*),
                              const Request& request) {
  RETURN_IF_ERROR(CheckEndpoint(endpoint, settings));
  std::unique_ptr<typename Service::Stub> stub = Service::NewStub(ChannelTo(channels, endpoint));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + settings.timeout));
  Authorize(endpoint, settings, context);
  Response response;
  grpc::Status status = (stub.get()->*method)(&context, request, &response);
  if (!status.ok()) return FailureOf(status, endpoint);
  return response;
}

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_CONNECTION_CALL_H_
