#include "services/provider_proxy/sample_image.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/common/byte_budget/byte_room.h"
#include "services/common/log/log.h"
#include "services/provider_proxy/adapters/adapter.h"
#include "services/provider_proxy/adapters/image_check.h"
#include "services/provider_proxy/adapters/image_item.h"
#include "services/provider_proxy/check_words.h"
#include "services/provider_proxy/upstream_call.h"

namespace prismatic::provider_proxy {
namespace {

constexpr char kPrompt[] = "A plain red circle on a white background";
// Up to here an image is read that is larger than its route allows, so that it can be told from one that
// cannot be fetched.
constexpr int kTooLargeReadTimes = 4;

v1::GenerateImagesRequest Sample(const std::string& request_id) {
  v1::GenerateImagesRequest sample;
  sample.set_request_id(request_id);
  sample.set_image_count(1);
  sample.set_prompt(kPrompt);
  // What upstreams do with it, and whether their URLs can be fetched, is what clients will meet.
  sample.set_response_format(v1::RESPONSE_FORMAT_B64_JSON);
  return sample;
}

bool AsksForBase64(const v1::GenerateImagesRequest& sample, const Candidate& candidate) {
  return ParametersFor(sample, *candidate.adapter, candidate.target()).response_format.has_value();
}

}  // namespace

Task<absl::Status> SampleImage::Fetch(CallContext call, Candidate candidate, std::shared_ptr<ByteRoom> room,
                                      v1::GeneratedImage* image) {
  FetchOptions options =
      FetchOptionsFor(call, candidate, std::move(room), parts_.exchange.EgressOf(*candidate.provider));
  int64_t allowed = options.bytes_max;
  options.bytes_max *= kTooLargeReadTimes;
  auto fetching = parts_.fetcher.Fetch(image->url(), std::move(options));
  absl::StatusOr<Fetched> fetched = co_await fetching;
  ResumeOn workers(&parts_.workers);
  co_await workers;
  if (!fetched.ok()) co_return fetched.status();
  auto size = static_cast<int64_t>(fetched->bytes.size());
  if (size > allowed) co_return absl::OutOfRangeError(absl::StrCat(size, " bytes, allowed are ", allowed));
  absl::StatusOr<ImageFacts> facts = CheckImageBytes(fetched->bytes);
  if (!facts.ok()) co_return facts.status();
  image->set_mime_type(std::move(facts->mime_type));
  image->set_width(facts->width);
  image->set_height(facts->height);
  co_return absl::OkStatus();
}

Task<SampleImage::Made> SampleImage::Make(CallContext call, Candidate candidate, std::string secret) {
  v1::GenerateImagesRequest sample = Sample(call.request_id);
  absl::StatusOr<HttpRequest> http = absl::InvalidArgumentError("this version does not know its wire format");
  if (candidate.adapter != nullptr) http = candidate.adapter->BuildRequest(sample, candidate.target(), 1);
  if (!http.ok()) {
    co_return Made{.words = absl::StrCat("No call can be built for this route: ", http.status().message())};
  }
  absl::Time started = absl::Now();
  // As in a client's call: the provider's own deadline is for the picture too.
  call.deadline = std::min(call.deadline, started + UpstreamExchange::TimeoutOf(*candidate.provider));
  std::shared_ptr<ByteRoom> room = ByteRoom::Make(parts_.bytes_in_flight, 1);
  auto making = parts_.exchange.Run(call, *std::move(http), std::move(secret), candidate, 1, room);
  UpstreamExchange::Result result = co_await making;
  Outcome& outcome = result.outcome;
  absl::Status fetched;
  if (outcome.verdict == Verdict::kImages && outcome.images[0].has_url()) {
    auto fetching = Fetch(call, candidate, std::move(room), &outcome.images[0]);
    fetched = co_await fetching;
  }
  absl::Duration took = absl::Now() - started;
  log::Info("provider test image",
            {{"request_id", call.request_id},
             call.trace,
             {"provider", candidate.provider->name()},
             {"upstream_model", candidate.route->upstream_model()},
             {"status", result.status},
             {"outcome", fetched.ok() ? outcome.label : "fetch_failed"},
             {"note", fetched.ok() ? absl::string_view(outcome.note) : fetched.message()}});
  Made made{.ok = outcome.verdict == Verdict::kImages && fetched.ok()};
  made.words = fetched.ok() ? ImageWords(result, *candidate.provider, took)
                            : FetchWords(outcome.images[0].url(), *candidate.provider, fetched);
  if (outcome.label == "rejected" && AsksForBase64(sample, candidate)) {
    absl::StrAppend(&made.words,
                    " The call had response_format in it: if the upstream does not know it, take it out of "
                    "supported_parameters.");
  }
  co_return made;
}

}  // namespace prismatic::provider_proxy
