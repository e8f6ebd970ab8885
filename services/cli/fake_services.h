#ifndef PRISMATIC_SERVICES_CLI_FAKE_SERVICES_H_
#define PRISMATIC_SERVICES_CLI_FAKE_SERVICES_H_

// For tests: billing's two ports, real on the wire, with canned answers.

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "prismatic/billing/v1/billing.grpc.pb.h"
#include "services/common/rpc/grpc_status.h"
#include "services/common/status/status.h"

namespace prismatic::cli {

namespace bpb = billing::v1;

inline constexpr int64_t kNoon = 1'767'268'800'000'000;  // 2026-01-01T12:00:00Z

// Remembers the last request as text and the token that came with it; answers what the test said.
struct Recorder {
  std::string request;
  std::string authorization;
  std::string actor;
  absl::Status failure;
  // When set, answers only once this is ready.
  std::shared_future<void> wait;

  template <typename Request>
  grpc::Status Record(const grpc::ServerContext& context, const Request& message) {
    request = message.ShortDebugString();
    authorization = Metadata(context, "authorization");
    actor = Metadata(context, "x-prismatic-actor");
    if (wait.valid()) wait.wait();
    return rpc::ToGrpc(failure, "test.prismatic");
  }

 private:
  static std::string Metadata(const grpc::ServerContext& context, const char* name) {
    auto found = context.client_metadata().find(name);
    if (found == context.client_metadata().end()) return "";
    return std::string(found->second.data(), found->second.size());
  }
};

class FakeBillingAdmin : public bpb::BillingAdmin::Service {
 public:
  Recorder recorder;
  bpb::Account account;
  bpb::Key key;
  std::vector<bpb::LedgerEntry> ledger;
  bpb::AuditAccountResponse audit;
  std::vector<bpb::UsageRow> usage;
  // Of ListUsage and ListTotals.
  std::vector<std::string> damaged;
  // More are refused.
  int usage_rows_max = 5000;
  std::vector<bpb::Reservation> reservations;
  // Called at each AuditAccount, which answers what it leaves behind.
  std::function<void()> at_audit;
  // Called at each TailLedgerEntries, before it sends what there is.
  std::function<void()> at_tail;
  // How TailLedgerEntries ends once it has sent what there is.
  absl::Status tail_end = absl::NotFoundError("the test ends here");

  std::vector<bpb::Account> accounts;
  std::vector<bpb::TotalsRow> totals;
  // Newest first.
  std::vector<bpb::AuditEntry> log;
  bpb::GetBillingStatusResponse status;

  // Two a page.
  grpc::Status ListAccounts(grpc::ServerContext* context, const bpb::ListAccountsRequest* request,
                            bpb::ListAccountsResponse* response) override {
    for (const bpb::Account& found : accounts) {
      if (found.name() <= request->page_token() || found.name().rfind(request->prefix(), 0) != 0) continue;
      if (response->accounts_size() == 2) {
        response->set_next_page_token(response->accounts(1).name());
        break;
      }
      *response->add_accounts() = found;
    }
    return recorder.Record(*context, *request);
  }
  grpc::Status ListTotals(grpc::ServerContext* context, const bpb::ListTotalsRequest* request,
                          bpb::ListTotalsResponse* response) override {
    for (const bpb::TotalsRow& row : totals) {
      if (row.day() >= request->first_day() && row.day() <= request->last_day()) *response->add_rows() = row;
    }
    response->mutable_damaged()->Assign(damaged.begin(), damaged.end());
    return recorder.Record(*context, *request);
  }
  grpc::Status ListAuditEntries(grpc::ServerContext* context, const bpb::ListAuditEntriesRequest* request,
                                bpb::ListAuditEntriesResponse* response) override {
    for (const bpb::AuditEntry& entry : log) {
      if (request->before_time_us() > 0 && entry.time_us() >= request->before_time_us()) continue;
      if (!request->account().empty() && entry.account() != request->account()) continue;
      if (response->entries_size() == std::min(request->page_size(), log_page_max)) {
        response->set_more(true);
        break;
      }
      *response->add_entries() = entry;
    }
    return recorder.Record(*context, *request);
  }
  int log_page_max = 2;
  grpc::Status GetBillingStatus(grpc::ServerContext* context, const bpb::GetBillingStatusRequest* request,
                                bpb::GetBillingStatusResponse* response) override {
    *response = status;
    return recorder.Record(*context, *request);
  }
  grpc::Status CreateAccount(grpc::ServerContext* context, const bpb::CreateAccountRequest* request,
                             bpb::CreateAccountResponse* response) override {
    *response->mutable_account() = account;
    return recorder.Record(*context, *request);
  }
  grpc::Status GetAccount(grpc::ServerContext* context, const bpb::GetAccountRequest* request,
                          bpb::GetAccountResponse* response) override {
    *response->mutable_account() = account;
    return recorder.Record(*context, *request);
  }
  grpc::Status UpdateAccount(grpc::ServerContext* context, const bpb::UpdateAccountRequest* request,
                             bpb::UpdateAccountResponse* response) override {
    *response->mutable_account() = account;
    return recorder.Record(*context, *request);
  }
  grpc::Status SuspendAccount(grpc::ServerContext* context, const bpb::SuspendAccountRequest* request,
                              bpb::SuspendAccountResponse* response) override {
    account.set_suspended(true);
    *response->mutable_account() = account;
    return recorder.Record(*context, *request);
  }
  grpc::Status ResumeAccount(grpc::ServerContext* context, const bpb::ResumeAccountRequest* request,
                             bpb::ResumeAccountResponse* response) override {
    account.set_suspended(false);
    *response->mutable_account() = account;
    return recorder.Record(*context, *request);
  }
  grpc::Status AdjustWallet(grpc::ServerContext* context, const bpb::AdjustWalletRequest* request,
                            bpb::AdjustWalletResponse* response) override {
    *response->mutable_account() = account;
    response->set_ledger_sequence(8);
    return recorder.Record(*context, *request);
  }
  grpc::Status WriteOffDebt(grpc::ServerContext* context, const bpb::WriteOffDebtRequest* request,
                            bpb::WriteOffDebtResponse* response) override {
    *response->mutable_account() = account;
    response->set_ledger_sequence(9);
    return recorder.Record(*context, *request);
  }
  grpc::Status ImportKey(grpc::ServerContext* context, const bpb::ImportKeyRequest* request,
                         bpb::ImportKeyResponse* response) override {
    *response->mutable_key() = key;
    response->set_replayed(true);
    return recorder.Record(*context, *request);
  }
  grpc::Status UpdateKey(grpc::ServerContext* context, const bpb::UpdateKeyRequest* request,
                         bpb::UpdateKeyResponse* response) override {
    *response->mutable_key() = key;
    return recorder.Record(*context, *request);
  }
  grpc::Status AuditAccount(grpc::ServerContext* context, const bpb::AuditAccountRequest* request,
                            bpb::AuditAccountResponse* response) override {
    if (at_audit) at_audit();
    *response = audit;
    return recorder.Record(*context, *request);
  }
  grpc::Status RecountAccount(grpc::ServerContext* context, const bpb::RecountAccountRequest* request,
                              bpb::RecountAccountResponse* response) override {
    *response->mutable_before() = audit;
    *response->mutable_account() = account;
    return recorder.Record(*context, *request);
  }
  grpc::Status ListUsage(grpc::ServerContext* context, const bpb::ListUsageRequest* request,
                         bpb::ListUsageResponse* response) override {
    for (const bpb::UsageRow& row : usage) {
      if (row.day() >= request->first_day() && row.day() <= request->last_day()) *response->add_rows() = row;
    }
    response->mutable_damaged()->Assign(damaged.begin(), damaged.end());
    grpc::Status recorded = recorder.Record(*context, *request);
    if (response->rows_size() <= usage_rows_max) return recorded;
    absl::Status refusal =
        InvalidValue("last_day", absl::StrCat("More than ", usage_rows_max, " rows; ask for fewer days."));
    return rpc::ToGrpc(refusal, "test.prismatic");
  }
  // Two a page.
  grpc::Status ListReservations(grpc::ServerContext* context, const bpb::ListReservationsRequest* request,
                                bpb::ListReservationsResponse* response) override {
    size_t at = request->page_token().empty() ? 0 : std::stoul(request->page_token());
    for (; at < reservations.size() && response->reservations_size() < 2; ++at) {
      *response->add_reservations() = reservations[at];
    }
    if (at < reservations.size()) response->set_next_page_token(std::to_string(at));
    return recorder.Record(*context, *request);
  }
  grpc::Status TailLedgerEntries(grpc::ServerContext* context, const bpb::TailLedgerEntriesRequest* request,
                                 grpc::ServerWriter<bpb::TailLedgerEntriesResponse>* writer) override {
    if (at_tail) at_tail();
    for (const bpb::LedgerEntry& entry : ledger) {
      if (entry.sequence() <= request->after_sequence()) continue;
      bpb::TailLedgerEntriesResponse response;
      *response.mutable_entry() = entry;
      writer->Write(response);
    }
    recorder.Record(*context, *request);
    return rpc::ToGrpc(tail_end, "test.prismatic");
  }
  grpc::Status TrimLedger(grpc::ServerContext* context, const bpb::TrimLedgerRequest* request,
                          bpb::TrimLedgerResponse* response) override {
    response->mutable_carried_forward()->set_account(request->account());
    response->mutable_carried_forward()->set_sequence(request->through_sequence());
    response->mutable_carried_forward()->set_carried_amount_nano_usd(request->balance_nano_usd());
    return recorder.Record(*context, *request);
  }
  grpc::Status TopUpWallet(grpc::ServerContext* context, const bpb::TopUpWalletRequest* request,
                           bpb::TopUpWalletResponse* response) override {
    *response->mutable_account() = account;
    response->set_ledger_sequence(7);
    response->set_replayed(true);
    return recorder.Record(*context, *request);
  }
  grpc::Status CreateKey(grpc::ServerContext* context, const bpb::CreateKeyRequest* request,
                         bpb::CreateKeyResponse* response) override {
    *response->mutable_key() = key;
    response->set_api_key("pk_acme.1_secret_sum");
    return recorder.Record(*context, *request);
  }
  grpc::Status RevokeKey(grpc::ServerContext* context, const bpb::RevokeKeyRequest* request,
                         bpb::RevokeKeyResponse* response) override {
    *response->mutable_key() = key;
    response->mutable_key()->set_revoked(true);
    return recorder.Record(*context, *request);
  }
  grpc::Status ListKeys(grpc::ServerContext* context, const bpb::ListKeysRequest* request,
                        bpb::ListKeysResponse* response) override {
    *response->add_keys() = key;
    return recorder.Record(*context, *request);
  }
  // As the real one: a page after a sequence, and whether there is more.
  grpc::Status ListLedgerEntries(grpc::ServerContext* context, const bpb::ListLedgerEntriesRequest* request,
                                 bpb::ListLedgerEntriesResponse* response) override {
    for (const bpb::LedgerEntry& entry : ledger) {
      if (entry.sequence() <= request->after_sequence()) continue;
      if (response->entries_size() == request->page_size()) {
        response->set_more(true);
        break;
      }
      *response->add_entries() = entry;
    }
    return recorder.Record(*context, *request);
  }
  grpc::Status GetReservation(grpc::ServerContext* context, const bpb::GetReservationRequest* request,
                              bpb::GetReservationResponse* response) override {
    bpb::Reservation* reservation = response->mutable_reservation();
    reservation->set_id(request->reservation_id());
    reservation->set_account("acme");
    reservation->set_state(bpb::RESERVATION_STATE_SETTLED);
    reservation->set_image_count(4);
    reservation->set_delivered_count(3);
    reservation->set_funding_source(bpb::FUNDING_SOURCE_WALLET);
    reservation->set_charge_nano_usd(120'000'000);
    return recorder.Record(*context, *request);
  }
};

class FakeBilling : public bpb::Billing::Service {
 public:
  Recorder recorder;
  // What SettleReservation answers for a reservation, OK where there is nothing.
  std::map<std::string, absl::Status> failures;
  std::vector<std::string> settled;
  // A reservation whose settlement charges nothing.
  std::string passed_on;
  bpb::EstimateCostResponse estimate;
  bpb::CheckKeyResponse check;

  grpc::Status SettleReservation(grpc::ServerContext* context, const bpb::SettleReservationRequest* request,
                                 bpb::SettleReservationResponse* response) override {
    recorder.Record(*context, *request);
    auto failure = failures.find(request->reservation_id());
    if (failure != failures.end()) return rpc::ToGrpc(failure->second, "test.prismatic");
    bool before = std::count(settled.begin(), settled.end(), request->reservation_id()) > 0;
    settled.push_back(request->reservation_id());
    response->set_replayed(before);
    if (request->reservation_id() == passed_on) return grpc::Status::OK;
    response->set_ledger_sequence(7);
    response->mutable_reservation()->set_charge_nano_usd(40'000'000 * request->delivered_count());
    return grpc::Status::OK;
  }
  grpc::Status CheckKey(grpc::ServerContext* context, const bpb::CheckKeyRequest* request,
                        bpb::CheckKeyResponse* response) override {
    *response = check;
    return recorder.Record(*context, *request);
  }
  grpc::Status EstimateCost(grpc::ServerContext* context, const bpb::EstimateCostRequest* request,
                            bpb::EstimateCostResponse* response) override {
    *response = estimate;
    return recorder.Record(*context, *request);
  }
};

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_FAKE_SERVICES_H_
