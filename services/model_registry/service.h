#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_SERVICE_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <mutex>
#include <set>

#include "prismatic/model_registry/v1/model_registry.grpc.pb.h"
#include "services/common/metrics/metrics.h"
#include "services/common/rpc/channel.h"
#include "services/common/rpc/unary.h"
#include "services/model_registry/registry.h"

namespace prismatic::model_registry {

// The callers' port. Metric: prismatic_catalog_watchers.
class RegistryService : public v1::ModelRegistry::CallbackService {
 public:
  RegistryService(Registry& registry, metrics::Registry& metrics);
  // After the server has been shut down.
  ~RegistryService() override;

  // Ends every watch, and new ones at once: the first step of a shutdown, because a watch would
  // otherwise last as long as its grace. Clients come back to another replica.
  void EndWatches();

  grpc::ServerWriteReactor<v1::WatchCatalogResponse>* WatchCatalog(
      grpc::CallbackServerContext* context, const v1::WatchCatalogRequest* request) override;
  grpc::ServerUnaryReactor* ResolveModel(grpc::CallbackServerContext* context,
                                         const v1::ResolveModelRequest* request,
                                         v1::ResolveModelResponse* response) override;
  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context,
                                       const v1::ListModelsRequest* request,
                                       v1::ListModelsResponse* response) override;
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context, const v1::GetModelRequest* request,
                                     v1::GetModelResponse* response) override;

 private:
  class Watch;

  void Forget(const std::shared_ptr<Watch>& watch);

  Registry& registry_;
  rpc::CallMetrics metrics_;
  metrics::Gauge watchers_;

  std::mutex mutex_;
  std::set<std::shared_ptr<Watch>> watches_;  // guarded by mutex_
  bool ending_ = false;                       // guarded by mutex_
};

// The admin port: every call shows the token first.
class RegistryAdminService : public v1::ModelRegistryAdmin::CallbackService {
 public:
  RegistryAdminService(Registry& registry, metrics::Registry& metrics, rpc::AdminToken token);

  grpc::ServerUnaryReactor* ApplyCatalog(grpc::CallbackServerContext* context,
                                         const v1::ApplyCatalogRequest* request,
                                         v1::ApplyCatalogResponse* response) override;
  grpc::ServerUnaryReactor* ListProviders(grpc::CallbackServerContext* context,
                                          const v1::ListProvidersRequest* request,
                                          v1::ListProvidersResponse* response) override;
  grpc::ServerUnaryReactor* SetProviderImages(grpc::CallbackServerContext* context,
                                              const v1::SetProviderImagesRequest* request,
                                              v1::SetProviderImagesResponse* response) override;

 private:
  Registry& registry_;
  rpc::CallMetrics metrics_;
  const rpc::AdminToken token_;
};

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_SERVICE_H_
