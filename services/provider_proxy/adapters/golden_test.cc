// What goes to each kind of upstream and what its answers come to: the files of tests/golden/upstream,
// whose README.md tells how they are written. Their `expected` parts are written anew by
//
//   provider_proxy_adapters_test --update-golden
//
// and reviewed as code, against the upstream's own documentation.

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "services/common/json/json.h"
#include "services/common/status/status.h"
#include "services/provider_proxy/adapters/adapter.h"
#include "services/provider_proxy/adapters/hostile_answers.h"
#include "services/provider_proxy/adapters/test_images.h"

namespace prismatic::provider_proxy {

bool update_golden = false;

namespace {

namespace fs = std::filesystem;

constexpr size_t kLineMax = 110;

std::vector<fs::path> GoldenFiles() {
  std::vector<fs::path> files;
  for (const fs::directory_entry& each : fs::recursive_directory_iterator(PRISMATIC_GOLDEN_FOLDER)) {
    if (each.path().extension() == ".json") files.push_back(each.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string NameOf(const fs::path& file) {
  std::string name = fs::relative(file, PRISMATIC_GOLDEN_FOLDER).replace_extension("").string();
  for (char& c : name) {
    if (!absl::ascii_isalnum(c)) c = '_';
  }
  return name;
}

std::string ReadFile(const fs::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

// The value without blanks, duplicate keys kept.
void Compact(const json::Value& value, json::Writer& writer) {
  if (value.is_array()) {
    writer.BeginArray();
    for (const json::Value& each : value.elements()) Compact(each, writer);
    writer.EndArray();
  } else if (value.is_object()) {
    writer.BeginObject();
    for (const auto& [key, each] : value.members()) Compact(each, writer.Key(key));
    writer.EndObject();
  } else {
    writer.Raw(value.raw());
  }
}

std::string Compact(const json::Value& value) {
  json::Writer writer;
  Compact(value, writer);
  return writer.Take();
}

// On one line what fits, else a line for each member. `used`: what else stands on the line.
std::string Pretty(const json::Value& value, int indent, size_t used) {
  std::string flat = Compact(value);
  bool container = value.is_array() || value.is_object();
  bool top = indent == 0;
  if (!container || flat.size() <= 2 || (!top && indent + used + flat.size() <= kLineMax)) return flat;
  std::string inner = absl::StrCat("\n", std::string(indent + 2, ' '));
  std::string text(1, value.is_array() ? '[' : '{');
  absl::string_view comma = "";
  for (const json::Value& each : value.elements()) {
    absl::StrAppend(&text, comma, inner, Pretty(each, indent + 2, 1));
    comma = ",";
  }
  for (const auto& [key, each] : value.members()) {
    std::string quoted = absl::StrCat(json::Quote(key), ": ");
    absl::StrAppend(&text, comma, inner, quoted, Pretty(each, indent + 2, quoted.size() + 1));
    comma = ",";
  }
  return absl::StrCat(text, "\n", std::string(indent, ' '), value.is_array() ? "]" : "}");
}

// `<png 1024x768>` and its like stand for base64, in given texts and in what is expected.
class Pictures {
 public:
  std::string Insert(std::string text) {
    for (size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) {
      size_t end = text.find('>', at);
      if (end == std::string::npos) break;
      std::string token = text.substr(at, end - at + 1);
      std::string base64 = Base64Of(token.substr(1, token.size() - 2));
      if (base64.empty()) continue;
      tokens_[base64] = token;
      text.replace(at, token.size(), base64);
    }
    return text;
  }
  std::string TakeOut(const std::string& text) const { return absl::StrReplaceAll(text, tokens_); }

 private:
  static std::string Base64Of(const std::string& words) {
    if (words == "png") return test_images::kPng;
    if (words == "jpeg") return test_images::kJpeg;
    if (words == "webp") return test_images::kWebpLossy;
    std::vector<std::string> parts = absl::StrSplit(words, absl::ByAnyChar(" x"));
    uint32_t width = 0, height = 0;
    if (parts.size() != 3 || !absl::SimpleAtoi(parts[1], &width) || !absl::SimpleAtoi(parts[2], &height)) {
      return "";
    }
    if (parts[0] == "png") return test_images::PngBase64(width, height);
    return parts[0] == "jpeg" ? absl::Base64Escape(test_images::Jpeg(width, height)) : "";
  }

  std::map<std::string, std::string> tokens_;  // by base64
};

absl::string_view WordOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kImages:
      return "images";
    case Verdict::kNotStarted:
      return "not_started";
    case Verdict::kModerated:
      return "moderated";
    case Verdict::kRejected:
      return "rejected";
    case Verdict::kUnknown:
      return "unknown";
    case Verdict::kPending:
      return "pending";
  }
  return "";
}

absl::string_view WordOf(AuthScheme scheme) {
  switch (scheme) {
    case AuthScheme::kBearer:
      return "bearer";
    case AuthScheme::kKey:
      return "key";
    case AuthScheme::kBasic:
      return "basic";
    case AuthScheme::kPlain:
      return "plain";
  }
  return "";
}

void WriteHttp(const HttpRequest& http, json::Writer& writer) {
  writer.Key("method").String(http.method).Key("url").String(http.url);
  writer.Key("headers").BeginObject();
  for (const auto& [name, value] : http.headers) writer.Key(name).String(value);
  writer.EndObject();
  writer.Key("auth_header").String(http.auth_header);
  writer.Key("auth_scheme").String(WordOf(http.auth_scheme));
  if (http.body.empty()) return;
  absl::StatusOr<json::Document> document = json::Document::Parse(http.body);
  if (document.ok()) {
    writer.Key("body").Raw(http.body);
  } else {
    writer.Key("text").String(http.body);
  }
}

void WriteNames(absl::string_view key, const std::vector<std::string>& names, json::Writer& writer) {
  if (names.empty()) return;
  writer.Key(key).BeginArray();
  for (const std::string& name : names) writer.String(name);
  writer.EndArray();
}

void WriteText(absl::string_view key, const std::string& text, json::Writer& writer) {
  if (!text.empty()) writer.Key(key).String(text);
}

void WriteImage(const v1::GeneratedImage& image, json::Writer& writer) {
  writer.BeginObject();
  if (image.has_url()) {
    writer.Key("url").String(image.url());
  } else {
    writer.Key("base64").String(image.base64()).Key("mime_type").String(image.mime_type());
    writer.Key("size").String(absl::StrCat(image.width(), "x", image.height()));
  }
  WriteText("revised_prompt", image.revised_prompt(), writer);
  writer.EndObject();
}

void WriteUsage(const v1::Usage& usage, json::Writer& writer) {
  writer.Key("usage").BeginObject();
  writer.Key("input_tokens").Int(usage.input_tokens()).Key("output_tokens").Int(usage.output_tokens());
  writer.Key("total_tokens").Int(usage.total_tokens());
  writer.Key("input_text_tokens").Int(usage.input_text_tokens());
  writer.Key("input_image_tokens").Int(usage.input_image_tokens()).EndObject();
}

std::string TextOf(const Outcome& outcome) {
  json::Writer writer;
  writer.BeginObject().Key("verdict").String(WordOf(outcome.verdict)).Key("label").String(outcome.label);
  if (!outcome.status.ok()) writer.Key("reason").String(ReasonName(ReasonOf(outcome.status)));
  if (outcome.retry_after)
    writer.Key("retry_after_seconds").Double(absl::ToDoubleSeconds(*outcome.retry_after));
  if (!outcome.images.empty()) {
    writer.Key("images").BeginArray();
    for (const v1::GeneratedImage& image : outcome.images) WriteImage(image, writer);
    writer.EndArray();
  }
  WriteText("size", outcome.remarks.size, writer);
  WriteText("quality", outcome.remarks.quality, writer);
  WriteText("background", outcome.remarks.background, writer);
  WriteText("output_format", outcome.remarks.output_format, writer);
  if (outcome.remarks.usage) WriteUsage(*outcome.remarks.usage, writer);
  if (outcome.poll) {
    writer.Key("poll").BeginObject();
    WriteHttp(outcome.poll->request, writer);
    if (outcome.poll->wait) writer.Key("wait_seconds").Double(absl::ToDoubleSeconds(*outcome.poll->wait));
    writer.EndObject();
  }
  WriteText("note", outcome.note, writer);
  return writer.EndObject().Take();
}

template <typename Message>
Message Proto(const json::Value* value) {
  Message message;
  std::string text = value == nullptr ? "{}" : std::string(value->raw());
  google::protobuf::util::Status status = google::protobuf::util::JsonStringToMessage(text, &message);
  EXPECT_TRUE(status.ok()) << status.ToString() << "\n" << text;
  return message;
}

std::string StringOf(const json::Value& object, absl::string_view key) {
  const json::Value* value = object.Find(key);
  return value == nullptr ? "" : value->String().value_or("");
}

int64_t NumberOf(const json::Value& object, absl::string_view key, int64_t otherwise) {
  const json::Value* value = object.Find(key);
  return value == nullptr ? otherwise : value->Int().value_or(-1);
}

// One file: a provider and a route, what is sent over it, and what its answers come to.
class GoldenFile {
 public:
  explicit GoldenFile(const json::Value& root)
      : root_(root),
        provider_(Proto<catalog::v1::Provider>(root.Find("provider"))),
        route_(Proto<catalog::v1::Route>(root.Find("route"))),
        adapter_(AdapterFor(provider_.wire_format())) {}

  bool ok() const { return adapter_ != nullptr && root_.is_object(); }

  // Reads every answer in many damaged forms, none of which may be taken for more than it is.
  void RunDamaged() const {
    const json::Value* responses = root_.Find("responses");
    if (responses == nullptr) return;
    for (const json::Value& each : responses->elements()) RunDamaged(each);
  }

  // The file with what is expected as it is now; complains where it differs, unless it may be updated.
  std::string Run() {
    ExpectKeys(root_, {"about", "provider", "route", "requests", "responses"});
    json::Writer writer;
    writer.BeginObject();
    for (const auto& [key, value] : root_.members()) {
      writer.Key(key);
      if (key != "requests" && key != "responses") {
        writer.Raw(value.raw());
        continue;
      }
      writer.BeginArray();
      for (const json::Value& each : value.elements()) RunCase(each, key == "requests", writer);
      writer.EndArray();
    }
    return writer.EndObject().Take();
  }

 private:
  void RunCase(const json::Value& given, bool is_request, json::Writer& writer) {
    Pictures pictures;
    std::string now = pictures.TakeOut(is_request ? Requested(given, pictures) : Answered(given, pictures));
    if (!update_golden) {
      const json::Value* expected = given.Find("expected");
      absl::StatusOr<json::Document> document = json::Document::Parse(now);
      ASSERT_TRUE(document.ok()) << now;
      EXPECT_EQ(Compact(document->root()), expected == nullptr ? "" : Compact(*expected))
          << StringOf(given, "case") << ": if it should differ, run with --update-golden.";
    }
    writer.BeginObject();
    for (const auto& [key, value] : given.members()) {
      if (key != "expected") writer.Key(key).Raw(value.raw());
    }
    writer.Key("expected").Raw(now).EndObject();
  }

  std::string Requested(const json::Value& given, Pictures& pictures) {
    ExpectKeys(given, {"case", "request", "count", "expected"});
    auto request = Proto<v1::GenerateImagesRequest>(given.Find("request"));
    for (std::string& reference : *request.mutable_reference_images()) reference = pictures.Insert(reference);
    int count = static_cast<int>(NumberOf(given, "count", 1));
    absl::StatusOr<HttpRequest> http = adapter_->BuildRequest(request, {provider_, route_}, count);
    json::Writer writer;
    writer.BeginObject();
    if (http.ok()) {
      Parameters parameters = ParametersFor(request, *adapter_, {provider_, route_});
      WriteHttp(*http, writer);
      WriteNames("ignored", parameters.ignored, writer);
      WriteNames("changed", parameters.changed, writer);
    } else {
      writer.Key("error").String(ReasonName(ReasonOf(http.status())));
      WriteText("param", std::string(MetadataOf(http.status(), "param")), writer);
    }
    return writer.EndObject().Take();
  }

  std::string Answered(const json::Value& given, Pictures& pictures) {
    ExpectKeys(given, {"case", "count", "poll", "status", "retry_after_seconds", "body", "text", "expected"});
    const json::Value* body = given.Find("body");
    return TextOf(OutcomeOf(
        given, pictures.Insert(body == nullptr ? StringOf(given, "text") : std::string(body->raw()))));
  }

  Outcome OutcomeOf(const json::Value& given, std::string body) const {
    HttpResponse response;
    response.status = static_cast<int>(NumberOf(given, "status", 200));
    if (given.Find("retry_after_seconds") != nullptr) {
      response.retry_after = absl::Seconds(NumberOf(given, "retry_after_seconds", 0));
    }
    response.body = std::move(body);
    int count = static_cast<int>(NumberOf(given, "count", 1));
    const json::Value* poll = given.Find("poll");
    bool is_poll = poll != nullptr && poll->Bool() == true;
    return is_poll ? adapter_->ReadPoll(std::move(response), {provider_, route_}, count)
                   : adapter_->ReadResponse(std::move(response), {provider_, route_}, count);
  }

  void RunDamaged(const json::Value& given) const {
    const json::Value* body = given.Find("body");
    if (body == nullptr) return;
    std::string whole = Pictures().Insert(std::string(body->raw()));
    bool failed = NumberOf(given, "status", 200) >= 300;
    for (const std::string& damaged : hostile::Damaged(whole)) {
      Outcome outcome = OutcomeOf(given, damaged);
      std::string what = absl::StrCat(StringOf(given, "case"), ": ", damaged.substr(0, 200));
      EXPECT_EQ(outcome.verdict == Verdict::kImages, !outcome.images.empty()) << what;
      EXPECT_LE(outcome.images.size(), static_cast<size_t>(NumberOf(given, "count", 1))) << what;
      EXPECT_TRUE(outcome.verdict == Verdict::kPending || !outcome.poll) << what;
      EXPECT_FALSE(outcome.label.empty()) << what;
      EXPECT_FALSE(failed && outcome.verdict == Verdict::kImages) << what;
      EXPECT_FALSE(!failed && outcome.verdict == Verdict::kNotStarted) << what;
      for (const v1::GeneratedImage& image : outcome.images) {
        EXPECT_TRUE(absl::StrContains(whole, image.has_url() ? image.url() : image.base64())) << what;
      }
    }
  }

  // A misspelt key would leave something untested.
  static void ExpectKeys(const json::Value& object, std::vector<absl::string_view> keys) {
    for (const auto& [key, value] : object.members()) {
      EXPECT_TRUE(std::find(keys.begin(), keys.end(), key) != keys.end()) << "unknown key " << key;
    }
  }

  const json::Value& root_;
  const catalog::v1::Provider provider_;
  const catalog::v1::Route route_;
  const Adapter* const adapter_;
};

class UpstreamGoldenTest : public ::testing::TestWithParam<fs::path> {};

TEST_P(UpstreamGoldenTest, RequestsAndOutcomesAreWhatTheyWere) {
  absl::StatusOr<json::Document> document = json::Document::Parse(ReadFile(GetParam()));
  ASSERT_TRUE(document.ok()) << GetParam() << document.status();
  GoldenFile file(document->root());
  ASSERT_TRUE(file.ok()) << GetParam() << ": no such wire_format";
  absl::StatusOr<json::Document> now = json::Document::Parse(file.Run());
  ASSERT_TRUE(now.ok()) << now.status();
  if (update_golden && !HasFailure()) std::ofstream(GetParam()) << Pretty(now->root(), 0, 0) << "\n";
}

TEST_P(UpstreamGoldenTest, DamagedAnswersAreNeverTakenForMoreThanTheyAre) {
  absl::StatusOr<json::Document> document = json::Document::Parse(ReadFile(GetParam()));
  ASSERT_TRUE(document.ok()) << GetParam() << document.status();
  GoldenFile file(document->root());
  ASSERT_TRUE(file.ok()) << GetParam() << ": no such wire_format";
  file.RunDamaged();
}

INSTANTIATE_TEST_SUITE_P(Files, UpstreamGoldenTest, ::testing::ValuesIn(GoldenFiles()),
                         [](const auto& info) { return NameOf(info.param); });

}  // namespace
}  // namespace prismatic::provider_proxy

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (absl::string_view(argv[i]) == "--update-golden") prismatic::provider_proxy::update_golden = true;
  }
  return RUN_ALL_TESTS();
}
