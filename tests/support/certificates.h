#ifndef PRISMATIC_TESTS_SUPPORT_CERTIFICATES_H_
#define PRISMATIC_TESTS_SUPPORT_CERTIFICATES_H_

#include <string>

namespace prismatic::testing {

// An authority of our own and one certificate that it issued, PEM files in a folder below the system's
// temporary one, made by the `openssl` command; they go with this object. What goes wrong ends the test
// program with a message.
class Certificates {
 public:
  // `names` as in a subjectAltName: "DNS:localhost,IP:127.0.0.1".
  explicit Certificates(const std::string& names = "DNS:localhost,IP:127.0.0.1");
  ~Certificates();
  Certificates(const Certificates&) = delete;

  std::string ca_file() const { return folder_ + "/ca.pem"; }
  std::string cert_file() const { return folder_ + "/cert.pem"; }
  std::string key_file() const { return folder_ + "/cert.key"; }

 private:
  std::string folder_;
};

}  // namespace prismatic::testing

#endif  // PRISMATIC_TESTS_SUPPORT_CERTIFICATES_H_
