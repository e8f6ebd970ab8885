#ifndef PRISMATIC_GATEWAY_GENERATION_IMAGE_REQUEST_H_
#define PRISMATIC_GATEWAY_GENERATION_IMAGE_REQUEST_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "prismatic/billing/v1/billing.pb.h"
#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/common/byte_budget/byte_budget.h"

namespace prismatic::gateway {

// One client's wish, checked for type and range.
struct ImageRequest {
  // The client's key as it came; not checked yet.
  std::string api_key;
  // As the client wrote it.
  std::string public_model;
  // Empty: none.
  std::string idempotency_key;
  // 32 bytes.
  std::string body_sha256;
  // Everything else; model, catalog version and request ID are filled in by the pipeline.
  provider_proxy::v1::GenerateImagesRequest parameters;
  // Fields of the request that nobody knows.
  std::vector<std::string> unknown_parameters;
};

// What came of it: at least one image, settled.
struct ImageReply {
  std::vector<provider_proxy::v1::GeneratedImage> images;
  provider_proxy::v1::GenerationSummary summary;
  // As settled; still pending when billing could not be reached for as long as a client may wait.
  billing::v1::Reservation reservation;
  billing::v1::RateLimitStatus requests_limit;
  billing::v1::RateLimitStatus images_limit;
  // How long the pipeline waited for provider-proxy; the rest of the request's time is ours.
  absl::Duration provider_time;
  // What the images take of the budget, for as long as they, or what was made of them, exist.
  std::shared_ptr<ByteBudget::Share> share;
};

}  // namespace prismatic::gateway

#endif  // PRISMATIC_GATEWAY_GENERATION_IMAGE_REQUEST_H_
