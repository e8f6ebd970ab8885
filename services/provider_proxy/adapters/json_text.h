#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_JSON_TEXT_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_JSON_TEXT_H_

#include <initializer_list>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "services/common/json/json.h"

namespace prismatic::provider_proxy {

// The string at `key`; empty when there is none, or something else.
inline std::string TextAt(const json::Value& object, absl::string_view key) {
  const json::Value* value = object.FindNonNull(key);
  return value == nullptr ? "" : value->String().value_or("");
}

// The same in lower case, for words that are compared.
inline std::string WordsAt(const json::Value& object, absl::string_view key) {
  return absl::AsciiStrToLower(TextAt(object, key));
}

inline bool ContainsAny(absl::string_view text, std::initializer_list<absl::string_view> words) {
  for (absl::string_view word : words) {
    if (absl::StrContains(text, word)) return true;
  }
  return false;
}

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_JSON_TEXT_H_
