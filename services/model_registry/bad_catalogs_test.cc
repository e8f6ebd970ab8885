// What an operator reads about a file that is wrong: the files of tests/golden/catalog/bad, each beside the
// lines that it is answered with. These are written anew by
//
//   model_registry_test --update-golden
//
// and reviewed as an operator would: is it clear what to do?
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/model_registry/catalog_yaml.h"

namespace prismatic::model_registry {

bool update_golden = false;

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> BadFiles() {
  std::vector<fs::path> files;
  for (const fs::directory_entry& each : fs::directory_iterator(PRISMATIC_BAD_CATALOGS_FOLDER)) {
    if (each.path().extension() == ".yaml") files.push_back(each.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string ReadFile(const fs::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

std::string NameOf(const fs::path& file) {
  std::string name = file.stem().string();
  for (char& c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

class BadCatalogTest : public ::testing::TestWithParam<fs::path> {};

TEST_P(BadCatalogTest, IsAnsweredWithEveryErrorAndItsPlace) {
  CatalogFromYaml read = ReadCatalogYaml(ReadFile(GetParam()));
  ASSERT_FALSE(read.errors.empty()) << "it is valid";
  std::string lines = absl::StrCat(absl::StrJoin(read.errors, "\n"), "\n");
  fs::path expected = fs::path(GetParam()).replace_extension(".txt");
  if (update_golden) std::ofstream(expected) << lines;
  EXPECT_EQ(lines, ReadFile(expected));
}

INSTANTIATE_TEST_SUITE_P(Files, BadCatalogTest, ::testing::ValuesIn(BadFiles()),
                         [](const auto& info) { return NameOf(info.param); });

TEST(BadCatalogsTest, ThereAreEnough) { EXPECT_GE(BadFiles().size(), 30u); }

}  // namespace
}  // namespace prismatic::model_registry

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (absl::string_view(argv[i]) == "--update-golden") prismatic::model_registry::update_golden = true;
  }
  return RUN_ALL_TESTS();
}
