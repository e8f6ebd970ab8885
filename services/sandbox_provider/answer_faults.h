#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_ANSWER_FAULTS_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_ANSWER_FAULTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "services/common/http/message.h"
#include "services/sandbox_provider/picture.h"
#include "services/sandbox_provider/steering.h"
#include "services/sandbox_provider/wire_formats.h"

namespace prismatic::sandbox {

// What model, prompt and the next requests' words say together. INVALID_ARGUMENT names what the sandbox, or
// the format, does not understand.
absl::StatusOr<Steering> SteeringFor(const WireFormat& format, const ImageCall& call,
                                     absl::string_view next_words);

// The faults of an answer that has been made otherwise.
http::Response Spoiled(http::Response response, const Steering& steering);

// The picture's bytes, or what is asked for in their place.
std::string PictureBytes(const PictureSpec& spec, const Steering& steering, const Font* font);

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_ANSWER_FAULTS_H_
