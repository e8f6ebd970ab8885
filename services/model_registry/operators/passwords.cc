#include "services/model_registry/operators/passwords.h"

#include <sodium.h>

#include <cstdlib>

#include "services/common/crypto/crypto.h"
#include "services/common/status/status.h"
#include "services/model_registry/operators/operator_errors.h"

namespace prismatic::model_registry {
namespace {

constexpr unsigned long long kOperations = crypto_pwhash_OPSLIMIT_INTERACTIVE;
constexpr size_t kMemoryBytes = crypto_pwhash_MEMLIMIT_INTERACTIVE;

// The hash of a password that nobody knows, with the limits above: to check against it takes as long as
// against an operator's.
constexpr char kDecoy[] =
    "$argon2id$v=19$m=65536,t=2,p=1$b3BlcmF0b3JzLWRlY295cw$dGhpcyBpcyBub2JvZHkncyBwYXNzd29yZCBoYXNoISE";

constexpr int kPasswordSize = 24;
// 32, so that five bits choose one; without 0 and o, 1 and l.
constexpr char kLetters[] = "abcdefghijkmnpqrstuvwxyz23456789";
static_assert(sizeof(kLetters) == 32 + 1);

}  // namespace

class Passwords::Place {
 public:
  // One is worked for while the others wait.
  explicit Place(std::atomic<int>& taken)
      : taken_(taken), has_room_(taken.fetch_add(1) <= Passwords::kWaitingMax) {}
  ~Place() { taken_.fetch_sub(1); }
  Place(const Place&) = delete;

  bool has_room() const { return has_room_; }

 private:
  std::atomic<int>& taken_;
  const bool has_room_;
};

Passwords::Passwords() {
  if (sodium_init() < 0) std::abort();
}

Task<absl::StatusOr<std::string>> Passwords::Hash(Caller caller, std::string password) {
  bool stranger = caller == Caller::kStranger;
  Place place(stranger ? strangers_ : known_);
  if (!place.has_room()) {
    co_return stranger ? operator_error::TooManyLogins() : operator_error::TooManyPasswords();
  }
  ResumeOn resume(&worker_);
  co_await resume;
  char hash[crypto_pwhash_STRBYTES];
  if (crypto_pwhash_str_alg(hash, password.data(), password.size(), kOperations, kMemoryBytes,
                            crypto_pwhash_ALG_ARGON2ID13) != 0) {
    co_return InternalError("There is not enough memory to hash a password.");
  }
  co_return std::string(hash);
}

Task<absl::StatusOr<bool>> Passwords::Verify(Caller caller, std::string password, std::string hash) {
  bool stranger = caller == Caller::kStranger;
  Place place(stranger ? strangers_ : known_);
  if (!place.has_room()) {
    co_return stranger ? operator_error::TooManyLogins() : operator_error::TooManyPasswords();
  }
  ResumeOn resume(&worker_);
  co_await resume;
  const std::string& compared = hash.empty() ? kDecoy : hash;
  bool equal = crypto_pwhash_str_verify(compared.c_str(), password.data(), password.size()) == 0;
  co_return equal && !hash.empty();
}

std::string Passwords::Random() {
  std::string password;
  for (unsigned char byte : crypto::RandomBytes(kPasswordSize)) password += kLetters[byte % 32];
  return password;
}

}  // namespace prismatic::model_registry
