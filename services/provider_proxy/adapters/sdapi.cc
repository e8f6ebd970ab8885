#include "services/provider_proxy/adapters/sdapi.h"

#include "services/provider_proxy/adapters/provider_errors.h"

namespace prismatic::provider_proxy {

const FormatFields& Sdapi::Fields(const Target&) const {
  static const FormatFields* const fields = new FormatFields;
  return *fields;
}
int Sdapi::ImagesPerCallMax(const Target&) const { return 1; }
bool Sdapi::NeedsReferenceBytes(const Target&) const { return true; }
absl::StatusOr<HttpRequest> Sdapi::BuildRequest(const v1::GenerateImagesRequest& request, const Target&,
                                                int) const {
  return error::ReferenceImagesNotTaken(request.model());
}
Outcome Sdapi::ReadResponse(HttpResponse, const Target&, int) const { return outcome::Failed("bad_answer"); }

}  // namespace prismatic::provider_proxy
