#include "services/provider_proxy/upstream_call.h"

#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "services/common/log/log.h"
#include "services/provider_proxy/adapters/image_check.h"
#include "services/provider_proxy/adapters/image_item.h"
#include "services/provider_proxy/adapters/provider_errors.h"

namespace prismatic::provider_proxy {
namespace {

// Base64 takes 4 characters for 3 bytes; the rest is room for what stands around an image.
int64_t ResponseBytesMax(const catalog::v1::Route& route, int count) {
  constexpr int64_t kAroundImages = int64_t{1} << 20;
  return ImageBytesMax(route) * 14 / 10 * count + kAroundImages;
}

Outcome WithoutAnswer(const HttpResult& result) {
  switch (result.end) {
    case HttpEnd::kNotStarted: {
      Outcome outcome = outcome::NotStarted("connect_error");
      outcome.note = result.note;
      return outcome;
    }
    case HttpEnd::kTimedOut:
      return outcome::TimedOut("timeout");
    case HttpEnd::kTooLarge:
      return outcome::Failed("too_large", result.note);
    case HttpEnd::kCancelled: {
      Outcome outcome = outcome::Failed("cancelled");
      outcome.status = error::CallerGone();
      return outcome;
    }
    default:
      return outcome::Failed("broken", result.note);
  }
}

std::string AuthValue(AuthScheme scheme, const std::string& secret) {
  switch (scheme) {
    case AuthScheme::kBearer:
      return absl::StrCat("Bearer ", secret);
    case AuthScheme::kKey:
      return absl::StrCat("Key ", secret);
    case AuthScheme::kBasic:
      return absl::StrCat("Basic ", absl::Base64Escape(secret));
    case AuthScheme::kPlain:
      break;
  }
  return secret;
}

bool HasUrl(const Outcome& outcome) {
  for (const v1::GeneratedImage& image : outcome.images) {
    if (image.has_url()) return true;
  }
  return false;
}

}  // namespace

Outcome UpstreamCaller::Unusable(const std::string& request_id, const Candidate& candidate,
                                 absl::string_view label, const absl::Status& why) {
  log::Warning("upstream call not made", {{"request_id", request_id},
                                          {"provider", candidate.provider->name()},
                                          {"upstream_model", candidate.route->upstream_model()},
                                          {"outcome", label},
                                          {"note", why.message()}});
  parts_.metrics.CountCall(candidate.provider->name(), std::string(label), absl::ZeroDuration(), 0, 0);
  return outcome::NotStarted(label);
}

void UpstreamCaller::Log(const std::string& request_id, const Candidate& candidate, const Sent& sent,
                         absl::Duration took) {
  auto write = [&](auto... more) {
    log::Info("upstream call", {{"request_id", request_id},
                                {"provider", candidate.provider->name()},
                                {"upstream_model", candidate.route->upstream_model()},
                                {"status", sent.status},
                                {"outcome", sent.outcome.label},
                                {"duration_ms", absl::ToInt64Milliseconds(took)},
                                {"images", static_cast<int>(sent.outcome.images.size())},
                                more...});
  };
  if (sent.outcome.note.empty()) {
    write();
  } else {
    write(log::Field("note", sent.outcome.note));
  }
}

Task<UpstreamCaller::Sent> UpstreamCaller::Send(CallContext call, HttpRequest http, Candidate candidate,
                                                int count) {
  SendOptions options{.deadline = call.deadline,
                      .cancellation = call.cancellation,
                      .response_bytes_max = ResponseBytesMax(*candidate.route, count)};
  auto sending = parts_.client.Send(std::move(http), std::move(options));
  HttpResult result = co_await sending;
  ResumeOn workers(&parts_.workers);
  co_await workers;

  Sent sent;
  sent.bytes_sent = result.bytes_sent;
  sent.bytes_received = result.bytes_received;
  sent.status = result.response.status;
  sent.outcome = result.end == HttpEnd::kAnswered
                     ? candidate.adapter->ReadResponse(std::move(result.response), candidate.target(), count)
                     : WithoutAnswer(result);
  co_return sent;
}

Task<Outcome> UpstreamCaller::Call(CallContext call, std::shared_ptr<const v1::GenerateImagesRequest> request,
                                   Candidate candidate, int count) {
  const std::string& provider = candidate.provider->name();
  absl::StatusOr<std::string> secret = parts_.credentials.Find(
      candidate.provider->credentials().empty() ? "" : candidate.provider->credentials(0));
  if (!secret.ok()) co_return Unusable(call.request_id, candidate, "no_credential", secret.status());
  absl::StatusOr<HttpRequest> http = candidate.adapter->BuildRequest(*request, candidate.target(), count);
  if (!http.ok()) co_return Unusable(call.request_id, candidate, "not_expressible", http.status());
  if (!secret->empty()) {
    http->headers.emplace_back(http->auth_header, AuthValue(http->auth_scheme, *secret));
  }

  absl::Time started = absl::Now();
  auto sending = Send(call, *std::move(http), candidate, count);
  Sent sent = co_await sending;
  if (request->response_format() == v1::RESPONSE_FORMAT_B64_JSON && HasUrl(sent.outcome)) {
    auto fetching = FetchImages(call, std::move(sent.outcome), candidate);
    sent.outcome = co_await fetching;
  }
  absl::Duration took = absl::Now() - started;
  parts_.metrics.CountCall(provider, sent.outcome.label, took, sent.bytes_sent, sent.bytes_received);
  Log(call.request_id, candidate, sent, took);
  co_return std::move(sent.outcome);
}

Task<Outcome> UpstreamCaller::FetchImages(CallContext call, Outcome outcome, Candidate candidate) {
  FetchOptions options;
  options.fetch_hosts.assign(candidate.provider->fetch_hosts().begin(),
                             candidate.provider->fetch_hosts().end());
  options.bytes_max = ImageBytesMax(*candidate.route);
  options.deadline = call.deadline;
  options.cancellation = call.cancellation;
  std::vector<Task<absl::StatusOr<v1::GeneratedImage>>> fetches;
  for (v1::GeneratedImage& image : outcome.images) fetches.push_back(FetchImage(std::move(image), options));
  auto all = WhenAll(std::move(fetches));
  std::vector<absl::StatusOr<v1::GeneratedImage>> fetched = co_await all;

  outcome.images.clear();
  for (absl::StatusOr<v1::GeneratedImage>& image : fetched) {
    if (image.ok()) {
      outcome.images.push_back(*std::move(image));
    } else {
      outcome.note = std::string(image.status().message());
      outcome.label = "partial";
    }
  }
  if (!outcome.images.empty()) co_return outcome;
  Outcome failed = outcome::Failed("fetch_failed", outcome.note);
  if (call.cancellation.cancelled()) failed.status = error::CallerGone();
  co_return failed;
}

Task<absl::StatusOr<v1::GeneratedImage>> UpstreamCaller::FetchImage(v1::GeneratedImage image,
                                                                    FetchOptions options) {
  if (!image.has_url()) co_return std::move(image);
  auto fetching = parts_.fetcher.Fetch(image.url(), std::move(options));
  absl::StatusOr<std::string> bytes = co_await fetching;
  ResumeOn workers(&parts_.workers);
  co_await workers;
  if (!bytes.ok()) co_return bytes.status();
  absl::StatusOr<ImageFacts> facts = CheckImageBytes(*bytes);
  if (!facts.ok()) co_return facts.status();
  image.set_base64(absl::Base64Escape(*bytes));
  image.set_mime_type(std::move(facts->mime_type));
  image.set_width(facts->width);
  image.set_height(facts->height);
  co_return std::move(image);
}

}  // namespace prismatic::provider_proxy
