#include "services/model_registry/operators/operators_service.h"

#include <utility>

namespace prismatic::model_registry {
namespace {

constexpr char kDomain[] = "registry.prismatic";

Task<absl::StatusOr<v1::LogoutResponse>> NothingToEnd(Caller) { co_return v1::LogoutResponse(); }

}  // namespace

OperatorsService::OperatorsService(Operators& operators, Authority& authority, metrics::Registry& metrics)
    : operators_(operators),
      authority_(authority),
      metrics_(metrics, v1::Operators::service_full_name(), kDomain) {}

grpc::ServerUnaryReactor* OperatorsService::Login(grpc::CallbackServerContext* context,
                                                  const v1::LoginRequest* request,
                                                  v1::LoginResponse* response) {
  return rpc::Serve(metrics_, "Login", context, response, operators_.Login(*request));
}

grpc::ServerUnaryReactor* OperatorsService::Logout(grpc::CallbackServerContext* context,
                                                   const v1::LogoutRequest*, v1::LogoutResponse* response) {
  Credential credential = CredentialOf(*context);
  // Not by AsCaller: who has logged out already is answered the same again.
  if (!authority_.IsAdminToken(credential.authorization)) {
    return rpc::Serve(metrics_, "Logout", context, response,
                      operators_.Logout(std::move(credential.authorization)));
  }
  return Serve<v1::LogoutResponse>("Logout", v1::ROLE_OWNER, context, response, NothingToEnd);
}

grpc::ServerUnaryReactor* OperatorsService::WhoAmI(grpc::CallbackServerContext* context,
                                                   const v1::WhoAmIRequest*, v1::WhoAmIResponse* response) {
  return Serve<v1::WhoAmIResponse>("WhoAmI", v1::ROLE_VIEWER, context, response,
                                   [this](Caller caller) { return operators_.WhoAmI(std::move(caller)); });
}

grpc::ServerUnaryReactor* OperatorsService::ChangePassword(grpc::CallbackServerContext* context,
                                                           const v1::ChangePasswordRequest* request,
                                                           v1::ChangePasswordResponse* response) {
  return Serve<v1::ChangePasswordResponse>("ChangePassword", v1::ROLE_VIEWER, context, response,
                                           [this, request = *request](Caller caller) {
                                             return operators_.ChangePassword(std::move(caller), request);
                                           });
}

grpc::ServerUnaryReactor* OperatorsService::ListOperators(grpc::CallbackServerContext* context,
                                                          const v1::ListOperatorsRequest*,
                                                          v1::ListOperatorsResponse* response) {
  return Serve<v1::ListOperatorsResponse>("ListOperators", v1::ROLE_VIEWER, context, response,
                                          [this](Caller) { return operators_.ListOperators(); });
}

grpc::ServerUnaryReactor* OperatorsService::CreateOperator(grpc::CallbackServerContext* context,
                                                           const v1::CreateOperatorRequest* request,
                                                           v1::CreateOperatorResponse* response) {
  return Serve<v1::CreateOperatorResponse>("CreateOperator", v1::ROLE_OWNER, context, response,
                                           [this, request = *request](Caller caller) {
                                             return operators_.CreateOperator(std::move(caller), request);
                                           });
}

grpc::ServerUnaryReactor* OperatorsService::UpdateOperator(grpc::CallbackServerContext* context,
                                                           const v1::UpdateOperatorRequest* request,
                                                           v1::UpdateOperatorResponse* response) {
  return Serve<v1::UpdateOperatorResponse>("UpdateOperator", v1::ROLE_OWNER, context, response,
                                           [this, request = *request](Caller caller) {
                                             return operators_.UpdateOperator(std::move(caller), request);
                                           });
}

grpc::ServerUnaryReactor* OperatorsService::ResetPassword(grpc::CallbackServerContext* context,
                                                          const v1::ResetPasswordRequest* request,
                                                          v1::ResetPasswordResponse* response) {
  return Serve<v1::ResetPasswordResponse>("ResetPassword", v1::ROLE_OWNER, context, response,
                                          [this, request = *request](Caller caller) {
                                            return operators_.ResetPassword(std::move(caller), request);
                                          });
}

grpc::ServerUnaryReactor* OperatorsService::ListAuditEntries(grpc::CallbackServerContext* context,
                                                             const v1::ListAuditEntriesRequest* request,
                                                             v1::ListAuditEntriesResponse* response) {
  return Serve<v1::ListAuditEntriesResponse>(
      "ListAuditEntries", v1::ROLE_VIEWER, context, response,
      [this, request = *request](Caller) { return operators_.ListAuditEntries(request); });
}

}  // namespace prismatic::model_registry
