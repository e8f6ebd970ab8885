#include "services/model_registry/service.h"

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

template <typename Response>
Task<absl::StatusOr<Response>> Refuse(absl::Status status) {
  co_return status;
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
                                           rpc::AdminToken token)
    : registry_(registry),
      metrics_(metrics, "prismatic.model_registry.v1.ModelRegistryAdmin", kDomain),
      token_(std::move(token)) {}

grpc::ServerUnaryReactor* RegistryAdminService::ApplyCatalog(grpc::CallbackServerContext* context,
                                                             const v1::ApplyCatalogRequest* request,
                                                             v1::ApplyCatalogResponse* response) {
  absl::Status allowed = token_.Check(*context);
  return rpc::Serve(
      metrics_, "ApplyCatalog", context, response,
      allowed.ok() ? registry_.ApplyCatalog(*request) : Refuse<v1::ApplyCatalogResponse>(allowed));
}

grpc::ServerUnaryReactor* RegistryAdminService::ListProviders(grpc::CallbackServerContext* context,
                                                              const v1::ListProvidersRequest* request,
                                                              v1::ListProvidersResponse* response) {
  absl::Status allowed = token_.Check(*context);
  return rpc::Serve(
      metrics_, "ListProviders", context, response,
      allowed.ok() ? registry_.ListProviders(*request) : Refuse<v1::ListProvidersResponse>(allowed));
}

grpc::ServerUnaryReactor* RegistryAdminService::SetProviderImages(grpc::CallbackServerContext* context,
                                                                  const v1::SetProviderImagesRequest* request,
                                                                  v1::SetProviderImagesResponse* response) {
  absl::Status allowed = token_.Check(*context);
  return rpc::Serve(
      metrics_, "SetProviderImages", context, response,
      allowed.ok() ? registry_.SetProviderImages(*request) : Refuse<v1::SetProviderImagesResponse>(allowed));
}

}  // namespace prismatic::model_registry
