#include "services/billing/catalog_price_book.h"

#include <algorithm>
#include <memory>

#include "services/billing/billing_errors.h"

namespace prismatic::billing {
namespace {

// The first row that matches, as the catalog promises.
std::optional<Money> PriceOf(const catalog::v1::Model& model, absl::string_view size,
                             absl::string_view quality) {
  for (const catalog::v1::Price& price : model.prices()) {
    bool size_matches = price.size().empty() || price.size() == size;
    bool quality_matches = price.quality().empty() || price.quality() == quality;
    int64_t nanos = price.retail_generation_nano_usd();
    if (!size_matches || !quality_matches) continue;
    if (nanos < 0 || nanos > Money::kMaxNanos) return std::nullopt;
    return Money::FromNanos(nanos);
  }
  return std::nullopt;
}

}  // namespace

Task<absl::StatusOr<Quote>> CatalogPriceBook::Find(std::string model, std::string size, std::string quality,
                                                   int64_t catalog_version, Naming naming) {
  // Without any catalog nothing is known, which is not the same as "no such model".
  int64_t wanted = std::max<int64_t>(catalog_version, 1);
  auto waited = holder_.WaitForVersion(wanted, kCatalogWaitMax);
  bool reached = co_await waited;
  std::shared_ptr<const catalog_watch::Snapshot> snapshot = holder_.Current();
  if (!reached) co_return error::CatalogBehind(snapshot->version(), wanted);
  Quote quote{.catalog_version = snapshot->version()};
  const catalog::v1::Model* found = snapshot->FindModel(model);
  if (found == nullptr && naming == Naming::kAlsoPublic) found = snapshot->FindByPublicId(model);
  if (found != nullptr) {
    quote.model_found = true;
    quote.model = found->name();
    quote.unit_price = PriceOf(*found, size, quality);
    quote.quota_units = std::max<int64_t>(found->quota_units_per_image(), 1);
  }
  co_return quote;
}

}  // namespace prismatic::billing
