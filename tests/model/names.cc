#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/common/crypto/crypto.h"
#include "tests/model/model.h"

namespace prismatic::billing::model {
namespace {

// Names that share a bucket, so that accounts share the set of what is due.
std::vector<std::string> AccountNames() {
  std::vector<std::string> names = {"first"};
  for (int i = 0; static_cast<int>(names.size()) < kAccounts; ++i) {
    std::string name = absl::StrCat("other-", i);
    if (BucketOf(name) == BucketOf(names[0])) names.push_back(name);
  }
  return names;
}

}  // namespace

std::string AccountName(int account) {
  static const auto* names = new std::vector<std::string>(AccountNames());
  return (*names)[static_cast<size_t>(account)];
}
KeyId KeyName(int account, int key) { return {AccountName(account), key}; }
std::string AttemptName(int attempt) { return absl::StrFormat("01900000-0000-7000-8000-%012d", attempt); }
std::string RequestName(int request) { return absl::StrCat("payment-", request); }
std::string SecretHash(int account, int key) {
  return IsImported(key) ? crypto::Sha256Hex(ImportedText(key)) : absl::StrCat("secret-", account, "-", key);
}
std::string ImportedText(int key) { return absl::StrCat("sk-elsewhere-", key); }
std::string IdempotencyHash(int idempotency_key) { return absl::StrCat("again-", idempotency_key); }
std::string BodyHash(int body) { return absl::StrCat("body-", body); }
std::string Reason(int reason) { return absl::StrCat("reason-", reason); }
std::string Fingerprint(const Operation& operation) {
  return absl::StrCat(operation.key, "/", operation.model, "/", operation.images, "/",
                      operation.idempotency_key, "/", operation.body);
}

}  // namespace prismatic::billing::model
