#ifndef PRISMATIC_SERVICES_COMMON_HTTP_HEAD_PARSER_H_
#define PRISMATIC_SERVICES_COMMON_HTTP_HEAD_PARSER_H_

#include <memory>

#include "services/common/http/head.h"
#include "services/common/http/message.h"

namespace prismatic::http {

// cpp-httplib as what it is good at: it parses and decodes a head that the gate has checked and written
// anew. It owns no socket, reads no body and writes no answer. Thread-safe.
class HeadParser {
 public:
  HeadParser();
  ~HeadParser();

  // Fills in method, path, query and header fields. False when the library refuses the head, which the gate
  // should have done.
  bool Parse(const Head& head, Request& request) const;

 private:
  class Library;
  std::unique_ptr<Library> library_;
};

}  // namespace prismatic::http

#endif  // PRISMATIC_SERVICES_COMMON_HTTP_HEAD_PARSER_H_
