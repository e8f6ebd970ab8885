// docs/reference/catalog.schema.json says what the reader takes: the same keys, words, ranges and defaults.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/common/json/json.h"
#include "services/model_registry/catalog_keys.h"
#include "services/model_registry/catalog_words.h"
#include "services/model_registry/catalog_yaml.h"
#include "services/model_registry/test_yaml.h"

namespace prismatic::model_registry {
namespace {

using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

class CatalogSchemaTest : public ::testing::Test {
 protected:
  CatalogSchemaTest() : document_(Load()) {}

  // Of a definition; the file itself is "".
  const json::Value& Map(absl::string_view name) const {
    const json::Value& root = document_->root();
    return name.empty() ? root : *root.Find("$defs")->Find(name);
  }
  const json::Value& Property(absl::string_view map, absl::string_view key) const {
    return *Map(map).Find("properties")->Find(key);
  }

 private:
  static absl::StatusOr<json::Document> Load() {
    std::ifstream file(absl::StrCat(PRISMATIC_DOCS_FOLDER, "/reference/catalog.schema.json"));
    std::stringstream text;
    text << file.rdbuf();
    return json::Document::Parse(text.str());
  }

  absl::StatusOr<json::Document> document_;
};

struct MapOfKeys {
  const char* name;
  const Keys& keys;
};

std::vector<MapOfKeys> Maps() {
  return {{"", CatalogKeys()},    {"provider", ProviderKeys()}, {"endpoint", EndpointKeys()},
          {"model", ModelKeys()}, {"route", RouteKeys()},       {"limits", LimitsKeys()}};
}

// A catalog with one entry `key: value` in a map of that kind.
CatalogFromYaml ReadWith(absl::string_view map, absl::string_view key, absl::string_view value) {
  std::string entry = absl::StrCat(key, ": ", value);
  if (map == "provider") return ReadOneRoute({.provider = entry});
  if (map == "route") return ReadOneRoute({.route = entry});
  if (map == "limits") return ReadOneRoute({.route = absl::StrCat("limits: {", entry, "}")});
  if (map == "model") {
    return ReadCatalogYaml(
        absl::StrCat("{providers: [], models: [{name: m, public_ids: [m], capabilities: "
                     "[image_generation], ",
                     entry, "}]}"));
  }
  return ReadCatalogYaml(absl::StrCat("{", entry, ", providers: [], models: []}"));
}

TEST_F(CatalogSchemaTest, HasTheKeysOfTheReader) {
  for (const MapOfKeys& map : Maps()) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : Map(map.name).Find("properties")->members()) keys.push_back(key);
    EXPECT_THAT(keys, ElementsAreArray(map.keys)) << map.name;
    EXPECT_EQ(Map(map.name).Find("additionalProperties")->raw(), "false") << map.name;
  }
}

TEST_F(CatalogSchemaTest, HasTheWordsOfTheReader) {
  struct Named {
    const char *map, *key;
    const Words& words;
  };
  for (const Named& each :
       {Named{"provider", "wire_format", WireFormats()}, Named{"provider", "job_mapping", JobMappings()},
        Named{"endpoint", "auth_scheme", AuthSchemes()}, Named{"model", "capabilities", Capabilities()},
        Named{"route", "supported_parameters", Parameters()},
        Named{"route", "reference_images", ReferenceImageWords()}, Named{"route", "size_form", SizeForms()},
        Named{"route", "reference_form", ReferenceForms()}, Named{"route", "modalities", Modalities()},
        Named{"route", "field_names", RenamedFields()}, Named{"limits", "output_formats", OutputFormats()}}) {
    const json::Value* value = &Property(each.map, each.key);
    for (const char* inner : {"items", "propertyNames"}) {
      if (value->Find(inner) != nullptr) value = value->Find(inner);
    }
    ASSERT_NE(value->Find("enum"), nullptr) << each.key;
    std::vector<std::string> said, known;
    for (const json::Value& word : value->Find("enum")->elements()) said.push_back(*word.String());
    for (const auto& [word, number] : each.words) known.emplace_back(word);
    EXPECT_THAT(said, ElementsAreArray(known)) << each.key;
  }
}

TEST_F(CatalogSchemaTest, HasTheRangesOfTheReader) {
  int numbers = 0;
  for (const MapOfKeys& map : Maps()) {
    for (const auto& [key, value] : Map(map.name).Find("properties")->members()) {
      const json::Value* type = value.Find("type");
      if (type == nullptr || type->String() != "integer") continue;
      ++numbers;
      int64_t least = *value.Find("minimum")->Int(), most = *value.Find("maximum")->Int();
      EXPECT_THAT(ReadWith(map.name, key, absl::StrCat(least)).errors, IsEmpty()) << key;
      EXPECT_THAT(ReadWith(map.name, key, absl::StrCat(most)).errors, IsEmpty()) << key;
      EXPECT_EQ(ReadWith(map.name, key, absl::StrCat(least - 1)).errors.size(), 1u) << key;
      std::string beyond = absl::StrCat(static_cast<uint64_t>(most) + 1);
      EXPECT_EQ(ReadWith(map.name, key, beyond).errors.size(), 1u) << key << ": " << beyond;
    }
  }
  EXPECT_EQ(numbers, 14);
}

TEST_F(CatalogSchemaTest, HasTheLengthsOfTheReadersLists) {
  struct List {
    const char *map, *key;
    std::function<std::string(int)> element;
  };
  auto name = [](const char* before) { return [before](int i) { return absl::StrCat(before, i); }; };
  for (const List& each :
       {List{"provider", "credentials", name("file:a")}, List{"provider", "fetch_hosts", name("a")},
        List{"model", "public_ids", name("a")}, List{"limits", "sizes", name("\"1024x")},
        List{"limits", "aspect_ratios", name("\"16:")}, List{"limits", "qualities", name("a")},
        List{"limits", "styles", name("a")}}) {
    auto most = static_cast<int>(*Property(each.map, each.key).Find("maxItems")->Int());
    for (int count : {most, most + 1}) {
      std::string list = "[";
      for (int i = 1; i <= count; ++i) {
        std::string text = each.element(i);
        absl::StrAppend(&list, i > 1 ? ", " : "", text, text[0] == '"' ? "\"" : "");
      }
      std::vector<std::string> errors =
          absl::string_view(each.key) == "public_ids"
              ? ReadCatalogYaml(
                    absl::StrCat("{providers: [], models: [{name: m, capabilities: [image_generation], "
                                 "public_ids: ",
                                 list, "]}]}"))
                    .errors
              : ReadWith(each.map, each.key, list + "]").errors;
      EXPECT_EQ(errors.size(), count > most ? 1u : 0u) << each.key << ", " << count;
    }
  }
}

// What a field of that name has, as the file would say it.
std::string ValueOf(const google::protobuf::Message& message, const std::string& key) {
  const google::protobuf::FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(key);
  if (field == nullptr) return absl::StrCat("there is no field ", key);
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  switch (field->cpp_type()) {
    case google::protobuf::FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(reflection.GetInt32(message, field));
    case google::protobuf::FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(reflection.GetInt64(message, field));
    case google::protobuf::FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, field) ? "true" : "false";
    case google::protobuf::FieldDescriptor::CPPTYPE_ENUM:
      return json::Quote(NameOf(reflection.GetEnumValue(message, field), ReferenceImageWords()));
    default:
      return json::Quote(reflection.GetString(message, field));
  }
}

TEST_F(CatalogSchemaTest, HasTheDefaultsOfTheReader) {
  CatalogFromYaml read = ReadOneRoute({.route = "limits: {}"});
  ASSERT_THAT(read.errors, IsEmpty());
  const catalog::v1::Model& model = read.catalog.models(0);
  int defaults = 0;
  auto compare = [&](const char* map, const google::protobuf::Message& message) {
    for (const auto& [key, value] : Map(map).Find("properties")->members()) {
      const json::Value* said = value.Find("default");
      if (said == nullptr) continue;
      ++defaults;
      EXPECT_EQ(ValueOf(message, key), said->raw()) << map << "." << key;
    }
  };
  compare("provider", read.catalog.providers(0));
  compare("model", model);
  compare("route", model.routes(0));
  compare("limits", model.routes(0).limits());
  EXPECT_EQ(defaults, 19);
}

}  // namespace
}  // namespace prismatic::model_registry
