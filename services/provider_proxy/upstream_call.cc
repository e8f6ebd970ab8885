#include "services/provider_proxy/upstream_call.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "services/common/log/log.h"
#include "services/provider_proxy/adapters/image_check.h"
#include "services/provider_proxy/adapters/image_item.h"
#include "services/provider_proxy/adapters/provider_errors.h"

namespace prismatic::provider_proxy {
namespace {

bool HasUrl(const Outcome& outcome) {
  for (const v1::GeneratedImage& image : outcome.images) {
    if (image.has_url()) return true;
  }
  return false;
}

// What the outcome says of the credential that was used; nothing when it is no matter of credentials.
std::optional<CredentialRefusal> RefusalOf(const Outcome& outcome) {
  if (outcome.verdict != Verdict::kNotStarted) return std::nullopt;
  for (absl::string_view label : {"unauthorized", "payment_required", "forbidden"}) {
    if (outcome.label == label) return CredentialRefusal::kUnauthorized;
  }
  if (outcome.label == "rate_limited") return CredentialRefusal::kRateLimited;
  return std::nullopt;
}

void KeepShorterWait(UpstreamCaller::Result result, std::optional<UpstreamCaller::Result>& kept) {
  // As long as the pool lets a credential rest that was told nothing.
  constexpr absl::Duration kUnsaid = absl::Seconds(1);
  auto wait = [&](const UpstreamCaller::Result& of) { return of.outcome.retry_after.value_or(kUnsaid); };
  if (!kept || wait(result) < wait(*kept)) kept.emplace(std::move(result));
}

std::vector<std::string> CredentialsOf(const catalog::v1::Provider& provider) {
  return {provider.credentials().begin(), provider.credentials().end()};
}

}  // namespace

FetchOptions FetchOptionsFor(const CallContext& call, const Candidate& candidate,
                             std::shared_ptr<ByteRoom> room, std::string egress_proxy) {
  FetchOptions options;
  options.fetch_hosts.assign(candidate.provider->fetch_hosts().begin(),
                             candidate.provider->fetch_hosts().end());
  options.bytes_max = options.bytes_expected = ImageBytesMax(*candidate.route);
  options.deadline = call.deadline;
  options.cancellation = call.cancellation;
  options.room = std::move(room);
  options.egress_proxy = std::move(egress_proxy);
  return options;
}

UpstreamCaller::Result UpstreamCaller::Unusable(const CallContext& call, const Candidate& candidate,
                                                absl::string_view label, const absl::Status& why) {
  log::Warning("upstream call not made", {{"request_id", call.request_id},
                                          call.trace,
                                          {"provider", candidate.provider->name()},
                                          {"upstream_model", candidate.route->upstream_model()},
                                          {"outcome", label},
                                          {"note", why.message()}});
  parts_.metrics.CountCall(candidate.provider->name(), std::string(label), absl::ZeroDuration(), 0, 0);
  return Result{.outcome = outcome::NotStarted(label)};
}

void UpstreamCaller::Log(const Attempted& attempt, const Candidate& candidate, const Result& result,
                         absl::Duration took) {
  auto write = [&](auto... more) {
    log::Info("upstream call", {{"request_id", attempt.call.request_id},
                                attempt.call.trace,
                                {"model", attempt.model},
                                {"credential", attempt.credential},
                                {"provider", candidate.provider->name()},
                                {"upstream_model", candidate.route->upstream_model()},
                                {"status", result.status},
                                {"outcome", result.outcome.label},
                                {"duration_ms", absl::ToInt64Milliseconds(took)},
                                {"images", static_cast<int>(result.outcome.images.size())},
                                {"polls", result.polls},
                                {"bytes_sent", result.bytes_sent},
                                {"bytes_received", result.bytes_received},
                                more...});
  };
  if (result.outcome.note.empty()) {
    write();
  } else {
    write(log::Field("note", result.outcome.note));
  }
}

Task<UpstreamCaller::Result> UpstreamCaller::Call(CallContext call,
                                                  std::shared_ptr<const v1::GenerateImagesRequest> request,
                                                  Candidate candidate, Piece piece,
                                                  std::shared_ptr<ByteRoom> room) {
  std::vector<std::string> references = CredentialsOf(*candidate.provider);
  Result result;
  std::string last_tried;
  // Of several that refuse, one that is only limited says most: it will do later.
  std::optional<Result> limited;
  for (size_t tries = 0; tries == 0 || tries < references.size(); ++tries) {
    absl::StatusOr<CredentialPool::Pick> pick =
        parts_.credentials.Next(candidate.provider->name(), references);
    if (!pick.ok()) co_return Unusable(call, candidate, "no_credential", pick.status());
    if (tries > 0 && !MayTryNext(call, *pick, last_tried)) break;
    auto attempting = Attempt(call, request, candidate, piece, *pick, room);
    result = co_await attempting;
    std::optional<CredentialRefusal> refusal = RefusalOf(result.outcome);
    if (!refusal) {
      if (result.status != 0) parts_.credentials.Accepted(*pick);
      co_return result;
    }
    parts_.credentials.Refused(*pick, *refusal, result.outcome.retry_after);
    last_tried = pick->reference;
    if (*refusal == CredentialRefusal::kRateLimited) KeepShorterWait(std::move(result), limited);
  }
  if (limited) co_return *std::move(limited);
  co_return result;
}

bool UpstreamCaller::MayTryNext(const CallContext& call, const CredentialPool::Pick& pick,
                                const std::string& last_tried) const {
  if (call.cancellation.cancelled() || absl::Now() >= call.deadline) return false;
  return pick.reference != last_tried && parts_.retries.TryTake();
}

Task<UpstreamCaller::Result> UpstreamCaller::Attempt(CallContext call,
                                                     std::shared_ptr<const v1::GenerateImagesRequest> request,
                                                     Candidate candidate, Piece piece,
                                                     CredentialPool::Pick pick,
                                                     std::shared_ptr<ByteRoom> room) {
  absl::StatusOr<HttpRequest> http = candidate.adapter->BuildRequest(*request, candidate.target(), piece);
  if (!http.ok()) co_return Unusable(call, candidate, "not_expressible", http.status());
  absl::Time started = absl::Now();
  auto exchanging = parts_.exchange.Run(call, *std::move(http), pick.secret, candidate, piece.count, room);
  Result result = co_await exchanging;
  if (request->response_format() == v1::RESPONSE_FORMAT_B64_JSON && HasUrl(result.outcome)) {
    // The provider's own deadline is for all of it: the call, the polls of its job, its pictures.
    absl::Time until = started + UpstreamExchange::TimeoutOf(*candidate.provider);
    auto fetching = FetchImages(call, std::move(result), candidate, room, until);
    result = co_await fetching;
  }
  absl::Duration took = absl::Now() - started;
  parts_.metrics.CountCall(candidate.provider->name(), result.outcome.label, took, result.bytes_sent,
                           result.bytes_received);
  Log({call, request->model(), pick.reference}, candidate, result, took);
  co_return result;
}

Task<UpstreamCaller::Result> UpstreamCaller::FetchImages(CallContext call, Result result, Candidate candidate,
                                                         std::shared_ptr<ByteRoom> room, absl::Time until) {
  FetchOptions options =
      FetchOptionsFor(call, candidate, std::move(room), parts_.exchange.EgressOf(*candidate.provider));
  options.timeout = until - absl::Now();
  std::vector<Task<absl::StatusOr<Fetching>>> fetches;
  for (v1::GeneratedImage& image : result.outcome.images) {
    fetches.push_back(FetchImage(std::move(image), options));
  }
  auto all = WhenAll(std::move(fetches));
  std::vector<absl::StatusOr<Fetching>> fetched = co_await all;
  ResumeOn workers(&parts_.workers);
  co_await workers;

  Outcome& outcome = result.outcome;
  outcome.images.clear();
  int64_t bytes = 0;
  bool too_late = false, no_room = false;
  for (absl::StatusOr<Fetching>& each : fetched) {
    if (each.ok()) {
      bytes += static_cast<int64_t>(each->image.base64().size());
      outcome.images.push_back(std::move(each->image));
      // One entry stands for all of them in the end.
      if (result.room.bytes() == 0) result.room = std::move(each->room);
    } else {
      outcome.note = std::string(each.status().message());
      outcome.label = "partial";
      too_late = too_late || absl::IsDeadlineExceeded(each.status());
      no_room = no_room || absl::IsResourceExhausted(each.status());
    }
  }
  result.room.Set(bytes);
  result.bytes_received += bytes / 4 * 3;
  if (!outcome.images.empty()) co_return result;
  Outcome failed = too_late ? outcome::TimedOut("fetch_failed") : outcome::Failed("fetch_failed");
  if (no_room) failed = outcome::TimedOut("no_room");
  failed.note = outcome.note;
  if (call.cancellation.cancelled()) {
    failed.status = error::CallerGone();
    failed.label = "cancelled";
  }
  result.outcome = std::move(failed);
  co_return result;
}

Task<absl::StatusOr<UpstreamCaller::Fetching>> UpstreamCaller::FetchImage(v1::GeneratedImage image,
                                                                          FetchOptions options) {
  if (!image.has_url()) co_return Fetching{std::move(image), {}};
  auto fetching = parts_.fetcher.Fetch(image.url(), std::move(options));
  absl::StatusOr<Fetched> fetched = co_await fetching;
  ResumeOn workers(&parts_.workers);
  co_await workers;
  if (!fetched.ok()) co_return fetched.status();
  absl::StatusOr<ImageFacts> facts = CheckImageBytes(fetched->bytes);
  if (!facts.ok()) co_return facts.status();
  image.set_base64(absl::Base64Escape(fetched->bytes));
  image.set_mime_type(std::move(facts->mime_type));
  image.set_width(facts->width);
  image.set_height(facts->height);
  fetched->room.Set(static_cast<int64_t>(image.base64().size()));
  co_return Fetching{std::move(image), std::move(fetched->room)};
}

}  // namespace prismatic::provider_proxy
