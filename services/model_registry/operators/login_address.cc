#include "services/model_registry/operators/login_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "absl/strings/str_cat.h"

namespace prismatic::model_registry {

std::string AddressGroup(const std::string& address) {
  in6_addr bytes{};
  if (inet_pton(AF_INET6, address.c_str(), &bytes) != 1) return address;
  char text[INET6_ADDRSTRLEN] = "";
  if (IN6_IS_ADDR_V4MAPPED(&bytes)) {
    inet_ntop(AF_INET, &bytes.s6_addr[12], text, sizeof(text));
    return text;
  }
  for (int i = 8; i < 16; ++i) bytes.s6_addr[i] = 0;
  inet_ntop(AF_INET6, &bytes, text, sizeof(text));
  return absl::StrCat(text, "/64");
}

}  // namespace prismatic::model_registry
