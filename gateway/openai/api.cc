#include "gateway/openai/api.h"

#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gateway/generation/generation_errors.h"
#include "gateway/openai/error_mapping.h"
#include "gateway/openai/request_reader.h"
#include "gateway/openai/response_writer.h"
#include "services/common/log/log.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"
#include "services/common/uuid/uuid.h"

namespace prismatic::gateway::openai {
namespace {

constexpr char kGenerationsPath[] = "/v1/images/generations";
constexpr char kModelsPath[] = "/v1/models";
constexpr absl::string_view kModelPrefix = "/v1/models/";
// A key of ours has 112 characters at most; imported ones are seldom longer than 200.
constexpr size_t kApiKeySizeMax = 512;
constexpr size_t kIdempotencyKeySizeMax = 255;
// One try of CheckKey for the model list.
constexpr absl::Duration kCheckKeyDeadline = absl::Seconds(2);

absl::Status InvalidApiKey(absl::string_view message) {
  return Error(absl::StatusCode::kUnauthenticated, common::v1::ERROR_REASON_INVALID_API_KEY, message);
}

absl::Status UnknownUrl(absl::string_view method, absl::string_view path) {
  return Error(absl::StatusCode::kNotFound, common::v1::ERROR_REASON_UNKNOWN_URL,
               absl::StrCat("Invalid URL (", method, " ", path.substr(0, 200), ")."));
}

absl::Status MethodNotAllowed(absl::string_view method, absl::string_view allow) {
  return Error(absl::StatusCode::kUnimplemented, common::v1::ERROR_REASON_METHOD_NOT_ALLOWED,
               absl::StrCat("Not allowed to ", method, " here; use ", allow, "."))
      .With("allow", allow);
}

absl::StatusOr<std::string> ReadApiKey(const http::Request& request) {
  absl::string_view value = request.header("Authorization");
  if (value.empty()) {
    return InvalidApiKey("You didn't provide an API key. Send it as `Authorization: Bearer YOUR_KEY`.");
  }
  if (!absl::StartsWithIgnoreCase(value, "Bearer "))
    return InvalidApiKey("The Authorization header is malformed.");
  absl::string_view key = absl::StripAsciiWhitespace(value.substr(7));
  bool graphic =
      absl::c_all_of(key, [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); });
  if (key.empty() || key.size() > kApiKeySizeMax || !graphic)
    return InvalidApiKey("Incorrect API key provided.");
  return std::string(key);
}

absl::Status UnsupportedMediaType() {
  return Error(absl::StatusCode::kInvalidArgument, common::v1::ERROR_REASON_UNSUPPORTED_MEDIA_TYPE,
               "The body must be plain application/json.");
}

absl::Status CheckContentType(const http::Request& request) {
  absl::string_view type = request.header("Content-Type");
  absl::string_view media = absl::StripAsciiWhitespace(type.substr(0, type.find(';')));
  return absl::EqualsIgnoreCase(media, "application/json") ? absl::OkStatus() : UnsupportedMediaType();
}

// All that the edge decides alone, in the order of refusals: the body, then the key's presence.
absl::StatusOr<ImageRequest> ReadGeneration(const http::Request& request) {
  RETURN_IF_ERROR(CheckContentType(request));
  ASSIGN_OR_RETURN(ImageRequest image_request, ReadImageRequest(request.body));
  absl::string_view idempotency_key = request.header("Idempotency-Key");
  if (idempotency_key.size() > kIdempotencyKeySizeMax) {
    return InvalidValue("Idempotency-Key", "The Idempotency-Key header is longer than 255 bytes.");
  }
  image_request.idempotency_key = std::string(idempotency_key);
  ASSIGN_OR_RETURN(image_request.api_key, ReadApiKey(request));
  return image_request;
}

http::Response Text(int status, absl::string_view text) {
  http::Response response;
  response.status = status;
  response.content_type = "text/plain";
  response.body = std::string(text);
  return response;
}

ListedModel Listed(const catalog::v1::Model& model, absl::string_view public_id) {
  return {.public_id = std::string(public_id), .owned_by = model.owned_by(), .created = model.created()};
}

const char* CodeClass(int status) {
  constexpr const char* kClasses[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
  return status >= 100 && status < 600 ? kClasses[status / 100] : kClasses[0];
}

}  // namespace

Api::Api(Options options)
    : options_(options),
      in_flight_gauge_(
          options.metrics->GetGauge("prismatic_http_in_flight", "Generations being worked on.")) {}

Task<http::Response> Api::Handle(std::shared_ptr<const http::Request> request) {
  absl::Time started = absl::Now();
  CallContext call;
  call.request_id = NewUuidV7(*options_.clock);
  call.cancellation = request->cancellation;
  auto routing = Route(call, request);
  Answer answer = co_await routing;
  absl::Duration duration = absl::Now() - started;
  answer.response.Header("x-request-id", call.request_id);
  answer.response.Header("openai-processing-ms", absl::StrCat(absl::ToInt64Milliseconds(duration)));
  Record(call.request_id, *request, answer, duration);
  co_return std::move(answer.response);
}

Task<Api::Answer> Api::Route(CallContext call, std::shared_ptr<const http::Request> request) {
  const std::string& method = request->method;
  const std::string& path = request->path;
  if (path == kGenerationsPath) {
    if (method != "POST") co_return Answer{"generations", ErrorResponse(MethodNotAllowed(method, "POST"))};
    auto generating = Generate(call, request);
    http::Response response = co_await generating;
    co_return Answer{"generations", std::move(response)};
  }
  bool one_model = absl::StartsWith(path, kModelPrefix) && path.size() > kModelPrefix.size();
  const char* route = path == kModelsPath  ? "models"
                      : one_model          ? "model"
                      : path == "/healthz" ? "healthz"
                      : path == "/readyz"  ? "readyz"
                                           : nullptr;
  if (route == nullptr) co_return Answer{"unknown", ErrorResponse(UnknownUrl(method, path))};
  if (method != "GET" && method != "HEAD") {
    co_return Answer{route, ErrorResponse(MethodNotAllowed(method, "GET, HEAD"))};
  }
  if (path == "/healthz") co_return Answer{route, Text(200, "ok\n")};
  if (path == "/readyz") co_return Answer{route, Ready()};
  auto listing = Models(call, request, one_model ? path.substr(kModelPrefix.size()) : "");
  http::Response response = co_await listing;
  co_return Answer{route, std::move(response)};
}

Task<http::Response> Api::Generate(CallContext call, std::shared_ptr<const http::Request> request) {
  // Counted before it is looked at: the count bounds what is held in memory too.
  struct Slot {
    explicit Slot(Api& api) : api(api), number(++api.in_flight_) { api.in_flight_gauge_.Add(1); }
    ~Slot() {
      --api.in_flight_;
      api.in_flight_gauge_.Add(-1);
    }
    Api& api;
    const int number;
  };
  Slot slot(*this);
  if (draining_ || slot.number > options_.in_flight_max) co_return ErrorResponse(error::ServerIsOverloaded());
  absl::StatusOr<ImageRequest> image_request = ReadGeneration(*request);
  if (!image_request.ok()) co_return ErrorResponse(image_request.status());
  auto running = options_.generation->Run(call, *image_request);
  absl::StatusOr<ImageReply> reply = co_await running;
  if (!reply.ok()) co_return ErrorResponse(reply.status());
  co_return ImagesResponse(*image_request, *reply, absl::ToUnixSeconds(options_.clock->Now()));
}

Task<http::Response> Api::Models(CallContext call, std::shared_ptr<const http::Request> request,
                                 std::string public_id) {
  absl::StatusOr<std::string> api_key = ReadApiKey(*request);
  if (!api_key.ok()) co_return ErrorResponse(api_key.status());
  billing::v1::CheckKeyRequest check;
  check.set_api_key(*api_key);
  call.deadline = absl::Now() + kCheckKeyDeadline;
  auto checking = options_.billing->CheckKey(call, std::move(check));
  absl::StatusOr<billing::v1::CheckKeyResponse> key = co_await checking;
  if (!key.ok()) {
    bool known = ReasonOf(key.status()) != common::v1::ERROR_REASON_UNSPECIFIED;
    co_return ErrorResponse(known ? key.status() : error::BillingUnavailable());
  }

  std::shared_ptr<const catalog_watch::Snapshot> snapshot = options_.catalog->Current();
  std::vector<ListedModel> models;
  for (const catalog::v1::Model& model : snapshot->catalog().models()) {
    bool allowed =
        key->allowed_models().empty() || absl::c_linear_search(key->allowed_models(), model.name());
    if (!allowed) continue;
    for (const std::string& id : model.public_ids()) {
      if (public_id.empty() || id == public_id) models.push_back(Listed(model, id));
    }
  }
  if (public_id.empty()) co_return ModelsResponse(models);
  if (models.empty()) co_return ErrorResponse(error::ModelNotFound(public_id));
  co_return ModelResponse(models.front());
}

http::Response Api::Ready() const {
  if (draining_) return Text(503, "draining\n");
  if (!options_.catalog->ready()) return Text(503, "no catalog yet\n");
  return Text(200, "ready\n");
}

http::Response Api::Refuse(int status) const {
  using namespace common::v1;  // NOLINT: reasons
  absl::Status refusal = InvalidValue("", "The request is malformed.");
  if (status == 408) {
    refusal = Error(absl::StatusCode::kDeadlineExceeded, ERROR_REASON_REQUEST_TIMEOUT,
                    "The request did not arrive in time.");
  } else if (status == 413 || status == 414) {
    refusal = Error(absl::StatusCode::kInvalidArgument, ERROR_REASON_REQUEST_TOO_LARGE,
                    "The request is too large.");
  } else if (status == 415 || status == 501) {
    refusal = UnsupportedMediaType();
  } else if (status >= 500) {
    refusal = InternalError("");
  }
  Answer answer{"refused", ErrorResponse(refusal)};
  std::string request_id = NewUuidV7(*options_.clock);
  answer.response.Header("x-request-id", request_id);
  Record(request_id, http::Request(), answer, absl::ZeroDuration());
  return std::move(answer.response);
}

void Api::Record(const std::string& request_id, const http::Request& request, const Answer& answer,
                 absl::Duration duration) const {
  options_.metrics
      ->GetCounter("prismatic_http_requests_total", "Requests answered.",
                   {{"route", answer.route}, {"code", absl::StrCat(answer.response.status)}})
      .Add();
  options_.metrics
      ->GetHistogram("prismatic_http_request_duration_seconds",
                     "From the complete request to its complete answer.", metrics::SlowBuckets(),
                     {{"route", answer.route}, {"code_class", CodeClass(answer.response.status)}})
      .Observe(duration);
  log::Write(absl::StrContains(answer.route, "z") ? log::kDebug : log::kInfo, "request",
             {{"request_id", request_id},
              {"method", request.method},
              {"route", answer.route},
              {"status", answer.response.status},
              {"duration_ms", absl::ToInt64Milliseconds(duration)},
              {"request_bytes", static_cast<uint64_t>(request.body.size())},
              {"response_bytes", static_cast<uint64_t>(answer.response.body.size())}});
}

}  // namespace prismatic::gateway::openai
