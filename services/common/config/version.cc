#include "services/common/config/version.h"

namespace prismatic::config {

const char kVersion[] = PRISMATIC_VERSION;

}  // namespace prismatic::config
