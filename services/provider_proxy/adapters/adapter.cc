#include "services/provider_proxy/adapters/adapter.h"

#include "services/provider_proxy/adapters/chat_completions.h"
#include "services/provider_proxy/adapters/openai_images.h"

namespace prismatic::provider_proxy {

const Adapter* AdapterFor(catalog::v1::WireFormat format) {
  static const OpenaiImages* const openai_images = new OpenaiImages;
  static const ChatCompletions* const chat_completions = new ChatCompletions;
  switch (format) {
    case catalog::v1::WIRE_FORMAT_OPENAI_IMAGES:
      return openai_images;
    case catalog::v1::WIRE_FORMAT_CHAT_COMPLETIONS:
      return chat_completions;
    default:
      return nullptr;
  }
}

}  // namespace prismatic::provider_proxy
