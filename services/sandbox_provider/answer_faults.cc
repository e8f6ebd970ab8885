#include "services/sandbox_provider/answer_faults.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/common/status/status_macros.h"
#include "services/sandbox_provider/gzip.h"
#include "services/sandbox_provider/png.h"

namespace prismatic::sandbox {
namespace {

// Decoded, such a picture would take 10 GiB.
constexpr uint32_t kHugeSide = 60'000;

// What a proxy in front of an upstream says when it is in trouble.
void MakeHtml(http::Response& response) {
  response.content_type = "text/html";
  response.body =
      "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>"
      "<body><center><h1>502 Bad Gateway</h1></center><hr><center>sandbox</center></body></html>\n";
}

}  // namespace

absl::StatusOr<Steering> SteeringFor(const WireFormat& format, const ImageCall& call,
                                     absl::string_view next_words) {
  Steering steering;
  // The later ones win: who steers the next requests means these, whatever they say.
  for (absl::string_view words :
       {absl::string_view(call.model_words), absl::string_view(call.prompt_words), next_words}) {
    RETURN_IF_ERROR(Steer(words, steering));
  }
  if (format.job == nullptr && steering.at == FaultPlace::kResult) steering.at = FaultPlace::kAnswer;
  if (steering.refuse.empty()) return steering;
  std::vector<std::string> ways = absl::StrSplit(format.refusals, ' ', absl::SkipEmpty());
  if (steering.refuse == "usual" && !ways.empty()) steering.refuse = ways[0];
  if (std::find(ways.begin(), ways.end(), steering.refuse) != ways.end()) return steering;
  return absl::InvalidArgumentError(
      absl::StrCat("The sandbox does not understand `refuse` here; ", format.name,
                   " knows: ", ways.empty() ? "no refusals" : format.refusals, "."));
}

http::Response Spoiled(http::Response response, const Steering& steering) {
  if (steering.body == BodyFault::kHtml) MakeHtml(response);
  if (steering.body == BodyFault::kBrokenJson) response.body.resize(response.body.size() / 2);
  if (steering.gzip || steering.gzip_bomb_mib) {
    response.body = Gzip(response.body, steering.gzip_bomb_mib.value_or(0));
    response.Header("Content-Encoding", "gzip");
  }
  if (steering.cut_body_at) response.cut_body_at = *steering.cut_body_at;
  if (steering.retry_after_seconds) {
    response.Header("Retry-After", absl::StrCat(*steering.retry_after_seconds));
  }
  return response;
}

std::string PictureBytes(const PictureSpec& spec, const Steering& steering, const Font* font) {
  if (steering.body == BodyFault::kNotImage) return "This is not an image.";
  std::string png = DrawPicture(spec, font);
  if (steering.huge_dimensions) ClaimSides(png, kHugeSide, kHugeSide);
  return png;
}

}  // namespace prismatic::sandbox
