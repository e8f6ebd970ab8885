#include "services/common/trace/trace_context.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/common/crypto/crypto.h"

namespace prismatic {
namespace {

constexpr size_t kTraceIdBytes = 16;
constexpr size_t kSpanIdBytes = 8;
// version-traceid-spanid-flags: 2 + 1 + 32 + 1 + 16 + 1 + 2.
constexpr size_t kTraceparentSize = 55;
// What everybody has to pass on; longer lists belong to somebody else's memory.
constexpr size_t kTracestateSizeMax = 512;
constexpr int kMembersMax = 32;
constexpr size_t kMemberKeySizeMax = 256;
constexpr size_t kMemberValueSizeMax = 256;
// Sampled, and "the trace ID is random". What other flags mean nobody has said: they are not passed on.
constexpr uint8_t kKnownFlags = 3;

// -1: none, as are the upper-case ones.
int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool IsHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return DigitOf(c) >= 0; });
}

bool IsZero(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '0'; });
}

bool IsId(absl::string_view text) { return IsHex(text) && !IsZero(text); }

bool IsKeyCharacter(char c) {
  return absl::ascii_islower(static_cast<unsigned char>(c)) ||
         absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '*' || c == '/' ||
         c == '@';
}

bool IsMemberKey(absl::string_view key) {
  if (key.empty() || key.size() > kMemberKeySizeMax) return false;
  bool begins_well = absl::ascii_islower(static_cast<unsigned char>(key[0])) ||
                     absl::ascii_isdigit(static_cast<unsigned char>(key[0]));
  return begins_well && std::all_of(key.begin(), key.end(), IsKeyCharacter);
}

bool IsMemberValue(absl::string_view value) {
  return !value.empty() && value.size() <= kMemberValueSizeMax &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~' && c != '='; });
}

absl::string_view WithoutBlanks(absl::string_view text) {
  auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// IDs that are all zero mean "none"; of 2^64 one is.
std::string RandomId(size_t bytes) {
  std::string id = crypto::RandomBytes(static_cast<int>(bytes));
  if (std::all_of(id.begin(), id.end(), [](char c) { return c == '\0'; })) id.back() = 1;
  return absl::BytesToHexString(id);
}

}  // namespace

TraceContext TraceContext::New() {
  TraceContext context;
  std::string id = RandomId(kTraceIdBytes);
  std::copy(id.begin(), id.end(), context.trace_id_.begin());
  return context.NextHop();
}

std::optional<TraceContext> TraceContext::Parse(absl::string_view text) {
  if (text.size() < kTraceparentSize) return std::nullopt;
  absl::string_view version = text.substr(0, 2);
  absl::string_view trace_id = text.substr(3, 32);
  absl::string_view span_id = text.substr(36, 16);
  absl::string_view flags = text.substr(53, 2);
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  if (!IsHex(version) || version == "ff" || !IsId(trace_id) || !IsId(span_id) || !IsHex(flags))
    return std::nullopt;
  bool more = text.size() > kTraceparentSize;
  if (more && (version == "00" || text[kTraceparentSize] != '-')) return std::nullopt;
  TraceContext context;
  std::copy(trace_id.begin(), trace_id.end(), context.trace_id_.begin());
  std::copy(span_id.begin(), span_id.end(), context.span_id_.begin());
  context.flags_ = static_cast<uint8_t>((DigitOf(flags[0]) * 16 + DigitOf(flags[1])) & kKnownFlags);
  return context;
}

TraceContext TraceContext::NextHop() const {
  TraceContext next = *this;
  std::string id = RandomId(kSpanIdBytes);
  std::copy(id.begin(), id.end(), next.span_id_.begin());
  return next;
}

std::string TraceContext::traceparent() const {
  if (empty()) return "";
  return absl::StrCat("00-", trace_id(), "-", span_id(), "-", absl::Hex(flags_, absl::kZeroPad2));
}

void IncomingTrace::AddTraceparent(absl::string_view value) {
  ++traceparents_;
  parent_ = TraceContext::Parse(WithoutBlanks(value));
}

void IncomingTrace::AddTracestate(absl::string_view value) {
  for (absl::string_view padded : absl::StrSplit(value, ',')) {
    absl::string_view member = WithoutBlanks(padded);
    if (tracestate_refused_ || member.empty()) continue;
    std::pair<absl::string_view, absl::string_view> halves = absl::StrSplit(member, absl::MaxSplits('=', 1));
    size_t size = tracestate_.size() + (tracestate_.empty() ? 0 : 1) + member.size();
    if (++members_ > kMembersMax || size > kTracestateSizeMax || !IsMemberKey(halves.first) ||
        !IsMemberValue(halves.second)) {
      tracestate_refused_ = true;
      tracestate_.clear();
      continue;
    }
    absl::StrAppend(&tracestate_, tracestate_.empty() ? "" : ",", member);
  }
}

TraceContext IncomingTrace::Continue() const {
  if (traceparents_ != 1 || !parent_) return TraceContext::New();
  TraceContext context = parent_->NextHop();
  context.tracestate_ = tracestate_;
  return context;
}

}  // namespace prismatic
