#include "gateway/openai/api.h"

#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "gateway/generation/generation_errors.h"
#include "gateway/openai/error_mapping.h"
#include "gateway/openai/gate_refusals.h"
#include "gateway/openai/openapi_json.h"
#include "gateway/openai/request_headers.h"
#include "gateway/openai/request_reader.h"
#include "gateway/openai/response_writer.h"
#include "services/common/json/json.h"
#include "services/common/log/log.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"
#include "services/common/uuid/uuid.h"

namespace prismatic::gateway::openai {
namespace {

// One try of CheckKey for the model list.
constexpr absl::Duration kCheckKeyDeadline = absl::Seconds(2);

absl::Status UnknownUrl(absl::string_view method, absl::string_view path) {
  return Error(absl::StatusCode::kNotFound, common::v1::ERROR_REASON_UNKNOWN_URL,
               absl::StrCat("Invalid URL (", method, " ", path.substr(0, 200), ")."));
}

absl::Status MethodNotAllowed(absl::string_view method, absl::string_view allow) {
  return Error(absl::StatusCode::kUnimplemented, common::v1::ERROR_REASON_METHOD_NOT_ALLOWED,
               absl::StrCat("Not allowed to ", method, " here; use ", allow, "."))
      .With("allow", allow);
}

// All that the edge decides alone, in the order of refusals: what is malformed, then the key's presence.
absl::StatusOr<ImageRequest> ReadGeneration(http::Request& request) {
  RETURN_IF_ERROR(CheckContentType(request));
  ASSIGN_OR_RETURN(ImageRequest image_request, ReadImageRequest(std::move(request.body)));
  ASSIGN_OR_RETURN(image_request.idempotency_key, ReadIdempotencyKey(request));
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

http::Response OpenApi() {
  http::Response response;
  response.body = std::string(kOpenApiJson);
  // It changes with releases alone.
  response.Header("Cache-Control", "public, max-age=3600");
  return response;
}

// The route of what the gate refuses before it is read.
constexpr char kUnread[] = "refused";

// Asked every second by whoever watches the process.
bool IsProbe(absl::string_view route) { return route == "healthz" || route == "readyz"; }

const char* CodeClass(int status) {
  constexpr const char* kClasses[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
  return status >= 100 && status < 600 ? kClasses[status / 100] : kClasses[0];
}

}  // namespace

Api::Api(Options options)
    : options_(options),
      in_flight_gauge_(options.metrics->GetGauge("prismatic_http_in_flight", "Generations being worked on.")),
      rejections_(*options.metrics),
      request_bytes_(options.metrics->GetHistogram("prismatic_http_request_body_bytes",
                                                   "Bodies of requests that were read to their end.",
                                                   metrics::ByteBuckets())),
      response_bytes_(options.metrics->GetHistogram("prismatic_http_response_body_bytes",
                                                    "Bodies of answers.", metrics::ByteBuckets())),
      overhead_(options.metrics->GetHistogram(
          "prismatic_gateway_overhead_seconds",
          "Of requests that brought images, their time less what was spent waiting for provider-proxy.",
          metrics::FastBuckets())) {}

Task<http::Response> Api::Handle(std::shared_ptr<http::Request> request,
                                 std::shared_ptr<ServedBy> served_by) {
  Route route = MatchRoute(request->raw_path);
  Asked asked{.request_id = NewUuidV7(*options_.clock),
              .trace = ReadTrace(*request),
              .method = request->method,
              .body_bytes = request->body.size(),
              .route = route.name,
              .started = absl::Now()};
  CallContext call;
  call.request_id = asked.request_id;
  call.trace = asked.trace;
  call.cancellation = request->cancellation;
  if (served_by == nullptr) served_by = std::make_shared<ServedBy>();
  auto serving = Serve(call, std::move(request), route, served_by);
  http::Response response = co_await serving;
  if (!served_by->provider.empty()) asked.provider_time = served_by->provider_time;
  Finish(asked, response);
  co_return std::move(response);
}

Task<http::Response> Api::Serve(CallContext call, std::shared_ptr<http::Request> request, Route route,
                                std::shared_ptr<ServedBy> served_by) {
  if (route.endpoint == Endpoint::kUnknown) {
    co_return Malformed(UnknownUrl(request->method, request->raw_path));
  }
  if (!route.Allows(request->method)) {
    co_return Malformed(MethodNotAllowed(request->method, route.allow));
  }
  if (route.endpoint == Endpoint::kHealth) co_return Text(200, "ok\n");
  if (route.endpoint == Endpoint::kReady) co_return Ready();
  if (route.endpoint == Endpoint::kOpenApi) co_return OpenApi();
  auto answering = route.endpoint == Endpoint::kGenerations ? Generate(call, request, std::move(served_by))
                                                            : Models(call, request, route.public_id);
  http::Response response = co_await answering;
  co_return std::move(response);
}

Task<http::Response> Api::Generate(CallContext call, std::shared_ptr<http::Request> request,
                                   std::shared_ptr<ServedBy> served_by) {
  struct Counted {
    explicit Counted(Api& api) : api(api) {
      ++api.in_flight_;
      api.in_flight_gauge_.Add(1);
    }
    ~Counted() {
      --api.in_flight_;
      api.in_flight_gauge_.Add(-1);
    }
    Api& api;
  };
  Counted counted(*this);
  if (draining_) co_return Refused(error::ServerIsOverloaded());
  absl::StatusOr<ImageRequest> image_request = ReadGeneration(*request);
  request = nullptr;
  if (!image_request.ok()) co_return Malformed(image_request.status());
  AnswerForm form = FormOf(*image_request);
  auto running = options_.generation->Run(call, *std::move(image_request));
  absl::StatusOr<ImageReply> reply = co_await running;
  if (!reply.ok()) co_return Refused(reply.status());
  served_by->provider = reply->summary.provider();
  served_by->upstream_model = reply->summary.upstream_model();
  served_by->provider_time = reply->provider_time;
  co_return ImagesResponse(form, *reply, absl::ToUnixSeconds(options_.clock->Now()));
}

Task<http::Response> Api::Models(CallContext call, std::shared_ptr<const http::Request> request,
                                 std::string public_id) {
  absl::StatusOr<std::string> api_key = ReadApiKey(*request);
  if (!api_key.ok()) co_return Malformed(api_key.status());
  billing::v1::CheckKeyRequest check;
  check.set_api_key(*api_key);
  call.deadline = absl::Now() + kCheckKeyDeadline;
  auto checking = options_.billing->CheckKey(call, std::move(check));
  absl::StatusOr<billing::v1::CheckKeyResponse> key = co_await checking;
  if (!key.ok()) {
    bool known = ReasonOf(key.status()) != common::v1::ERROR_REASON_UNSPECIFIED;
    co_return Refused(known ? key.status() : error::BillingUnavailable());
  }

  std::shared_ptr<const catalog_watch::Snapshot> snapshot = options_.catalog->Current();
  // No catalog is not an empty one.
  if (snapshot->version() == 0) co_return Refused(error::ServerIsOverloaded());
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

http::Response Api::Refused(const absl::Status& status) const {
  rejections_.Count(status);
  return ErrorResponse(status);
}

http::Response Api::Malformed(const absl::Status& status) const {
  rejections_.CountMalformed(status);
  return ErrorResponse(status);
}

http::Response Api::Ready() const {
  if (leaving_ || draining_) return Text(503, "draining\n");
  if (!options_.catalog->ready()) return Text(503, "no catalog yet\n");
  return Text(200, "ready\n");
}

http::Response Api::Refuse(int status) const {
  http::Response response = GateRefusal(status);
  Finish({.request_id = NewUuidV7(*options_.clock), .route = kUnread, .started = absl::Now()}, response);
  return response;
}

void Api::Finish(const Asked& asked, http::Response& response) const {
  absl::Duration duration = absl::Now() - asked.started;
  response.Header("x-request-id", asked.request_id);
  response.Header("openai-processing-ms", absl::StrCat(absl::ToInt64Milliseconds(duration)));
  options_.metrics
      ->GetCounter("prismatic_http_requests_total", "Requests answered.",
                   {{"route", asked.route}, {"code", absl::StrCat(response.status)}})
      .Add();
  options_.metrics
      ->GetHistogram("prismatic_http_request_duration_seconds",
                     "From the complete request to its complete answer.", metrics::SlowBuckets(),
                     {{"route", asked.route}, {"code_class", CodeClass(response.status)}})
      .Observe(duration);
  if (asked.route != kUnread && !IsProbe(asked.route)) {
    request_bytes_.Observe(static_cast<double>(asked.body_bytes));
    response_bytes_.Observe(static_cast<double>(response.body.size()));
  }
  if (asked.provider_time) overhead_.Observe(duration - *asked.provider_time);
  log::Write(IsProbe(asked.route) ? log::kDebug : log::kInfo, "request",
             {{"request_id", asked.request_id},
              asked.trace,
              {"method", asked.method},
              {"route", asked.route},
              {"status", response.status},
              {"duration_ms", absl::ToInt64Milliseconds(duration)},
              {"request_bytes", static_cast<uint64_t>(asked.body_bytes)},
              {"response_bytes", static_cast<uint64_t>(response.body.size())}});
}

}  // namespace prismatic::gateway::openai
