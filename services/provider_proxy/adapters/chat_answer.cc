#include "services/provider_proxy/adapters/chat_answer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "services/common/json/json.h"
#include "services/provider_proxy/adapters/collector.h"
#include "services/provider_proxy/adapters/image_item.h"
#include "services/provider_proxy/adapters/json_text.h"

namespace prismatic::provider_proxy {
namespace {

bool IsBase64Character(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/' || c == '=';
}

// A link that is a picture by its name. Any other may lead to a policy or a help page.
bool IsPictureLink(absl::string_view text) {
  if (!absl::StartsWithIgnoreCase(text, "https://") && !absl::StartsWithIgnoreCase(text, "http://"))
    return false;
  absl::string_view path = text.substr(0, text.find_first_of("?#"));
  for (absl::string_view ending : {".png", ".jpg", ".jpeg", ".webp"}) {
    if (absl::EndsWithIgnoreCase(path, ending)) return true;
  }
  return false;
}

// What stands in the parentheses of `![alt](url "title")` or `![alt](<url>)`.
absl::string_view MarkdownUrl(absl::string_view inside) {
  inside = absl::StripAsciiWhitespace(inside);
  inside = inside.substr(0, inside.find_first_of(" \t\n"));
  if (inside.size() >= 2 && inside.front() == '<' && inside.back() == '>') {
    inside = inside.substr(1, inside.size() - 2);
  }
  return inside;
}

// Reads one answer's choices, and remembers what it came across besides images.
class ChatAnswer {
 public:
  ChatAnswer(int64_t bytes_max, int count) : bytes_max_(bytes_max), collector_(count) {}

  void Read(const json::Value& choice);
  Outcome Finish();

 private:
  void ReadMessage(const json::Value& message);
  void ReadContent(const json::Value& content);
  void ReadText(const json::Value& text);
  void ReadText(absl::string_view text);
  void ReadMarkdown(absl::string_view text);
  // False when there is no image in it.
  bool ReadPart(const json::Value& part);
  bool ReadSource(const json::Value& source);
  void AddUrl(const json::Value& url) { collector_.Add(ImageFromUrl(url, bytes_max_)); }
  void AddBase64(const json::Value& base64) { collector_.Add(ImageFromBase64(base64, bytes_max_)); }

  const int64_t bytes_max_;
  Collector collector_;
  bool has_words_ = false;
  // A choice says why it holds no image, as prompts may bring it about.
  bool says_why_ = false;
  // Why no image came, where the answer says it.
  std::optional<Outcome> failed_;
};

// By what OpenAI calls the reason, and by what the model's own provider called it.
bool EndedByModeration(const json::Value& choice) {
  for (const char* key : {"finish_reason", "native_finish_reason"}) {
    std::string reason = WordsAt(choice, key);
    if (ContainsAny(reason, {"content_filter", "content-filter", "safety", "prohibited_content", "blocklist",
                             "spii", "recitation", "moderation"})) {
      return true;
    }
  }
  return false;
}

// Google's reasons, passed on by what is between.
bool SaysWhyEmpty(const json::Value& choice) {
  for (const char* key : {"finish_reason", "native_finish_reason"}) {
    std::string reason = WordsAt(choice, key);
    for (absl::string_view known : {"no_image", "image_other", "other", "max_tokens", "length", "language"}) {
      if (reason == known) return true;
    }
  }
  return false;
}

void ChatAnswer::Read(const json::Value& choice) {
  // What a filter cut off is no delivery, even if something of it is there.
  if (EndedByModeration(choice)) return collector_.AddRefusal();
  if (const json::Value* error = choice.FindNonNull("error"); error != nullptr) {
    Outcome failed = outcome::FromErrorObject(*error);
    if (failed.verdict == Verdict::kModerated) return collector_.AddRefusal();
    failed_ = std::move(failed);
    return;
  }
  std::string reason = WordsAt(choice, "finish_reason");
  if (reason == "error") {
    failed_ = outcome::Failed("error_in_200", "finish_reason error");
    return;
  }
  const json::Value* message = choice.FindNonNull("message");
  if (message == nullptr) message = choice.FindNonNull("delta");
  if (message != nullptr) ReadMessage(*message);
  // It ran out of tokens on the way to a picture: words that it wrote before are no refusal.
  if (reason == "length") failed_ = outcome::Failed("no_image", "finish_reason length");
  says_why_ = says_why_ || SaysWhyEmpty(choice);
}

void ChatAnswer::ReadMessage(const json::Value& message) {
  const json::Value* images = message.FindNonNull("images");
  if (images != nullptr && !images->elements().empty()) {
    for (const json::Value& part : images->elements()) {
      if (collector_.full()) return;
      if (!ReadPart(part)) collector_.Add(absl::InvalidArgumentError("an image part without an image"));
    }
    return;
  }
  // OpenAI's own field for saying no.
  if (!TextAt(message, "refusal").empty()) collector_.AddRefusal();
  const json::Value* content = message.FindNonNull("content");
  if (content != nullptr) ReadContent(*content);
}

void ChatAnswer::ReadContent(const json::Value& content) {
  if (content.is_string()) return ReadText(content);
  for (const json::Value& part : content.elements()) {
    if (collector_.full()) return;
    const json::Value* text = part.FindNonNull("text");
    if (part.is_string() || (text != nullptr && text->is_string())) {
      ReadText(part.is_string() ? part : *text);
    } else if (WordsAt(part, "type") == "refusal") {
      collector_.AddRefusal();
    } else {
      ReadPart(part);  // which may also be a thought, or something else of no use
    }
  }
}

// `{"type":"image_url","image_url":{"url":"..."}}`, with variations: the URL directly below `image_url`,
// base64 in `b64_json`, and the forms of other chat APIs, `{"type":"image","source":{"data":"..."}}` and
// `{"inline_data":{"data":"..."}}`.
bool ChatAnswer::ReadPart(const json::Value& part) {
  for (const char* key : {"image_url", "image", "source", "inline_data", "inlineData"}) {
    const json::Value* source = part.FindNonNull(key);
    if (source != nullptr && ReadSource(*source)) return true;
  }
  return ReadSource(part);
}

bool ChatAnswer::ReadSource(const json::Value& source) {
  if (source.is_string()) {
    AddUrl(source);
    return true;
  }
  for (const char* key : {"b64_json", "data"}) {
    if (const json::Value* base64 = source.FindNonNull(key); base64 != nullptr) {
      AddBase64(*base64);
      return true;
    }
  }
  const json::Value* url = source.FindNonNull("url");
  if (url != nullptr) AddUrl(*url);
  return url != nullptr;
}

void ChatAnswer::ReadText(const json::Value& text) {
  if (std::optional<absl::string_view> plain = text.PlainString()) {
    ReadText(*plain);
  } else if (std::optional<std::string> unescaped = text.String()) {
    ReadText(*unescaped);
  }
}

// Some resellers write the image into the text.
void ChatAnswer::ReadText(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  if (text.empty()) return;
  if (absl::StartsWithIgnoreCase(text, "data:image/") || IsPictureLink(text)) {
    collector_.Add(ImageFromUrl(text, bytes_max_));
    return;
  }
  has_words_ = true;
  if (absl::StrContains(text, "![")) return ReadMarkdown(text);
  size_t begin = text.find("data:image/");
  if (begin == absl::string_view::npos) return;
  size_t comma = text.find(',', begin);
  if (comma == absl::string_view::npos) return;
  const char* end = std::find_if_not(text.begin() + comma + 1, text.end(), IsBase64Character);
  collector_.Add(ImageFromUrl(text.substr(begin, end - text.begin() - begin), bytes_max_));
}

void ChatAnswer::ReadMarkdown(absl::string_view text) {
  for (size_t at = text.find("!["); at != absl::string_view::npos && !collector_.full();
       at = text.find("![", at)) {
    size_t open = text.find("](", at);
    if (open == absl::string_view::npos) return;
    size_t close = text.find(')', open);
    if (close == absl::string_view::npos) return;
    collector_.Add(ImageFromUrl(MarkdownUrl(text.substr(open + 2, close - open - 2)), bytes_max_));
    at = close;
  }
}

Outcome ChatAnswer::Finish() {
  if (!failed_ && has_words_) failed_ = outcome::Moderated();
  if (!failed_) {
    failed_ = outcome::Failed(says_why_ ? "no_image" : "empty_answer", "neither words nor an image");
  }
  return collector_.Finish(*std::move(failed_));
}

}  // namespace

Outcome ReadChatAnswer(HttpResponse response, int64_t bytes_max, int count) {
  if (response.status < 200 || response.status > 299) return outcome::FromErrorResponse(response);
  absl::StatusOr<json::Document> document = json::Document::Parse(std::move(response.body));
  if (!document.ok()) return outcome::Failed("bad_answer", "no JSON");
  const json::Value& root = document->root();
  const json::Value* choices = root.FindNonNull("choices");
  if (choices == nullptr || choices->elements().empty()) {
    bool has_error = root.FindNonNull("error") != nullptr || root.FindNonNull("detail") != nullptr ||
                     root.FindNonNull("message") != nullptr;
    return has_error ? outcome::FromErrorObject(root) : outcome::Failed("bad_answer", "no choices");
  }
  ChatAnswer answer(bytes_max, count);
  for (const json::Value& choice : choices->elements()) answer.Read(choice);
  return answer.Finish();
}

}  // namespace prismatic::provider_proxy
