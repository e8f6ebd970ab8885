#include "services/sandbox_provider/sandbox.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/common/crypto/crypto.h"
#include "services/sandbox_provider/nap.h"

namespace prismatic::sandbox {
namespace {

constexpr absl::string_view kPicturePrefix = "/_sandbox/images/";
constexpr int kRequestsShown = 100;
constexpr int kFaultsMax = 1'000'000;

http::Response Json(std::string body, int status = 200) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

http::Response BadRequest(absl::string_view message, absl::string_view code = "invalid_value") {
  return Json(ErrorJson(message, "invalid_request_error", code), 400);
}

http::Response Unauthorized() {
  return Json(ErrorJson("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"), 401);
}

// What an upstream of OpenAI's kind says with a status.
http::Response StatusAnswer(int status) {
  struct Words {
    int status;
    absl::string_view type;
    absl::string_view code;
  };
  static constexpr Words kWords[] = {
      {401, "invalid_request_error", "invalid_api_key"},
      {402, "insufficient_quota", "insufficient_quota"},
      {404, "invalid_request_error", "model_not_found"},
      {405, "invalid_request_error", "method_not_allowed"},
      {413, "invalid_request_error", "request_too_large"},
      {429, "requests", "rate_limit_exceeded"},
      {503, "service_unavailable_error", "server_is_overloaded"},
  };
  Words words = {status, status >= 500 ? "server_error" : "invalid_request_error", ""};
  for (const Words& known : kWords) {
    if (known.status == status) words = known;
  }
  return Json(ErrorJson(absl::StrCat("The sandbox answers ", status, "."), words.type, words.code), status);
}

bool Authorized(const http::Request& request, absl::string_view api_key) {
  if (api_key.empty()) return true;
  absl::string_view given = request.header("authorization");
  return absl::ConsumePrefix(&given, "Bearer ") && crypto::ConstantTimeEquals(given, api_key);
}

absl::StatusOr<Steering> SteeringFor(const ImageCall& call, absl::string_view next_words) {
  Steering steering;
  // The later ones win: who steers the next requests means these, whatever they say.
  for (absl::string_view words :
       {absl::string_view(call.model_words), absl::string_view(call.prompt_words), next_words}) {
    absl::Status status = Steer(words, steering);
    if (!status.ok()) return status;
  }
  return steering;
}

// What a proxy in front of an upstream says when it is in trouble.
void MakeHtml(http::Response& response) {
  response.content_type = "text/html";
  response.body =
      "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>"
      "<body><center><h1>502 Bad Gateway</h1></center><hr><center>sandbox</center></body></html>\n";
}

// The faults of an answer that has been made otherwise.
http::Response Spoiled(http::Response response, const Steering& steering) {
  if (steering.body == BodyFault::kHtml) MakeHtml(response);
  if (steering.body == BodyFault::kBrokenJson) response.body.resize(response.body.size() / 2);
  if (steering.cut_body_at) response.cut_body_at = *steering.cut_body_at;
  if (steering.retry_after_seconds)
    response.Header("Retry-After", absl::StrCat(*steering.retry_after_seconds));
  return response;
}

}  // namespace

Sandbox::Sandbox(SandboxOptions options)
    : options_(std::move(options)),
      workers_(std::max(2, static_cast<int>(std::thread::hardware_concurrency()))),
      loop_("sandbox") {}

http::Response Sandbox::Refuse(int status) { return StatusAnswer(status); }

Task<http::Response> Sandbox::Handle(std::shared_ptr<const http::Request> request) {
  const std::string& path = request->path;
  for (const WireFormat* format : {&kOpenAiImages, &kChatCompletions}) {
    if (path != format->path) continue;
    if (request->method != "POST") co_return StatusAnswer(405);
    Task<http::Response> generate = Generate(format, request);
    co_return co_await generate;
  }
  if (path == "/healthz") co_return Json(R"({"status":"ok"})");
  if (path == "/_sandbox/faults") co_return Faults(*request);
  if (path == "/_sandbox/requests") co_return Requests(*request);
  if (request->method == "GET" && absl::StartsWith(path, kPicturePrefix)) {
    Task<http::Response> fetch = FetchPicture(path);
    co_return co_await fetch;
  }
  co_return Json(ErrorJson(absl::StrCat("Nothing is at ", request->method, " ", path, "."),
                           "invalid_request_error", "unknown_url"),
                 404);
}

Task<http::Response> Sandbox::Generate(const WireFormat* format,
                                       std::shared_ptr<const http::Request> request) {
  int64_t number = records_.Begin(*request, Clock::Real().Now());
  Task<http::Response> produce = Produce(format, request);
  http::Response response = co_await produce;
  records_.End(number, response.status);
  response.Header("x-request-id", absl::StrCat("sandbox-", ++last_request_));
  if (options_.metrics != nullptr) {
    options_.metrics
        ->GetCounter("prismatic_sandbox_requests_total", "Generation requests answered.",
                     {{"format", std::string(format->name)}, {"status", absl::StrCat(response.status)}})
        .Add();
  }
  co_return response;
}

Task<http::Response> Sandbox::Produce(const WireFormat* format,
                                      std::shared_ptr<const http::Request> request) {
  if (!Authorized(*request, options_.api_key)) co_return Unauthorized();
  std::string next_words = next_faults_.Take();
  ResumeOn to_parse(&workers_);
  co_await to_parse;
  absl::StatusOr<ImageCall> call = format->parse(request->body);
  if (!call.ok()) co_return BadRequest(call.status().message());
  absl::StatusOr<Steering> steering = SteeringFor(*call, next_words);
  if (!steering.ok()) co_return BadRequest(steering.status().message(), "unknown_sandbox_word");

  if (steering->delay > absl::ZeroDuration()) {
    Task<void> nap = Nap(&loop_, steering->delay, request->cancellation);
    co_await nap;
    ResumeOn to_draw(&workers_);
    co_await to_draw;
  }
  co_return Spoiled(AnswerWith(*format, *request, *call, *steering), *steering);
}

http::Response Sandbox::AnswerWith(const WireFormat& format, const http::Request& request,
                                   const ImageCall& call, const Steering& steering) {
  if (steering.status.value_or(200) >= 300) return StatusAnswer(*steering.status);
  ImageAnswer answer = {.created = absl::ToUnixSeconds(Clock::Real().Now()),
                        .model = call.model,
                        .prompt = call.prompt,
                        .steering = steering};
  if (steering.refuse) return format.refusal(answer);
  int images = steering.body == BodyFault::kEmptyData ? 0 : steering.images.value_or(call.images);
  for (int i = 0; i < images; ++i) answer.images.push_back(MakeImage(request, call, steering, i));
  return Json(format.answer(answer), steering.status.value_or(200));
}

ImageAnswer::Image Sandbox::MakeImage(const http::Request& request, const ImageCall& call,
                                      const Steering& steering, int index) {
  if (steering.body == BodyFault::kWrongBase64) return {.base64 = "%%% this is not base64 %%%"};
  if (steering.body == BodyFault::kNotImage) return {.base64 = absl::Base64Escape("This is not an image.")};
  PictureSpec spec = {.prompt = call.prompt,
                      .model = call.model,
                      .seed = call.seed,
                      .frame = call.frame,
                      .index = index,
                      .references = call.references,
                      .size_bytes = steering.size_bytes};
  if (call.wants_url || steering.url_only) {
    return {.url = absl::StrCat("http://", request.header("host"), kPicturePrefix, shelf_.Put(spec), ".png")};
  }
  return {.base64 = absl::Base64Escape(DrawPicture(spec, options_.font.get()))};
}

Task<http::Response> Sandbox::FetchPicture(std::string path) {
  absl::string_view id = path;
  absl::ConsumePrefix(&id, kPicturePrefix);
  absl::ConsumeSuffix(&id, ".png");
  std::optional<PictureSpec> spec = shelf_.Get(std::string(id));
  if (!spec) {
    co_return Json(ErrorJson("This picture is not kept any more.", "invalid_request_error", "unknown_url"),
                   404);
  }
  ResumeOn to_draw(&workers_);
  co_await to_draw;
  http::Response response;
  response.content_type = "image/png";
  response.body = DrawPicture(*spec, options_.font.get());
  co_return response;
}

http::Response Sandbox::Faults(const http::Request& request) {
  if (request.method == "DELETE") {
    next_faults_.Clear();
  } else if (request.method == "POST") {
    absl::StatusOr<json::Document> document = json::Document::Parse(request.body);
    if (!document.ok()) return BadRequest(document.status().message());
    absl::StatusOr<std::optional<int64_t>> count = IntField(document->root(), "count");
    absl::StatusOr<std::string> words = TextField(document->root(), "directive");
    if (!count.ok()) return BadRequest(count.status().message());
    if (!words.ok()) return BadRequest(words.status().message());
    int64_t wanted = count->value_or(1);
    if (wanted < 0 || wanted > kFaultsMax)
      return BadRequest(absl::StrCat("`count` must be 0 to ", kFaultsMax, "."));
    Steering steering;
    absl::Status understood = Steer(*words, steering);
    if (!understood.ok()) return BadRequest(understood.message(), "unknown_sandbox_word");
    next_faults_.Set(static_cast<int>(wanted), *words);
  } else if (request.method != "GET") {
    return StatusAnswer(405);
  }
  json::Writer writer;
  writer.BeginObject().Key("left").Int(next_faults_.left()).EndObject();
  return Json(writer.Take());
}

http::Response Sandbox::Requests(const http::Request& request) {
  if (request.method == "DELETE") records_.Clear();
  if (request.method != "GET" && request.method != "DELETE") return StatusAnswer(405);
  int limit = kRequestsShown;
  for (const auto& [key, value] : request.query) {
    if (key == "limit" && (!absl::SimpleAtoi(value, &limit) || limit < 0)) {
      return BadRequest("`limit` must be a number.");
    }
  }
  return Json(records_.Json(limit));
}

}  // namespace prismatic::sandbox
