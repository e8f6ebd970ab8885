#include "services/common/redis/refusals.h"

#include <initializer_list>

namespace prismatic::redis {
namespace {

bool BeginsWithOneOf(absl::string_view error, std::initializer_list<absl::string_view> words) {
  absl::string_view first = error.substr(0, error.find(' '));
  for (absl::string_view word : words) {
    if (first == word) return true;
  }
  return false;
}

}  // namespace

// Redis checks these before a function's first line: ours declare no flag, or allow-oom, which takes OOM
// away. UNBLOCKED and NOPERM are not among them: a command may have run before WAIT was unblocked, and a
// function may have written before it met what its user may not do.
bool NothingWasDone(absl::string_view error) {
  return BeginsWithOneOf(error, {"LOADING", "BUSY", "CLUSTERDOWN", "MASTERDOWN", "READONLY", "TRYAGAIN",
                                 "MISCONF", "NOREPLICAS", "OOM", "NOAUTH"});
}

bool NeedsNewConnection(absl::string_view error) {
  return BeginsWithOneOf(error, {"READONLY", "MASTERDOWN", "LOADING", "UNBLOCKED", "NOAUTH"});
}

bool IsForbidden(absl::string_view error) {
  return BeginsWithOneOf(error, {"NOPERM", "NOAUTH", "WRONGPASS"});
}

}  // namespace prismatic::redis
