#include "services/provider_proxy/upstream_exchange.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "services/provider_proxy/adapters/image_item.h"
#include "services/provider_proxy/adapters/provider_errors.h"
#include "services/provider_proxy/upstream/poll_host.h"

namespace prismatic::provider_proxy {
namespace {

// Jobs take seconds: soon enough for the quick ones, seldom enough for those that take minutes.
constexpr absl::Duration kPollPauseFirst = absl::Milliseconds(250);
constexpr absl::Duration kPollPauseMax = absl::Seconds(5);
constexpr double kPollPauseGrowth = 1.5;
// The longest pause that an upstream can ask for between two polls.
constexpr absl::Duration kPollRetryAfterMax = absl::Seconds(30);
// A result that cannot be had so often is lost: some upstreams say that a job has failed in no other way.
constexpr int kResultTriesMax = 3;
constexpr absl::Duration kTimeoutMax = absl::Seconds(295);

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
    case HttpEnd::kTimedOut: {
      Outcome outcome = outcome::TimedOut("timeout");
      outcome.note = result.note;
      return outcome;
    }
    case HttpEnd::kNoRoom: {
      // The upstream has answered, and we could not read it in time.
      Outcome outcome = outcome::TimedOut("no_room");
      outcome.note = result.note;
      return outcome;
    }
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

// A job goes on while its state cannot be asked for.
bool SaysNothingOfTheJob(const HttpResult& answer, bool final_try) {
  if (answer.end == HttpEnd::kCancelled || answer.end == HttpEnd::kTooLarge ||
      answer.end == HttpEnd::kNoRoom) {
    return false;
  }
  if (answer.end != HttpEnd::kAnswered) return true;
  int status = answer.response.status;
  return status == 408 || status == 425 || status == 429 || (status >= 500 && !final_try);
}

// Of an answer that does not announce its size: one image's, which grows if there are more. Jobs answer with
// URLs.
int64_t BytesExpected(const Candidate& candidate) {
  bool job = candidate.provider->wire_format() == catalog::v1::WIRE_FORMAT_ASYNC_JOB;
  return job ? ByteRoom::kUncountedMax : ImageBytesMax(*candidate.route);
}

}  // namespace

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

absl::Duration UpstreamExchange::TimeoutOf(const catalog::v1::Provider& provider) {
  return provider.timeout_seconds() > 0 ? absl::Seconds(provider.timeout_seconds()) : kTimeoutMax;
}

std::string UpstreamExchange::EgressOf(const catalog::v1::Provider& provider) const {
  if (provider.egress_proxy().empty()) return parts_.egress_proxy;
  return provider.egress_proxy() == "direct" ? "" : provider.egress_proxy();
}

Task<HttpResult> UpstreamExchange::Send(const Errand& errand, HttpRequest request) {
  if (!errand.secret.empty()) {
    request.headers.emplace_back(request.auth_header, AuthValue(request.auth_scheme, errand.secret));
  }
  const catalog::v1::Route& route = *errand.candidate.route;
  SendOptions options{.deadline = errand.call.deadline,
                      .timeout = errand.until - absl::Now(),
                      .cancellation = errand.call.cancellation,
                      .response_bytes_max = ResponseBytesMax(route, errand.count),
                      .room = errand.room,
                      .parts = errand.count,
                      .bytes_expected = BytesExpected(errand.candidate),
                      .egress_proxy = EgressOf(*errand.candidate.provider)};
  return parts_.client.Send(std::move(request), std::move(options));
}

void UpstreamExchange::Read(HttpResult answer, bool polled, const Errand& errand, Result& result) {
  result.status = answer.response.status;
  if (answer.end != HttpEnd::kAnswered) {
    result.outcome = WithoutAnswer(answer);
    return;
  }
  const Adapter& adapter = *errand.candidate.adapter;
  Target target = errand.candidate.target();
  result.outcome = polled ? adapter.ReadPoll(std::move(answer.response), target, errand.count)
                          : adapter.ReadResponse(std::move(answer.response), target, errand.count);
  // The body is gone; what is left of it are the images.
  int64_t image_bytes = 0;
  for (const v1::GeneratedImage& image : result.outcome.images) {
    image_bytes += static_cast<int64_t>(image.base64().size());
  }
  result.room = std::move(answer.room);
  result.room.Set(image_bytes);
}

Task<UpstreamExchange::Result> UpstreamExchange::Run(CallContext call, HttpRequest request,
                                                     std::string secret, Candidate candidate, int count,
                                                     std::shared_ptr<ByteRoom> room) {
  absl::Time until = absl::Now() + TimeoutOf(*candidate.provider);
  auto errand = std::make_shared<const Errand>(
      Errand{std::move(call), until, std::move(secret), candidate, count, std::move(room)});
  auto sending = Send(*errand, std::move(request));
  HttpResult answer = co_await sending;
  ResumeOn workers(&parts_.workers);
  co_await workers;
  Result result;
  result.bytes_sent = answer.bytes_sent;
  result.bytes_received = answer.bytes_received;
  Read(std::move(answer), /*polled=*/false, *errand, result);
  if (result.outcome.verdict != Verdict::kPending) co_return result;
  auto following = FollowJob(errand, std::move(result));
  Result ended = co_await following;
  co_return ended;
}

Task<UpstreamExchange::Result> UpstreamExchange::FollowJob(std::shared_ptr<const Errand> errand,
                                                           Result result) {
  absl::Duration pause = kPollPauseFirst;
  Poll poll;
  bool was_at_once = false;
  int result_tries = 0;
  // From here on the work has been begun: whatever ends this is no reason to ask somebody else.
  while (result.outcome.verdict == Verdict::kPending) {
    // An answer that does not say where to ask next means the same place.
    Poll next = result.outcome.poll.value_or(Poll());
    if (!next.request.url.empty()) poll.request = std::move(next.request);
    poll.wait = next.wait;
    poll.is_result = next.is_result;
    if (!MayPoll(poll.request.url, *errand->candidate.provider)) {
      result.outcome =
          outcome::Failed("poll_refused", "the job is to be polled at a host that is not listed");
      break;
    }
    // A result may be fetched at once when its job has ended; who sends us on at once again and again waits.
    bool at_once = poll.wait == absl::ZeroDuration() && !was_at_once;
    absl::Duration wait = at_once
                              ? absl::ZeroDuration()
                              : std::clamp(poll.wait.value_or(pause), kPollPauseFirst, kPollRetryAfterMax);
    was_at_once = at_once;
    if (absl::Now() + wait >= std::min(errand->until, errand->call.deadline)) {
      result.outcome = outcome::TimedOut("timeout");
      result.outcome.note = absl::StrCat("the job had not ended after ", result.polls, " polls");
      break;
    }
    auto sleeping = parts_.loop.Sleep(wait);
    co_await sleeping;
    pause = std::min(pause * kPollPauseGrowth, kPollPauseMax);
    ++result.polls;
    auto sending = Send(*errand, poll.request);
    HttpResult answer = co_await sending;
    ResumeOn workers(&parts_.workers);
    co_await workers;
    result.bytes_sent += answer.bytes_sent;
    result.bytes_received += answer.bytes_received;
    bool final_try = poll.is_result && ++result_tries >= kResultTriesMax;
    if (SaysNothingOfTheJob(answer, final_try)) {
      result.outcome = outcome::Pending(poll.request, answer.response.retry_after);
      result.outcome.poll->is_result = poll.is_result;
    } else {
      Read(std::move(answer), /*polled=*/true, *errand, result);
    }
  }
  if (result.outcome.verdict == Verdict::kNotStarted) {
    result.outcome = outcome::Failed(result.outcome.label, result.outcome.note);
  }
  co_return result;
}

}  // namespace prismatic::provider_proxy
