// Logins, sessions, and an operator's own password.
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/common/crypto/crypto.h"
#include "services/common/status/status.h"
#include "services/model_registry/operators/audit_entries.h"
#include "services/model_registry/operators/operator_errors.h"
#include "services/model_registry/operators/operators.h"
#include "services/model_registry/operators/session_token.h"

namespace prismatic::model_registry {
namespace {

constexpr size_t kPasswordBytesMin = 12;
constexpr size_t kPasswordBytesMax = 256;
constexpr size_t kAddressBytesMax = 64;
// Somebody else changes the same operator at the same time: rare, and more rarely again and again.
constexpr int kAttempts = 5;

std::string FromAddress(const std::string& address) {
  return address.empty() ? "" : absl::StrCat("from ", Printable(address, kAddressBytesMax));
}

// A refused login proves nobody; its target is an operator's name only when there is one.
v1::AuditEntry RefusedEntry(const LoginCandidate& candidate, absl::string_view note) {
  const std::string target = candidate.found.has_value() ? candidate.found->shown.name() : kNobody;
  return MakeAuditEntry(kNobody, "session.refused", target, note);
}

OperatorChange NewPassword(const Caller& caller, const StoredOperator& known, std::string hash) {
  return {.known = known,
          .role = known.shown.role(),
          .disabled = known.shown.disabled(),
          .password_is_initial = false,
          .password_hash = std::move(hash),
          .sessions = OperatorChange::Sessions::kEndOthers,
          .kept_session_sha256 = caller.session_sha256,
          .entry = MakeAuditEntry(caller.actor, "operator.change_password", known.shown.name()),
          .is_own = true};
}

}  // namespace

Task<absl::Status> Operators::Refuse(LoginAttempt attempt, v1::AuditEntry entry) {
  auto count = store_.CountFailure(std::move(attempt), std::move(entry));
  absl::Status counted = co_await count;
  // A failure that is not counted is not answered either: else Redis' absence would lift the limit.
  if (!counted.ok()) co_return counted;
  co_return operator_error::LoginRefused();
}

Task<absl::StatusOr<v1::LoginResponse>> Operators::Login(v1::LoginRequest request) {
  if (request.password().size() > kPasswordBytesMax)
    co_return InvalidValue("password", "A password has at most 256 bytes.");
  if (request.address().size() > kAddressBytesMax)
    co_return InvalidValue("address", "An address has at most 64 bytes.");
  LoginSource source{request.name(), request.address()};
  if (source.address.empty()) source.address = kNobody;
  auto begin = store_.BeginLogin(std::move(source));
  absl::StatusOr<LoginCandidate> candidate = co_await begin;
  if (!candidate.ok()) co_return candidate.status();
  if (candidate->wait > absl::ZeroDuration()) co_return operator_error::TooManyFailures(candidate->wait);

  std::string hash = candidate->found.has_value() ? candidate->found->password_hash : "";
  auto verify = passwords_.Verify(Passwords::Caller::kStranger, request.password(), std::move(hash));
  absl::StatusOr<bool> right = co_await verify;
  if (!right.ok()) {
    auto give_back = store_.GiveBack(candidate->attempt);
    (void)co_await give_back;  // else it counts for five minutes
    co_return right.status();
  }
  std::string token = NewSessionToken();
  std::optional<StoredSession> opened;
  if (*right && !candidate->found->shown.disabled()) {
    auto open = store_.OpenSession(
        *candidate->found, crypto::Sha256Hex(token), candidate->attempt,
        MakeAuditEntry(request.name(), "session.login", request.name(), FromAddress(request.address())));
    absl::StatusOr<std::optional<StoredSession>> session = co_await open;
    if (!session.ok()) co_return session.status();
    opened = *std::move(session);
  }
  if (!opened.has_value()) {
    auto refuse = Refuse(candidate->attempt, RefusedEntry(*candidate, FromAddress(request.address())));
    absl::Status refused = co_await refuse;
    co_return refused;
  }
  v1::LoginResponse response;
  response.set_session_token(token);
  *response.mutable_operator_() = opened->of.shown;
  response.set_expire_time_us(opened->expire_time_us);
  response.set_idle_expire_time_us(opened->idle_expire_time_us);
  co_return response;
}

Task<absl::StatusOr<v1::LogoutResponse>> Operators::Logout(std::string authorization) {
  std::optional<std::string> sha256 = SessionSha256(authorization);
  if (!sha256.has_value()) co_return operator_error::NotKnown();
  auto find = store_.FindSession(*sha256);
  absl::StatusOr<std::optional<StoredSession>> session = co_await find;
  if (!session.ok()) co_return session.status();
  if (!session->has_value()) co_return v1::LogoutResponse();
  std::string name = (*session)->of.shown.name();
  auto close = store_.CloseSession(name, *sha256, MakeAuditEntry(name, "session.logout", name));
  absl::Status closed = co_await close;
  if (!closed.ok()) co_return closed;
  co_return v1::LogoutResponse();
}

Task<absl::StatusOr<v1::WhoAmIResponse>> Operators::WhoAmI(Caller caller) {
  v1::WhoAmIResponse response;
  response.set_actor(caller.actor);
  response.set_role(caller.role);
  if (caller.session_sha256.empty()) co_return response;
  auto find = store_.FindSession(caller.session_sha256);
  absl::StatusOr<std::optional<StoredSession>> session = co_await find;
  if (!session.ok()) co_return session.status();
  if (!session->has_value()) co_return operator_error::NotKnown();  // ended since it was proven
  response.set_role((*session)->of.shown.role());
  response.set_expire_time_us((*session)->expire_time_us);
  response.set_idle_expire_time_us((*session)->idle_expire_time_us);
  *response.mutable_operator_() = (*session)->of.shown;
  co_return response;
}

Task<absl::StatusOr<v1::ChangePasswordResponse>> Operators::ChangePassword(
    Caller caller, v1::ChangePasswordRequest request) {
  if (caller.session_sha256.empty()) co_return operator_error::TokenHasNoPassword();
  if (request.old_password().size() > kPasswordBytesMax)
    co_return InvalidValue("old_password", "A password has at most 256 bytes.");
  if (request.new_password().size() < kPasswordBytesMin || request.new_password().size() > kPasswordBytesMax)
    co_return InvalidValue("new_password", "A password has 12 to 256 bytes.");
  LoginSource source{caller.actor, ""};
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto begin = store_.BeginLogin(source);
    absl::StatusOr<LoginCandidate> candidate = co_await begin;
    if (!candidate.ok()) co_return candidate.status();
    if (candidate->wait > absl::ZeroDuration()) co_return operator_error::TooManyFailures(candidate->wait);
    if (!candidate->found.has_value()) co_return operator_error::NotKnown();
    auto verify =
        passwords_.Verify(Passwords::Caller::kKnown, request.old_password(), candidate->found->password_hash);
    absl::StatusOr<bool> right = co_await verify;
    if (right.ok() && !*right) {
      auto refuse = Refuse(candidate->attempt, RefusedEntry(*candidate, "the old password of a change"));
      absl::Status refused = co_await refuse;
      co_return refused;
    }
    auto give_back = store_.GiveBack(candidate->attempt);
    (void)co_await give_back;  // else it counts for five minutes
    if (!right.ok()) co_return right.status();
    auto make_hash = passwords_.Hash(Passwords::Caller::kKnown, request.new_password());
    absl::StatusOr<std::string> hash = co_await make_hash;
    if (!hash.ok()) co_return hash.status();
    auto put = store_.Put(NewPassword(caller, *candidate->found, *std::move(hash)));
    absl::StatusOr<std::optional<StoredOperator>> done = co_await put;
    if (!done.ok()) co_return done.status();
    if (done->has_value()) co_return v1::ChangePasswordResponse();
  }
  co_return operator_error::ChangedMeanwhile();
}

}  // namespace prismatic::model_registry
