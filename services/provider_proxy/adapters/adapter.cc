#include "services/provider_proxy/adapters/adapter.h"

#include <limits>

#include "services/provider_proxy/adapters/async_job.h"
#include "services/provider_proxy/adapters/chat_completions.h"
#include "services/provider_proxy/adapters/gemini.h"
#include "services/provider_proxy/adapters/openai_images.h"
#include "services/provider_proxy/adapters/sdapi.h"

namespace prismatic::provider_proxy {
namespace {

// Negative ones mean "any" to those who know them.
int64_t SeedOf(int64_t seed, int first, int64_t max) {
  if (seed < 0 || first == 0) return seed;
  if (max <= 0) max = std::numeric_limits<int64_t>::max();
  return seed <= max - first ? seed + first : first - (max - seed) - 1;
}

}  // namespace
Outcome Adapter::ReadPoll(HttpResponse, const Target&, int) const {
  return outcome::Failed("bad_answer", "this format has no jobs to poll");
}

const Adapter* AdapterFor(catalog::v1::WireFormat format) {
  static const OpenaiImages* const openai_images = new OpenaiImages;
  static const ChatCompletions* const chat_completions = new ChatCompletions;
  static const Gemini* const gemini = new Gemini;
  static const AsyncJob* const async_job = new AsyncJob;
  static const Sdapi* const sdapi = new Sdapi;
  switch (format) {
    case catalog::v1::WIRE_FORMAT_OPENAI_IMAGES:
      return openai_images;
    case catalog::v1::WIRE_FORMAT_CHAT_COMPLETIONS:
      return chat_completions;
    case catalog::v1::WIRE_FORMAT_GEMINI:
      return gemini;
    case catalog::v1::WIRE_FORMAT_ASYNC_JOB:
      return async_job;
    case catalog::v1::WIRE_FORMAT_SDAPI:
      return sdapi;
    default:
      return nullptr;
  }
}

Parameters ParametersFor(const v1::GenerateImagesRequest& request, const Adapter& adapter,
                         const Target& target, int first) {
  Parameters parameters = SelectParameters(request, target.route, adapter.Fields(target));
  if (parameters.seed) parameters.seed = SeedOf(*parameters.seed, first, target.route.limits().seed_max());
  return parameters;
}

}  // namespace prismatic::provider_proxy
