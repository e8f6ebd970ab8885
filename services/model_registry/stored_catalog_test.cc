// Catalogs that an earlier version has stored are read again: the content's hash is over its bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "services/common/crypto/crypto.h"
#include "services/model_registry/catalog_yaml.h"
#include "services/model_registry/store.h"
#include "services/model_registry/test_registry.h"

namespace prismatic::model_registry {
namespace {

using ::testing::ElementsAre;

// A protobuf field of bytes, by hand: tag and length in one byte each.
std::string Bytes(int field, const std::string& value) {
  EXPECT_LT(value.size(), 128u);
  return absl::StrCat(std::string(1, static_cast<char>(field << 3 | 2)),
                      std::string(1, static_cast<char>(value.size())), value);
}
std::string Number(int field, int value) {
  return absl::StrCat(std::string(1, static_cast<char>(field << 3)),
                      std::string(1, static_cast<char>(value)));
}

// As it was written while a provider had one credential and nothing behind fetch_hosts.
std::string OldCatalog(const std::string& credential) {
  std::string provider = absl::StrCat(Bytes(1, "sandbox"), Number(2, 1), Bytes(3, "http://127.0.0.1:9100/v1"),
                                      credential, Number(5, 1), Number(7, 64), Bytes(8, "127.0.0.1"));
  std::string route = absl::StrCat(Bytes(1, "sandbox"), Bytes(2, "u"), Number(3, 1), Number(4, 100),
                                   Number(6, 1), Number(7, 1));
  std::string model = absl::StrCat(Bytes(1, "m"), Bytes(2, "m"), Number(7, 1), Bytes(8, route));
  return absl::StrCat(Bytes(3, provider), Bytes(4, model));
}

TEST(StoredCatalogTest, ReadsTheOneCredentialOfAnOldCatalog) {
  std::string bytes = OldCatalog(Bytes(4, "env:PROVIDER_KEY_A"));
  catalog::v1::Catalog catalog;
  ASSERT_TRUE(catalog.ParseFromString(bytes));
  EXPECT_THAT(catalog.providers(0).credentials(), ElementsAre("env:PROVIDER_KEY_A"));
  EXPECT_EQ(catalog.providers(0).max_concurrent(), 64);
  EXPECT_EQ(catalog.models(0).routes(0).upstream_model(), "u");
  // The store compares this with what was noted when the catalog was written.
  EXPECT_EQ(CatalogSha256(catalog), crypto::Sha256Hex(bytes));
}

TEST_F(RegistryTest, ServesAnOldCatalogThatItFindsInTheStore) {
  std::string bytes = OldCatalog(Bytes(4, "env:PROVIDER_KEY_A"));
  redis_.Ask({"SET", "{catalog}:version", "7"});
  redis_.Ask({"HSET", "{catalog}:contents", "7", absl::StrCat(Bytes(2, crypto::Sha256Hex(bytes)), bytes)});
  auto process = RunWith("");
  EXPECT_EQ(process->version(), 7);
  const auto snapshot = process->registry().holder().Current();
  const catalog::v1::Provider* provider = snapshot->FindProvider("sandbox");
  ASSERT_NE(provider, nullptr);
  EXPECT_THAT(provider->credentials(), ElementsAre("env:PROVIDER_KEY_A"));
  // What a switch writes back is read again, too.
  ASSERT_THAT(Flip(*process, "sandbox", false), prismatic::testing::IsOk());
  auto next = RunWith("");
  EXPECT_FALSE(next->Enabled("sandbox"));
  EXPECT_THAT(next->registry().holder().Current()->FindProvider("sandbox")->credentials(),
              ElementsAre("env:PROVIDER_KEY_A"));
}

TEST_F(RegistryTest, AnOldVersionWithoutARecordIsAFilesAndItsSwitchesWereFlippedAwayFromIt) {
  catalog::v1::Catalog old;
  ASSERT_TRUE(old.ParseFromString(OldCatalog("")));
  old.mutable_providers(0)->set_images_enabled(false);
  old.mutable_providers(0)->mutable_images_override()->set_actor("somebody");
  std::string bytes = old.SerializeAsString();
  redis_.Ask({"SET", "{catalog}:version", "7"});
  redis_.Ask({"HSET", "{catalog}:contents", "7", absl::StrCat(Bytes(2, crypto::Sha256Hex(bytes)), bytes)});
  auto process = RunWith("");
  v1::ExportCatalogResponse exported = Export(*process);
  EXPECT_EQ(exported.content_version(), 7);
  EXPECT_THAT(exported.yaml(), ::testing::HasSubstr("images_enabled: true"));
  std::vector<v1::CatalogVersion> history = History(*process);
  ASSERT_EQ(history.size(), 1u);
  EXPECT_EQ(history[0].version(), 7);
  EXPECT_EQ(history[0].kind(), v1::CATALOG_CHANGE_KIND_UNSPECIFIED);
  ASSERT_THAT(Flip(*process, "sandbox", true), prismatic::testing::IsOk());
  EXPECT_EQ(History(*process)[0].content_version(), 7);
  EXPECT_THAT(Apply(*process, kYaml), prismatic::testing::IsOk());
}

TEST(StoredCatalogTest, ReadsAnOldCatalogWithoutACredential) {
  std::string bytes = OldCatalog("");
  catalog::v1::Catalog catalog;
  ASSERT_TRUE(catalog.ParseFromString(bytes));
  EXPECT_EQ(catalog.providers(0).credentials_size(), 0);
  EXPECT_EQ(CatalogSha256(catalog), crypto::Sha256Hex(bytes));
}

TEST(StoredCatalogTest, HashesAndKeepsEveryNewField) {
  auto read = [](absl::string_view extra) {
    return ReadCatalogYaml(absl::StrCat(R"(
providers: [{name: p, wire_format: openai_images, base_url: "https://example.com", credentials: [file:a, file:b],
  endpoint: {path: /x, query: {b: c, a: d}, headers: {X-B: c, X-A: d}}, timeout_seconds: 60, egress_proxy: direct}]
models: [{name: m, public_ids: [m], capabilities: [image_generation], routes: [{provider: p, upstream_model: u,
  size_form: tier, field_names: {size: resolution}, extra_fields: {b: [1, )",
                                        extra, R"(], a: {}}, limits: {sizes: [1k, 2k], seed_max: 9}}]}]
)"));
  };
  CatalogFromYaml one = read("2");
  ASSERT_THAT(one.errors, ElementsAre());
  std::string bytes = one.catalog.SerializeAsString();
  catalog::v1::Catalog again;
  ASSERT_TRUE(again.ParseFromString(bytes));
  EXPECT_EQ(again.SerializeAsString(), bytes);
  EXPECT_EQ(CatalogSha256(again), CatalogSha256(read("2").catalog));
  EXPECT_NE(CatalogSha256(again), CatalogSha256(read("3").catalog));
}

}  // namespace
}  // namespace prismatic::model_registry
