#include "services/sandbox_provider/sandbox.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/sandbox_provider/answer_faults.h"
#include "services/sandbox_provider/credentials.h"
#include "services/sandbox_provider/nap.h"

namespace prismatic::sandbox {
namespace {

constexpr absl::string_view kPicturePrefix = "/_sandbox/images/";

// What a format says with a status.
http::Response StatusAnswer(int status, const WireFormat* format = nullptr) {
  ErrorWords words = {.status = status, .message = absl::StrCat("The sandbox answers ", status, ".")};
  return format == nullptr ? OpenAiError(words) : format->error(words);
}

http::Response UnknownUrl(const std::string& message) {
  return OpenAiError({.status = 404, .message = message, .code = "unknown_url"});
}

http::Response WrongRequest(const WireFormat& format, const absl::Status& status) {
  ErrorWords words = {.status = format.bad_request, .message = std::string(status.message())};
  words.field = FieldOf(status.message());
  if (status.code() == absl::StatusCode::kUnimplemented) {
    words.code = "unknown_parameter";
  } else if (status.code() == absl::StatusCode::kNotFound) {
    words.status = 404;
  } else if (format.bad_request == 400) {
    words.code = "invalid_value";
  }
  return format.error(words);
}

// The job that a poll asks for.
std::string JobIdOf(const EndpointMatch& match, const http::Request& request) {
  for (const auto& [name, value] : request.query) {
    if (name == "id") return value;
  }
  return match.middle.substr(match.middle.rfind('/') + 1);
}

// fal's URLs of a job have the job's app, and no other, in them.
bool IsOfOtherApp(const EndpointMatch& match, const Job& job, const std::string& id) {
  return job.format == &kFal && match.middle != absl::StrCat(FalApp(job.call.model), "/requests/", id);
}

absl::string_view KindName(EndpointKind kind) {
  switch (kind) {
    case EndpointKind::kGenerate:
      return "generation";
    case EndpointKind::kPoll:
    case EndpointKind::kResult:
      return "poll";
    case EndpointKind::kList:
      return "list";
  }
  return "";
}

ImageAnswer AnswerTo(const http::Request& request, ImageCall call, Steering steering,
                     std::string job_id = "") {
  // Said by a proxy that speaks TLS in front of the sandbox.
  absl::string_view scheme = request.header("x-forwarded-proto") == "https" ? "https" : "http";
  return {.created = absl::ToUnixSeconds(Clock::Real().Now()),
          .call = std::move(call),
          .images = {},
          .steering = std::move(steering),
          .job_id = std::move(job_id),
          .base_url = absl::StrCat(scheme, "://", request.header("host"))};
}

}  // namespace

Sandbox::Sandbox(SandboxOptions options)
    : options_(std::move(options)),
      workers_(std::max(2, static_cast<int>(std::thread::hardware_concurrency()))),
      loop_("sandbox") {}

http::Response Sandbox::Refuse(int status) { return StatusAnswer(status); }

Task<http::Response> Sandbox::Handle(RequestPtr request) {
  const std::string& path = request->path;
  EndpointMatch match = FindEndpoint(request->method, path);
  if (match.endpoint != nullptr) {
    Task<http::Response> recorded = Recorded(match, request);
    co_return co_await recorded;
  }
  if (match.other_method) co_return StatusAnswer(405);
  if (path == "/healthz") co_return JsonResponse(R"({"status":"ok"})");
  if (path == "/_sandbox/faults") co_return Faults(*request);
  if (path == "/_sandbox/requests") co_return Requests(*request);
  if (request->method == "GET" && absl::StartsWith(path, kPicturePrefix)) {
    int64_t number = pictures_.Begin(*request, Clock::Real().Now());
    Task<http::Response> fetch = FetchPicture(request);
    http::Response response = co_await fetch;
    pictures_.End(number, response.status);
    co_return response;
  }
  co_return UnknownUrl(absl::StrCat("Nothing is at ", request->method, " ", path, "."));
}

Task<http::Response> Sandbox::Recorded(EndpointMatch match, RequestPtr request) {
  EndpointKind kind = match.endpoint->kind;
  RequestRecords* records = RecordsOf(KindName(kind));
  int64_t number = records->Begin(*request, Clock::Real().Now());
  std::string format(match.endpoint->format->name);
  Task<http::Response> serve = Serve(std::move(match), request);
  http::Response response = co_await serve;
  records->End(number, response.status);
  response.Header("x-request-id", absl::StrCat("sandbox-", ++last_request_));
  if (options_.metrics != nullptr && kind == EndpointKind::kGenerate) {
    options_.metrics
        ->GetCounter("prismatic_sandbox_requests_total", "Generation requests answered.",
                     {{"format", format}, {"status", absl::StrCat(response.status)}})
        .Add();
  }
  co_return response;
}

Task<http::Response> Sandbox::Serve(EndpointMatch match, RequestPtr request) {
  const Endpoint& endpoint = *match.endpoint;
  const std::string& key = options_.api_key;
  if (!key.empty() && !endpoint.format->authorized(*request, key)) {
    co_return endpoint.format->unauthorized(*request);
  }
  if (endpoint.kind == EndpointKind::kList) co_return JsonResponse(endpoint.list());
  Task<http::Response> answer = endpoint.kind == EndpointKind::kGenerate
                                    ? Generate(std::move(match), request)
                                    : LookAtJob(std::move(match), request);
  co_return co_await answer;
}

Task<http::Response> Sandbox::Generate(EndpointMatch match, RequestPtr request) {
  const WireFormat& format = *match.endpoint->format;
  std::string next_words = next_faults_.Take();
  ResumeOn to_parse(&workers_);
  co_await to_parse;
  absl::StatusOr<ImageCall> call = format.parse(*request, match.middle);
  if (!call.ok()) co_return WrongRequest(format, call.status());
  absl::StatusOr<Steering> steering = SteeringFor(format, *call, next_words);
  if (!steering.ok()) {
    co_return format.error(
        {.message = std::string(steering.status().message()), .code = "unknown_sandbox_word"});
  }
  if (format.job == nullptr) {
    Task<http::Response> act = Act(&format, Here(*steering, FaultPlace::kAnswer), request,
                                   [&] { return Finish(format, AnswerTo(*request, *call, *steering)); });
    co_return co_await act;
  }
  int polls = steering->polls.value_or(call->waits ? 0 : 1);
  Job job = {.format = &format, .call = *std::move(call), .steering = *steering, .polls_left = polls};
  bool is_done = job.call.waits && polls == 0;
  if (is_done && steering->at == FaultPlace::kResult) steering->at = FaultPlace::kAnswer;
  Task<http::Response> act =
      Act(&format, Here(*steering, FaultPlace::kAnswer), request, [&] { return Submit(*request, job); });
  co_return co_await act;
}

http::Response Sandbox::Submit(const http::Request& request, Job job) {
  std::string id = jobs_.Put(job);
  ImageAnswer answer = AnswerTo(request, job.call, job.steering, id);
  if (!job.call.waits || job.polls_left > 0) return job.format->job->submitted(answer);
  http::Response response = Finish(*job.format, std::move(answer));
  response.status = 201;
  return response;
}

Task<http::Response> Sandbox::LookAtJob(EndpointMatch match, RequestPtr request) {
  const Endpoint& endpoint = *match.endpoint;
  std::string id = JobIdOf(match, *request);
  std::optional<Job> job = jobs_.Get(id);
  if (!job || job->format != endpoint.format || IsOfOtherApp(match, *job, id)) {
    co_return endpoint.format->job->unknown(id);
  }
  const WireFormat& format = *job->format;
  bool is_poll = endpoint.kind == EndpointKind::kPoll;
  bool is_pending = is_poll ? jobs_.Poll(id) : job->polls_left > 0;
  ImageAnswer answer = AnswerTo(*request, job->call, job->steering, id);
  if (is_pending && job->steering.poll_status) {
    http::Response response = StatusAnswer(*job->steering.poll_status, &format);
    if (std::optional<int> seconds = job->steering.retry_after_seconds) {
      response.Header("Retry-After", absl::StrCat(*seconds));
    }
    co_return response;
  }
  if (is_pending && !is_poll) co_return format.error({.message = "Request is still in progress"});
  if (is_pending) co_return format.job->pending(answer);
  if (is_poll && format.job->completed != nullptr) co_return format.job->completed(answer);
  ResumeOn to_draw(&workers_);
  co_await to_draw;
  Task<http::Response> act =
      Act(&format, Here(job->steering, FaultPlace::kResult), request, [&] { return Finish(format, answer); });
  co_return co_await act;
}

Task<http::Response> Sandbox::Act(const WireFormat* format, Steering steering, RequestPtr request,
                                  std::function<http::Response()> make) {
  if (steering.delay > absl::ZeroDuration()) {
    Task<void> nap = Nap(&loop_, steering.delay, request->cancellation);
    co_await nap;
    ResumeOn to_draw(&workers_);
    co_await to_draw;
  }
  if (steering.status.value_or(200) >= 300) {
    co_return Spoiled(StatusAnswer(*steering.status, format), steering);
  }
  http::Response response = make();
  if (steering.status) response.status = *steering.status;
  co_return Spoiled(std::move(response), steering);
}

http::Response Sandbox::Finish(const WireFormat& format, ImageAnswer answer) {
  const Steering& steering = answer.steering;
  // Only this way of refusing shows pictures.
  if (!steering.refuse.empty() && steering.refuse != "nsfw") return format.refusal(answer);
  int images = steering.body == BodyFault::kEmptyData ? 0 : steering.images.value_or(answer.call.images);
  if (steering.grid && format.has_grid && images > 1)
    answer.images.push_back(MakeImage(format, answer, images));
  for (int i = 0; i < images; ++i) answer.images.push_back(MakeImage(format, answer, i));
  return steering.refuse.empty() ? format.answer(answer) : format.refusal(answer);
}

ImageAnswer::Image Sandbox::MakeImage(const WireFormat& format, const ImageAnswer& answer, int index) {
  const ImageCall& call = answer.call;
  const Steering& steering = answer.steering;
  bool is_url = format.has_urls && (call.wants_url || steering.url_only);
  if (steering.body == BodyFault::kWrongBase64) {
    constexpr absl::string_view kWrong = "%%% this is not base64 %%%";
    if (!is_url) return {.base64 = std::string(kWrong), .url = "", .frame = call.frame};
    return {.base64 = "", .url = absl::StrCat("data:image/png;base64,", kWrong), .frame = call.frame};
  }
  PictureSpec spec = {.prompt = call.prompt,
                      .model = call.model,
                      .seed = call.seed,
                      .frame = call.frame,
                      .index = index,
                      .references = call.references,
                      .size_bytes = steering.size_bytes,
                      .black = steering.refuse == "nsfw"};
  if (is_url) {
    std::string id = shelf_.Put(spec, steering);
    return {
        .base64 = "", .url = absl::StrCat(answer.base_url, kPicturePrefix, id, ".png"), .frame = spec.frame};
  }
  return {.base64 = absl::Base64Escape(PictureBytes(spec, steering, options_.font.get())),
          .url = "",
          .frame = spec.frame};
}

Task<http::Response> Sandbox::FetchPicture(RequestPtr request) {
  if (absl::string_view header = CredentialHeader(*request); !header.empty()) {
    // Where vendors keep pictures is often another company's host.
    co_return OpenAiError(
        {.message = absl::StrCat("A picture's URL was sent a credential in `", header, "`."),
         .code = "leaked_credential",
         .field = std::string(header)});
  }
  absl::string_view id = request->path;
  absl::ConsumePrefix(&id, kPicturePrefix);
  absl::ConsumeSuffix(&id, ".png");
  std::optional<PictureShelf::Picture> picture = shelf_.Get(std::string(id));
  if (!picture) co_return UnknownUrl("This picture is not kept any more.");
  ResumeOn to_draw(&workers_);
  co_await to_draw;
  Task<http::Response> act = Act(nullptr, Here(picture->steering, FaultPlace::kPicture), request, [&] {
    http::Response response;
    response.content_type = "image/png";
    response.body = PictureBytes(picture->spec, picture->steering, options_.font.get());
    return response;
  });
  co_return co_await act;
}

}  // namespace prismatic::sandbox
