#include "services/sandbox_provider/references.h"

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/common/status/status_macros.h"

namespace prismatic::sandbox {
namespace {

bool IsHttpUrl(absl::string_view text) {
  return absl::StartsWith(text, "http://") || absl::StartsWith(text, "https://");
}

// The values of a field: those of its list, or itself.
std::vector<const json::Value*> ValuesOf(const json::Value& object, absl::string_view name) {
  const json::Value* value = object.FindNonNull(name);
  if (value == nullptr) return {};
  if (!value->is_array()) return {value};
  std::vector<const json::Value*> values;
  for (const json::Value& each : value->elements()) values.push_back(&each);
  return values;
}

bool IsUrlOrObjectWithOne(const json::Value& value) {
  if (value.is_string()) return true;
  if (const json::Value* url = value.FindNonNull("url"); url != nullptr) return url->is_string();
  const json::Value* image_url = value.FindNonNull("image_url");
  if (image_url == nullptr) return false;
  if (image_url->is_string()) return true;
  const json::Value* url = image_url->FindNonNull("url");
  return url != nullptr && url->is_string();
}

}  // namespace

absl::Status CheckBase64Image(absl::string_view base64) {
  std::string bytes;
  if (!absl::Base64Unescape(base64, &bytes)) return absl::InvalidArgumentError("not base64");
  bool is_webp = absl::StartsWith(bytes, "RIFF") && bytes.size() > 12 && bytes.compare(8, 4, "WEBP") == 0;
  if (absl::StartsWith(bytes, "\x89PNG\r\n\x1a\n") || absl::StartsWith(bytes, "\xFF\xD8\xFF") || is_webp) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("not an image");
}

absl::Status CheckImageUrl(absl::string_view url) {
  if (IsHttpUrl(url)) return absl::OkStatus();
  size_t base64 = url.find(";base64,");
  if (!absl::ConsumePrefix(&url, "data:image/") || base64 == absl::string_view::npos) {
    return absl::InvalidArgumentError("not a URL of an image");
  }
  return CheckBase64Image(url.substr(url.find(',') + 1));
}

absl::StatusOr<int> CountReferences(const json::Value& object,
                                    std::initializer_list<absl::string_view> names) {
  int count = 0;
  for (absl::string_view name : names) {
    for (const json::Value* value : ValuesOf(object, name)) {
      if (!IsUrlOrObjectWithOne(*value)) {
        return absl::InvalidArgumentError(absl::StrCat("`", name, "` must be a URL or a list of them."));
      }
      ++count;
    }
  }
  return count;
}

absl::StatusOr<int> CountCheckedReferences(const json::Value& object,
                                           std::initializer_list<absl::string_view> names) {
  int count = 0;
  for (absl::string_view name : names) {
    for (const json::Value* value : ValuesOf(object, name)) {
      std::string text = value->String().value_or("");
      bool is_url = IsHttpUrl(text) || absl::StartsWith(text, "data:");
      absl::Status checked = is_url ? CheckImageUrl(text) : CheckBase64Image(text);
      if (!checked.ok())
        return absl::InvalidArgumentError(absl::StrCat("`", name, "` is ", checked.message(), "."));
      ++count;
    }
  }
  return count;
}

}  // namespace prismatic::sandbox
