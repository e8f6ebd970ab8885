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

  // The content was refused, by the prompt or by what came of it. Prose that quotes the prompt counts whole:
  // who writes "safety system" into a prompt which is then found wrong is told of a refusal, which costs less
  // than to offer refused content to somebody else.
  bool SpeakOfModeration() const;
  // The same by a code or field alone, where prose may speak of something else.
  bool NameModeration() const;
  // The same where prose is the upstream's own only: no prompt makes its failure a refusal by what it says.
  bool SpeakOfModerationThemselves() const;
  // The same where prose is mostly about names and limits: only what can mean nothing else.
  bool SayFlagged() const;
  // A call that is forbidden for what the prompt or the content is, and not for who asks.
  bool ForbidContent() const;
  // The upstream had no room for the work.
  bool SayOverloaded() const;
  // The request alone is more than a limit ever lets through.
  bool SayNeverFits() const;
  // The credential is not accepted, or its account is out of money.
  bool BlameCredential() const;
  bool BlameFunds() const;
  bool empty() const { return codes_.empty() && messages_.empty() && !flagged_ && !has_reasons_; }

 private:
  void Read(const json::Value& value, int depth);
  void ReadMember(absl::string_view key, const json::Value& value, int depth);
  void AddMessage(const json::Value& text);
  void AddMessage(std::string text);
  bool HasCode(std::initializer_list<absl::string_view> codes) const;
  bool HasCodeLike(std::initializer_list<absl::string_view> parts) const;

  // Codes, types, statuses, reasons and names.
  std::vector<std::string> codes_;
  std::vector<std::string> messages_;
  size_t messages_size_ = 0;
  // A field is there that only a safety system writes.
  bool flagged_ = false;
  // OpenRouter's `metadata.reasons`, which it writes for a refusal; others may mean anything by that name.
  bool has_reasons_ = false;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_ERROR_WORDS_H_
