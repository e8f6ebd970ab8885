#include "gateway/openai/routes.h"

#include <optional>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace prismatic::gateway::openai {
namespace {

constexpr char kRead[] = "GET, HEAD";
constexpr absl::string_view kModelPrefix = "/v1/models/";

const struct {
  absl::string_view path;
  Route route;
} kFixed[] = {
    {"/v1/images/generations", {Endpoint::kGenerations, "generations", "POST", {}}},
    {"/v1/models", {Endpoint::kModels, "models", kRead, {}}},
    {"/openapi.json", {Endpoint::kOpenApi, "openapi", kRead, {}}},
    {"/healthz", {Endpoint::kHealth, "healthz", kRead, {}}},
    {"/readyz", {Endpoint::kReady, "readyz", kRead, {}}},
};

bool IsHexDigit(char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); }

// Nothing when a `%` is not followed by two hexadecimal digits.
std::optional<std::string> PercentDecoded(absl::string_view text) {
  std::string decoded;
  while (!text.empty()) {
    size_t plain = std::min(text.find('%'), text.size());
    decoded.append(text.data(), plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    if (text.size() < 3 || !IsHexDigit(text[1]) || !IsHexDigit(text[2])) return std::nullopt;
    decoded += absl::HexStringToBytes(text.substr(1, 2));
    text.remove_prefix(3);
  }
  return decoded;
}

}  // namespace

bool Route::Allows(absl::string_view method) const {
  std::vector<absl::string_view> methods = absl::StrSplit(allow, ", ");
  return absl::c_linear_search(methods, method);
}

Route MatchRoute(absl::string_view raw_path) {
  for (const auto& fixed : kFixed) {
    if (raw_path == fixed.path) return fixed.route;
  }
  absl::string_view id = raw_path;
  if (!absl::ConsumePrefix(&id, kModelPrefix) || id.empty()) return Route();
  std::optional<std::string> public_id = PercentDecoded(id);
  if (!public_id) return Route();
  return {Endpoint::kModel, "model", kRead, *std::move(public_id)};
}

}  // namespace prismatic::gateway::openai
