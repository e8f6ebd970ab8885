#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_LOGIN_ADDRESS_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_LOGIN_ADDRESS_H_

#include <string>

namespace prismatic::model_registry {

// The addresses whose failed logins are counted together: an IPv6 address stands for its /64, of which one
// host has all; one that only dresses an IPv4 address (::ffff:a.b.c.d) stands for that. Anything else
// stands for itself.
std::string AddressGroup(const std::string& address);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_LOGIN_ADDRESS_H_
