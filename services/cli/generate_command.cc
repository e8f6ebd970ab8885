#include <cstdint>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/cli/command.h"
#include "services/cli/errors.h"
#include "services/cli/files.h"
#include "services/cli/http_post.h"
#include "services/cli/output.h"
#include "services/cli/picture.h"
#include "services/common/money/money.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

// As at the public API.
constexpr int kImagesMax = 10;

struct Arguments {
  std::string prompt;
  std::string model;
  std::string out;
  std::string size;
  std::string aspect_ratio;
  std::optional<int64_t> n;
  std::optional<int64_t> seed;
  std::vector<std::string> image_urls;
};

// One image of the answer, where it went.
struct Picture {
  // Empty when the answer has a URL instead of the image.
  std::string file;
  std::string url;
  std::string revised_prompt;
  int64_t bytes = 0;
  PictureKind kind;
};

std::string BodyOf(const Arguments& arguments) {
  json::Writer writer;
  writer.BeginObject();
  writer.Key("model").String(arguments.model).Key("prompt").String(arguments.prompt);
  if (!arguments.image_urls.empty()) {
    writer.Key("image_url").BeginArray();
    for (const std::string& url : arguments.image_urls) writer.String(url);
    writer.EndArray();
  }
  if (!arguments.size.empty()) writer.Key("size").String(arguments.size);
  if (!arguments.aspect_ratio.empty()) writer.Key("aspect_ratio").String(arguments.aspect_ratio);
  if (arguments.n) writer.Key("n").Int(*arguments.n);
  if (arguments.seed) writer.Key("seed").Int(*arguments.seed);
  writer.Key("response_format").String("b64_json").EndObject();
  return writer.Take();
}

std::string TextOf(const json::Value* object, absl::string_view key) {
  const json::Value* value = object == nullptr ? nullptr : object->FindNonNull(key);
  return value == nullptr ? "" : value->String().value_or("");
}

// The edge's own words, or, when something before it answered, the status alone.
absl::Status RefusalOf(const HttpReply& reply) {
  std::string request_id(reply.header("x-request-id"));
  std::string suffix = request_id.empty() ? "" : absl::StrCat(" (request ", request_id, ")");
  absl::StatusOr<json::Document> document = json::Document::Parse(reply.body);
  const json::Value* error = document.ok() ? document->root().FindNonNull("error") : nullptr;
  std::string code = TextOf(error, "code");
  if (!code.empty()) {
    return Refused(absl::AsciiStrToUpper(code), absl::StrCat(TextOf(error, "message"), suffix));
  }
  std::string message = absl::StrCat("the answer is HTTP ", reply.status, " without an error object", suffix);
  if (reply.status >= 502 && reply.status <= 504) return Unreachable(message);
  return Refused(absl::StrCat("HTTP_", reply.status), message);
}

std::string FileFor(const Arguments& arguments, const PictureKind& kind, int number, int count) {
  if (arguments.out.empty()) return DefaultFileName(arguments.model, number, kind.extension);
  return NumberedFileName(arguments.out, number, count);
}

absl::StatusOr<Picture> Save(const Arguments& arguments, const json::Value& item, int number, int count) {
  Picture picture;
  picture.url = TextOf(&item, "url");
  picture.revised_prompt = TextOf(&item, "revised_prompt");
  std::string base64 = TextOf(&item, "b64_json");
  if (base64.empty() && !picture.url.empty()) return picture;
  std::string image;
  if (base64.empty() || !absl::Base64Unescape(base64, &image)) {
    return OutputFailed(absl::StrCat("image ", number, " of the answer is not base64"));
  }
  picture.kind = KindOf(image);
  picture.bytes = static_cast<int64_t>(image.size());
  picture.file = FileFor(arguments, picture.kind, number, count);
  RETURN_IF_ERROR(WriteFile(picture.file, image));
  return picture;
}

absl::StatusOr<std::vector<Picture>> SaveAll(const Arguments& arguments, const HttpReply& reply) {
  absl::StatusOr<json::Document> document = json::Document::Parse(reply.body);
  const json::Value* data = document.ok() ? document->root().FindNonNull("data") : nullptr;
  if (data == nullptr || !data->is_array() || data->elements().empty()) {
    return OutputFailed(absl::StrCat("the answer is HTTP ", reply.status, " and holds no images"));
  }
  std::vector<Picture> pictures;
  int count = static_cast<int>(data->elements().size());
  for (const json::Value& item : data->elements()) {
    ASSIGN_OR_RETURN(Picture picture, Save(arguments, item, static_cast<int>(pictures.size()) + 1, count));
    pictures.push_back(std::move(picture));
  }
  return pictures;
}

void PrintResultJson(std::ostream& out, const std::vector<Picture>& pictures, const HttpReply& reply,
                     absl::Duration took) {
  json::Writer writer;
  writer.BeginObject().Key("images").BeginArray();
  for (const Picture& picture : pictures) {
    writer.BeginObject();
    WriteText(writer, "file", picture.file);
    WriteText(writer, "url", picture.file.empty() ? picture.url : "");
    writer.Key("bytes").Int(picture.bytes);
    writer.Key("width").Int(picture.kind.width).Key("height").Int(picture.kind.height);
    WriteText(writer, "revised_prompt", picture.revised_prompt);
    writer.EndObject();
  }
  writer.EndArray();
  absl::StatusOr<Money> cost = Money::Parse(reply.header("x-prismatic-cost-usd"));
  if (cost.ok()) {
    WriteUsd(writer, "cost", cost->nanos());
  } else {
    writer.Key("cost_usd").Null().Key("cost_nano_usd").Null();
  }
  WriteText(writer, "request_id", reply.header("x-request-id"));
  writer.Key("seconds").Raw(absl::StrFormat("%.3f", absl::ToDoubleSeconds(took)));
  for (absl::string_view list : {"ignored_parameters", "changed_parameters"}) {
    std::string header = absl::StrCat("x-prismatic-", absl::StrReplaceAll(list, {{"_", "-"}}));
    writer.Key(list).BeginArray();
    for (absl::string_view name : absl::StrSplit(reply.header(header), ',', absl::SkipWhitespace())) {
      writer.String(absl::StripAsciiWhitespace(name));
    }
    writer.EndArray();
  }
  writer.EndObject();
  PrintJson(out, writer);
}

void PrintResult(std::ostream& out, const std::vector<Picture>& pictures, const HttpReply& reply,
                 absl::Duration took) {
  Table table({{"FILE"}, {"SIZE", true}, {"BYTES", true}});
  for (const Picture& picture : pictures) {
    std::string pixels =
        picture.kind.width == 0 ? "" : absl::StrCat(picture.kind.width, "x", picture.kind.height);
    table.Row({picture.file.empty() ? picture.url : picture.file, pixels, absl::StrCat(picture.bytes)});
  }
  table.Print(out);
  out << "\n";
  Facts facts;
  facts.Add("cost USD", reply.header("x-prismatic-cost-usd"))
      .Add("request ID", reply.header("x-request-id"))
      .Add("seconds", absl::StrFormat("%.2f", absl::ToDoubleSeconds(took)));
  absl::string_view ignored = reply.header("x-prismatic-ignored-parameters");
  if (!ignored.empty()) facts.Add("ignored", ignored);
  absl::string_view changed = reply.header("x-prismatic-changed-parameters");
  if (!changed.empty()) facts.Add("changed", changed);
  facts.Print(out);
}

// A picture that is paid for and cannot be written would be a pity: looked at before it is ordered.
absl::Status CheckOutput(const Arguments& arguments) {
  int count = static_cast<int>(arguments.n.value_or(1));
  for (int number = 1; number <= count; ++number) {
    RETURN_IF_ERROR(CheckWritable(FileFor(arguments, {"png"}, number, count)));
  }
  return absl::OkStatus();
}

absl::Status Generate(Invocation& call, const Arguments& arguments) {
  if (call.settings.base_url.empty()) {
    return UsageError("where is the public API? Give --base-url http://host:port/v1 or PRISMATIC_BASE_URL");
  }
  if (call.settings.api_key.empty()) return UsageError("give an API key: PRISMATIC_API_KEY or --api-key");
  RETURN_IF_ERROR(CheckOutput(arguments));

  absl::Time started = absl::Now();
  absl::StatusOr<HttpReply> reply =
      HttpPost({.url = absl::StrCat(absl::StripSuffix(call.settings.base_url, "/"), "/images/generations"),
                .bearer_token = call.settings.api_key,
                .json_body = BodyOf(arguments),
                .timeout = call.settings.timeout});
  RETURN_IF_ERROR(reply.status());
  absl::Duration took = absl::Now() - started;
  if (reply->status != 200) return RefusalOf(*reply);
  absl::StatusOr<std::vector<Picture>> pictures = SaveAll(arguments, *reply);
  RETURN_IF_ERROR(pictures.status());
  if (call.settings.json()) {
    PrintResultJson(call.out, *pictures, *reply, took);
  } else {
    PrintResult(call.out, *pictures, *reply, took);
  }
  return absl::OkStatus();
}

Action DeclareGenerate(config::Flags& flags) {
  auto arguments = std::make_shared<Arguments>();
  flags.Text("prompt", &arguments->prompt, "what the picture shows");
  flags.Text("model", &arguments->model, "a public model ID of `prismatic model list`");
  flags.Text(
      "out", &arguments->out,
      "-o FILE in short: where the picture goes; of several, FILE-1, FILE-2, ...; absent: MODEL-1.png, ...");
  flags.Text("size", &arguments->size, "1024x1024, a tier such as 2K, or auto");
  flags.Text("aspect-ratio", &arguments->aspect_ratio, "16:9, say");
  flags.OptionalInteger("n", &arguments->n, 1, kImagesMax, "how many pictures; absent: 1");
  flags.OptionalInteger("seed", &arguments->seed, INT64_MIN, INT64_MAX, "the same seed, the same picture");
  flags.Repeated("image-url", &arguments->image_urls, "a reference image, https or data:; once for each");
  flags.Require("prompt");
  flags.Require("model");
  return [arguments](Invocation& call) { return Generate(call, *arguments); };
}

}  // namespace

std::vector<Command> GenerateCommands() {
  return {{"generate",
           "",
           "Generates images through the public API and saves them.",
           "prismatic generate --prompt 'A lighthouse at dusk' --model imagen-4 --aspect-ratio 16:9 -o "
           "lighthouse.png",
           DeclareGenerate,
           {.writes_file = true, .timeout = kGenerateTimeout}}};
}

}  // namespace prismatic::cli
