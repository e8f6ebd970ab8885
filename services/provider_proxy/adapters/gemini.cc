#include "services/provider_proxy/adapters/gemini.h"

#include "services/provider_proxy/adapters/provider_errors.h"

namespace prismatic::provider_proxy {

const FormatFields& Gemini::Fields(const Target&) const {
  static const FormatFields* const fields = new FormatFields;
  return *fields;
}
int Gemini::ImagesPerCallMax(const Target&) const { return 1; }
bool Gemini::NeedsReferenceBytes(const Target&) const { return true; }
absl::StatusOr<HttpRequest> Gemini::BuildRequest(const v1::GenerateImagesRequest& request, const Target&,
                                                 int) const {
  return error::ReferenceImagesNotTaken(request.model());
}
Outcome Gemini::ReadResponse(HttpResponse, const Target&, int) const { return outcome::Failed("bad_answer"); }

}  // namespace prismatic::provider_proxy
