#ifndef PRISMATIC_GATEWAY_ADMIN_PAGE_H_
#define PRISMATIC_GATEWAY_ADMIN_PAGE_H_

#include <map>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "services/common/http/message.h"

namespace prismatic::gateway::admin {

// The admin page: the files of page/ as they were at the build, with an ETag each. `/` is index.html.
// Thread-safe.
class Page {
 public:
  Page();

  // The file at this path, or 304 when the client has it; nothing when there is none. Paths are compared as
  // sent.
  std::optional<http::Response> Find(absl::string_view raw_path, const http::Request& request) const;

 private:
  struct File {
    absl::string_view bytes;
    absl::string_view content_type;
    std::string etag;
  };
  std::map<std::string, File, std::less<>> files_;
};

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_PAGE_H_
