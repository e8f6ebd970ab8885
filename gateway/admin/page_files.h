#ifndef PRISMATIC_GATEWAY_ADMIN_PAGE_FILES_H_
#define PRISMATIC_GATEWAY_ADMIN_PAGE_FILES_H_

#include <cstddef>

namespace prismatic::gateway::admin {

// One file of page/, put here by the build.
struct PageFile {
  // `app.js`, `views/accounts.js`.
  const char* name;
  const unsigned char* bytes;
  size_t size;
};

// In order of name.
extern const PageFile kPageFiles[];
extern const size_t kPageFileCount;

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_PAGE_FILES_H_
