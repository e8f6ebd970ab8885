#include "services/sandbox_provider/model_lists.h"

#include "absl/strings/str_cat.h"
#include "services/common/json/json.h"

namespace prismatic::sandbox {

std::string OpenAiModels() {
  json::Writer writer;
  writer.BeginObject().Key("object").String("list").Key("data").BeginArray();
  for (absl::string_view model : {"imagen-4.0-generate-001", "sandbox-chat-image"}) {
    writer.BeginObject().Key("id").String(model).Key("object").String("model");
    writer.Key("created").Int(1'735'689'600).Key("owned_by").String("sandbox").EndObject();
  }
  writer.EndArray().EndObject();
  return writer.Take();
}

std::string GeminiModels() {
  json::Writer writer;
  writer.BeginObject().Key("models").BeginArray().BeginObject();
  writer.Key("name").String("models/sandbox-gemini-image").Key("version").String("1");
  writer.Key("displayName").String("Sandbox Gemini Image");
  writer.Key("supportedGenerationMethods").BeginArray().String("generateContent").EndArray();
  writer.EndObject().EndArray().EndObject();
  return writer.Take();
}

std::string SdModels() {
  json::Writer writer;
  writer.BeginArray().BeginObject().Key("title").String("sandbox-diffusion.safetensors");
  writer.Key("model_name").String("sandbox-diffusion").Key("hash").Null().Key("sha256").Null();
  writer.Key("filename").String("models/sandbox-diffusion.safetensors").Key("config").Null();
  writer.EndObject().EndArray();
  return writer.Take();
}

std::string BlackForestLabsCredits() { return R"({"credits":1000.0})"; }

std::string ReplicateAccount() {
  return R"({"type":"organization","username":"sandbox","name":"Sandbox","github_url":null})";
}

}  // namespace prismatic::sandbox
