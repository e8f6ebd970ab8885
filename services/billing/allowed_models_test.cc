#include "absl/strings/str_cat.h"
#include "services/billing/billing_fixture.h"

// The models that a key is allowed are the catalog's.

namespace prismatic::billing {
namespace {

using namespace common::v1;
using prismatic::testing::HasReason;
using prismatic::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class AllowedModelsTest : public BillingFixture {
 protected:
  AllowedModelsTest() {
    Open("acme", kDollar);
    KnowModels({{"imagen-4", {"imagen-4", "google/imagen-4"}},
                {"imagen-4-fast", {"google/imagen-4-fast"}},
                {"flux", {"flux-1", "bfl/flux"}},
                {"sdxl", {}}});
  }
  absl::StatusOr<v1::CreateKeyResponse> Create(const std::vector<std::string>& models) {
    v1::CreateKeyRequest request;
    request.set_account("acme");
    for (const std::string& model : models) request.add_allowed_models(model);
    return Wait(admin_->CreateKey(request));
  }
  absl::StatusOr<v1::UpdateKeyResponse> Update(const std::string& key,
                                               const std::vector<std::string>& models) {
    v1::UpdateKeyRequest request;
    request.set_key_id(key);
    request.mutable_allowed_models();
    for (const std::string& model : models) request.mutable_allowed_models()->add_models(model);
    return Wait(admin_->UpdateKey(request));
  }
  absl::StatusOr<v1::ImportKeyResponse> Import(const std::string& text,
                                               const std::vector<std::string>& models,
                                               const std::string& account = "acme") {
    v1::ImportKeyRequest request;
    request.set_account(account);
    request.set_api_key_sha256(crypto::Sha256(text));
    for (const std::string& model : models) request.add_allowed_models(model);
    return Wait(admin_->ImportKey(request));
  }
};

TEST_F(AllowedModelsTest, PublicIdsBecomeTheirCanonicalModelsAndEachIsKeptOnce) {
  absl::StatusOr<v1::CreateKeyResponse> key =
      Create({"google/imagen-4", "sdxl", "imagen-4", "flux-1", "bfl/flux", "sdxl"});
  ASSERT_THAT(key, IsOk());
  EXPECT_THAT(key->key().allowed_models(), ElementsAre("imagen-4", "sdxl", "flux"));
  EXPECT_THAT(Reserve(Asking(key->api_key())), IsOk());
  EXPECT_THAT(Update("acme.2", {"bfl/flux"})->key().allowed_models(), ElementsAre("flux"));
  EXPECT_THAT(Reserve(Asking(key->api_key())), HasReason(ERROR_REASON_MODEL_NOT_ALLOWED));
  EXPECT_THAT(Update("acme.2", {})->key().allowed_models(), IsEmpty());
  EXPECT_THAT(Import("sk-old", {"google/imagen-4"})->key().allowed_models(), ElementsAre("imagen-4"));
}

TEST_F(AllowedModelsTest, ACanonicalNameGoesBeforeThePublicIdOfAnotherModel) {
  KnowModels({{"a", {"b"}}, {"b", {"a"}}});
  EXPECT_THAT(Create({"a"})->key().allowed_models(), ElementsAre("a"));
}

TEST_F(AllowedModelsTest, UnknownNamesAreRefusedAndWhatTheCatalogHasIsTold) {
  std::string before = Everything();
  absl::StatusOr<v1::CreateKeyResponse> refused = Create({"sdxl", "imagn-4", "nope"});
  EXPECT_THAT(refused, HasReason(ERROR_REASON_INVALID_VALUE));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MetadataOf(refused.status(), "param"), "allowed_models");
  EXPECT_EQ(refused.status().message(),
            "The catalog has no model `imagn-4`, `nope`; it has among others imagen-4, imagen-4-fast, flux, "
            "flux-1, "
            "bfl/flux.");
  EXPECT_NE(
      Create({"google/imagen-5"}).status().message().find("others google/imagen-4, google/imagen-4-fast, "),
      absl::string_view::npos);
  EXPECT_THAT(Create({"Imagen-4"}), HasReason(ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(Update("acme.1", {"nope"}), HasReason(ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(Update("acme.9", {"nope"}), HasReason(ERROR_REASON_KEY_NOT_FOUND));
  EXPECT_THAT(Update("nobody.1", {"nope"}), HasReason(ERROR_REASON_KEY_NOT_FOUND));
  EXPECT_THAT(Import("sk-old", {"nope"}), HasReason(ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(Import("sk-old", {"nope"}, "nobody"), HasReason(ERROR_REASON_ACCOUNT_NOT_FOUND));
  EXPECT_EQ(Everything(), before);

  std::vector<std::string> many;
  for (int i = 0; i < 100; ++i) many.push_back(absl::StrCat("x", i));
  EXPECT_NE(Create(many).status().message().find("`x4` and 95 more; it has"), absl::string_view::npos);
  KnowModels({{"one", {"one", "two"}}});
  EXPECT_EQ(Create({"three"}).status().message(), "The catalog has no model `three`; it has two, one.");
  KnowModels({});
  EXPECT_EQ(Create({"three"}).status().message(), "The catalog has no model `three`; it has none at all.");
}

TEST_F(AllowedModelsTest, ARepeatedImportIsAnsweredTheSameWhateverBecameOfTheCatalog) {
  ASSERT_THAT(Import("sk-old", {"flux-1"}), IsOk());
  for (bool moved : {true, false}) {
    if (moved) KnowModels({{"imagen-4", {"flux-1"}}});
    if (!moved) KnowModels({{"imagen-4", {}}});
    absl::StatusOr<v1::ImportKeyResponse> again = Import("sk-old", {"flux-1"});
    ASSERT_THAT(again, IsOk());
    EXPECT_TRUE(again->replayed());
    EXPECT_EQ(again->key().id(), "acme.2");
    EXPECT_THAT(again->key().allowed_models(), ElementsAre("flux"));
  }
  Open("beta", 1);
  EXPECT_THAT(Import("sk-old", {"flux-1"}, "beta"), HasReason(ERROR_REASON_KEY_EXISTS));
  EXPECT_THAT(Import("sk-new", {"flux-1"}), HasReason(ERROR_REASON_INVALID_VALUE));
}

TEST_F(AllowedModelsTest, AModelThatIsGoneMayStayWithTheKeyThatHasIt) {
  ASSERT_THAT(Create({"flux", "imagen-4"}), IsOk());
  KnowModels({{"imagen-4", {"google/imagen-4"}}});
  EXPECT_THAT(Update("acme.2", {"google/imagen-4", "flux"})->key().allowed_models(),
              ElementsAre("imagen-4", "flux"));
  EXPECT_THAT(Update("acme.2", {"flux", "sdxl"}), HasReason(ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(Update("acme.2", {"imagen-4"})->key().allowed_models(), ElementsAre("imagen-4"));
  EXPECT_THAT(Update("acme.2", {"imagen-4", "flux"}), HasReason(ERROR_REASON_INVALID_VALUE));
}

TEST_F(AllowedModelsTest, WithoutACatalogOnlyKeysWithoutModelsAreMade) {
  ASSERT_THAT(Import("sk-old", {"flux"}), IsOk());
  metrics::Registry metrics;
  catalog_watch::CatalogHolder none(loop_, metrics);
  Admin admin(*ledger_, none);
  v1::CreateKeyRequest create;
  create.set_account("acme");
  EXPECT_THAT(Wait(admin.CreateKey(create)), IsOk());
  create.add_allowed_models("flux");
  absl::StatusOr<v1::CreateKeyResponse> refused = Wait(admin.CreateKey(create));
  EXPECT_THAT(refused, HasReason(ERROR_REASON_CATALOG_BEHIND));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
  v1::UpdateKeyRequest update;
  update.set_key_id("acme.2");
  update.mutable_allowed_models()->add_models("flux");
  EXPECT_THAT(Wait(admin.UpdateKey(update)), HasReason(ERROR_REASON_CATALOG_BEHIND));
  v1::ImportKeyRequest import;
  import.set_account("acme");
  import.add_allowed_models("flux");
  import.set_api_key_sha256(crypto::Sha256("sk-old"));
  EXPECT_TRUE(Wait(admin.ImportKey(import))->replayed());
  import.set_api_key_sha256(crypto::Sha256("sk-new"));
  EXPECT_THAT(Wait(admin.ImportKey(import)), HasReason(ERROR_REASON_CATALOG_BEHIND));
}

}  // namespace
}  // namespace prismatic::billing
