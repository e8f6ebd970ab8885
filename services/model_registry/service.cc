#include "services/model_registry/service.h"

#include <functional>
#include <utility>
#include <vector>

#include "services/common/rpc/grpc_status.h"
#include "services/common/status/status.h"

namespace prismatic::model_registry {
namespace {

constexpr char kDomain[] = "registry.prismatic";

absl::Status ShuttingDown() {
  return Error(absl::StatusCode::kUnavailable, common::v1::ERROR_REASON_SERVER_IS_OVERLOADED,
               "The registry is shutting down.")
      .RetryAfter(absl::Milliseconds(100));
}

}  // namespace

// One open stream. Has at most one message on the way; when that is written it sends the newest
// catalog, so a slow watcher skips versions. Held by the service until gRPC is done with it.
class RegistryService::Watch : public grpc::ServerWriteReactor<v1::WatchCatalogResponse>,
                               public std::enable_shared_from_this<Watch> {
 public:
  Watch(RegistryService& service, int64_t known_version) : service_(service), sent_(known_version) {}

  void Begin() {
    // The client learns from this that it is connected, though there may be nothing new for hours.
    StartSendInitialMetadata();
    subscription_ = service_.registry_.holder().Subscribe(
        [weak = weak_from_this()](const std::shared_ptr<const catalog_watch::Snapshot>&) {
          if (std::shared_ptr<Watch> watch = weak.lock()) watch->Advance();
        });
    Advance();
  }

  // Sends what is newest, when it is new and nothing is on the way.
  void Advance() {
    std::shared_ptr<const catalog_watch::Snapshot> newest = service_.registry_.holder().Current();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (writing_ || ending_ || newest->version() <= sent_) return;
      writing_ = true;
      sent_ = newest->version();
      *response_.mutable_catalog() = newest->catalog();
    }
    StartWrite(&response_);
  }

  // Finishes now, or when the message on the way is through.
  void End(const absl::Status& status) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (std::exchange(ending_, true)) return;
      end_ = rpc::ToGrpc(status, kDomain);
      if (writing_) return;
    }
    Finish(end_);
  }

  void OnWriteDone(bool ok) override {
    bool finish = false;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      writing_ = false;
      if (!ok && !std::exchange(ending_, true)) {
        end_ = grpc::Status(grpc::StatusCode::UNAVAILABLE, "the watcher has gone");
      }
      finish = ending_;
    }
    if (finish) {
      Finish(end_);
    } else {
      Advance();
    }
  }
  void OnCancel() override { End(absl::CancelledError("the watcher has gone")); }
  void OnDone() override {
    subscription_ = catalog_watch::CatalogHolder::Subscription();
    service_.Forget(shared_from_this());
  }

 private:
  RegistryService& service_;
  catalog_watch::CatalogHolder::Subscription subscription_;
  std::mutex mutex_;
  bool writing_ = false;               // guarded by mutex_
  bool ending_ = false;                // guarded by mutex_
  int64_t sent_;                       // guarded by mutex_
  grpc::Status end_;                   // set once, with ending_
  v1::WatchCatalogResponse response_;  // gRPC's while writing_
};

RegistryService::RegistryService(Registry& registry, metrics::Registry& metrics)
    : registry_(registry),
      metrics_(metrics, "prismatic.model_registry.v1.ModelRegistry", kDomain),
      watchers_(metrics.GetGauge("prismatic_catalog_watchers", "Open catalog watches.")) {}

RegistryService::~RegistryService() = default;

grpc::ServerWriteReactor<v1::WatchCatalogResponse>* RegistryService::WatchCatalog(
    grpc::CallbackServerContext*, const v1::WatchCatalogRequest* request) {
  if (request->known_version() > registry_.holder().Current()->version()) {
    registry_.NoteAhead(request->known_version());
  }
  auto watch = std::make_shared<Watch>(*this, request->known_version());
  bool ending = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    watches_.insert(watch);
    ending = ending_;
  }
  watchers_.Add(1);
  if (ending) {
    watch->End(ShuttingDown());
  } else {
    watch->Begin();
  }
  return watch.get();
}

void RegistryService::Forget(const std::shared_ptr<Watch>& watch) {
  watchers_.Add(-1);
  std::lock_guard<std::mutex> lock(mutex_);
  watches_.erase(watch);
}

void RegistryService::EndWatches() {
  std::set<std::shared_ptr<Watch>> watches;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ending_ = true;
    watches = watches_;
  }
  for (const std::shared_ptr<Watch>& watch : watches) watch->End(ShuttingDown());
}

grpc::ServerUnaryReactor* RegistryService::ResolveModel(grpc::CallbackServerContext* context,
                                                        const v1::ResolveModelRequest* request,
                                                        v1::ResolveModelResponse* response) {
  return rpc::Serve(metrics_, "ResolveModel", context, response, registry_.ResolveModel(*request));
}

grpc::ServerUnaryReactor* RegistryService::ListModels(grpc::CallbackServerContext* context,
                                                      const v1::ListModelsRequest* request,
                                                      v1::ListModelsResponse* response) {
  return rpc::Serve(metrics_, "ListModels", context, response, registry_.ListModels(*request));
}

grpc::ServerUnaryReactor* RegistryService::GetModel(grpc::CallbackServerContext* context,
                                                    const v1::GetModelRequest* request,
                                                    v1::GetModelResponse* response) {
  return rpc::Serve(metrics_, "GetModel", context, response, registry_.GetModel(*request));
}

RegistryAdminService::RegistryAdminService(Registry& registry, metrics::Registry& metrics,
                                           Authority& authority, FirstPassword first_password)
    : registry_(registry),
      metrics_(metrics, "prismatic.model_registry.v1.ModelRegistryAdmin", kDomain),
      authority_(authority),
      first_password_(std::move(first_password)) {}

template <typename Request, typename Response>
Task<absl::StatusOr<Response>> RegistryAdminService::AsCaller(Credential credential,
                                                              Method<Request, Response> method,
                                                              Request request) {
  auto authenticate =
      authority_.Authenticate(std::move(credential.authorization), std::move(credential.actor));
  absl::StatusOr<Caller> caller = co_await authenticate;
  if (!caller.ok()) co_return caller.status();
  auto run = std::invoke(method, registry_, *std::move(caller), std::move(request));
  absl::StatusOr<Response> response = co_await run;
  co_return response;
}

template <typename Request, typename Response>
grpc::ServerUnaryReactor* RegistryAdminService::Serve(const char* name, grpc::CallbackServerContext* context,
                                                      const Request* request, Response* response,
                                                      Method<Request, Response> method) {
  return rpc::Serve(metrics_, name, context, response, AsCaller(CredentialOf(*context), method, *request));
}

grpc::ServerUnaryReactor* RegistryAdminService::ApplyCatalog(grpc::CallbackServerContext* context,
                                                             const v1::ApplyCatalogRequest* request,
                                                             v1::ApplyCatalogResponse* response) {
  return Serve("ApplyCatalog", context, request, response, &Registry::ApplyCatalog);
}

grpc::ServerUnaryReactor* RegistryAdminService::EditCatalog(grpc::CallbackServerContext* context,
                                                            const v1::EditCatalogRequest* request,
                                                            v1::ApplyCatalogResponse* response) {
  return Serve("EditCatalog", context, request, response, &Registry::EditCatalog);
}

grpc::ServerUnaryReactor* RegistryAdminService::RollbackCatalog(grpc::CallbackServerContext* context,
                                                                const v1::RollbackCatalogRequest* request,
                                                                v1::ApplyCatalogResponse* response) {
  return Serve("RollbackCatalog", context, request, response, &Registry::RollbackCatalog);
}

grpc::ServerUnaryReactor* RegistryAdminService::ExportCatalog(grpc::CallbackServerContext* context,
                                                              const v1::ExportCatalogRequest* request,
                                                              v1::ExportCatalogResponse* response) {
  return Serve("ExportCatalog", context, request, response, &Registry::ExportCatalog);
}

grpc::ServerUnaryReactor* RegistryAdminService::CompareCatalogs(grpc::CallbackServerContext* context,
                                                                const v1::CompareCatalogsRequest* request,
                                                                v1::CompareCatalogsResponse* response) {
  return Serve("CompareCatalogs", context, request, response, &Registry::CompareCatalogs);
}

grpc::ServerUnaryReactor* RegistryAdminService::ListCatalogVersions(
    grpc::CallbackServerContext* context, const v1::ListCatalogVersionsRequest* request,
    v1::ListCatalogVersionsResponse* response) {
  return Serve("ListCatalogVersions", context, request, response, &Registry::ListCatalogVersions);
}

grpc::ServerUnaryReactor* RegistryAdminService::ListProviders(grpc::CallbackServerContext* context,
                                                              const v1::ListProvidersRequest* request,
                                                              v1::ListProvidersResponse* response) {
  return Serve("ListProviders", context, request, response, &Registry::ListProviders);
}

grpc::ServerUnaryReactor* RegistryAdminService::ListCanonicalModels(
    grpc::CallbackServerContext* context, const v1::ListCanonicalModelsRequest* request,
    v1::ListCanonicalModelsResponse* response) {
  return Serve("ListCanonicalModels", context, request, response, &Registry::ListCanonicalModels);
}

grpc::ServerUnaryReactor* RegistryAdminService::SetProviderImages(grpc::CallbackServerContext* context,
                                                                  const v1::SetProviderImagesRequest* request,
                                                                  v1::SetProviderImagesResponse* response) {
  return Serve("SetProviderImages", context, request, response, &Registry::SetProviderImages);
}

Task<absl::StatusOr<v1::GetRegistryStatusResponse>> RegistryAdminService::WholeStatus(Credential credential) {
  auto ask = AsCaller(std::move(credential), &Registry::GetRegistryStatus, v1::GetRegistryStatusRequest());
  absl::StatusOr<v1::GetRegistryStatusResponse> response = co_await ask;
  if (!response.ok()) co_return response.status();
  // Without Redis nobody knows; what is asked for is answered all the same.
  auto look = first_password_();
  absl::StatusOr<bool> in_use = co_await look;
  response->set_first_password_in_use(in_use.ok() && *in_use);
  co_return response;
}

grpc::ServerUnaryReactor* RegistryAdminService::GetRegistryStatus(grpc::CallbackServerContext* context,
                                                                  const v1::GetRegistryStatusRequest*,
                                                                  v1::GetRegistryStatusResponse* response) {
  return rpc::Serve(metrics_, "GetRegistryStatus", context, response, WholeStatus(CredentialOf(*context)));
}

}  // namespace prismatic::model_registry
