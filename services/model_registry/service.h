#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_SERVICE_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <mutex>
#include <set>

#include "prismatic/model_registry/v1/model_registry.grpc.pb.h"
#include "services/common/metrics/metrics.h"
#include "services/common/rpc/unary.h"
#include "services/common/task/task.h"
#include "services/model_registry/operators/authority.h"
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

// The admin port: each call shows who makes it, and the registry decides what the caller's role may do.
class RegistryAdminService : public v1::ModelRegistryAdmin::CallbackService {
 public:
  // Whether nobody has changed the first owner's password, for GetRegistryStatus.
  using FirstPassword = std::function<Task<absl::StatusOr<bool>>()>;

  // All that is given outlives it.
  RegistryAdminService(Registry& registry, metrics::Registry& metrics, Authority& authority,
                       FirstPassword first_password);

  grpc::ServerUnaryReactor* ApplyCatalog(grpc::CallbackServerContext* context,
                                         const v1::ApplyCatalogRequest* request,
                                         v1::ApplyCatalogResponse* response) override;
  grpc::ServerUnaryReactor* EditCatalog(grpc::CallbackServerContext* context,
                                        const v1::EditCatalogRequest* request,
                                        v1::ApplyCatalogResponse* response) override;
  grpc::ServerUnaryReactor* RollbackCatalog(grpc::CallbackServerContext* context,
                                            const v1::RollbackCatalogRequest* request,
                                            v1::ApplyCatalogResponse* response) override;
  grpc::ServerUnaryReactor* ExportCatalog(grpc::CallbackServerContext* context,
                                          const v1::ExportCatalogRequest* request,
                                          v1::ExportCatalogResponse* response) override;
  grpc::ServerUnaryReactor* CompareCatalogs(grpc::CallbackServerContext* context,
                                            const v1::CompareCatalogsRequest* request,
                                            v1::CompareCatalogsResponse* response) override;
  grpc::ServerUnaryReactor* ListCatalogVersions(grpc::CallbackServerContext* context,
                                                const v1::ListCatalogVersionsRequest* request,
                                                v1::ListCatalogVersionsResponse* response) override;
  grpc::ServerUnaryReactor* ListProviders(grpc::CallbackServerContext* context,
                                          const v1::ListProvidersRequest* request,
                                          v1::ListProvidersResponse* response) override;
  grpc::ServerUnaryReactor* ListCanonicalModels(grpc::CallbackServerContext* context,
                                                const v1::ListCanonicalModelsRequest* request,
                                                v1::ListCanonicalModelsResponse* response) override;
  grpc::ServerUnaryReactor* SetProviderImages(grpc::CallbackServerContext* context,
                                              const v1::SetProviderImagesRequest* request,
                                              v1::SetProviderImagesResponse* response) override;
  grpc::ServerUnaryReactor* GetRegistryStatus(grpc::CallbackServerContext* context,
                                              const v1::GetRegistryStatusRequest* request,
                                              v1::GetRegistryStatusResponse* response) override;

 private:
  template <typename Request, typename Response>
  using Method = Task<absl::StatusOr<Response>> (Registry::*)(Caller, Request);
  template <typename Request, typename Response>
  Task<absl::StatusOr<Response>> AsCaller(Credential credential, Method<Request, Response> method,
                                          Request request);
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* Serve(const char* name, grpc::CallbackServerContext* context,
                                  const Request* request, Response* response,
                                  Method<Request, Response> method);
  Task<absl::StatusOr<v1::GetRegistryStatusResponse>> WholeStatus(Credential credential);

  Registry& registry_;
  rpc::CallMetrics metrics_;
  Authority& authority_;
  const FirstPassword first_password_;
};

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_SERVICE_H_
