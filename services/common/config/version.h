#ifndef PRISMATIC_SERVICES_COMMON_CONFIG_VERSION_H_
#define PRISMATIC_SERVICES_COMMON_CONFIG_VERSION_H_

namespace prismatic::config {

// The version of the suite, "0.1.0": the CMake project's, the same in every program.
extern const char kVersion[];

}  // namespace prismatic::config

#endif  // PRISMATIC_SERVICES_COMMON_CONFIG_VERSION_H_
