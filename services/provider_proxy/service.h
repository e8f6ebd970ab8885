#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_SERVICE_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_SERVICE_H_

#include "prismatic/provider_proxy/v1/provider_proxy.grpc.pb.h"
#include "services/common/metrics/metrics.h"
#include "services/common/rpc/unary.h"
#include "services/provider_proxy/provider_proxy.h"

namespace prismatic::provider_proxy {

// A message holds one image: 32 MiB of it are 43 MiB of base64.
inline constexpr int64_t kMessageBytesMax = int64_t{64} << 20;

// prismatic.provider_proxy.v1.ProviderProxy over gRPC. No thread waits for an upstream or for a slow
// caller. Outlives its server.
class ProviderProxyService
    : public v1::ProviderProxy::WithRawCallbackMethod_GenerateImages<
          v1::ProviderProxy::WithCallbackMethod_TestProvider<
              v1::ProviderProxy::WithCallbackMethod_GetProviderStates<v1::ProviderProxy::Service>>> {
 public:
  ProviderProxyService(ProviderProxy& proxy, metrics::Registry& metrics);

  grpc::ServerWriteReactor<grpc::ByteBuffer>* GenerateImages(grpc::CallbackServerContext* context,
                                                             const grpc::ByteBuffer* bytes) override;
  grpc::ServerUnaryReactor* TestProvider(grpc::CallbackServerContext* context,
                                         const v1::TestProviderRequest* request,
                                         v1::TestProviderResponse* response) override;
  grpc::ServerUnaryReactor* GetProviderStates(grpc::CallbackServerContext* context,
                                              const v1::GetProviderStatesRequest* request,
                                              v1::GetProviderStatesResponse* response) override;

 private:
  ProviderProxy& proxy_;
  rpc::CallMetrics metrics_;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_SERVICE_H_
