#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_GENERATION_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_GENERATION_H_

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/catalog_watch/snapshot.h"
#include "services/common/byte_budget/byte_room.h"
#include "services/common/task/cancel.h"
#include "services/provider_proxy/provider_proxy.h"
#include "services/provider_proxy/reference_images.h"

namespace prismatic::provider_proxy {

// One call of Generate as it stands: how many images are still wanted, what has been delivered, and
// what went wrong. Shared by the lanes that work on it. Thread-safe.
struct ProviderProxy::Generation {
  Generation(CallContext context, std::shared_ptr<const v1::GenerateImagesRequest> asked, ImageSink to,
             std::shared_ptr<const catalog_watch::Snapshot> with, ByteBudget* budget);

  const CallContext call;
  const std::shared_ptr<const v1::GenerateImagesRequest> request;
  // The candidates point into it.
  const std::shared_ptr<const catalog_watch::Snapshot> snapshot;
  const absl::Time started;
  // For the images.
  const std::shared_ptr<ByteRoom> room;
  // The request with its reference images as bytes, once a route has needed that. Routes are tried one after
  // the other, so this needs no lock.
  std::optional<absl::StatusOr<InlinedRequest>> inlined;

  // Images that no upstream has been asked for, or none has begun.
  int missing() const;
  int delivered() const;
  // Calls of upstreams that have been made.
  int calls() const;
  // No further route is to be asked.
  bool over() const;

  // Where the next route counts on in the request's images: at the beginning while nothing was delivered, so
  // that one picture has the same seed over every route; behind all that was asked for afterwards.
  int FirstIndex();
  // Over how many routes calls have been made or are being made; one that is asked again counts again.
  int attempts() const;
  void NoteAttempt();

  // Takes what a call for `count` images came to, and hands its images on. False: no more of this route.
  bool Take(UpstreamCaller::Result result, const Candidate& candidate, int count, ProxyMetrics& metrics);
  // Whether what a call came to is told to the route's health: of a request that is split into several calls,
  // one failure.
  bool CountsForHealth(const Outcome& outcome, const Candidate& candidate);
  // A call over this route came to nothing.
  bool HasFailed(const Candidate& candidate) const;
  // The route was not called: it had no room, it is left alone for a while, or it needs the bytes of
  // reference images that could not be fetched.
  void NoteFull();
  void NoteResting(absl::Duration wait);
  void NoteNoReferences(absl::Status why);
  // All retries of the process are spent.
  void NoteNoRetries();
  // Why the last route did not do, for the metric.
  std::string LastLabel() const;
  // A call over this route has an unknown outcome, and the catalog says that another one is safe.
  bool MayAskAgain(const Candidate& candidate) const;

  // What the caller is told when nothing was delivered. Once.
  absl::Status TakeFailure();
  // Sends the summary.
  void Summarize();

  std::string first_provider() const;

 private:
  void Deliver(UpstreamCaller::Result result, const Candidate& candidate, ProxyMetrics& metrics);
  void NoteRetryAfter(absl::Duration wait);
  void NoteParameters(const Parameters& sent);
  void AddRemarks(const Remarks& remarks);

  mutable std::mutex mutex_;
  ImageSink sink_;  // called under mutex_, so one at a time
  int missing_;     // guarded by mutex_, as all below
  int delivered_ = 0;
  int calls_ = 0;
  int attempts_ = 0;
  int handed_out_ = 0;              // images that calls were divided into since the first was delivered
  bool final_ = false;              // an outcome that forbids further calls
  absl::Status no_references_;      // why reference images could not be fetched
  std::optional<Outcome> failure_;  // the one that says most
  std::optional<absl::Duration> retry_after_;
  std::string last_label_ = "full";
  bool skipped_ = false;  // a route was full or resting
  std::vector<const catalog::v1::Route*> failed_;
  std::vector<const catalog::v1::Route*> counted_;  // whose failure their health knows
  std::vector<const catalog::v1::Route*> second_chances_;
  v1::GenerationSummary summary_;
  bool usage_complete_ = true;
};

// The calls into which the images wanted from one route are divided; lanes take one after the other.
struct ProviderProxy::Pieces {
  Pieces(Candidate of, std::shared_ptr<const v1::GenerateImagesRequest> with, int images, int per_call,
         int first);
  std::optional<Piece> Next();
  void Stop();
  int size() const { return static_cast<int>(pieces_.size()); }

  const Candidate candidate;
  // As this route needs it.
  const std::shared_ptr<const v1::GenerateImagesRequest> request;

 private:
  std::mutex mutex_;
  std::deque<Piece> pieces_;  // guarded by mutex_ once lanes run
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_GENERATION_H_
