#include "services/provider_proxy/generation.h"

#include <algorithm>
#include <utility>

#include "services/provider_proxy/adapters/provider_errors.h"

namespace prismatic::provider_proxy {
namespace {

// When no upstream said how long to wait; and the longest that we pass on, which all SDKs heed.
constexpr absl::Duration kRetryAfterDefault = absl::Seconds(2);
constexpr absl::Duration kRetryAfterMin = absl::Seconds(1);
constexpr absl::Duration kRetryAfterMax = absl::Seconds(60);

// How much an outcome tells the caller, when several calls failed in different ways.
int Weight(Verdict verdict) {
  switch (verdict) {
    case Verdict::kModerated:
      return 3;
    case Verdict::kRejected:
      return 2;
    case Verdict::kUnknown:
      return 1;
    default:
      return 0;
  }
}

// What several calls say alike stays; where they differ nothing is said.
void Agree(std::string& said, const std::string& also) {
  if (said != also) said.clear();
}

void Sum(v1::Usage& total, const v1::Usage& part) {
  total.set_input_tokens(total.input_tokens() + part.input_tokens());
  total.set_output_tokens(total.output_tokens() + part.output_tokens());
  total.set_total_tokens(total.total_tokens() + part.total_tokens());
  total.set_input_text_tokens(total.input_text_tokens() + part.input_text_tokens());
  total.set_input_image_tokens(total.input_image_tokens() + part.input_image_tokens());
}

}  // namespace

ProviderProxy::Generation::Generation(CallContext context,
                                      std::shared_ptr<const v1::GenerateImagesRequest> asked, ImageSink to,
                                      std::shared_ptr<const catalog_watch::Snapshot> with, ByteBudget* budget)
    : call(std::move(context)),
      request(std::move(asked)),
      snapshot(std::move(with)),
      started(absl::Now()),
      room(ByteRoom::Make(budget, request->image_count())),
      sink_(std::move(to)),
      missing_(request->image_count()) {}

int ProviderProxy::Generation::missing() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return missing_;
}

int ProviderProxy::Generation::delivered() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return delivered_;
}

int ProviderProxy::Generation::calls() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return calls_;
}

bool ProviderProxy::Generation::over() const {
  if (call.cancellation.cancelled() || absl::Now() >= call.deadline) return true;
  std::lock_guard<std::mutex> lock(mutex_);
  return final_ || missing_ == 0;
}

int ProviderProxy::Generation::FirstIndex() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (delivered_ == 0) handed_out_ = 0;
  return std::exchange(handed_out_, handed_out_ + missing_);
}

int ProviderProxy::Generation::attempts() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return attempts_;
}

void ProviderProxy::Generation::NoteAttempt() {
  std::lock_guard<std::mutex> lock(mutex_);
  ++attempts_;
}

bool ProviderProxy::Generation::Take(UpstreamCaller::Result result, const Candidate& candidate, int count,
                                     ProxyMetrics& metrics) {
  std::lock_guard<std::mutex> lock(mutex_);
  ++calls_;
  Outcome& outcome = result.outcome;
  last_label_ = outcome.label;
  if (outcome.verdict == Verdict::kImages) {
    missing_ -= count;  // what came short was paid for, perhaps, and is not asked for again
    Deliver(std::move(result), candidate, metrics);
    return true;
  }
  failed_.push_back(candidate.route);
  if (outcome.retry_after) NoteRetryAfter(*outcome.retry_after);
  bool may_go_on = outcome.verdict == Verdict::kNotStarted ||
                   (outcome.verdict == Verdict::kUnknown && candidate.route->retry_safe());
  if (!may_go_on) final_ = true;
  if (outcome.verdict == Verdict::kUnknown && candidate.route->retry_safe()) {
    second_chances_.push_back(candidate.route);
  }
  if (!failure_ || Weight(outcome.verdict) > Weight(failure_->verdict)) failure_ = std::move(outcome);
  return false;
}

bool ProviderProxy::Generation::CountsForHealth(const Outcome& outcome, const Candidate& candidate) {
  if (outcome.verdict != Verdict::kUnknown && outcome.verdict != Verdict::kNotStarted) return true;
  std::lock_guard<std::mutex> lock(mutex_);
  if (std::count(counted_.begin(), counted_.end(), candidate.route) > 0) return false;
  counted_.push_back(candidate.route);
  return true;
}

bool ProviderProxy::Generation::HasFailed(const Candidate& candidate) const {
  std::lock_guard<std::mutex> lock(mutex_);
  return std::count(failed_.begin(), failed_.end(), candidate.route) > 0;
}

void ProviderProxy::Generation::NoteRetryAfter(absl::Duration wait) {
  if (!retry_after_ || wait < *retry_after_) retry_after_ = wait;
}

void ProviderProxy::Generation::Deliver(UpstreamCaller::Result result, const Candidate& candidate,
                                        ProxyMetrics& metrics) {
  if (delivered_ == 0) {
    summary_.set_provider(candidate.provider->name());
    summary_.set_upstream_model(candidate.route->upstream_model());
  }
  NoteParameters(ParametersFor(*request, *candidate.adapter, candidate.target()));
  AddRemarks(result.outcome.remarks);
  // One entry stands for the images of one answer: it goes with the last of them.
  auto held = std::make_shared<ByteRoom::Entry>(std::move(result.room));
  for (v1::GeneratedImage& image : result.outcome.images) {
    ++delivered_;
    metrics.CountImage(candidate.provider->name(), request->model());
    v1::GenerateImagesResponse response;
    *response.mutable_image() = std::move(image);
    sink_(std::move(response), held);
  }
}

void ProviderProxy::Generation::NoteParameters(const Parameters& sent) {
  auto add = [](const std::vector<std::string>& names, auto& noted) {
    for (const std::string& name : names) {
      if (std::find(noted.begin(), noted.end(), name) == noted.end()) *noted.Add() = name;
    }
  };
  add(sent.ignored, *summary_.mutable_ignored_parameters());
  add(sent.changed, *summary_.mutable_changed_parameters());
}

void ProviderProxy::Generation::AddRemarks(const Remarks& remarks) {
  bool first = delivered_ == 0;
  if (first) {
    summary_.set_size(remarks.size);
    summary_.set_quality(remarks.quality);
    summary_.set_background(remarks.background);
    summary_.set_output_format(remarks.output_format);
  } else {
    Agree(*summary_.mutable_size(), remarks.size);
    Agree(*summary_.mutable_quality(), remarks.quality);
    Agree(*summary_.mutable_background(), remarks.background);
    Agree(*summary_.mutable_output_format(), remarks.output_format);
  }
  usage_complete_ = usage_complete_ && remarks.usage.has_value();
  if (usage_complete_) {
    Sum(*summary_.mutable_usage(), *remarks.usage);
  } else {
    summary_.clear_usage();
  }
}

void ProviderProxy::Generation::NoteFull() {
  std::lock_guard<std::mutex> lock(mutex_);
  last_label_ = "full";
  skipped_ = true;
}

void ProviderProxy::Generation::NoteResting(absl::Duration wait) {
  std::lock_guard<std::mutex> lock(mutex_);
  last_label_ = "resting";
  skipped_ = true;
  NoteRetryAfter(wait);
}

void ProviderProxy::Generation::NoteNoReferences(absl::Status why) {
  std::lock_guard<std::mutex> lock(mutex_);
  last_label_ = "reference_not_fetched";
  no_references_ = std::move(why);
}

void ProviderProxy::Generation::NoteNoRetries() {
  std::lock_guard<std::mutex> lock(mutex_);
  final_ = true;
}

std::string ProviderProxy::Generation::LastLabel() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return last_label_;
}

bool ProviderProxy::Generation::MayAskAgain(const Candidate& candidate) const {
  std::lock_guard<std::mutex> lock(mutex_);
  return std::count(second_chances_.begin(), second_chances_.end(), candidate.route) > 0;
}

absl::Status ProviderProxy::Generation::TakeFailure() {
  if (call.cancellation.cancelled()) return error::CallerGone();
  std::lock_guard<std::mutex> lock(mutex_);
  if (failure_ && failure_->verdict != Verdict::kNotStarted) return std::move(failure_->status);
  if (absl::Now() >= call.deadline) return error::UpstreamTimeout();
  // No other route could do without the bytes; one that may later is worth another try.
  if (!no_references_.ok() && !skipped_ && !failure_) return no_references_;
  return error::ModelOverloaded(request->model(), std::clamp(retry_after_.value_or(kRetryAfterDefault),
                                                             kRetryAfterMin, kRetryAfterMax));
}

void ProviderProxy::Generation::Summarize() {
  std::lock_guard<std::mutex> lock(mutex_);
  summary_.set_upstream_calls(calls_);
  v1::GenerateImagesResponse response;
  *response.mutable_summary() = summary_;
  room->Close();
  sink_(std::move(response), nullptr);
}

std::string ProviderProxy::Generation::first_provider() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return summary_.provider();
}

ProviderProxy::Pieces::Pieces(Candidate of, std::shared_ptr<const v1::GenerateImagesRequest> with, int images,
                              int per_call, int first)
    : candidate(of), request(std::move(with)) {
  for (; images > 0; images -= per_call, first += per_call) {
    pieces_.emplace_back(std::min(images, per_call), first);
  }
}

std::optional<Piece> ProviderProxy::Pieces::Next() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (pieces_.empty()) return std::nullopt;
  Piece piece = pieces_.front();
  pieces_.pop_front();
  return piece;
}

void ProviderProxy::Pieces::Stop() {
  std::lock_guard<std::mutex> lock(mutex_);
  pieces_.clear();
}

}  // namespace prismatic::provider_proxy
