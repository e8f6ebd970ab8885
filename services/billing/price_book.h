#ifndef PRISMATIC_SERVICES_BILLING_PRICE_BOOK_H_
#define PRISMATIC_SERVICES_BILLING_PRICE_BOOK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/common/money/money.h"
#include "services/common/task/task.h"

namespace prismatic::billing {

// A watch is behind by a network's delay; who is behind for longer has lost the registry.
inline constexpr absl::Duration kCatalogWaitMax = absl::Milliseconds(200);

// What the catalog says about one image of a model.
struct Quote {
  bool model_found = false;
  // Its canonical name, where it was found.
  std::string model;
  // Empty: no price, so a wallet cannot pay for it.
  std::optional<Money> unit_price;
  // What it takes from a subscription's quota; at least 1 where the model was found.
  int64_t quota_units = 0;
  // The version that says so.
  int64_t catalog_version = 0;
};

// By which names a model is found: its canonical one, else by a public ID too.
enum class Naming { kCanonical, kAlsoPublic };

// Where prices come from. Thread-safe.
class PriceBook {
 public:
  virtual ~PriceBook() = default;
  // Answers from the newest catalog, which has at least `catalog_version`; waits a moment for that, then
  // fails with CATALOG_BEHIND. Size and quality as the client wrote them.
  virtual Task<absl::StatusOr<Quote>> Find(std::string model, std::string size, std::string quality,
                                           int64_t catalog_version, Naming naming) = 0;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_PRICE_BOOK_H_
