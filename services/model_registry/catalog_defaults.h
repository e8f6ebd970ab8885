#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_DEFAULTS_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_DEFAULTS_H_

#include <cstdint>

#include "prismatic/catalog/v1/catalog.pb.h"

// What counts where a catalog file says nothing; the reader fills it in and the writer leaves it out.

namespace prismatic::model_registry {

constexpr int32_t kMaxConcurrentDefault = 64;
// The deadline of a whole generation in provider-proxy.
constexpr int32_t kTimeoutSecondsDefault = 295;
constexpr int32_t kQuotaUnitsDefault = 1;
constexpr int32_t kPriorityDefault = 1;
constexpr int32_t kWeightDefault = 100;
constexpr int32_t kMaxImagesPerCallDefault = 1;
constexpr int64_t kMaxImageBytesDefault = int64_t{8} << 20;
constexpr char kBase64WordDefault[] = "b64_json";

// A reference_form of one string holds one image.
inline int32_t MaxReferenceImagesDefault(catalog::v1::ReferenceForm form) {
  return form == catalog::v1::REFERENCE_FORM_STRING ? 1 : 16;
}

// What a wire format asks for by itself.
inline bool IsModalitiesDefault(const google::protobuf::RepeatedPtrField<std::string>& modalities,
                                catalog::v1::WireFormat format) {
  bool image = !modalities.empty() && modalities[0] == "image";
  if (format == catalog::v1::WIRE_FORMAT_CHAT_COMPLETIONS) {
    return modalities.size() == 2 && image && modalities[1] == "text";
  }
  return format == catalog::v1::WIRE_FORMAT_GEMINI && modalities.size() == 1 && image;
}

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_DEFAULTS_H_
