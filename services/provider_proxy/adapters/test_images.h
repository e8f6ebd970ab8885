#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_TEST_IMAGES_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_TEST_IMAGES_H_

#include <string>

#include "absl/strings/escaping.h"

// For tests: pictures that are whole as far as "delivered" goes.

namespace prismatic::provider_proxy::test_images {

// 1x1, each written by a real encoder.
inline constexpr char kPng[] =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
inline constexpr char kJpeg[] =
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJDRENDg8QEBEQ"
    "CgwSExIQEw8QEBD/yQALCAABAAEBAREA/8wABgAQEAX/2gAIAQEAAD8A0s8g/9k=";
inline constexpr char kWebpLossy[] = "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA";
inline constexpr char kWebpLossless[] = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==";
inline constexpr char kWebpAlpha[] =
    "UklGRkoAAABXRUJQVlA4WAoAAAAQAAAAAAAAAAAAQUxQSAwAAAARBxAR/Q9ERP8DAABWUDggGAAAABQBAJ0BKgEAAQAAAP4AAA3AAP7m"
    "tQAAAA==";

inline std::string BigEndian(uint32_t number, int count) {
  std::string bytes;
  for (int i = count - 1; i >= 0; --i) bytes.push_back(static_cast<char>(number >> (8 * i)));
  return bytes;
}

// A PNG's frame with `filling` bytes where pixels would be.
inline std::string Png(uint32_t width, uint32_t height, size_t filling = 0) {
  using namespace std::string_literals;
  return "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"s + BigEndian(width, 4) + BigEndian(height, 4) +
         "\x08\x02\0\0\0\0\0\0\0"s + BigEndian(static_cast<uint32_t>(filling), 4) + "IDAT" +
         std::string(filling, 'x') + "\0\0\0\0"s + "\0\0\0\0IEND\xae\x42\x60\x82"s;
}

// A JPEG whose size comes after `metadata` bytes of application segments.
inline std::string Jpeg(uint32_t width, uint32_t height, size_t metadata = 0) {
  using namespace std::string_literals;
  std::string bytes = "\xff\xd8"s;
  while (metadata > 0) {
    size_t length = std::min<size_t>(metadata, 65'000);
    bytes += "\xff\xeb"s + BigEndian(static_cast<uint32_t>(length + 2), 2) + std::string(length, 'm');
    metadata -= length;
  }
  return bytes + "\xff\xc0\0\x11\x08"s + BigEndian(height, 2) + BigEndian(width, 2) +
         "\x03\x01\x22\0\x02\x11\x01\x03\x11\x01\xff\xda\0\x02pixels\xff\xd9"s;
}

inline std::string PngBase64(uint32_t width, uint32_t height, size_t filling = 0) {
  return absl::Base64Escape(Png(width, height, filling));
}

}  // namespace prismatic::provider_proxy::test_images

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_TEST_IMAGES_H_
