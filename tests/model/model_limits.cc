#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/model/model.h"

// Rate limits and concurrency, as the design's section on billing says them.

namespace prismatic::billing::model {
namespace {

using Facts = std::map<std::string, std::string>;

constexpr int64_t kNever = -1;

// The generic cell rate algorithm: when the allowance would be full again, and whether that is too far off.
struct Cell {
  int64_t limit = 0, store = 0, retry_us = 0, remaining = 0, reset_us = 0;
};
Cell Gcra(int64_t now, int64_t limit, int64_t tat, int64_t cost) {
  if (limit == 0) return {.store = tat, .retry_us = cost > 0 ? kNever : 0};
  const int64_t interval = (kMinuteUs + limit - 1) / limit;
  const int64_t burst = interval * limit;
  if (tat > now + burst + kStepBackUs) tat = now;  // the clock stepped back
  const int64_t base = std::max(tat, now);
  const int64_t asked = base + interval * cost;
  Cell cell{.limit = limit, .store = asked};
  if (asked > now + burst) {
    cell.store = base;
    cell.retry_us = cost > limit ? kNever : asked - now - burst;
  }
  cell.remaining = std::max<int64_t>(0, (burst - (cell.store - now)) / interval);
  cell.reset_us = cell.store - now;
  return cell;
}

}  // namespace

struct Model::Measure {
  std::string subject, metric;
  Cell cell;
  Number* tat;
};

std::vector<Model::Measure> Model::Measures(const Asker& asker, int64_t requests, int64_t images,
                                            int64_t now) const {
  std::vector<Measure> measures;
  auto measure = [&](const char* subject, Limited* whose, const char* metric, Number limit, Number* tat,
                     int64_t cost) {
    if (limit) measures.push_back({subject, metric, Gcra(now, *limit, tat->value_or(0), cost), tat});
  };
  const std::pair<const char*, Limited*> subjects[] = {{"key", asker.key}, {"account", asker.account}};
  for (auto [subject, whose] : subjects) {
    if (whose) measure(subject, whose, "requests", whose->limits.requests, &whose->requests_tat, requests);
  }
  for (auto [subject, whose] : subjects) {
    if (whose) measure(subject, whose, "images", whose->limits.images, &whose->images_tat, images);
  }
  return measures;
}

void Model::TellLimits(const Asker& asker, int64_t requests, int64_t images, int64_t now,
                       v1::RateLimitStatus* of_requests, v1::RateLimitStatus* of_images) const {
  for (const Measure& measure : Measures(asker, requests, images, now)) {
    v1::RateLimitStatus* told = measure.metric == "requests" ? of_requests : of_images;
    const Cell& cell = measure.cell;
    bool tighter = !told->has_limit() || cell.remaining < told->remaining() ||
                   (cell.remaining == told->remaining() && cell.reset_us > told->reset_after_us());
    if (!tighter) continue;
    told->set_limit(cell.limit);
    told->set_remaining(cell.remaining);
    told->set_reset_after_us(cell.reset_us);
  }
}

std::string Model::LimitExceeded(const Asker& asker, const std::string& subject, const std::string& metric,
                                 int64_t limit, Number retry_us, int64_t now, bool due) const {
  Facts facts = {{"subject", subject}, {"metric", metric}, {"limit", absl::StrCat(limit)}};
  v1::RateLimitStatus requests, images;
  TellLimits(asker, 0, 0, now, &requests, &images);
  for (const auto& [name, told] : {std::pair("requests", &requests), std::pair("images", &images)}) {
    if (!told->has_limit()) continue;
    facts[absl::StrCat(name, "_limit")] = absl::StrCat(told->limit());
    facts[absl::StrCat(name, "_remaining")] = absl::StrCat(told->remaining());
    facts[absl::StrCat(name, "_reset_us")] = absl::StrCat(told->reset_after_us());
  }
  return Refusal("RATE_LIMIT_EXCEEDED", facts, retry_us.value_or(0), due);
}

std::string Model::LimitRefusal(const Asker& asker, int64_t n, int64_t now) const {
  std::vector<Measure> measures = Measures(asker, 1, n, now);
  Number smallest;
  const Measure* longest = nullptr;
  auto wait = [](const Measure& m) { return m.cell.retry_us == kNever ? INT64_MAX : m.cell.retry_us; };
  for (const Measure& measure : measures) {
    if (measure.metric == "images" && n > measure.cell.limit) {
      smallest = std::min(smallest.value_or(INT64_MAX), measure.cell.limit);
    }
    if (wait(measure) > (longest ? wait(*longest) : 0)) longest = &measure;
  }
  if (smallest) return Refusal("IMAGE_COUNT_TOO_LARGE", {{"limit", absl::StrCat(*smallest)}});
  if (longest) {
    Number retry = longest->cell.retry_us == kNever ? Number() : longest->cell.retry_us;
    return LimitExceeded(asker, longest->subject, longest->metric, longest->cell.limit, retry, now, false);
  }
  auto crowded = [&](const char* subject, Number limit, int64_t running) -> std::string {
    if (!limit || running < *limit) return "";
    Number retry = *limit > 0 ? Number(1'000'000) : Number();
    return LimitExceeded(asker, subject, "concurrency", *limit, retry, now, HoldsAreDue(now));
  };
  std::string refusal;
  if (asker.key)
    refusal = crowded("key", asker.key->limits.concurrent, asker.account->Concurrent(asker.key_id));
  if (!refusal.empty()) return refusal;
  return crowded("account", asker.account->limits.concurrent, asker.account->Concurrent());
}

// What an admission leaves behind.
void Model::TakeLimits(const Asker& asker, int64_t images, int64_t now) {
  for (const Measure& measure : Measures(asker, 1, images, now)) *measure.tat = measure.cell.store;
}

}  // namespace prismatic::billing::model
