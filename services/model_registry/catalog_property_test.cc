// Any catalog that is valid can be written and read again, and is then what it was: thousands of them, over
// all fields, in every spelling.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "services/model_registry/catalog_changes.h"
#include "services/model_registry/catalog_text.h"
#include "services/model_registry/catalog_yaml.h"
#include "services/model_registry/test_random_catalog.h"

namespace prismatic::model_registry {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kCatalogs = 2'000;

// Byte for byte; where not, both are shown.
::testing::AssertionResult Same(const catalog::v1::Catalog& read, const catalog::v1::Catalog& expected) {
  if (read.SerializeAsString() == expected.SerializeAsString()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << read.DebugString() << "\nis not\n" << expected.DebugString();
}

// The names of the fields that are set somewhere in a message.
void NoteFields(const google::protobuf::Message& message, std::set<std::string>& seen) {
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  reflection.ListFields(message, &fields);
  for (const google::protobuf::FieldDescriptor* field : fields) {
    seen.insert(field->full_name());
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) NoteFields(reflection.GetMessage(message, field), seen);
    for (int i = 0; field->is_repeated() && i < reflection.FieldSize(message, field); ++i) {
      NoteFields(reflection.GetRepeatedMessage(message, field, i), seen);
    }
  }
}

TEST(CatalogPropertyTest, TheCatalogsOfThisTestHaveEveryField) {
  std::set<std::string> seen;
  for (uint64_t seed = 1; seed <= 200; ++seed) NoteFields(RandomCatalog(seed).catalog(), seen);
  for (const google::protobuf::Descriptor* message :
       {catalog::v1::Provider::descriptor(), catalog::v1::Endpoint::descriptor(),
        catalog::v1::Model::descriptor(), catalog::v1::Route::descriptor(),
        catalog::v1::ParameterLimits::descriptor(), catalog::v1::NameValue::descriptor()}) {
    for (int i = 0; i < message->field_count(); ++i) {
      // Of the run time, not of the file.
      if (message->field(i)->name() == "images_override") continue;
      EXPECT_TRUE(seen.contains(message->field(i)->full_name())) << message->field(i)->full_name();
    }
  }
}

TEST(CatalogPropertyTest, OddSpellingsAreReadAsWhatTheySay) {
  for (uint64_t seed = 1; seed <= kCatalogs; ++seed) {
    RandomCatalog random(seed);
    std::string text = OddWriter(random.random()).Document(random.root());
    CatalogFromYaml read = ReadCatalogYaml(text);
    ASSERT_THAT(read.errors, ElementsAre()) << "seed " << seed << "\n" << text;
    ASSERT_TRUE(Same(read.catalog, random.catalog())) << "seed " << seed << "\n" << text;
  }
}

TEST(CatalogPropertyTest, WhatIsWrittenIsReadAsItWasAndWrittenAsItWas) {
  for (uint64_t seed = 1; seed <= kCatalogs; ++seed) {
    catalog::v1::Catalog catalog = RandomCatalog(seed).catalog();
    std::string text = CatalogYaml(catalog, static_cast<int64_t>(seed));
    CatalogFromYaml read = ReadCatalogYaml(text);
    ASSERT_THAT(read.errors, ElementsAre()) << "seed " << seed << "\n" << text;
    ASSERT_EQ(read.based_on, static_cast<int64_t>(seed));
    ASSERT_TRUE(Same(read.catalog, catalog)) << "seed " << seed << "\n" << text;
    ASSERT_EQ(CatalogYaml(read.catalog, read.based_on), text);
  }
}

TEST(CatalogPropertyTest, EveryEntryPutBackAsItIsWrittenChangesNothing) {
  for (uint64_t seed = 1; seed <= kCatalogs / 10; ++seed) {
    catalog::v1::Catalog catalog = RandomCatalog(seed).catalog();
    for (catalog::v1::Provider& provider : *catalog.mutable_providers()) {
      if (seed % 2 == 0) continue;
      provider.mutable_images_override()->set_actor("ann");
      provider.mutable_images_override()->set_file_enabled(provider.images_enabled());
      provider.mutable_images_override()->set_enabled(!provider.images_enabled());
      provider.set_images_enabled(!provider.images_enabled());
    }
    for (const catalog::v1::Provider& provider : catalog.providers()) {
      CatalogFromYaml read = ReadCatalogWithProvider(catalog, provider.name(), ProviderYaml(provider));
      ASSERT_THAT(read.errors, ElementsAre()) << "seed " << seed << "\n" << ProviderYaml(provider);
      ASSERT_TRUE(Same(read.catalog, catalog)) << "seed " << seed;
    }
    for (const catalog::v1::Model& model : catalog.models()) {
      for (const std::string& yaml : {ModelYaml(model), ModelYaml(model, catalog)}) {
        CatalogFromYaml read = ReadCatalogWithModel(catalog, model.name(), yaml);
        ASSERT_THAT(read.errors, ElementsAre()) << "seed " << seed << "\n" << yaml;
        ASSERT_TRUE(Same(read.catalog, catalog)) << "seed " << seed;
      }
    }
  }
}

TEST(CatalogPropertyTest, ThereAreChangesExactlyWhereTheTextsAreDifferent) {
  catalog::v1::Catalog before;
  for (uint64_t seed = 1; seed <= kCatalogs; ++seed) {
    catalog::v1::Catalog catalog = RandomCatalog(seed).catalog();
    ASSERT_THAT(ChangesBetween(catalog, catalog), IsEmpty()) << "seed " << seed;
    bool same = CatalogYaml(before, 0) == CatalogYaml(catalog, 0);
    ASSERT_EQ(ChangesBetween(before, catalog).empty(), same) << "seed " << seed;
    // One swap, of which nothing but the order can tell.
    catalog::v1::Catalog swapped = catalog;
    if (swapped.models_size() > 1) {
      swapped.mutable_models()->SwapElements(0, 1);
      ASSERT_EQ(ChangesBetween(catalog, swapped).size(), 1u) << "seed " << seed;
    }
    before = catalog;
  }
}

}  // namespace
}  // namespace prismatic::model_registry
