#include "services/sandbox_provider/records.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "services/common/crypto/crypto.h"
#include "services/common/json/json.h"

namespace prismatic::sandbox {
namespace {

constexpr size_t kRecordsMax = 1000;
// Enough for a request with its prompt, not for its reference images: 64 MiB in all.
constexpr size_t kRecordedBodyMax = 64 << 10;
constexpr size_t kShelfMax = 4096;
constexpr size_t kShelfPromptBytesMax = 64 << 20;

}  // namespace

int64_t RequestRecords::Begin(const http::Request& request, absl::Time now) {
  Record record = {.number = 0,
                   .time = now,
                   .method = request.method,
                   .path = request.path,
                   .headers = request.headers,
                   .body = request.body.substr(0, kRecordedBodyMax),
                   .truncated = request.body.size() > kRecordedBodyMax};
  std::lock_guard<std::mutex> lock(mutex_);
  record.number = next_++;
  ++total_;
  records_.push_back(std::move(record));
  if (records_.size() > kRecordsMax) records_.pop_front();
  return records_.back().number;
}

void RequestRecords::End(int64_t number, int status) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto record = std::lower_bound(records_.begin(), records_.end(), number,
                                 [](const Record& a, int64_t wanted) { return a.number < wanted; });
  if (record != records_.end() && record->number == number) record->status = status;
}

void RequestRecords::Clear() {
  std::lock_guard<std::mutex> lock(mutex_);
  records_.clear();
  total_ = 0;
}

std::string RequestRecords::Json(int limit) const {
  json::Writer writer(4096);
  std::lock_guard<std::mutex> lock(mutex_);
  writer.BeginObject().Key("total").Int(total_).Key("requests").BeginArray();
  for (auto record = records_.rbegin(); record != records_.rend() && limit-- > 0; ++record) {
    writer.BeginObject();
    writer.Key("time").String(absl::FormatTime(absl::RFC3339_full, record->time, absl::UTCTimeZone()));
    writer.Key("method").String(record->method).Key("path").String(record->path);
    writer.Key("headers").BeginObject();
    for (const auto& [name, value] : record->headers) writer.Key(absl::AsciiStrToLower(name)).String(value);
    writer.EndObject();
    writer.Key("body").String(record->body).Key("truncated").Bool(record->truncated);
    writer.Key("status").Int(record->status).EndObject();
  }
  writer.EndArray().EndObject();
  return writer.Take();
}

void NextFaults::Set(int count, absl::string_view words) {
  std::lock_guard<std::mutex> lock(mutex_);
  count_ = count;
  words_ = std::string(words);
}

std::string NextFaults::Take() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (count_ == 0) return "";
  --count_;
  return words_;
}

int NextFaults::left() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return count_;
}

std::string PictureShelf::Put(const PictureSpec& spec, const Steering& steering) {
  std::string seed = spec.seed ? absl::StrCat(*spec.seed) : "none";
  std::string all =
      absl::StrCat(spec.prompt.size(), ":", spec.prompt, spec.model.size(), ":", spec.model, seed, "/",
                   spec.frame.width, "x", spec.frame.height, "/", spec.index, "/", spec.references);
  absl::StrAppend(&all, "/", spec.size_bytes, "/", spec.black, "/", steering.words);
  std::string id = crypto::Sha256Hex(all).substr(0, 32);
  std::lock_guard<std::mutex> lock(mutex_);
  if (!pictures_.emplace(id, Picture{spec, steering}).second) return id;
  order_.push_back(id);
  prompt_bytes_ += spec.prompt.size();
  while (order_.size() > kShelfMax || prompt_bytes_ > kShelfPromptBytesMax) {
    auto oldest = pictures_.find(order_.front());
    prompt_bytes_ -= oldest->second.spec.prompt.size();
    pictures_.erase(oldest);
    order_.pop_front();
  }
  return id;
}

std::optional<PictureShelf::Picture> PictureShelf::Get(const std::string& id) const {
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = pictures_.find(id);
  return found == pictures_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace prismatic::sandbox
