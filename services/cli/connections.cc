#include "services/cli/connections.h"

#include "prismatic/billing/v1/billing.grpc.pb.h"
#include "services/cli/connection_call.h"

// What is asked of billing.

namespace prismatic::cli {
namespace {

using BillingAdmin = billing::v1::BillingAdmin;
using Billing = billing::v1::Billing;

}  // namespace

absl::StatusOr<billing::v1::CreateAccountResponse> Connections::CreateAccount(
    const billing::v1::CreateAccountRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::CreateAccount, request);
}

absl::StatusOr<billing::v1::UpdateAccountResponse> Connections::UpdateAccount(
    const billing::v1::UpdateAccountRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::UpdateAccount, request);
}

absl::StatusOr<billing::v1::SuspendAccountResponse> Connections::SuspendAccount(
    const billing::v1::SuspendAccountRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::SuspendAccount, request);
}

absl::StatusOr<billing::v1::ResumeAccountResponse> Connections::ResumeAccount(
    const billing::v1::ResumeAccountRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::ResumeAccount, request);
}

absl::StatusOr<billing::v1::GetAccountResponse> Connections::GetAccount(
    const billing::v1::GetAccountRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_, &BillingAdmin::Stub::GetAccount,
                            request);
}

absl::StatusOr<billing::v1::TopUpWalletResponse> Connections::TopUpWallet(
    const billing::v1::TopUpWalletRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_, &BillingAdmin::Stub::TopUpWallet,
                            request);
}

absl::StatusOr<billing::v1::AdjustWalletResponse> Connections::AdjustWallet(
    const billing::v1::AdjustWalletRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::AdjustWallet, request);
}

absl::StatusOr<billing::v1::WriteOffDebtResponse> Connections::WriteOffDebt(
    const billing::v1::WriteOffDebtRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::WriteOffDebt, request);
}

absl::StatusOr<billing::v1::CreateKeyResponse> Connections::CreateKey(
    const billing::v1::CreateKeyRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_, &BillingAdmin::Stub::CreateKey,
                            request);
}

absl::StatusOr<billing::v1::ImportKeyResponse> Connections::ImportKey(
    const billing::v1::ImportKeyRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_, &BillingAdmin::Stub::ImportKey,
                            request);
}

absl::StatusOr<billing::v1::UpdateKeyResponse> Connections::UpdateKey(
    const billing::v1::UpdateKeyRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_, &BillingAdmin::Stub::UpdateKey,
                            request);
}

absl::StatusOr<billing::v1::RevokeKeyResponse> Connections::RevokeKey(
    const billing::v1::RevokeKeyRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_, &BillingAdmin::Stub::RevokeKey,
                            request);
}

absl::StatusOr<billing::v1::ListKeysResponse> Connections::ListKeys(
    const billing::v1::ListKeysRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_, &BillingAdmin::Stub::ListKeys,
                            request);
}

absl::StatusOr<billing::v1::ListLedgerEntriesResponse> Connections::ListLedgerEntries(
    const billing::v1::ListLedgerEntriesRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::ListLedgerEntries, request);
}

absl::StatusOr<billing::v1::TrimLedgerResponse> Connections::TrimLedger(
    const billing::v1::TrimLedgerRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_, &BillingAdmin::Stub::TrimLedger,
                            request);
}

absl::StatusOr<billing::v1::ListUsageResponse> Connections::ListUsage(
    const billing::v1::ListUsageRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_, &BillingAdmin::Stub::ListUsage,
                            request);
}

absl::StatusOr<billing::v1::ListReservationsResponse> Connections::ListReservations(
    const billing::v1::ListReservationsRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::ListReservations, request);
}

absl::StatusOr<billing::v1::AuditAccountResponse> Connections::AuditAccount(
    const billing::v1::AuditAccountRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::AuditAccount, request);
}

absl::StatusOr<billing::v1::RecountAccountResponse> Connections::RecountAccount(
    const billing::v1::RecountAccountRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::RecountAccount, request);
}

absl::StatusOr<billing::v1::GetReservationResponse> Connections::GetReservation(
    const billing::v1::GetReservationRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::GetReservation, request);
}

absl::Status Connections::TailLedgerEntries(
    const billing::v1::TailLedgerEntriesRequest& request,
    const std::function<absl::Status(const billing::v1::LedgerEntry&)>& take) {
  Endpoint endpoint = BillingAdminAt(settings_);
  RETURN_IF_ERROR(CheckEndpoint(endpoint, settings_));
  std::unique_ptr<BillingAdmin::Stub> stub = BillingAdmin::NewStub(ChannelTo(channels_, endpoint));
  grpc::ClientContext context;
  Authorize(endpoint, settings_, context);
  auto reader = stub->TailLedgerEntries(&context, request);
  billing::v1::TailLedgerEntriesResponse response;
  absl::Status taken;
  while (taken.ok() && reader->Read(&response)) taken = take(response.entry());
  if (!taken.ok()) context.TryCancel();
  grpc::Status status = reader->Finish();
  RETURN_IF_ERROR(taken);
  return status.ok() ? absl::OkStatus() : FailureOf(status, endpoint);
}

absl::StatusOr<billing::v1::SettleReservationResponse> Connections::SettleReservation(
    const billing::v1::SettleReservationRequest& request) {
  return Call<Billing>(channels_, BillingAt(settings_), settings_, &Billing::Stub::SettleReservation,
                       request);
}

absl::StatusOr<billing::v1::CheckKeyResponse> Connections::CheckKey(
    const billing::v1::CheckKeyRequest& request) {
  return Call<Billing>(channels_, BillingAt(settings_), settings_, &Billing::Stub::CheckKey, request);
}

absl::StatusOr<billing::v1::EstimateCostResponse> Connections::EstimateCost(
    const billing::v1::EstimateCostRequest& request) {
  return Call<Billing>(channels_, BillingAt(settings_), settings_, &Billing::Stub::EstimateCost, request);
}

absl::StatusOr<billing::v1::ListAccountsResponse> Connections::ListAccounts(
    const billing::v1::ListAccountsRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::ListAccounts, request);
}

absl::StatusOr<billing::v1::ListTotalsResponse> Connections::ListTotals(
    const billing::v1::ListTotalsRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_, &BillingAdmin::Stub::ListTotals,
                            request);
}

absl::StatusOr<billing::v1::ListAuditEntriesResponse> Connections::ListAuditEntries(
    const billing::v1::ListAuditEntriesRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::ListAuditEntries, request);
}

absl::StatusOr<billing::v1::GetBillingStatusResponse> Connections::GetBillingStatus(
    const billing::v1::GetBillingStatusRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::GetBillingStatus, request);
}

}  // namespace prismatic::cli
