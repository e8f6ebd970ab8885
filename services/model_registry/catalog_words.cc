#include "services/model_registry/catalog_words.h"

#include "prismatic/catalog/v1/catalog.pb.h"

namespace prismatic::model_registry {

namespace pb = catalog::v1;

const Words& WireFormats() {
  static const Words* words = new Words{{"openai_images", pb::WIRE_FORMAT_OPENAI_IMAGES},
                                        {"chat_completions", pb::WIRE_FORMAT_CHAT_COMPLETIONS},
                                        {"gemini", pb::WIRE_FORMAT_GEMINI},
                                        {"async_job", pb::WIRE_FORMAT_ASYNC_JOB},
                                        {"sdapi", pb::WIRE_FORMAT_SDAPI}};
  return *words;
}

const Words& Capabilities() {
  static const Words* words = new Words{{"image_generation", pb::CAPABILITY_IMAGE_GENERATION},
                                        {"text_generation", pb::CAPABILITY_TEXT_GENERATION}};
  return *words;
}

const Words& ReferenceImageWords() {
  static const Words* words = new Words{{"none", pb::REFERENCE_IMAGES_NONE},
                                        {"native", pb::REFERENCE_IMAGES_NATIVE},
                                        {"chat", pb::REFERENCE_IMAGES_CHAT}};
  return *words;
}

const Words& AuthSchemes() {
  static const Words* words = new Words{{"bearer", pb::AUTH_SCHEME_BEARER},
                                        {"key", pb::AUTH_SCHEME_KEY},
                                        {"basic", pb::AUTH_SCHEME_BASIC},
                                        {"plain", pb::AUTH_SCHEME_PLAIN}};
  return *words;
}

const Words& JobMappings() {
  static const Words* words = new Words{{"black_forest_labs", pb::JOB_MAPPING_BLACK_FOREST_LABS},
                                        {"fal", pb::JOB_MAPPING_FAL},
                                        {"replicate", pb::JOB_MAPPING_REPLICATE}};
  return *words;
}

const Words& SizeForms() {
  static const Words* words = new Words{{"pixels", pb::SIZE_FORM_PIXELS},
                                        {"tier", pb::SIZE_FORM_TIER},
                                        {"width_height", pb::SIZE_FORM_WIDTH_HEIGHT}};
  return *words;
}

const Words& ReferenceForms() {
  static const Words* words = new Words{{"strings", pb::REFERENCE_FORM_STRINGS},
                                        {"string", pb::REFERENCE_FORM_STRING},
                                        {"image_url_objects", pb::REFERENCE_FORM_IMAGE_URL_OBJECTS},
                                        {"url_objects", pb::REFERENCE_FORM_URL_OBJECTS},
                                        {"content_parts", pb::REFERENCE_FORM_CONTENT_PARTS}};
  return *words;
}

const Words& Parameters() {
  static const Words* words = new Words{{"n", 1},
                                        {"size", 2},
                                        {"aspect_ratio", 3},
                                        {"seed", 4},
                                        {"negative_prompt", 5},
                                        {"quality", 6},
                                        {"style", 7},
                                        {"response_format", 8},
                                        {"background", 9},
                                        {"moderation", 10},
                                        {"output_format", 11},
                                        {"output_compression", 12},
                                        {"user", 13}};
  return *words;
}

const Words& RenamedFields() {
  static const Words* words = [] {
    auto* all = new Words(Parameters());
    for (absl::string_view more : {"reference_images", "width", "height", "prompt"}) {
      all->emplace_back(more, static_cast<int>(all->size()) + 1);
    }
    return all;
  }();
  return *words;
}

const Words& Modalities() {
  static const Words* words = new Words{{"image", 1}, {"text", 2}};
  return *words;
}

const Words& OutputFormats() {
  static const Words* words = new Words{{"png", 1}, {"jpeg", 2}, {"webp", 3}};
  return *words;
}

absl::string_view NameOf(int value, const Words& words) {
  for (const auto& [name, named] : words) {
    if (named == value) return name;
  }
  return "";
}

}  // namespace prismatic::model_registry
