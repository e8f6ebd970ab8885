#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_REFERENCE_IMAGES_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_REFERENCE_IMAGES_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/common/byte_budget/byte_room.h"
#include "services/common/task/cancel.h"
#include "services/common/task/workers.h"
#include "services/provider_proxy/upstream/fetch_guard.h"

namespace prismatic::provider_proxy {

// One fetched reference image, as OpenAI takes them; and all of one request, as much as a body may hold.
inline constexpr int64_t kReferenceBytesMax = int64_t{20} << 20;
inline constexpr int64_t kReferencesBytesMax = int64_t{32} << 20;
// All of them: the client chose the hosts, and their slowness is to cost the generation little of its time.
inline constexpr absl::Duration kReferencesTimeMax = absl::Seconds(30);

// Whether a reference image is there as a `data:` URL.
bool IsInline(absl::string_view reference);

// A request with its reference images inlined, and what these take of their budget for as long as it exists.
struct InlinedRequest {
  std::shared_ptr<const v1::GenerateImagesRequest> request;
  ByteBudget::Share share;
};

// The request with every reference image that is a URL fetched and written as a `data:` URL; itself when all
// of them are such. `options.room` is not looked at; `call` is for the log. Resumes on the workers.
// INVALID_VALUE, param image_url, when one cannot be fetched, is no PNG, JPEG or WebP, or they are too large;
// RESOURCE_EXHAUSTED when there was no room for them in time; CANCELLED.
Task<absl::StatusOr<InlinedRequest>> InlineReferences(
    CallContext call, std::shared_ptr<const v1::GenerateImagesRequest> request, FetchOptions options,
    Fetcher* fetcher, Workers* workers, ByteBudget* budget);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_REFERENCE_IMAGES_H_
