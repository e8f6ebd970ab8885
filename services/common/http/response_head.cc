#include "services/common/http/response_head.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace prismatic::http {
namespace {

bool IsBodyless(int status) { return status == 204 || status == 304; }

struct Phrase {
  int status;
  const char* text;
};
constexpr Phrase kPhrases[] = {{200, "OK"},
                               {201, "Created"},
                               {202, "Accepted"},
                               {204, "No Content"},
                               {301, "Moved Permanently"},
                               {302, "Found"},
                               {303, "See Other"},
                               {304, "Not Modified"},
                               {307, "Temporary Redirect"},
                               {308, "Permanent Redirect"},
                               {400, "Bad Request"},
                               {401, "Unauthorized"},
                               {402, "Payment Required"},
                               {403, "Forbidden"},
                               {404, "Not Found"},
                               {405, "Method Not Allowed"},
                               {408, "Request Timeout"},
                               {409, "Conflict"},
                               {413, "Content Too Large"},
                               {414, "URI Too Long"},
                               {415, "Unsupported Media Type"},
                               {417, "Expectation Failed"},
                               {422, "Unprocessable Content"},
                               {429, "Too Many Requests"},
                               {431, "Request Header Fields Too Large"},
                               {499, "Client Closed Request"},
                               {500, "Internal Server Error"},
                               {501, "Not Implemented"},
                               {502, "Bad Gateway"},
                               {503, "Service Unavailable"},
                               {504, "Gateway Timeout"},
                               {505, "HTTP Version Not Supported"}};

absl::string_view PhraseOf(int status) {
  const auto* found = std::find_if(std::begin(kPhrases), std::end(kPhrases),
                                   [&](const Phrase& p) { return p.status == status; });
  return found == std::end(kPhrases) ? "Status" : found->text;
}

void AppendField(std::string& head, absl::string_view name, absl::string_view value) {
  absl::StrAppend(&head, name, ": ");
  for (char c : value) head += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  head += "\r\n";
}

// The same text for all answers of a second.
const std::string& DateText() {
  static thread_local std::string text;
  static thread_local int64_t second = -1;
  absl::Time now = absl::Now();
  if (absl::ToUnixSeconds(now) != second) {
    second = absl::ToUnixSeconds(now);
    text = absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", now, absl::UTCTimeZone());
  }
  return text;
}

}  // namespace

bool HasBody(const Response& response, Framing framing) {
  return !framing.head_only && !IsBodyless(response.status);
}

std::string ResponseHead(const Response& response, Framing framing) {
  std::string head;
  head.reserve(512);
  absl::StrAppend(&head, "HTTP/1.1 ", response.status, " ", PhraseOf(response.status), "\r\n");
  AppendField(head, "Date", DateText());
  for (const auto& [name, value] : response.headers) AppendField(head, name, value);
  if (!IsBodyless(response.status)) {
    if (!response.body.empty()) AppendField(head, "Content-Type", response.content_type);
    absl::StrAppend(&head, "Content-Length: ", response.body.size(), "\r\n");
  }
  if (framing.close) {
    absl::StrAppend(&head, "Connection: close\r\n");
  } else if (framing.http10) {
    absl::StrAppend(&head, "Connection: keep-alive\r\n");
  }
  head += "\r\n";
  return head;
}

}  // namespace prismatic::http
