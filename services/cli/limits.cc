#include "services/cli/limits.h"

#include "absl/strings/str_cat.h"

namespace prismatic::cli {
namespace {

// As in billing.proto; it checks them again.
constexpr int64_t kPerMinuteMax = 1'000'000;
constexpr int64_t kConcurrentMax = 100'000;

void WriteLimit(json::Writer& writer, absl::string_view name, bool given, int64_t limit) {
  writer.Key(name);
  if (given) {
    writer.Int(limit);
  } else {
    writer.Null();
  }
}

}  // namespace

void LimitFlags::Declare(config::Flags& flags) {
  flags.OptionalInteger("requests-per-minute", &requests_per_minute_, 0, kPerMinuteMax,
                        "requests per minute; 0: none; absent: unlimited");
  flags.OptionalInteger("images-per-minute", &images_per_minute_, 0, kPerMinuteMax,
                        "images per minute; 0: none; absent: unlimited");
  flags.OptionalInteger("max-concurrent", &max_concurrent_, 0, kConcurrentMax,
                        "requests in flight at once; 0: none; absent: unlimited");
}

billing::v1::Limits LimitFlags::ToProto() const {
  billing::v1::Limits limits;
  if (requests_per_minute_) limits.set_requests_per_minute(*requests_per_minute_);
  if (images_per_minute_) limits.set_images_per_minute(*images_per_minute_);
  if (max_concurrent_) limits.set_max_concurrent(*max_concurrent_);
  return limits;
}

std::string LimitText(bool given, int64_t limit) { return given ? absl::StrCat(limit) : "unlimited"; }

void AddLimits(Facts& facts, const billing::v1::Limits& limits) {
  facts.Add("requests per minute", LimitText(limits.has_requests_per_minute(), limits.requests_per_minute()))
      .Add("images per minute", LimitText(limits.has_images_per_minute(), limits.images_per_minute()))
      .Add("max concurrent", LimitText(limits.has_max_concurrent(), limits.max_concurrent()));
}

void WriteLimits(json::Writer& writer, const billing::v1::Limits& limits) {
  WriteLimit(writer, "requests_per_minute", limits.has_requests_per_minute(), limits.requests_per_minute());
  WriteLimit(writer, "images_per_minute", limits.has_images_per_minute(), limits.images_per_minute());
  WriteLimit(writer, "max_concurrent", limits.has_max_concurrent(), limits.max_concurrent());
}

}  // namespace prismatic::cli
