#include "services/provider_proxy/adapters/request_object.h"

#include "absl/status/statusor.h"

namespace prismatic::provider_proxy {

std::string FieldName(const catalog::v1::Route& route, absl::string_view name, absl::string_view spelled) {
  for (const catalog::v1::NameValue& each : route.field_names()) {
    if (each.name() == name && !each.value().empty()) return each.value();
  }
  return std::string(spelled);
}

RequestObject::RequestObject(const catalog::v1::Route& route, json::Writer& writer)
    : RequestObject(route, writer, {}) {
  for (const catalog::v1::NameValue& each : route.extra_fields()) {
    fixed_.push_back({.name = each.name(), .json = each.value()});
  }
}

RequestObject::RequestObject(const catalog::v1::Route& route, json::Writer& writer, std::vector<Fixed> fixed)
    : route_(route), writer_(writer), fixed_(std::move(fixed)) {
  writer_.BeginObject();
}

json::Writer& RequestObject::Field(absl::string_view name, absl::string_view spelled) {
  return Key(FieldName(route_, name, spelled));
}

json::Writer& RequestObject::Key(absl::string_view key) {
  for (Fixed& each : fixed_) each.written = each.written || each.name == key;
  return writer_.Key(key);
}

RequestObject RequestObject::Object(absl::string_view key) {
  std::vector<Fixed> inner;
  for (const Fixed& each : fixed_) {
    if (each.name != key || each.written) continue;
    absl::StatusOr<json::Document> document = json::Document::Parse(each.json);
    if (!document.ok()) continue;
    for (const auto& [name, value] : document->root().members()) {
      inner.push_back({.name = name, .json = std::string(value.raw())});
    }
  }
  Key(key);
  return RequestObject(route_, writer_, std::move(inner));
}

void RequestObject::End() {
  for (size_t i = 0; i < fixed_.size(); ++i) {
    if (fixed_[i].written) continue;
    std::string name = fixed_[i].name;
    std::string json = fixed_[i].json;
    Key(name).Raw(json);  // and with it whatever repeats the name
  }
  writer_.EndObject();
}

}  // namespace prismatic::provider_proxy
