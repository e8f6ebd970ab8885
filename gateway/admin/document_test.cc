// docs/reference/admin-openapi.json beside the tables of endpoints: neither says more than the other.

#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gateway/admin/admin_api.h"
#include "gateway/admin/openapi_json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/json/json.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::admin {
namespace {

using ::testing::ContainerEq;
using ::testing::SizeIs;

// What both sides say about an operation.
struct Described {
  std::string role;
  // 0: it takes none.
  int64_t body_bytes_max = 0;
  bool operator==(const Described&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Described& described) {
  return out << described.role << " with a body of " << described.body_bytes_max;
}
using Operations = std::map<std::string, Described>;

// What is served beside the tables: see AdminApi.
const Operations kStatic = {{"GET /openapi.json", {"anyone"}}, {"GET /healthz", {"anyone"}}};

const char* RoleOf(Access access) {
  switch (access) {
    case Access::kAnyone:
      return "anyone";
    case Access::kViewer:
      return "viewer";
    case Access::kOperator:
      return "operator";
    case Access::kOwner:
      break;
  }
  return "owner";
}

int64_t BodyBytesMaxOf(BodyKind kind) {
  if (kind == BodyKind::kLargeObject) return kLargeBodyBytesMax;
  return kind == BodyKind::kObject ? kBodyBytesMax : 0;
}

class DocumentTest : public ::testing::Test {
 protected:
  const json::Value& root() const { return document_->root(); }
  const json::Value& At(const json::Value& object, absl::string_view key) const {
    const json::Value* member = object.Find(key);
    EXPECT_NE(member, nullptr) << key;
    static const json::Value* const kNothing = new json::Value();
    return member == nullptr ? *kNothing : *member;
  }

  absl::StatusOr<json::Document> document_ = json::Document::Parse(kOpenApiJson);
};

TEST_F(DocumentTest, HasTheEndpointsThatThereAreWithTheirRolesAndBodies) {
  ASSERT_TRUE(document_.ok()) << document_.status();
  Operations described, served = kStatic;
  for (const auto& [path, item] : At(root(), "paths").members()) {
    for (const auto& [method, operation] : item.members()) {
      const json::Value* role = operation.Find("x-prismatic-role");
      const json::Value* large = operation.Find("x-prismatic-body-bytes-max");
      bool takes_a_body = operation.Find("requestBody") != nullptr;
      described[absl::StrCat(absl::AsciiStrToUpper(method), " ", path)] = {
          role == nullptr ? "anyone" : *role->String(),
          large != nullptr ? *large->Int() : (takes_a_body ? kBodyBytesMax : 0)};
    }
  }
  for (const Endpoint& endpoint : AllEndpoints()) {
    auto added = served.emplace(absl::StrCat(endpoint.method, " ", endpoint.path),
                                Described{RoleOf(endpoint.access), BodyBytesMaxOf(endpoint.body)});
    EXPECT_TRUE(added.second) << added.first->first << " is there twice";
  }
  EXPECT_THAT(described, ContainerEq(served));
}

TEST_F(DocumentTest, WhoMayCallIsInTheSecurityOfEachOperation) {
  ASSERT_TRUE(document_.ok()) << document_.status();
  for (const auto& [path, item] : At(root(), "paths").members()) {
    for (const auto& [method, operation] : item.members()) {
      const std::vector<json::Value>& ways = At(operation, "security").elements();
      if (operation.Find("x-prismatic-role") == nullptr) {
        EXPECT_THAT(ways, SizeIs(0)) << method << " " << path;
        continue;
      }
      ASSERT_THAT(ways, SizeIs(2)) << method << " " << path;
      EXPECT_NE(ways[0].Find("token"), nullptr);
      EXPECT_NE(ways[1].Find("sessionCookie"), nullptr);
      EXPECT_EQ(ways[1].Find("csrfToken") != nullptr, method != "get") << method << " " << path;
    }
  }
}

TEST_F(DocumentTest, ItsErrorCodesAreReasons) {
  ASSERT_TRUE(document_.ok()) << document_.status();
  const json::Value& code = At(At(At(root(), "components"), "schemas"), "ErrorCode");
  std::set<std::string> codes;
  for (const json::Value& value : At(code, "enum").elements()) codes.insert(*value.String());
  EXPECT_EQ(codes.erase("CSRF_REFUSED"), 1u);  // the one that this room alone knows
  for (const std::string& reason : codes) {
    EXPECT_NE(ReasonFromName(reason), common::v1::ERROR_REASON_UNSPECIFIED) << reason;
  }
}

}  // namespace
}  // namespace prismatic::gateway::admin
