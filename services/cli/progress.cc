#include "services/cli/progress.h"

#include <chrono>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace prismatic::cli {
namespace {

constexpr std::chrono::seconds kDrawnEvery(1);
// Back to the line's beginning, and clear what stands there.
constexpr char kWipe[] = "\r\x1b[K";

// A file's name must not steer the terminal.
std::string Printable(std::string text) {
  for (char& c : text) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = '?';
  }
  return text;
}

}  // namespace

Progress::Progress(const Invocation& call, std::string what)
    : err_(call.err), shown_(call.terminals.err), what_(Printable(std::move(what))), start_(absl::Now()) {
  if (!shown_) return;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    Draw();
  }
  drawer_ = std::thread([this] { Run(); });
}

Progress::~Progress() {
  if (!shown_) return;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    done_ = true;
  }
  wake_.notify_all();
  drawer_.join();
  err_ << kWipe << std::flush;
}

void Progress::Update(std::string detail) {
  if (!shown_) return;
  std::lock_guard<std::mutex> lock(mutex_);
  detail_ = std::move(detail);
}

void Progress::Draw() {
  int64_t seconds = absl::ToInt64Seconds(absl::Now() - start_);
  err_ << kWipe << absl::StrCat(what_, " ... ", seconds, " s", detail_.empty() ? "" : ", ", detail_)
       << std::flush;
}

void Progress::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!wake_.wait_for(lock, kDrawnEvery, [this] { return done_; })) Draw();
}

}  // namespace prismatic::cli
