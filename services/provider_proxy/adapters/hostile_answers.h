#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_HOSTILE_ANSWERS_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_HOSTILE_ANSWERS_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "services/common/json/json.h"

// For tests: answers that are damaged in many ways.

namespace prismatic::provider_proxy::hostile {

// Writes `value`; the one that is reached when `at` gets to 0 is replaced by `other`.
inline void WriteDamaged(const json::Value& value, absl::string_view other, int& at, json::Writer& writer) {
  if (at-- == 0) {
    writer.Raw(other);
  } else if (value.is_object()) {
    writer.BeginObject();
    for (const auto& [key, each] : value.members()) WriteDamaged(each, other, at, writer.Key(key));
    writer.EndObject();
  } else if (value.is_array()) {
    writer.BeginArray();
    for (const json::Value& each : value.elements()) WriteDamaged(each, other, at, writer);
    writer.EndArray();
  } else {
    writer.Raw(value.raw());
  }
}

inline int CountValues(const json::Value& value) {
  int count = 1;
  for (const json::Value& each : value.elements()) count += CountValues(each);
  for (const auto& [key, each] : value.members()) count += CountValues(each);
  return count;
}

// `answer` with each of its values in turn replaced by values of every type, and with every tail cut off.
inline std::vector<std::string> Damaged(const std::string& answer) {
  std::vector<std::string> damaged;
  json::Document document = json::Document::Parse(answer).value();
  for (int i = 0; i < CountValues(document.root()); ++i) {
    for (absl::string_view other :
         {"null", "true", "false", "0", "-1", "9223372036854775807", "1e999", "\"\"", "\"x\"", "\"\\ud800\"",
          "[]", "[[]]", "{}", "[null,1,\"x\",{}]", R"({"error":{"code":[],"message":{}}})"}) {
      json::Writer writer;
      int at = i;
      WriteDamaged(document.root(), other, at, writer);
      damaged.push_back(writer.Take());
    }
  }
  for (size_t length = 0; length < answer.size(); ++length) damaged.push_back(answer.substr(0, length));
  damaged.push_back(absl::StrCat(std::string(40, '['), answer, std::string(40, ']')));
  damaged.push_back(absl::StrCat("[", answer, "]"));
  damaged.push_back("<html>busy</html>");
  damaged.push_back(std::string(1 << 20, 'x'));
  damaged.push_back(absl::StrCat("\"", std::string(1 << 20, 'x'), "\""));
  return damaged;
}

}  // namespace prismatic::provider_proxy::hostile

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_HOSTILE_ANSWERS_H_
