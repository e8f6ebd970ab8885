#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_PNG_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_PNG_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "services/sandbox_provider/canvas.h"

namespace prismatic::sandbox {

// The canvas as a PNG of about `size_min` bytes at least: a private chunk that viewers skip fills up.
std::string EncodePng(const Canvas& canvas, size_t size_min = 0);

// Rewrites a PNG's head so that it claims these sides, checksum included.
void ClaimSides(std::string& png, uint32_t width, uint32_t height);

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_PNG_H_
