#include "services/model_registry/operators/operator_record.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace prismatic::model_registry {
namespace {

constexpr size_t kNameSizeMax = 40;

}  // namespace

std::optional<StoredOperator> ReadOperator(absl::string_view name, absl::string_view record) {
  std::vector<absl::string_view> words = absl::StrSplit(record, ' ');
  int role = 0;
  int64_t create_time_us = 0;
  int64_t login_time_us = 0;
  if (words.size() != 7 || words[0] != "1" || !absl::SimpleAtoi(words[1], &role) ||
      !absl::SimpleAtoi(words[3], &create_time_us) || !absl::SimpleAtoi(words[4], &login_time_us)) {
    return std::nullopt;
  }
  StoredOperator read;
  read.shown.set_name(std::string(name));
  read.shown.set_role(static_cast<v1::Role>(role));
  read.shown.set_disabled(words[2] != "0");
  read.shown.set_create_time_us(create_time_us);
  read.shown.set_login_time_us(login_time_us);
  read.shown.set_password_is_initial(words[5] != "0");
  read.password_hash = std::string(words[6]);
  read.record = std::string(record);
  if (!IsRole(read.shown.role())) return std::nullopt;
  return read;
}

bool IsOperatorName(absl::string_view name) {
  return !name.empty() && name.size() <= kNameSizeMax && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

absl::string_view RoleName(v1::Role role) {
  switch (role) {
    case v1::ROLE_VIEWER:
      return "viewer";
    case v1::ROLE_OPERATOR:
      return "operator";
    case v1::ROLE_OWNER:
      return "owner";
    default:
      return "none";
  }
}

bool IsRole(v1::Role role) {
  return role == v1::ROLE_VIEWER || role == v1::ROLE_OPERATOR || role == v1::ROLE_OWNER;
}

}  // namespace prismatic::model_registry
