#ifndef PRISMATIC_SERVICES_BILLING_BILLING_CORE_H_
#define PRISMATIC_SERVICES_BILLING_BILLING_CORE_H_

#include "services/billing/admin.h"
#include "services/billing/billing.h"
#include "services/billing/books_watch.h"
#include "services/billing/catalog_price_book.h"
#include "services/billing/redis_ledger.h"
#include "services/billing/sweeper.h"
#include "services/catalog_watch/catalog_holder.h"
#include "services/common/metrics/metrics.h"
#include "services/common/redis/client.h"

namespace prismatic::billing {

// Billing without ports: what the gRPC services wrap, and what the all-in-one calls. Sweeps, and
// watches over the books, from the start. What it is given outlives it; no call may be in flight when it
// goes.
class BillingCore {
 public:
  BillingCore(redis::Client& redis, catalog_watch::CatalogHolder& catalog, metrics::Registry& metrics)
      : ledger_(redis, metrics),
        prices_(catalog),
        sweeper_(ledger_, metrics),
        books_(ledger_, metrics),
        billing_(ledger_, prices_, sweeper_, metrics),
        admin_(ledger_, catalog) {
    sweeper_.Start();
    books_.Start();
  }

  Billing& billing() { return billing_; }
  Admin& admin() { return admin_; }
  RedisLedger& ledger() { return ledger_; }

 private:
  RedisLedger ledger_;
  CatalogPriceBook prices_;
  Sweeper sweeper_;
  BooksWatch books_;
  Billing billing_;
  Admin admin_;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_BILLING_CORE_H_
