#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_ERROR_WORDS_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_ERROR_WORDS_H_

#include <initializer_list>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/common/json/json.h"

namespace prismatic::provider_proxy {

// What an error says of itself, whatever its shape; all of it in lower case and cut to a sane length. It may
// hold what the client wrote, since upstreams quote it: it is compared, never shown or logged.
class ErrorWords {
 public:
  // An error object, an error's text, or a whole answer that holds one of them: `{"error":{...}}`,
  // `{"error":"..."}`, `{"detail":...}`, `{"message":...}`, `{"errors":[...]}`, and Google's, Azure's and
  // OpenRouter's ways to say more deeper inside.
  static ErrorWords Of(const json::Value& value);
  // The same for a body that may be no JSON at all.
  static ErrorWords OfBody(const std::string& body);

  // The content was refused, by the prompt or by what came of it.
  bool SpeakOfModeration() const;
  // The same by a code alone, where prose may speak of something else.
  bool NameModeration() const;
  // The upstream had no room for the work.
  bool SayOverloaded() const;
  // The credential is not accepted, or its account is out of money.
  bool BlameCredential() const;
  bool BlameFunds() const;
  bool empty() const { return codes_.empty() && message_.empty() && !flagged_; }

 private:
  void Read(const json::Value& value, int depth);
  void ReadMember(absl::string_view key, const json::Value& value, int depth);
  void AddMessage(const json::Value& text);
  bool HasCode(std::initializer_list<absl::string_view> codes) const;
  bool HasCodeLike(std::initializer_list<absl::string_view> parts) const;

  // Codes, types, statuses, reasons and names.
  std::vector<std::string> codes_;
  std::string message_;
  // A field is there that only a safety system writes.
  bool flagged_ = false;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_ERROR_WORDS_H_
