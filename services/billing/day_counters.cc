#include "services/billing/day_counters.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/common/money/money.h"

namespace prismatic::billing {
namespace {

// DAMAGED in functions/settle.lua.
constexpr absl::string_view kAside = " damaged ";
constexpr int kNotesOfADayMax = 20;
// Of a field or its content; to be recognised by, not to be read in full.
constexpr size_t kShownBytes = 80;

// Whatever the bytes are, the words are ASCII.
std::string Quoted(absl::string_view text) {
  bool cut = text.size() > kShownBytes;
  return absl::StrCat("`", absl::CHexEscape(text.substr(0, kShownBytes)), cut ? "..." : "", "`");
}

}  // namespace

bool ReadCounter(absl::string_view text, int64_t* number) {
  bool digits = !text.empty() &&
                std::all_of(text.begin(), text.end(), [](unsigned char c) { return absl::ascii_isdigit(c); });
  return digits && absl::SimpleAtoi(text, number) && *number <= Money::kMaxNanos;
}

void DamageNotes::Add(int32_t day, std::string words) {
  auto of_the_day = std::count_if(all_.begin(), all_.end(), [day](const Damage& d) { return d.day == day; });
  if (of_the_day < kNotesOfADayMax) all_.push_back({.day = day, .words = std::move(words)});
}

bool DamageNotes::TakeAside(int32_t day, const std::string& key, absl::string_view field,
                            absl::string_view text) {
  if (!absl::StartsWith(field, kAside)) return false;
  Add(day, absl::StrCat(key, ": ", Quoted(field.substr(kAside.size())), " was ", Quoted(text),
                        ", which is no count; it was counted from zero and is kept as field ", Quoted(field),
                        "."));
  return true;
}

void DamageNotes::TakeUnread(int32_t day, const std::string& key, absl::string_view field,
                             absl::string_view text) {
  Add(day,
      absl::StrCat(key, ": ", Quoted(field), " is ", Quoted(text), ", which is no count; it is left out."));
}

void DamageNotes::TakeNoHash(int32_t day, const std::string& key) {
  Add(day, absl::StrCat(key, ": this key is no hash, so nothing is counted there."));
}

}  // namespace prismatic::billing
