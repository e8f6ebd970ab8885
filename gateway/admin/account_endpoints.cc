// Accounts and their wallets.

#include "gateway/admin/account_endpoints.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/admin/answers.h"
#include "gateway/admin/billing_fields.h"
#include "gateway/admin/query_reader.h"
#include "services/admin_json/billing_json.h"
#include "services/admin_json/words.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

namespace prismatic::gateway::admin {
namespace {

namespace pb = billing::v1;

constexpr IntRange kPageSize = {1, 200};
constexpr int kPageSizeDefault = 50;
constexpr size_t kPageTokenSizeMax = 256;
// As in billing.proto.
constexpr char kNameCharacters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
constexpr size_t kNameSizeMax = 40;

http::Response AccountAnswer(const pb::Account& account, int status = 200) {
  json::Writer writer;
  writer.BeginObject();
  admin_json::WriteAccountMembers(writer, account);
  writer.EndObject();
  return JsonAnswer(std::move(writer), status);
}

// --- reading ---

absl::StatusOr<pb::ListAccountsRequest> ReadPage(const AdminCall& call) {
  QueryReader query(*call.request);
  pb::ListAccountsRequest request;
  request.set_page_size(static_cast<int32_t>(query.Int("page_size", kPageSize).value_or(kPageSizeDefault)));
  request.set_page_token(query.Text("page_token").value_or(""));
  request.set_prefix(query.Text("prefix").value_or(""));
  bool of_names = request.prefix().find_first_not_of(kNameCharacters) == std::string::npos;
  if (!of_names || request.prefix().size() > kNameSizeMax) {
    query.Fail("prefix", "must be the beginning of an account's name: a-z, 0-9 and -.");
  }
  if (request.page_token().size() > kPageTokenSizeMax) query.Fail("page_token", "must be an answer's.");
  RETURN_IF_ERROR(query.Done());
  return request;
}

Task<Answer> ListAccounts(AdminParts parts, CallPtr call) {
  absl::StatusOr<pb::ListAccountsRequest> request = ReadPage(*call);
  if (!request.ok()) co_return request.status();
  auto asking = parts.clients->AskBilling(call, &BillingMethods::ListAccounts, *std::move(request));
  absl::StatusOr<pb::ListAccountsResponse> page = co_await asking;
  if (!page.ok()) co_return page.status();
  json::Writer writer;
  writer.BeginObject().Key("accounts").BeginArray();
  for (const pb::Account& account : page->accounts()) {
    writer.BeginObject();
    admin_json::WriteAccountMembers(writer, account);
    writer.EndObject();
  }
  writer.EndArray();
  admin_json::WriteText(writer, "next_page_token", page->next_page_token());
  writer.EndObject();
  co_return JsonAnswer(std::move(writer));
}

Task<Answer> ShowAccount(AdminParts parts, CallPtr call) {
  if (absl::Status read = QueryReader(*call->request).Done(); !read.ok()) co_return read;
  pb::GetAccountRequest request;
  request.set_name(call->words[0]);
  auto asking = parts.clients->AskBilling(call, &BillingMethods::GetAccount, std::move(request));
  absl::StatusOr<pb::GetAccountResponse> response = co_await asking;
  if (!response.ok()) co_return response.status();
  co_return AccountAnswer(response->account());
}

// --- opening and changing ---

absl::StatusOr<pb::CreateAccountRequest> ReadNewAccount(const AdminCall& call) {
  BodyReader body(call.body->root());
  pb::CreateAccountRequest request;
  request.set_name(body.Text("name"));
  request.set_wallet_nano_usd(ReadOptionalUsd(body, "wallet_usd").value_or(0));
  *request.mutable_limits() = ReadLimits(body);
  request.set_funding_policy(ReadFundingPolicy(body));
  if (std::optional<pb::SubscriptionPlan> plan = ReadQuota(body)) *request.mutable_subscription() = *plan;
  RETURN_IF_ERROR(body.Done());
  return request;
}

Task<Answer> CreateAccount(AdminParts parts, CallPtr call) {
  absl::StatusOr<pb::CreateAccountRequest> request = ReadNewAccount(*call);
  if (!request.ok()) co_return request.status();
  auto asking = parts.clients->AskBilling(call, &BillingMethods::CreateAccount, *std::move(request));
  absl::StatusOr<pb::CreateAccountResponse> response = co_await asking;
  if (!response.ok()) co_return response.status();
  co_return AccountAnswer(response->account(), 201);
}

struct AccountChange {
  // Empty: nothing but `suspended` changes.
  std::optional<pb::UpdateAccountRequest> update;
  std::optional<bool> suspended;
};

// What decides about money is for owners; limits and suspension are for operators, too.
absl::Status CheckMayChange(const AdminCall& call, const pb::UpdateAccountRequest& update) {
  bool money = update.funding_policy() != pb::FUNDING_POLICY_UNSPECIFIED || update.has_subscription() ||
               update.remove_subscription();
  if (!money || call.caller.role >= model_registry::v1::ROLE_OWNER) return absl::OkStatus();
  return Error(absl::StatusCode::kPermissionDenied, common::v1::ERROR_REASON_ROLE_NOT_ALLOWED,
               "funding_policy and quota need the role owner.");
}

absl::StatusOr<AccountChange> ReadChange(const AdminCall& call) {
  BodyReader body(call.body->root());
  pb::UpdateAccountRequest update;
  AccountChange change;
  pb::LimitsChange limits = ReadLimitsChange(body);
  update.set_funding_policy(ReadFundingPolicy(body));
  update.set_remove_subscription(body.IsNull("quota"));
  if (std::optional<pb::SubscriptionPlan> plan = ReadQuota(body)) *update.mutable_subscription() = *plan;
  bool suspended = body.OptionalBool("suspended", false);
  if (body.Has("suspended") && !body.IsNull("suspended")) change.suspended = suspended;
  RETURN_IF_ERROR(body.Done());
  RETURN_IF_ERROR(CheckMayChange(call, update));
  if (!IsEmpty(limits)) *update.mutable_limits() = std::move(limits);
  bool changes_nothing = update.ByteSizeLong() == 0;
  update.set_name(call.words[0]);
  if (!changes_nothing) change.update = std::move(update);
  if (change.update || change.suspended) return change;
  return InvalidValue("", "There is nothing to change.");
}

// Whichever order keeps the account shut for longer: suspended first, resumed last, so that it is never open
// with the limits that it should have no more. The first failure ends it.
Task<Answer> ChangeAccount(AdminParts parts, CallPtr call) {
  absl::StatusOr<AccountChange> change = ReadChange(*call);
  if (!change.ok()) co_return change.status();
  pb::Account account;
  if (change->suspended == true) {
    pb::SuspendAccountRequest request;
    request.set_name(call->words[0]);
    auto suspending = parts.clients->AskBilling(call, &BillingMethods::SuspendAccount, std::move(request));
    absl::StatusOr<pb::SuspendAccountResponse> suspended = co_await suspending;
    if (!suspended.ok()) co_return suspended.status();
    account = std::move(*suspended->mutable_account());
  }
  if (change->update) {
    auto updating =
        parts.clients->AskBilling(call, &BillingMethods::UpdateAccount, *std::move(change->update));
    absl::StatusOr<pb::UpdateAccountResponse> updated = co_await updating;
    if (!updated.ok()) co_return updated.status();
    account = std::move(*updated->mutable_account());
  }
  if (change->suspended == false) {
    pb::ResumeAccountRequest request;
    request.set_name(call->words[0]);
    auto resuming = parts.clients->AskBilling(call, &BillingMethods::ResumeAccount, std::move(request));
    absl::StatusOr<pb::ResumeAccountResponse> resumed = co_await resuming;
    if (!resumed.ok()) co_return resumed.status();
    account = std::move(*resumed->mutable_account());
  }
  co_return AccountAnswer(account);
}

// --- money ---

// Of TopUpWallet, AdjustWallet and WriteOffDebt.
template <typename Response>
http::Response WalletAnswer(const Response& change) {
  json::Writer writer;
  writer.BeginObject().Key("account").BeginObject();
  admin_json::WriteAccountMembers(writer, change.account());
  writer.EndObject();
  writer.Key("ledger_sequence").Int(change.ledger_sequence());
  writer.Key("replayed").Bool(change.replayed()).EndObject();
  return JsonAnswer(std::move(writer));
}

Task<Answer> TopUp(AdminParts parts, CallPtr call) {
  BodyReader body(call->body->root());
  pb::TopUpWalletRequest request;
  request.set_account(call->words[0]);
  request.set_amount_nano_usd(ReadUsd(body, "amount_usd"));
  request.set_request_id(body.Text("request_id"));
  if (absl::Status read = body.Done(); !read.ok()) co_return read;
  auto asking = parts.clients->AskBilling(call, &BillingMethods::TopUpWallet, std::move(request));
  absl::StatusOr<pb::TopUpWalletResponse> response = co_await asking;
  if (!response.ok()) co_return response.status();
  co_return WalletAnswer(*response);
}

Task<Answer> Adjust(AdminParts parts, CallPtr call) {
  BodyReader body(call->body->root());
  pb::AdjustWalletRequest request;
  request.set_account(call->words[0]);
  request.set_amount_nano_usd(ReadSignedUsd(body, "amount_usd"));
  request.set_reason(body.Text("reason"));
  request.set_request_id(body.Text("request_id"));
  if (absl::Status read = body.Done(); !read.ok()) co_return read;
  auto asking = parts.clients->AskBilling(call, &BillingMethods::AdjustWallet, std::move(request));
  absl::StatusOr<pb::AdjustWalletResponse> response = co_await asking;
  if (!response.ok()) co_return response.status();
  co_return WalletAnswer(*response);
}

Task<Answer> WriteOff(AdminParts parts, CallPtr call) {
  BodyReader body(call->body->root());
  pb::WriteOffDebtRequest request;
  request.set_account(call->words[0]);
  request.set_amount_nano_usd(ReadUsd(body, "amount_usd"));
  request.set_reason(body.Text("reason"));
  request.set_request_id(body.Text("request_id"));
  if (absl::Status read = body.Done(); !read.ok()) co_return read;
  auto asking = parts.clients->AskBilling(call, &BillingMethods::WriteOffDebt, std::move(request));
  absl::StatusOr<pb::WriteOffDebtResponse> response = co_await asking;
  if (!response.ok()) co_return response.status();
  co_return WalletAnswer(*response);
}

}  // namespace

Endpoints AccountEndpoints() {
  Endpoints endpoints = {
      {"GET", "/admin/v1/accounts", Access::kViewer, BodyKind::kNone, ListAccounts},
      {"POST", "/admin/v1/accounts", Access::kOwner, BodyKind::kObject, CreateAccount},
      {"GET", "/admin/v1/accounts/{name}", Access::kViewer, BodyKind::kNone, ShowAccount},
      {"PATCH", "/admin/v1/accounts/{name}", Access::kOperator, BodyKind::kObject, ChangeAccount},
      {"POST", "/admin/v1/accounts/{name}/top-ups", Access::kOwner, BodyKind::kObject, TopUp},
      {"POST", "/admin/v1/accounts/{name}/adjustments", Access::kOwner, BodyKind::kObject, Adjust},
      {"POST", "/admin/v1/accounts/{name}/write-offs", Access::kOwner, BodyKind::kObject, WriteOff},
  };
  for (const Endpoints& more : {KeyEndpoints(), LedgerEndpoints(), PlaygroundEndpoints()}) {
    endpoints.insert(endpoints.end(), more.begin(), more.end());
  }
  return endpoints;
}

}  // namespace prismatic::gateway::admin
