// Who may operate, and what was done.
#include "services/model_registry/operators/operators.h"

#include <utility>
#include <vector>

#include "services/common/status/status.h"
#include "services/model_registry/operators/audit_entries.h"
#include "services/model_registry/operators/first_owner.h"
#include "services/model_registry/operators/operator_errors.h"

namespace prismatic::model_registry {
namespace {

// Somebody else changes the same operator at the same time: rare, and more rarely again and again.
constexpr int kAttempts = 5;
constexpr int kPageSizeDefault = 50;
constexpr int kPageSizeMax = 200;

const char* YesNo(bool value) { return value ? "true" : "false"; }

OperatorChange Unchanged(const StoredOperator& known) {
  return {.known = known,
          .role = known.shown.role(),
          .disabled = known.shown.disabled(),
          .password_is_initial = known.shown.password_is_initial(),
          .password_hash = known.password_hash};
}

// nullopt: it is as asked for already.
std::optional<OperatorChange> UpdateOf(const Caller& caller, const StoredOperator& known,
                                       const v1::UpdateOperatorRequest& request) {
  OperatorChange change = Unchanged(known);
  change.entry = MakeAuditEntry(caller.actor, "operator.update", known.shown.name());
  if (request.role() != v1::ROLE_UNSPECIFIED) change.role = request.role();
  if (request.has_disabled()) change.disabled = request.disabled();
  if (change.role != known.shown.role())
    AddChange(change.entry, "role", RoleName(known.shown.role()), RoleName(change.role));
  if (change.disabled != known.shown.disabled())
    AddChange(change.entry, "disabled", YesNo(known.shown.disabled()), YesNo(change.disabled));
  if (change.entry.changes().empty()) return std::nullopt;
  if (change.role < known.shown.role() || change.disabled)
    change.sessions = OperatorChange::Sessions::kEndAll;
  return change;
}

// Actors that are no operators.
bool IsOursInTheLog(absl::string_view name) {
  return name == "admin-token" || name == "registry" || name == "cli";
}

}  // namespace

Task<absl::StatusOr<v1::ListOperatorsResponse>> Operators::ListOperators() {
  auto list = store_.List();
  absl::StatusOr<std::vector<StoredOperator>> operators = co_await list;
  if (!operators.ok()) co_return operators.status();
  v1::ListOperatorsResponse response;
  for (StoredOperator& one : *operators) *response.add_operators() = std::move(one.shown);
  co_return response;
}

Task<absl::StatusOr<v1::CreateOperatorResponse>> Operators::CreateOperator(
    Caller caller, v1::CreateOperatorRequest request) {
  if (!IsOperatorName(request.name()))
    co_return InvalidValue("name", "A name has 1 to 40 of a-z, 0-9 and -.");
  if (IsOursInTheLog(request.name()))
    co_return InvalidValue("name", "The audit log calls a part of the suite by that name; choose another.");
  if (!IsRole(request.role())) co_return InvalidValue("role", "The role is viewer, operator or owner.");
  v1::CreateOperatorResponse response;
  response.set_password(Passwords::Random());
  auto make_hash = passwords_.Hash(Passwords::Caller::kKnown, response.password());
  absl::StatusOr<std::string> hash = co_await make_hash;
  if (!hash.ok()) co_return hash.status();

  OperatorChange change{.role = request.role(), .password_is_initial = true, .password_hash = *hash};
  change.known.shown.set_name(request.name());
  change.entry = MakeAuditEntry(caller.actor, "operator.create", request.name());
  AddChange(change.entry, "role", "", RoleName(request.role()));
  auto put = store_.Put(std::move(change));
  absl::StatusOr<std::optional<StoredOperator>> made = co_await put;
  if (!made.ok()) co_return made.status();
  if (!made->has_value()) co_return operator_error::OperatorExists(request.name());
  *response.mutable_operator_() = (*made)->shown;
  co_return response;
}

Task<absl::StatusOr<StoredOperator>> Operators::Change(
    std::string name, std::function<std::optional<OperatorChange>(const StoredOperator&)> make) {
  if (!IsOperatorName(name)) co_return operator_error::OperatorNotFound(Printable(name, 40));
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto find = store_.Find(name);
    absl::StatusOr<std::optional<StoredOperator>> known = co_await find;
    if (!known.ok()) co_return known.status();
    if (!known->has_value()) co_return operator_error::OperatorNotFound(name);
    std::optional<OperatorChange> change = make(**known);
    if (!change.has_value()) co_return **known;
    auto put = store_.Put(*std::move(change));
    absl::StatusOr<std::optional<StoredOperator>> done = co_await put;
    if (!done.ok()) co_return done.status();
    if (done->has_value()) co_return **done;
  }
  co_return operator_error::ChangedMeanwhile();
}

Task<absl::StatusOr<v1::UpdateOperatorResponse>> Operators::UpdateOperator(
    Caller caller, v1::UpdateOperatorRequest request) {
  if (request.role() != v1::ROLE_UNSPECIFIED && !IsRole(request.role()))
    co_return InvalidValue("role", "The role is viewer, operator or owner.");
  auto change = Change(request.name(), [caller, request](const StoredOperator& known) {
    return UpdateOf(caller, known, request);
  });
  absl::StatusOr<StoredOperator> changed = co_await change;
  if (!changed.ok()) co_return changed.status();
  v1::UpdateOperatorResponse response;
  *response.mutable_operator_() = changed->shown;
  co_return response;
}

Task<absl::StatusOr<v1::ResetPasswordResponse>> Operators::ResetPassword(Caller caller,
                                                                         v1::ResetPasswordRequest request) {
  v1::ResetPasswordResponse response;
  response.set_password(Passwords::Random());
  auto make_hash = passwords_.Hash(Passwords::Caller::kKnown, response.password());
  absl::StatusOr<std::string> hash = co_await make_hash;
  if (!hash.ok()) co_return hash.status();
  auto change = Change(request.name(), [caller, hash = *hash](const StoredOperator& known) {
    OperatorChange change = Unchanged(known);
    change.password_is_initial = true;
    change.password_hash = hash;
    change.sessions = OperatorChange::Sessions::kEndAll;
    change.entry = MakeAuditEntry(caller.actor, "operator.reset_password", known.shown.name());
    return std::optional<OperatorChange>(std::move(change));
  });
  absl::StatusOr<StoredOperator> changed = co_await change;
  if (!changed.ok()) co_return changed.status();
  *response.mutable_operator_() = changed->shown;
  co_return response;
}

Task<absl::StatusOr<v1::ListAuditEntriesResponse>> Operators::ListAuditEntries(
    v1::ListAuditEntriesRequest request) {
  int page_size = request.page_size() == 0 ? kPageSizeDefault : request.page_size();
  if (page_size < 1 || page_size > kPageSizeMax)
    co_return InvalidValue("page_size", "A page has 1 to 200 entries.");
  if (!request.before_id().empty() && !IsAuditId(request.before_id()))
    co_return InvalidValue("before_id", "This is no entry's id.");
  // One more than asked for tells whether there are more.
  auto list = store_.ListAudit(request.before_id(), page_size + 1);
  absl::StatusOr<std::vector<v1::AuditEntry>> entries = co_await list;
  if (!entries.ok()) co_return entries.status();
  v1::ListAuditEntriesResponse response;
  response.set_more(entries->size() > static_cast<size_t>(page_size));
  if (response.more()) entries->pop_back();
  for (v1::AuditEntry& entry : *entries) *response.add_entries() = std::move(entry);
  co_return response;
}

Task<absl::StatusOr<bool>> Operators::FirstPasswordInUse() {
  auto find = store_.Find(kFirstOwner);
  absl::StatusOr<std::optional<StoredOperator>> found = co_await find;
  if (!found.ok()) co_return found.status();
  co_return found->has_value() && (*found)->shown.password_is_initial() && !(*found)->shown.disabled();
}

}  // namespace prismatic::model_registry
