#include "gateway/admin/callers_terms.h"

#include <gtest/gtest.h>

#include "services/common/status/status.h"

namespace prismatic::gateway::admin {
namespace {

absl::Status At(const char* path, const absl::Status& refusal) {
  return InCallersTerms({"POST", path, Access::kOwner, BodyKind::kObject, nullptr}, refusal);
}

TEST(CallersTermsTest, WhatCanBeNoNameInThePathIsTheNameOfNothing) {
  absl::Status account = At("/admin/v1/accounts/{name}/keys", InvalidValue("account", "must be a-z"));
  EXPECT_TRUE(HasReason(account, common::v1::ERROR_REASON_ACCOUNT_NOT_FOUND));
  EXPECT_EQ(account.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(MetadataOf(account, "param"), "");
  EXPECT_TRUE(HasReason(At("/admin/v1/accounts/{name}", InvalidValue("name", "x")),
                        common::v1::ERROR_REASON_ACCOUNT_NOT_FOUND));
  EXPECT_TRUE(HasReason(At("/admin/v1/keys/{id}/revoke", InvalidValue("key_id", "x")),
                        common::v1::ERROR_REASON_KEY_NOT_FOUND));
}

TEST(CallersTermsTest, WhatIsWrongInBodyOrQueryStaysWrong) {
  for (const auto& [path, param] :
       {std::pair("/admin/v1/accounts", "name"), std::pair("/admin/v1/audit", "account"),
        std::pair("/admin/v1/accounts/{name}/ledger", "key_id")}) {
    absl::Status refusal = At(path, InvalidValue(param, "x"));
    EXPECT_TRUE(HasReason(refusal, common::v1::ERROR_REASON_INVALID_VALUE)) << path;
    EXPECT_EQ(MetadataOf(refusal, "param"), param);
  }
}

TEST(CallersTermsTest, FieldsAreNamedAsTheBodyNamesThem) {
  absl::Status models =
      At("/admin/v1/accounts/{name}/keys",
         InvalidValue("allowed_models", "`allowed_models` names `imagn-4`; did you mean `imagen-4`?"));
  EXPECT_EQ(models.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MetadataOf(models, "param"), "models");
  EXPECT_EQ(models.message(), "`models` names `imagn-4`; did you mean `imagen-4`?");
  EXPECT_TRUE(HasReason(models, common::v1::ERROR_REASON_INVALID_VALUE));
  EXPECT_EQ(MetadataOf(At("/x", InvalidValue("allowed_models[3]", "x")), "param"), "models[3]");
  EXPECT_EQ(MetadataOf(At("/x", InvalidValue("limits.max_concurrent", "x")), "param"), "max_concurrent");
  EXPECT_EQ(MetadataOf(At("/x", InvalidValue("", "x")), "param"), "");
}

TEST(CallersTermsTest, OtherReasonsStay) {
  absl::Status refusal = Error(absl::StatusCode::kNotFound, common::v1::ERROR_REASON_MODEL_NOT_FOUND, "x")
                             .With("param", "allowed_models");
  EXPECT_EQ(At("/admin/v1/accounts/{name}", refusal), refusal);
  EXPECT_EQ(At("/admin/v1/accounts/{name}", absl::UnavailableError("x")), absl::UnavailableError("x"));
}

}  // namespace
}  // namespace prismatic::gateway::admin
