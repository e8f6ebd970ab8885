#ifndef PRISMATIC_GATEWAY_OPENAI_REQUEST_READER_H_
#define PRISMATIC_GATEWAY_OPENAI_REQUEST_READER_H_

#include <string>

#include "absl/status/statusor.h"
#include "gateway/generation/image_request.h"

namespace prismatic::gateway::openai {

// Limits of one request; docs/reference/openapi.json tells them to clients.
inline constexpr int kPromptCharactersMax = 32'000;  // the largest that OpenAI's own models take
inline constexpr int kImagesMax = 10;                // OpenAI's range of `n`
inline constexpr int kReferenceImagesMax = 16;       // OpenAI's edits take as many
inline constexpr int kFreeTextCharactersMax = 64;    // quality, style
inline constexpr int kUserCharactersMax = 512;
inline constexpr int kSideMax = 16'384;  // pixels; what counts as a delivered image

// Reads the JSON body of POST /v1/images/generations; checks every field's type and range. JSON null
// means absent, and so does an empty negative_prompt, quality, style or user. A whole number is written
// without point and exponent. A member that is there twice, and U+0000 in a string, are refused. Fails with
// INVALID_VALUE, MISSING_REQUIRED_PARAMETER or UNSUPPORTED_PARAMETER and `param`, for the first field that is
// wrong. api_key and idempotency_key are not its business.
absl::StatusOr<ImageRequest> ReadImageRequest(std::string body);

}  // namespace prismatic::gateway::openai

#endif  // PRISMATIC_GATEWAY_OPENAI_REQUEST_READER_H_
