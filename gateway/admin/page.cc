#include "gateway/admin/page.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gateway/admin/page_files.h"
#include "services/common/crypto/crypto.h"

namespace prismatic::gateway::admin {
namespace {

constexpr struct {
  absl::string_view ending;
  absl::string_view content_type;
} kContentTypes[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".json", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".txt", "text/plain; charset=utf-8"},
};

absl::string_view ContentTypeOf(absl::string_view name) {
  for (const auto& known : kContentTypes) {
    if (absl::EndsWith(name, known.ending)) return known.content_type;
  }
  return "application/octet-stream";
}

// `If-None-Match: "a", W/"b"`, or `*`.
bool ClientHas(const http::Request& request, absl::string_view etag) {
  for (absl::string_view one : absl::StrSplit(request.header("If-None-Match"), ',')) {
    one = absl::StripAsciiWhitespace(one);
    absl::ConsumePrefix(&one, "W/");
    if (one == etag || one == "*") return true;
  }
  return false;
}

}  // namespace

Page::Page() {
  for (size_t i = 0; i < kPageFileCount; ++i) {
    absl::string_view bytes(reinterpret_cast<const char*>(kPageFiles[i].bytes), kPageFiles[i].size);
    absl::string_view name = kPageFiles[i].name;
    File file{.bytes = bytes,
              .content_type = ContentTypeOf(name),
              .etag = absl::StrCat("\"", crypto::Sha256Hex(bytes).substr(0, 32), "\"")};
    if (name == "index.html") files_.emplace("/", file);
    files_.emplace(absl::StrCat("/", name), std::move(file));
  }
}

std::optional<http::Response> Page::Find(absl::string_view raw_path, const http::Request& request) const {
  auto found = files_.find(raw_path);
  if (found == files_.end()) return std::nullopt;
  const File& file = found->second;
  http::Response response;
  response.content_type = std::string(file.content_type);
  response.Header("ETag", file.etag);
  // Asked again each time, so that page and gateway are of one version.
  response.Header("Cache-Control", "no-cache");
  if (ClientHas(request, file.etag)) {
    response.status = 304;
  } else {
    response.body = std::string(file.bytes);
  }
  return response;
}

}  // namespace prismatic::gateway::admin
