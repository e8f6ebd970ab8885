#ifndef PRISMATIC_SERVICES_BILLING_CATALOG_PRICE_BOOK_H_
#define PRISMATIC_SERVICES_BILLING_CATALOG_PRICE_BOOK_H_

#include "services/billing/price_book.h"
#include "services/catalog_watch/catalog_holder.h"

namespace prismatic::billing {

// Prices from the catalog snapshot that this process holds.
class CatalogPriceBook : public PriceBook {
 public:
  // The holder outlives it.
  explicit CatalogPriceBook(catalog_watch::CatalogHolder& holder) : holder_(holder) {}

  Task<absl::StatusOr<Quote>> Find(std::string model, std::string size, std::string quality,
                                   int64_t catalog_version, Naming naming) override;

 private:
  catalog_watch::CatalogHolder& holder_;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_CATALOG_PRICE_BOOK_H_
