#include "services/provider_proxy/reference_images.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/common/log/log.h"
#include "services/provider_proxy/adapters/data_url.h"
#include "services/provider_proxy/adapters/image_check.h"
#include "services/provider_proxy/adapters/provider_errors.h"

namespace prismatic::provider_proxy {
namespace {

// Fetches one; what is there already comes back as it is.
Task<absl::StatusOr<Fetched>> FetchOne(std::string reference, FetchOptions options, Fetcher* fetcher) {
  if (IsInline(reference)) co_return Fetched();
  auto fetching = fetcher->Fetch(std::move(reference), std::move(options));
  absl::StatusOr<Fetched> fetched = co_await fetching;
  co_return fetched;
}

absl::StatusOr<std::string> AsDataUrl(const Fetched& fetched) {
  absl::StatusOr<ImageFacts> facts = CheckImageBytes(fetched.bytes);
  if (!facts.ok()) return facts.status();
  return absl::StrCat("data:", facts->mime_type, ";base64,", absl::Base64Escape(fetched.bytes));
}

absl::Status CheckInline(const std::string& reference) {
  std::optional<DataUrl> parts = ParseDataUrl(reference);
  if (!parts) return absl::InvalidArgumentError("a data: URL without base64");
  return CheckBase64Image(parts->base64).status();
}

absl::Status NotUsable(const CallContext& call, const absl::Status& why) {
  if (absl::IsCancelled(why)) return error::CallerGone();
  if (absl::IsResourceExhausted(why)) return why;
  log::Info("reference image not usable",
            {{"request_id", call.request_id}, call.trace, {"note", why.message()}});
  return error::ReferenceNotFetched();
}

}  // namespace

bool IsInline(absl::string_view reference) { return absl::StartsWithIgnoreCase(reference, "data:"); }

Task<absl::StatusOr<InlinedRequest>> InlineReferences(
    CallContext call, std::shared_ptr<const v1::GenerateImagesRequest> request, FetchOptions options,
    Fetcher* fetcher, Workers* workers, ByteBudget* budget) {
  auto room = ByteRoom::Make(budget, request->reference_images_size(), kReferencesBytesMax);
  options.room = room;
  options.bytes_max = options.bytes_expected = kReferenceBytesMax;
  options.client_chosen = true;
  options.deadline = std::min(options.deadline, absl::Now() + kReferencesTimeMax);
  std::vector<Task<absl::StatusOr<Fetched>>> fetches;
  for (const std::string& reference : request->reference_images()) {
    fetches.push_back(FetchOne(reference, options, fetcher));
  }
  auto all = WhenAll(std::move(fetches));
  std::vector<absl::StatusOr<Fetched>> fetched = co_await all;
  ResumeOn resume(workers);
  co_await resume;

  // What is inline already is the client's, too, and an upstream that cannot read it may look broken.
  for (const std::string& reference : request->reference_images()) {
    if (!IsInline(reference)) continue;
    absl::Status usable = CheckInline(reference);
    if (!usable.ok()) co_return NotUsable(call, usable);
  }
  if (std::all_of(request->reference_images().begin(), request->reference_images().end(), IsInline)) {
    co_return InlinedRequest{.request = request};
  }
  auto inlined = std::make_shared<v1::GenerateImagesRequest>(*request);
  int64_t bytes = 0;
  for (int i = 0; i < inlined->reference_images_size(); ++i) {
    if (IsInline(inlined->reference_images(i))) continue;
    if (!fetched[i].ok()) co_return NotUsable(call, fetched[i].status());
    absl::StatusOr<std::string> url = AsDataUrl(*fetched[i]);
    if (!url.ok()) co_return NotUsable(call, url.status());
    fetched[i]->bytes = std::string();
    fetched[i]->room.Set(static_cast<int64_t>(url->size()));
    bytes += static_cast<int64_t>(url->size());
    if (bytes > kReferencesBytesMax) {
      co_return NotUsable(call, absl::InvalidArgumentError("they are too large together"));
    }
    *inlined->mutable_reference_images(i) = *std::move(url);
  }
  co_return InlinedRequest{.request = std::move(inlined), .share = room->TakeShare()};
}

}  // namespace prismatic::provider_proxy
