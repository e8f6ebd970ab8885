#include "services/provider_proxy/adapters/async_job.h"

#include "services/provider_proxy/adapters/provider_errors.h"

namespace prismatic::provider_proxy {

const FormatFields& AsyncJob::Fields(const Target&) const {
  static const FormatFields* const fields = new FormatFields;
  return *fields;
}
int AsyncJob::ImagesPerCallMax(const Target&) const { return 1; }
bool AsyncJob::NeedsReferenceBytes(const Target&) const { return true; }
absl::StatusOr<HttpRequest> AsyncJob::BuildRequest(const v1::GenerateImagesRequest& request, const Target&,
                                                   int) const {
  return error::ReferenceImagesNotTaken(request.model());
}
Outcome AsyncJob::ReadResponse(HttpResponse, const Target&, int) const {
  return outcome::Failed("bad_answer");
}
Outcome AsyncJob::ReadPoll(HttpResponse, const Target&, int) const { return outcome::Failed("bad_answer"); }

}  // namespace prismatic::provider_proxy
