#include "services/billing/billing_errors.h"

#include "absl/strings/str_cat.h"
#include "services/common/status/status.h"

namespace prismatic::billing::error {
namespace {

using absl::StatusCode;
using namespace common::v1;  // the reasons; their names are long enough

// What another try may wait when Redis is away: a failover takes a few of these.
constexpr absl::Duration kUnavailableRetry = absl::Seconds(1);
// A generation takes seconds, so an attempt in flight is worth asking for again soon.
constexpr absl::Duration kInUseRetry = absl::Seconds(2);

}  // namespace

absl::Status InvalidApiKey() {
  return Error(StatusCode::kUnauthenticated, ERROR_REASON_INVALID_API_KEY,
               "The API key is damaged, unknown, revoked or expired.");
}

absl::Status AccountSuspended() {
  return Error(StatusCode::kPermissionDenied, ERROR_REASON_ACCOUNT_SUSPENDED, "The account is suspended.");
}

absl::Status ModelNotAllowed(absl::string_view model) {
  return Error(StatusCode::kPermissionDenied, ERROR_REASON_MODEL_NOT_ALLOWED,
               absl::StrCat("The API key may not use the model `", model, "`."))
      .With("model", model);
}

absl::Status CallerNotAllowed() {
  return Error(StatusCode::kPermissionDenied, ERROR_REASON_CALLER_NOT_ALLOWED,
               "Only trusted meters may name an account; give an API key.");
}

absl::Status ModelNotFound(absl::string_view model) {
  return Error(StatusCode::kNotFound, ERROR_REASON_MODEL_NOT_FOUND,
               absl::StrCat("The model `", model, "` does not exist."))
      .With("param", "model");
}

absl::Status CatalogBehind(int64_t have, int64_t want) {
  return Error(StatusCode::kUnavailable, ERROR_REASON_CATALOG_BEHIND,
               "Billing's catalog is older than the caller's; try again.")
      .With("have", absl::StrCat(have))
      .With("want", absl::StrCat(want));
}

absl::Status ImageCountTooLarge(int64_t limit) {
  return Error(StatusCode::kInvalidArgument, ERROR_REASON_IMAGE_COUNT_TOO_LARGE,
               absl::StrCat("More images than can ever be admitted at once: at most ", limit, "."))
      .With("limit", absl::StrCat(limit));
}

absl::Status RateLimitExceeded(absl::string_view subject, absl::string_view metric, int64_t limit,
                               std::optional<absl::Duration> retry) {
  absl::string_view what = metric == "concurrency" ? "requests at once" : "a minute";
  std::string message = metric == "concurrency"
                            ? absl::StrCat("The ", subject, " is limited to ", limit, " ", what)
                            : absl::StrCat("The ", subject, " is limited to ", limit, " ", metric, " ", what);
  Error error(StatusCode::kResourceExhausted, ERROR_REASON_RATE_LIMIT_EXCEEDED, absl::StrCat(message, "."));
  error.With("subject", subject).With("metric", metric).With("limit", absl::StrCat(limit));
  if (retry) error.RetryAfter(*retry);
  return error;
}

absl::Status SubscriptionQuotaExhausted(int64_t quota, int64_t used, int64_t held) {
  return Error(StatusCode::kFailedPrecondition, ERROR_REASON_SUBSCRIPTION_QUOTA_EXHAUSTED,
               absl::StrCat("The subscription's quota does not cover this request: of ", quota, " units ",
                            used, " are used and ", held, " held."))
      .With("quota", absl::StrCat(quota))
      .With("used", absl::StrCat(used))
      .With("held", absl::StrCat(held));
}

absl::Status CreditBalanceExhausted(const Money& required, const Money& available) {
  return Error(StatusCode::kFailedPrecondition, ERROR_REASON_CREDIT_BALANCE_EXHAUSTED,
               absl::StrCat("The credit balance does not cover this request: ", required.ToDecimal(),
                            " USD are needed, ", available.ToDecimal(), " USD are available."))
      .With("required_nano_usd", absl::StrCat(required.nanos()))
      .With("available_nano_usd", absl::StrCat(available.nanos()));
}

absl::Status AccountInDebt(const Money& owed) {
  return Error(StatusCode::kFailedPrecondition, ERROR_REASON_ACCOUNT_IN_DEBT,
               absl::StrCat("The account owes ", owed.ToDecimal(), " USD; a top-up pays them first."))
      .With("owed_nano_usd", absl::StrCat(owed.nanos()));
}

absl::Status GenerationPriceMissing(absl::string_view model) {
  return Error(StatusCode::kFailedPrecondition, ERROR_REASON_GENERATION_PRICE_MISSING,
               absl::StrCat("The model `", model, "` has no price."))
      .With("model", model);
}

absl::Status BillingUnavailable() {
  return Error(StatusCode::kUnavailable, ERROR_REASON_BILLING_UNAVAILABLE,
               "Billing cannot be reached at the moment; try again.")
      .RetryAfter(kUnavailableRetry);
}

absl::Status NotConfirmed() {
  return Error(StatusCode::kUnavailable, ERROR_REASON_BILLING_UNAVAILABLE,
               "No replica has confirmed this in time; repeat it with the same identity.")
      .RetryAfter(kUnavailableRetry);
}

absl::Status IdempotencyKeyInUse() {
  return Error(StatusCode::kAborted, ERROR_REASON_IDEMPOTENCY_KEY_IN_USE,
               "A request with this Idempotency-Key is in flight.")
      .RetryAfter(kInUseRetry);
}

absl::Status IdempotencyKeyCompleted(absl::string_view reservation, const Money& charge) {
  return Error(StatusCode::kAlreadyExists, ERROR_REASON_IDEMPOTENCY_KEY_COMPLETED,
               absl::StrCat("A request with this Idempotency-Key was completed: reservation ", reservation,
                            ", charged ", charge.ToDecimal(), " USD."))
      .With("reservation", reservation)
      .With("charge_nano_usd", absl::StrCat(charge.nanos()));
}

absl::Status IdempotencyKeyReused() {
  return Error(StatusCode::kInvalidArgument, ERROR_REASON_IDEMPOTENCY_KEY_REUSED,
               "This idempotency key or ID was used with other content.");
}

absl::Status ReservationForgotten() {
  return Error(StatusCode::kNotFound, ERROR_REASON_RESERVATION_FORGOTTEN,
               "The reservation is not, or no longer, remembered; nothing was charged.");
}

absl::Status ReservationResolved(absl::string_view state, int64_t delivered, const Money& charge) {
  return Error(StatusCode::kFailedPrecondition, ERROR_REASON_RESERVATION_RESOLVED,
               absl::StrCat("The reservation has ended before: ", state, ", ", delivered, " delivered."))
      .With("state", state)
      .With("delivered_count", absl::StrCat(delivered))
      .With("charge_nano_usd", absl::StrCat(charge.nanos()));
}

absl::Status DeliveredCountTooLarge(int64_t reserved) {
  return Error(StatusCode::kInvalidArgument, ERROR_REASON_DELIVERED_COUNT_TOO_LARGE,
               absl::StrCat("More images delivered than the ", reserved, " that were reserved."))
      .With("limit", absl::StrCat(reserved));
}

absl::Status AccountNotFound() {
  return Error(StatusCode::kNotFound, ERROR_REASON_ACCOUNT_NOT_FOUND, "No such account.");
}

absl::Status AccountExists() {
  return Error(StatusCode::kAlreadyExists, ERROR_REASON_ACCOUNT_EXISTS,
               "An account of this name exists; names are never reused.");
}

absl::Status KeyNotFound() {
  return Error(StatusCode::kNotFound, ERROR_REASON_KEY_NOT_FOUND, "No such key.");
}

absl::Status KeyExists() {
  return Error(StatusCode::kAlreadyExists, ERROR_REASON_KEY_EXISTS,
               "This API key was imported for another account.");
}

absl::Status TooManyUsageRows() {
  return InvalidValue("last_day", "More rows than one answer may have; ask for fewer days.");
}

absl::Status MissingParameter(absl::string_view param) {
  return Error(StatusCode::kInvalidArgument, ERROR_REASON_MISSING_REQUIRED_PARAMETER,
               absl::StrCat("`", param, "` is required."))
      .With("param", param);
}

}  // namespace prismatic::billing::error
