#ifndef PRISMATIC_SERVICES_BILLING_BILLING_ERRORS_H_
#define PRISMATIC_SERVICES_BILLING_BILLING_ERRORS_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/common/money/money.h"

// Billing's errors, one function each. Codes, reasons and metadata are those of
// protos/prismatic/common/v1/errors.proto. Messages are read by the people who call the public API.

namespace prismatic::billing::error {

// Damaged, unknown, revoked or expired: a stranger is not told which.
absl::Status InvalidApiKey();
absl::Status AccountSuspended();
absl::Status ModelNotAllowed(absl::string_view model);
// An account was named by a caller that is no trusted meter.
absl::Status CallerNotAllowed();

absl::Status ModelNotFound(absl::string_view model);
absl::Status CatalogBehind(int64_t have, int64_t want);

// More images than a limit or the money format can ever admit.
absl::Status ImageCountTooLarge(int64_t limit);
// `retry` is empty when no wait helps.
absl::Status RateLimitExceeded(absl::string_view subject, absl::string_view metric, int64_t limit,
                               std::optional<absl::Duration> retry);
// The subscription does not cover all images, and there is no wallet to fall back to.
absl::Status SubscriptionQuotaExhausted(int64_t quota, int64_t used, int64_t held);
absl::Status CreditBalanceExhausted(const Money& required, const Money& available);
absl::Status AccountInDebt(const Money& owed);
absl::Status GenerationPriceMissing(absl::string_view model);

// Redis cannot be reached, or its answer was lost: the outcome is unknown.
absl::Status BillingUnavailable();
// It was done, and too few replicas confirmed it in time: a failover may lose it. To be repeated.
absl::Status NotConfirmed();

absl::Status IdempotencyKeyInUse();
absl::Status IdempotencyKeyCompleted(absl::string_view reservation, const Money& charge);
// An idempotency key, attempt or request ID came with other content.
absl::Status IdempotencyKeyReused();

absl::Status ReservationForgotten();
absl::Status ReservationResolved(absl::string_view state, int64_t delivered, const Money& charge);
absl::Status DeliveredCountTooLarge(int64_t reserved);

absl::Status AccountNotFound();
absl::Status AccountExists();
absl::Status KeyNotFound();
// The API key was imported for another account.
absl::Status KeyExists();
// More than one answer may have. Reason: INVALID_VALUE, param `last_day`.
absl::Status TooManyUsageRows();
absl::Status MissingParameter(absl::string_view param);

}  // namespace prismatic::billing::error

#endif  // PRISMATIC_SERVICES_BILLING_BILLING_ERRORS_H_
