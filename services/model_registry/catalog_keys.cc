#include "services/model_registry/catalog_keys.h"

namespace prismatic::model_registry {

const Keys& CatalogKeys() {
  static const Keys* keys = new Keys{"based_on", "providers", "models"};
  return *keys;
}

const Keys& ProviderKeys() {
  static const Keys* keys =
      new Keys{"name",           "wire_format",    "base_url",    "credential", "credentials",
               "images_enabled", "max_concurrent", "fetch_hosts", "endpoint",   "timeout_seconds",
               "egress_proxy",   "job_mapping",    "poll_hosts"};
  return *keys;
}

const Keys& EndpointKeys() {
  static const Keys* keys =
      new Keys{"path", "reference_path", "query", "auth_header", "auth_scheme", "headers"};
  return *keys;
}

const Keys& ModelKeys() {
  static const Keys* keys = new Keys{"name",
                                     "public_ids",
                                     "owned_by",
                                     "created",
                                     "capabilities",
                                     "retail_generation_usd",
                                     "quota_units_per_image",
                                     "routes"};
  return *keys;
}

const Keys& RouteKeys() {
  static const Keys* keys = new Keys{"provider",
                                     "upstream_model",
                                     "priority",
                                     "weight",
                                     "supported_parameters",
                                     "max_images_per_call",
                                     "reference_images",
                                     "retry_safe",
                                     "disabled",
                                     "max_image_bytes",
                                     "size_form",
                                     "fold_negative_prompt",
                                     "base64_word",
                                     "reference_form",
                                     "inline_references",
                                     "max_reference_images",
                                     "field_names",
                                     "extra_fields",
                                     "modalities",
                                     "limits"};
  return *keys;
}

const Keys& LimitsKeys() {
  static const Keys* keys =
      new Keys{"sizes",    "aspect_ratios", "qualities",     "styles",  "output_formats",
               "side_min", "side_max",      "side_multiple", "seed_max"};
  return *keys;
}

}  // namespace prismatic::model_registry
