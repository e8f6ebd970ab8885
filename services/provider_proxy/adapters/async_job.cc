#include "services/provider_proxy/adapters/async_job.h"

#include <algorithm>
#include <utility>

#include "services/common/json/json.h"
#include "services/provider_proxy/adapters/job_mapping.h"
#include "services/provider_proxy/adapters/provider_errors.h"

namespace prismatic::provider_proxy {
namespace {

const FormatFields& NoFields() {
  static const FormatFields* const fields = new FormatFields;
  return *fields;
}

bool Has(const FormatFields& fields, absl::string_view name) {
  return std::find(fields.known.begin(), fields.known.end(), name) != fields.known.end();
}

Outcome WithoutMapping() { return outcome::Failed("bad_answer", "the provider has no job_mapping"); }

}  // namespace

const FormatFields& AsyncJob::Fields(const Target& target) const {
  const JobMapping* mapping = MappingFor(target.provider.job_mapping());
  return mapping == nullptr ? NoFields() : mapping->Fields();
}

int AsyncJob::ImagesPerCallMax(const Target& target) const {
  const auto& names = target.route.supported_parameters();
  bool takes_n = std::find(names.begin(), names.end(), "n") != names.end() && Has(Fields(target), "n");
  return takes_n ? std::clamp(target.route.max_images_per_call(), 1, 10) : 1;
}

bool AsyncJob::NeedsReferenceBytes(const Target& target) const { return target.route.inline_references(); }

absl::StatusOr<HttpRequest> AsyncJob::BuildRequest(const v1::GenerateImagesRequest& request,
                                                   const Target& target, Piece piece) const {
  const JobMapping* mapping = MappingFor(target.provider.job_mapping());
  if (mapping == nullptr) return error::NoImageRoute(request.model());
  int references = request.reference_images_size();
  if (!TakesReferenceImages(target.route, references)) return error::ReferenceImagesNotTaken(request.model());
  HttpRequest http = AddressedRequest(target, mapping->Endpoint(), references > 0);
  Parameters parameters = ParametersFor(request, *this, target, piece.first);
  http.body = mapping->WriteBody(
      {.request = request, .target = target, .parameters = parameters, .count = piece.count});
  return http;
}

Outcome AsyncJob::ReadResponse(HttpResponse response, const Target& target, int count) const {
  const JobMapping* mapping = MappingFor(target.provider.job_mapping());
  if (mapping == nullptr) return WithoutMapping();
  if (response.status < 200 || response.status > 299) return outcome::FromErrorResponse(response);
  absl::StatusOr<json::Document> document = json::Document::Parse(std::move(response.body));
  if (!document.ok()) return outcome::Failed("bad_answer", "no JSON");
  return mapping->ReadSubmission(document->root(), target, count);
}

Outcome AsyncJob::ReadPoll(HttpResponse response, const Target& target, int count) const {
  const JobMapping* mapping = MappingFor(target.provider.job_mapping());
  if (mapping == nullptr) return WithoutMapping();
  if (response.status < 200 || response.status > 299) return mapping->ReadPollError(response);
  absl::StatusOr<json::Document> document = json::Document::Parse(std::move(response.body));
  if (!document.ok()) return outcome::Failed("bad_answer", "no JSON");
  return mapping->ReadState(document->root(), target, count);
}

}  // namespace prismatic::provider_proxy
