#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_COLLECTOR_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_COLLECTOR_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "services/provider_proxy/adapters/outcome.h"

namespace prismatic::provider_proxy {

// Gathers the images of one answer: at most `count`, whole ones only, and remembers why others were not.
class Collector {
 public:
  explicit Collector(int count) : count_(count) {}

  bool full() const { return static_cast<int>(outcome_.images.size()) >= count_; }

  // The image taken, or nullptr.
  v1::GeneratedImage* Add(absl::StatusOr<v1::GeneratedImage> image) {
    if (!image.ok()) {
      NoteFault(image.status());
      return nullptr;
    }
    if (full()) return nullptr;
    outcome_.images.push_back(*std::move(image));
    return &outcome_.images.back();
  }
  void AddRefusal() { refused_ = true; }

  // Images if there are any, else what explains best why not; `when_empty` when nothing does.
  Outcome Finish(Outcome when_empty) {
    if (!outcome_.images.empty()) {
      outcome_.verdict = Verdict::kImages;
      outcome_.label = static_cast<int>(outcome_.images.size()) < count_ ? "partial" : "ok";
      return std::move(outcome_);
    }
    // First, since what was refused is never asked for elsewhere, and what was unusable may be.
    if (refused_) return outcome::Moderated();
    if (unusable_) return outcome::Failed("unusable_image", outcome_.note);
    // Whole perhaps: what a client asks for may be larger than the route allows.
    return too_large_ ? outcome::Failed("too_large", outcome_.note) : std::move(when_empty);
  }

  Remarks& remarks() { return outcome_.remarks; }

 private:
  void NoteFault(const absl::Status& status) {
    bool too_large = absl::IsOutOfRange(status);
    (too_large ? too_large_ : unusable_) = true;
    // One that is no image says more.
    if (!too_large || !unusable_) outcome_.note = std::string(status.message());
  }

  int count_;
  bool unusable_ = false;
  bool too_large_ = false;
  bool refused_ = false;
  Outcome outcome_;
};

// A short text that an upstream says of its images; empty when it is none.
inline std::string RemarkOf(const json::Value& object, absl::string_view key) {
  constexpr size_t kRemarkMax = 64;
  const json::Value* value = object.FindNonNull(key);
  std::optional<std::string> text = value == nullptr ? std::nullopt : value->String();
  return text && text->size() <= kRemarkMax ? *std::move(text) : "";
}

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_COLLECTOR_H_
