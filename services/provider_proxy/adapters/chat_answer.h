#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_CHAT_ANSWER_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_CHAT_ANSWER_H_

#include <cstdint>

#include "services/provider_proxy/adapters/http_message.h"
#include "services/provider_proxy/adapters/outcome.h"

namespace prismatic::provider_proxy {

// Finds the images in a chat completion, wherever its upstream put them: `message.images[]` (or `delta`),
// content parts, or the text itself as a data: URL, markdown, or a link to a picture. Words without an image
// are a refusal; neither words nor an image is an answer that may have cost something.
Outcome ReadChatAnswer(HttpResponse response, int64_t bytes_max, int count);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_CHAT_ANSWER_H_
