// The pages about the catalog say what is true: their examples are valid, and no field is missing.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "services/model_registry/catalog_words.h"
#include "services/model_registry/catalog_yaml.h"

namespace prismatic::model_registry {
namespace {

namespace pb = catalog::v1;
using ::testing::IsEmpty;

std::string FileText(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << path;
  return text.str();
}

std::string Page(absl::string_view name) { return FileText(absl::StrCat(PRISMATIC_DOCS_FOLDER, "/", name)); }

struct Block {
  std::string heading;
  std::string yaml;
};

// What stands between ```yaml and ```.
std::vector<Block> YamlBlocks(const std::string& page) {
  std::vector<Block> blocks;
  std::string heading;
  bool inside = false;
  for (absl::string_view line : absl::StrSplit(page, '\n')) {
    if (inside && line == "```") {
      inside = false;
    } else if (inside) {
      absl::StrAppend(&blocks.back().yaml, line, "\n");
    } else if (line == "```yaml") {
      inside = true;
      blocks.push_back({heading, ""});
    } else if (absl::StartsWith(line, "## ")) {
      heading = std::string(line.substr(3));
    }
  }
  EXPECT_FALSE(inside) << "a block without an end";
  return blocks;
}

TEST(CatalogDocsTest, EveryExampleOfThePagesIsAValidCatalog) {
  for (absl::string_view name : {"how-to/add-a-provider.md", "reference/catalog.md"}) {
    std::vector<Block> blocks = YamlBlocks(Page(name));
    EXPECT_FALSE(blocks.empty()) << name;
    for (const Block& block : blocks) {
      CatalogFromYaml read = ReadCatalogYaml(block.yaml);
      EXPECT_THAT(read.errors, IsEmpty()) << name << ", " << block.heading;
      EXPECT_GT(read.catalog.models_size(), 0) << name << ", " << block.heading;
    }
  }
}

TEST(CatalogDocsTest, TheHowToHasAnExampleForEachKindOfProvider) {
  std::string page = Page("how-to/add-a-provider.md");
  std::set<int> formats, mappings;
  std::vector<std::string> headings;
  for (const Block& block : YamlBlocks(page)) {
    headings.push_back(block.heading);
    CatalogFromYaml read = ReadCatalogYaml(block.yaml);
    for (const pb::Provider& provider : read.catalog.providers()) {
      formats.insert(provider.wire_format());
      if (provider.wire_format() == pb::WIRE_FORMAT_ASYNC_JOB) mappings.insert(provider.job_mapping());
    }
  }
  EXPECT_EQ(formats.size(), WireFormats().size());
  EXPECT_EQ(mappings.size(), JobMappings().size());
  std::string all = absl::StrJoin(headings, "\n");
  for (absl::string_view vendor :
       {"OpenAI", "Azure", "xAI", "Together", "DeepInfra", "Seedream", "OpenRouter, images",
        "OpenRouter, chat", "Gemini API", "Vertex", "Black Forest Labs", "fal", "Replicate", "AUTOMATIC1111",
        "LocalAI", "vLLM", "SGLang"}) {
    EXPECT_TRUE(absl::StrContains(all, vendor)) << vendor;
  }
}

// The file's name for a field of the protobuf; empty: not of the file.
std::string FileNameOf(const google::protobuf::FieldDescriptor& field) {
  std::string name = field.name();
  if (name == "images_override") return "";
  return name == "prices" ? "retail_generation_usd" : name;
}

TEST(CatalogDocsTest, TheReferenceHasARowForEveryField) {
  std::string page = Page("reference/catalog.md");
  for (const google::protobuf::Descriptor* message :
       {pb::Provider::descriptor(), pb::Endpoint::descriptor(), pb::Model::descriptor(),
        pb::Route::descriptor(), pb::ParameterLimits::descriptor()}) {
    for (int i = 0; i < message->field_count(); ++i) {
      std::string name = FileNameOf(*message->field(i));
      if (name.empty()) continue;
      EXPECT_TRUE(absl::StrContains(page, absl::StrCat("\n| `", name, "` |"))) << name;
    }
  }
}

TEST(CatalogDocsTest, TheReferenceHasEveryWord) {
  std::string page = Page("reference/catalog.md");
  for (const Words* words :
       {&WireFormats(), &Capabilities(), &ReferenceImageWords(), &AuthSchemes(), &JobMappings(), &SizeForms(),
        &ReferenceForms(), &RenamedFields(), &Modalities(), &OutputFormats()}) {
    for (const auto& [word, value] : *words) {
      EXPECT_TRUE(absl::StrContains(page, absl::StrCat("`", word, "`"))) << word;
    }
  }
}

TEST(CatalogDocsTest, TheCatalogThatComesWithTheSuiteIsValid) {
  CatalogFromYaml read = ReadCatalogYaml(FileText(absl::StrCat(PRISMATIC_CATALOG_FOLDER, "/sandbox.yaml")));
  EXPECT_THAT(read.errors, IsEmpty());
}

}  // namespace
}  // namespace prismatic::model_registry
