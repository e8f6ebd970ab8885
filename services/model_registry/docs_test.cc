// The pages about the catalog say what is true: their examples are valid, and no field is missing.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "services/common/json/json.h"
#include "services/model_registry/catalog_words.h"
#include "services/model_registry/catalog_yaml.h"

namespace prismatic::model_registry {
namespace {

namespace pb = catalog::v1;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

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

// The route of the page that a golden file goes with. Null, and a failure, when there is none.
const pb::Route* FindRoute(const std::vector<CatalogFromYaml>& catalogs, absl::string_view provider,
                           absl::string_view upstream_model) {
  for (const CatalogFromYaml& read : catalogs) {
    for (const pb::Model& model : read.catalog.models()) {
      for (const pb::Route& route : model.routes()) {
        if (route.provider() == provider && route.upstream_model() == upstream_model) return &route;
      }
    }
  }
  ADD_FAILURE() << "the page has no route " << provider << ", " << upstream_model;
  return nullptr;
}

pb::Route GoldenRoute(absl::string_view file) {
  pb::Route route;
  std::string text =
      FileText(absl::StrCat(PRISMATIC_DOCS_FOLDER, "/../tests/golden/upstream/", file, ".json"));
  absl::StatusOr<json::Document> document = json::Document::Parse(text);
  const json::Value* value = document.ok() ? document->root().Find("route") : nullptr;
  EXPECT_NE(value, nullptr) << file;
  if (value == nullptr) return route;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(std::string(value->raw()), &route).ok()) << file;
  return route;
}

// Numbers are the same; of lists, the page may know more.
void ExpectLimitsOf(const pb::ParameterLimits& golden, const pb::ParameterLimits& page) {
  EXPECT_TRUE(golden.side_min() == 0 || page.side_min() == golden.side_min());
  EXPECT_TRUE(golden.side_max() == 0 || page.side_max() == golden.side_max());
  EXPECT_TRUE(golden.side_multiple() == 0 || page.side_multiple() == golden.side_multiple());
  EXPECT_TRUE(golden.seed_max() == 0 || page.seed_max() == golden.seed_max());
  EXPECT_THAT(page.sizes(), IsSupersetOf(golden.sizes()));
  EXPECT_THAT(page.aspect_ratios(), IsSupersetOf(golden.aspect_ratios()));
  EXPECT_THAT(page.output_formats(), IsSupersetOf(golden.output_formats()));
}

TEST(CatalogDocsTest, TheHowTosLimitsAreThoseThatTheAdaptersAreTestedWith) {
  std::vector<CatalogFromYaml> catalogs;
  for (const Block& block : YamlBlocks(Page("how-to/add-a-provider.md"))) {
    catalogs.push_back(ReadCatalogYaml(block.yaml));
  }
  struct Pair {
    absl::string_view golden, provider, upstream_model;
  };
  for (const Pair& pair :
       {Pair{"async_job/black_forest_labs", "bfl", "flux-2-pro"},
        Pair{"async_job/fal_edit", "fal", "fal-ai/bytedance/seedream/v4/edit"},
        Pair{"chat_completions/openrouter_chat", "openrouter", "google/gemini-2.5-flash-image"},
        Pair{"gemini/vertex", "vertex", "gemini-2.5-flash-image"},
        Pair{"openai_images/azure_openai", "azure", "gpt-image-1-east"},
        Pair{"openai_images/deepinfra", "deepinfra", "black-forest-labs/FLUX-1-dev"},
        Pair{"openai_images/localai", "localai", "qwen-image"},
        Pair{"openai_images/openai_gpt_image", "openai", "gpt-image-1.5"},
        Pair{"openai_images/openrouter_images", "openrouter-images", "google/gemini-3.1-flash-image"},
        Pair{"openai_images/seedream_ark", "ark", "seedream-4-0-250828"},
        Pair{"openai_images/sglang", "sglang", "Qwen/Qwen-Image"},
        Pair{"openai_images/together", "together", "black-forest-labs/FLUX.1-kontext-pro"},
        Pair{"openai_images/vllm_omni", "vllm", "Qwen/Qwen-Image"},
        Pair{"openai_images/xai", "xai", "grok-imagine-image"},
        Pair{"sdapi/automatic1111", "webui", "sd_xl_base_1.0.safetensors"}}) {
    SCOPED_TRACE(pair.golden);
    const pb::Route* route = FindRoute(catalogs, pair.provider, pair.upstream_model);
    pb::Route golden = GoldenRoute(pair.golden);
    ASSERT_TRUE(golden.has_limits());
    if (route != nullptr) ExpectLimitsOf(golden.limits(), route->limits());
  }
}

TEST(CatalogDocsTest, WidthAndHeightOfTheHowTosRoutesHaveALargestSide) {
  for (const Block& block : YamlBlocks(Page("how-to/add-a-provider.md"))) {
    CatalogFromYaml read = ReadCatalogYaml(block.yaml);
    for (const pb::Model& model : read.catalog.models()) {
      for (const pb::Route& route : model.routes()) {
        const auto& names = route.supported_parameters();
        bool any_side = std::find(names.begin(), names.end(), "size") != names.end() &&
                        route.size_form() != pb::SIZE_FORM_TIER && route.limits().sizes().empty();
        EXPECT_TRUE(!any_side || route.limits().side_max() > 0) << block.heading << ", " << model.name();
      }
    }
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
