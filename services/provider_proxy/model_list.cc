#include "services/provider_proxy/model_list.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/provider_proxy/adapters/adapter.h"
#include "services/provider_proxy/adapters/endpoint.h"

namespace prismatic::provider_proxy {
namespace {

using catalog::v1::Provider;

// Of a list that is compared for likeness; the largest known ones have some thousand.
constexpr size_t kNamesMax = 10'000;
constexpr size_t kNameBytesMax = 100;
// Of names that are alike at most one letter in so many differs.
constexpr size_t kAlikeShare = 3;

// What a list says of one model, all of which a route may call it.
void AddNames(const json::Value& item, std::vector<std::string>& names) {
  auto add = [&](const json::Value* value) {
    std::optional<std::string> text = value == nullptr ? std::nullopt : value->String();
    if (text && !text->empty() && names.size() < kNamesMax) names.push_back(*std::move(text));
  };
  if (item.is_string()) return add(&item);
  for (const char* key : {"id", "name", "model_name", "title"}) add(item.FindNonNull(key));
}

// Gemini writes `models/` before names, AUTOMATIC1111 a hash in brackets behind its titles.
absl::string_view Plain(absl::string_view name) {
  absl::ConsumePrefix(&name, "models/");
  size_t hash = name.rfind(" [");
  if (hash != absl::string_view::npos && absl::EndsWith(name, "]")) name = name.substr(0, hash);
  return name;
}

bool MayBeShown(absl::string_view name) {
  return name.size() <= kNameBytesMax && std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(c) || absl::StrContains("-._:/@+", c);
         });
}

// Levenshtein distance.
size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      bool same = absl::ascii_tolower(a[i - 1]) == absl::ascii_tolower(b[j - 1]);
      size_t replaced = diagonal + (same ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

// Some write who made a model before its name, `maker/model`; where only one of the two does, it says
// nothing.
std::pair<absl::string_view, absl::string_view> Comparable(absl::string_view a, absl::string_view b) {
  bool one_has_maker = absl::StrContains(a, "/") != absl::StrContains(b, "/");
  if (!one_has_maker) return {a, b};
  auto behind_maker = [](absl::string_view name) { return name.substr(name.rfind('/') + 1); };
  return {behind_maker(a), behind_maker(b)};
}

// How the credential is carried is the wire format's knowledge, so it builds a call that is never sent.
absl::StatusOr<HttpRequest> SampleCall(const Provider& provider) {
  const Adapter* adapter = AdapterFor(provider.wire_format());
  if (adapter == nullptr) return absl::InvalidArgumentError("this version does not know its wire format");
  catalog::v1::Route route;
  route.set_provider(provider.name());
  route.set_upstream_model("model");
  v1::GenerateImagesRequest request;
  request.set_prompt("a circle");
  request.set_image_count(1);
  return adapter->BuildRequest(request, {provider, route}, 1);
}

}  // namespace

std::optional<HarmlessGet> HarmlessGetOf(const Provider& provider) {
  switch (provider.wire_format()) {
    case catalog::v1::WIRE_FORMAT_OPENAI_IMAGES:
    case catalog::v1::WIRE_FORMAT_CHAT_COMPLETIONS:
    case catalog::v1::WIRE_FORMAT_GEMINI:
      return HarmlessGet{.path = "/models", .lists_models = true};
    case catalog::v1::WIRE_FORMAT_SDAPI:
      return HarmlessGet{.path = "/sdapi/v1/sd-models", .lists_models = true};
    case catalog::v1::WIRE_FORMAT_ASYNC_JOB:
      if (provider.job_mapping() == catalog::v1::JOB_MAPPING_REPLICATE)
        return HarmlessGet{.path = "/account"};
      if (provider.job_mapping() == catalog::v1::JOB_MAPPING_BLACK_FOREST_LABS) {
        return HarmlessGet{.path = "/credits"};
      }
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

absl::StatusOr<HttpRequest> BuildHarmlessGet(const Provider& provider, const HarmlessGet& get) {
  absl::StatusOr<HttpRequest> call = SampleCall(provider);
  if (!call.ok()) return call.status();
  Provider asked = provider;
  asked.mutable_endpoint()->set_path(get.path);
  if (provider.wire_format() == catalog::v1::WIRE_FORMAT_GEMINI) {
    catalog::v1::NameValue& all_at_once = *asked.mutable_endpoint()->add_query();
    all_at_once.set_name("pageSize");
    all_at_once.set_value("1000");
  }
  HttpRequest http = AddressedRequest({asked, catalog::v1::Route()}, {}, /*has_reference_images=*/false);
  http.method = "GET";
  http.auth_header = std::move(call->auth_header);
  http.auth_scheme = call->auth_scheme;
  http.headers.erase(
      std::remove_if(http.headers.begin(), http.headers.end(),
                     [](const auto& header) { return absl::EqualsIgnoreCase(header.first, "Content-Type"); }),
      http.headers.end());
  return http;
}

absl::StatusOr<ModelList> ModelList::Read(const Provider& provider, const json::Value& answer) {
  const json::Value* list = &answer;
  ModelList result;
  if (list->is_object()) {
    bool gemini = provider.wire_format() == catalog::v1::WIRE_FORMAT_GEMINI;
    const json::Value* next = list->FindNonNull("nextPageToken");
    const json::Value* more = list->FindNonNull("has_more");
    result.complete_ = (next == nullptr || next->String() == "") && (more == nullptr || more->Bool() != true);
    list = list->FindNonNull(gemini ? "models" : "data");
  }
  if (list == nullptr || !list->is_array()) return absl::InvalidArgumentError("it holds no list");
  for (const json::Value& item : list->elements()) AddNames(item, result.names_);
  if (result.names_.empty()) return absl::InvalidArgumentError("its list is empty");
  if (result.names_.size() >= kNamesMax) result.complete_ = false;
  return result;
}

bool ModelList::Has(absl::string_view upstream_model) const {
  return std::any_of(names_.begin(), names_.end(), [&](const std::string& name) {
    return name == upstream_model || Plain(name) == Plain(upstream_model);
  });
}

std::string ModelList::Nearest(absl::string_view upstream_model) const {
  absl::string_view nearest;
  size_t least = SIZE_MAX;
  // A name of any length would be compared for as long as its author likes.
  absl::string_view wanted = Plain(upstream_model).substr(0, kNameBytesMax);
  for (const std::string& name : names_) {
    if (!MayBeShown(Plain(name))) continue;
    auto [a, b] = Comparable(wanted, Plain(name));
    size_t longer = std::max(a.size(), b.size());
    size_t shorter = std::min(a.size(), b.size());
    if ((longer - shorter) * kAlikeShare > longer) continue;
    size_t distance = Distance(a, b);
    if (distance * kAlikeShare > longer || distance >= least) continue;
    least = distance;
    nearest = Plain(name);
  }
  return std::string(nearest);
}

}  // namespace prismatic::provider_proxy
