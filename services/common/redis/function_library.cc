#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/common/crypto/crypto.h"
#include "services/common/redis/client.h"

namespace prismatic::redis {

FunctionLibrary FunctionLibrary::FromSource(absl::string_view prefix, absl::string_view body) {
  FunctionLibrary library;
  library.name = absl::StrCat(prefix, "_", crypto::Sha256Hex(body).substr(0, 8));
  library.source = absl::StrCat("#!lua name=", library.name, "\n",
                                absl::StrReplaceAll(body, {{"@LIBRARY@", library.name}}));
  return library;
}

}  // namespace prismatic::redis
