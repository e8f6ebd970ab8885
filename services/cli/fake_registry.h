#ifndef PRISMATIC_SERVICES_CLI_FAKE_REGISTRY_H_
#define PRISMATIC_SERVICES_CLI_FAKE_REGISTRY_H_

// For tests: model-registry's two ports, real on the wire, with canned answers.

#include <grpcpp/grpcpp.h>

#include <string>
#include <vector>

#include "prismatic/model_registry/v1/model_registry.grpc.pb.h"
#include "prismatic/model_registry/v1/operators.grpc.pb.h"
#include "services/cli/fake_services.h"

namespace prismatic::cli {

namespace rpb = model_registry::v1;

class FakeRegistry : public rpb::ModelRegistry::Service {
 public:
  Recorder recorder;

  grpc::Status ListModels(grpc::ServerContext* context, const rpb::ListModelsRequest* request,
                          rpb::ListModelsResponse* response) override {
    auto* priced = response->add_models();
    priced->set_public_id("google/imagen-4");
    priced->set_model("imagen-4");
    priced->set_owned_by("google");
    priced->set_created(kNoon / 1'000'000);
    priced->set_available(true);
    priced->set_retail_generation_nano_usd(40'000'000);
    auto* unpriced = response->add_models();
    unpriced->set_public_id("plain");
    unpriced->set_model("plain");
    response->set_catalog_version(9);
    return recorder.Record(*context, *request);
  }
};

class FakeRegistryAdmin : public rpb::ModelRegistryAdmin::Service {
 public:
  Recorder recorder;
  catalog::v1::Provider provider;
  std::string provider_yaml;
  rpb::ListCanonicalModelsResponse models;
  // What is wrong with the next catalog.
  std::vector<std::string> catalog_errors;
  // What else a change is answered with.
  rpb::ApplyCatalogResponse applied;
  rpb::ExportCatalogResponse exported;
  rpb::CompareCatalogsResponse compared;
  absl::Status compare_failure;
  // Newest first.
  std::vector<rpb::CatalogVersion> versions;
  rpb::GetRegistryStatusResponse status;

  grpc::Status ApplyCatalog(grpc::ServerContext* context, const rpb::ApplyCatalogRequest* request,
                            rpb::ApplyCatalogResponse* response) override {
    Answer(request->validate_only(), response);
    return recorder.Record(*context, *request);
  }
  grpc::Status EditCatalog(grpc::ServerContext* context, const rpb::EditCatalogRequest* request,
                           rpb::ApplyCatalogResponse* response) override {
    edit = *request;
    Answer(request->validate_only(), response);
    grpc::Status recorded = recorder.Record(*context, *request);
    return edit_failure.ok() ? recorded : rpc::ToGrpc(edit_failure, "test.prismatic");
  }
  // Of edits alone, which read the catalog first.
  absl::Status edit_failure;
  // The last one.
  rpb::EditCatalogRequest edit;
  grpc::Status RollbackCatalog(grpc::ServerContext* context, const rpb::RollbackCatalogRequest* request,
                               rpb::ApplyCatalogResponse* response) override {
    Answer(request->validate_only(), response);
    return recorder.Record(*context, *request);
  }
  grpc::Status ExportCatalog(grpc::ServerContext* context, const rpb::ExportCatalogRequest* request,
                             rpb::ExportCatalogResponse* response) override {
    *response = exported;
    return recorder.Record(*context, *request);
  }
  grpc::Status CompareCatalogs(grpc::ServerContext* context, const rpb::CompareCatalogsRequest* request,
                               rpb::CompareCatalogsResponse* response) override {
    *response = compared;
    response->set_from(request->from());
    response->set_to(request->to() == 0 ? 9 : request->to());
    recorder.Record(*context, *request);
    return rpc::ToGrpc(compare_failure, "test.prismatic");
  }
  grpc::Status ListCatalogVersions(grpc::ServerContext* context,
                                   const rpb::ListCatalogVersionsRequest* request,
                                   rpb::ListCatalogVersionsResponse* response) override {
    for (const rpb::CatalogVersion& version : versions) {
      if (request->before_version() > 0 && version.version() >= request->before_version()) continue;
      if (response->versions_size() == request->page_size()) {
        response->set_more(true);
        break;
      }
      *response->add_versions() = version;
    }
    return recorder.Record(*context, *request);
  }
  grpc::Status ListCanonicalModels(grpc::ServerContext* context,
                                   const rpb::ListCanonicalModelsRequest* request,
                                   rpb::ListCanonicalModelsResponse* response) override {
    *response = models;
    response->set_catalog_version(9);
    return recorder.Record(*context, *request);
  }
  grpc::Status GetRegistryStatus(grpc::ServerContext* context, const rpb::GetRegistryStatusRequest* request,
                                 rpb::GetRegistryStatusResponse* response) override {
    *response = status;
    return recorder.Record(*context, *request);
  }
  grpc::Status ListProviders(grpc::ServerContext* context, const rpb::ListProvidersRequest* request,
                             rpb::ListProvidersResponse* response) override {
    *response->add_providers() = provider;
    response->add_yamls(provider_yaml);
    response->set_catalog_version(9);
    return recorder.Record(*context, *request);
  }
  grpc::Status SetProviderImages(grpc::ServerContext* context, const rpb::SetProviderImagesRequest* request,
                                 rpb::SetProviderImagesResponse* response) override {
    *response->mutable_provider() = provider;
    response->mutable_provider()->set_images_enabled(request->enabled());
    response->mutable_provider()->mutable_images_override()->set_enabled(request->enabled());
    response->mutable_provider()->mutable_images_override()->set_actor("admin");
    response->mutable_provider()->mutable_images_override()->set_time_unix_ms(kNoon / 1000);
    response->set_catalog_version(10);
    return recorder.Record(*context, *request);
  }

 private:
  void Answer(bool validate_only, rpb::ApplyCatalogResponse* response) const {
    *response = applied;
    response->set_catalog_version(12);
    response->set_changed(!validate_only);
    for (const std::string& error : catalog_errors) response->add_errors(error);
  }
};

class FakeOperators : public rpb::Operators::Service {
 public:
  Recorder recorder;
  rpb::Operator person;
  // Newest first; their IDs are their places from the end.
  std::vector<rpb::AuditEntry> log;

  grpc::Status WhoAmI(grpc::ServerContext* context, const rpb::WhoAmIRequest* request,
                      rpb::WhoAmIResponse* response) override {
    response->set_actor("admin-token");
    response->set_role(rpb::ROLE_OWNER);
    return recorder.Record(*context, *request);
  }
  grpc::Status ListOperators(grpc::ServerContext* context, const rpb::ListOperatorsRequest* request,
                             rpb::ListOperatorsResponse* response) override {
    *response->add_operators() = person;
    return recorder.Record(*context, *request);
  }
  grpc::Status CreateOperator(grpc::ServerContext* context, const rpb::CreateOperatorRequest* request,
                              rpb::CreateOperatorResponse* response) override {
    *response->mutable_operator_() = person;
    response->set_password("a-random-password-of-24c");
    return recorder.Record(*context, *request);
  }
  grpc::Status UpdateOperator(grpc::ServerContext* context, const rpb::UpdateOperatorRequest* request,
                              rpb::UpdateOperatorResponse* response) override {
    *response->mutable_operator_() = person;
    return recorder.Record(*context, *request);
  }
  grpc::Status ResetPassword(grpc::ServerContext* context, const rpb::ResetPasswordRequest* request,
                             rpb::ResetPasswordResponse* response) override {
    *response->mutable_operator_() = person;
    response->set_password("another-password-of-24-c");
    return recorder.Record(*context, *request);
  }
  // Two a page.
  grpc::Status ListAuditEntries(grpc::ServerContext* context, const rpb::ListAuditEntriesRequest* request,
                                rpb::ListAuditEntriesResponse* response) override {
    bool after = request->before_id().empty();
    for (const rpb::AuditEntry& entry : log) {
      if (after && response->entries_size() == 2) {
        response->set_more(true);
        break;
      }
      if (after) *response->add_entries() = entry;
      after = after || entry.id() == request->before_id();
    }
    return recorder.Record(*context, *request);
  }
};

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_FAKE_REGISTRY_H_
