// The sandbox's own endpoints: what it is told to do, and what it has seen.
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/sandbox_provider/sandbox.h"

namespace prismatic::sandbox {
namespace {

constexpr int kRequestsShown = 100;
constexpr int kFaultsMax = 1'000'000;

http::Response BadRequest(absl::string_view message, absl::string_view code = "invalid_value") {
  return OpenAiError({.message = std::string(message), .code = std::string(code)});
}

}  // namespace

RequestRecords* Sandbox::RecordsOf(absl::string_view kind) {
  if (kind == "generation") return &generations_;
  if (kind == "poll") return &polls_;
  if (kind == "picture") return &pictures_;
  if (kind == "list") return &lists_;
  return nullptr;
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
    if (wanted < 0 || wanted > kFaultsMax) {
      return BadRequest(absl::StrCat("`count` must be 0 to ", kFaultsMax, "."));
    }
    Steering steering;
    absl::Status understood = Steer(*words, steering);
    if (!understood.ok()) return BadRequest(understood.message(), "unknown_sandbox_word");
    next_faults_.Set(static_cast<int>(wanted), *words);
  } else if (request.method != "GET") {
    return Refuse(405);
  }
  json::Writer writer;
  writer.BeginObject().Key("left").Int(next_faults_.left()).EndObject();
  return JsonResponse(writer.Take());
}

http::Response Sandbox::Requests(const http::Request& request) {
  if (request.method == "DELETE") {
    for (RequestRecords* records : {&generations_, &polls_, &pictures_, &lists_}) records->Clear();
  } else if (request.method != "GET") {
    return Refuse(405);
  }
  int limit = kRequestsShown;
  RequestRecords* records = &generations_;
  for (const auto& [name, value] : request.query) {
    if (name == "limit" && (!absl::SimpleAtoi(value, &limit) || limit < 0)) {
      return BadRequest("`limit` must be a number.");
    }
    if (name == "kind") records = RecordsOf(value);
  }
  if (records == nullptr) return BadRequest("`kind` must be generation, poll, picture or list.");
  return JsonResponse(records->Json(limit));
}

}  // namespace prismatic::sandbox
