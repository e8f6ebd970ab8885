#include "tests/support/certificates.h"

#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace prismatic::testing {
namespace {

void Run(const std::string& command) {
  if (std::system(absl::StrCat(command, " >/dev/null 2>&1").c_str()) == 0) return;
  std::fprintf(stderr, "Certificates: this failed: %s\n", command.c_str());
  std::abort();
}

}  // namespace

Certificates::Certificates(const std::string& names) {
  std::string pattern = (std::filesystem::temp_directory_path() / "prismatic-tls-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) std::abort();
  folder_ = pattern;
  std::string make = absl::StrCat("cd '", folder_, "' && openssl req -x509 -days 2 -nodes -newkey ec ",
                                  "-pkeyopt ec_paramgen_curve:P-256 ");
  Run(absl::StrCat(make, "-subj '/CN=authority of a test' -keyout ca.key -out ca.pem"));
  Run(absl::StrCat(make, "-subj /CN=test -CA ca.pem -CAkey ca.key -addext 'subjectAltName=", names,
                   "' -addext basicConstraints=critical,CA:FALSE -keyout cert.key -out cert.pem"));
}

Certificates::~Certificates() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace prismatic::testing
