#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_OPERATORS_SERVICE_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_OPERATORS_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <functional>

#include "prismatic/model_registry/v1/operators.grpc.pb.h"
#include "services/common/metrics/metrics.h"
#include "services/common/rpc/unary.h"
#include "services/model_registry/operators/authority.h"
#include "services/model_registry/operators/operators.h"

namespace prismatic::model_registry {

// Operators over gRPC, on the admin port. Every call but Login shows a credential first.
class OperatorsService : public v1::Operators::CallbackService {
 public:
  OperatorsService(Operators& operators, Authority& authority, metrics::Registry& metrics);

  grpc::ServerUnaryReactor* Login(grpc::CallbackServerContext* context, const v1::LoginRequest* request,
                                  v1::LoginResponse* response) override;
  grpc::ServerUnaryReactor* Logout(grpc::CallbackServerContext* context, const v1::LogoutRequest* request,
                                   v1::LogoutResponse* response) override;
  grpc::ServerUnaryReactor* WhoAmI(grpc::CallbackServerContext* context, const v1::WhoAmIRequest* request,
                                   v1::WhoAmIResponse* response) override;
  grpc::ServerUnaryReactor* ChangePassword(grpc::CallbackServerContext* context,
                                           const v1::ChangePasswordRequest* request,
                                           v1::ChangePasswordResponse* response) override;
  grpc::ServerUnaryReactor* ListOperators(grpc::CallbackServerContext* context,
                                          const v1::ListOperatorsRequest* request,
                                          v1::ListOperatorsResponse* response) override;
  grpc::ServerUnaryReactor* CreateOperator(grpc::CallbackServerContext* context,
                                           const v1::CreateOperatorRequest* request,
                                           v1::CreateOperatorResponse* response) override;
  grpc::ServerUnaryReactor* UpdateOperator(grpc::CallbackServerContext* context,
                                           const v1::UpdateOperatorRequest* request,
                                           v1::UpdateOperatorResponse* response) override;
  grpc::ServerUnaryReactor* ResetPassword(grpc::CallbackServerContext* context,
                                          const v1::ResetPasswordRequest* request,
                                          v1::ResetPasswordResponse* response) override;
  grpc::ServerUnaryReactor* ListAuditEntries(grpc::CallbackServerContext* context,
                                             const v1::ListAuditEntriesRequest* request,
                                             v1::ListAuditEntriesResponse* response) override;

 private:
  template <typename Response>
  grpc::ServerUnaryReactor* Serve(const char* method, v1::Role least, grpc::CallbackServerContext* context,
                                  Response* response,
                                  std::function<Task<absl::StatusOr<Response>>(Caller)> verb) {
    return rpc::Serve(metrics_, method, context, response,
                      AsCaller<Response>(authority_, CredentialOf(*context), least, std::move(verb)));
  }

  Operators& operators_;
  Authority& authority_;
  rpc::CallMetrics metrics_;
};

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_OPERATORS_SERVICE_H_
