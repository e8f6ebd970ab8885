#include "services/catalog_watch/route_rules.h"

namespace prismatic::catalog_watch {
namespace {

// As many as a request may have.
constexpr int kReferenceImagesMax = 16;

}  // namespace

bool TakesReferenceImages(const catalog::v1::Route& route, int count) {
  if (count == 0) return true;
  if (route.reference_images() != catalog::v1::REFERENCE_IMAGES_NATIVE &&
      route.reference_images() != catalog::v1::REFERENCE_IMAGES_CHAT) {
    return false;
  }
  if (route.reference_form() == catalog::v1::REFERENCE_FORM_STRING) return count == 1;
  int max = route.max_reference_images() > 0 ? route.max_reference_images() : kReferenceImagesMax;
  return count <= max;
}

}  // namespace prismatic::catalog_watch
