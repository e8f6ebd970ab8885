#include "services/common/redis/master_finder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace prismatic::redis {
namespace {

// A sentinel answers in a millisecond; the next one is not to wait long for a host that is gone.
constexpr absl::Duration kSentinelDeadline = absl::Milliseconds(500);

absl::StatusOr<NodeAddress> ReadAddress(const Reply& reply, const std::string& master_name) {
  if (reply.is_nil()) return absl::UnavailableError(absl::StrCat("it knows no master ", master_name));
  NodeAddress node;
  if (reply.elements.size() != 2 || reply.elements[0].text.empty() ||
      !absl::SimpleAtoi(reply.elements[1].text, &node.port)) {
    return absl::UnavailableError("its answer names no master");
  }
  node.host = reply.elements[0].text;
  return node;
}

}  // namespace

MasterFinder::MasterFinder(loop::Loop& loop, metrics::Registry& registry, const Endpoint& endpoint)
    : loop_(loop),
      endpoint_(endpoint),
      errors_(registry.GetCounter("prismatic_redis_sentinel_errors_total",
                                  "Questions for the master that a sentinel did not answer")),
      sentinels_(endpoint.nodes) {}

void MasterFinder::Find(Found found) {
  waiting_.push_back(std::move(found));
  if (waiting_.size() > 1) return;
  if (!endpoint_.sentinel()) {
    std::weak_ptr<MasterFinder> weak = weak_from_this();
    loop_.Post([weak] {
      if (std::shared_ptr<MasterFinder> self = weak.lock()) self->End(self->endpoint_.nodes[0]);
    });
    return;
  }
  asked_ = 0;
  AskNext();
}

void MasterFinder::Doubt() { std::rotate(sentinels_.begin(), sentinels_.begin() + 1, sentinels_.end()); }

void MasterFinder::Close() {
  question_.reset();
  waiting_.clear();
}

void MasterFinder::AskNext() {
  question_ = std::make_unique<Question>(
      loop_, Question::Settings{.node = sentinels_[asked_],
                                .tls = endpoint_.tls,
                                .credentials = endpoint_.sentinel_credentials,
                                .command = {"SENTINEL", "get-master-addr-by-name", endpoint_.master_name},
                                .deadline = kSentinelDeadline});
  question_->Ask([this](absl::StatusOr<Reply> answer) { OnAnswer(std::move(answer)); });
}

void MasterFinder::OnAnswer(absl::StatusOr<Reply> answer) {
  std::unique_ptr<Question> answered = std::move(question_);  // we are inside of it
  absl::StatusOr<NodeAddress> node = absl::UnknownError("");
  if (answer.ok()) {
    node = ReadAddress(*answer, endpoint_.master_name);
  } else {
    node = answer.status();
  }
  if (node.ok()) {
    auto first = sentinels_.begin();
    std::rotate(first, first + static_cast<ptrdiff_t>(asked_), first + static_cast<ptrdiff_t>(asked_) + 1);
    return End(std::move(node));
  }
  errors_.Add();
  std::string error = absl::StrCat("sentinel ", sentinels_[asked_].Name(), ": ", node.status().message());
  if (++asked_ < sentinels_.size()) return AskNext();
  End(absl::UnavailableError(error));
}

void MasterFinder::End(absl::StatusOr<NodeAddress> node) {
  for (Found& found : std::exchange(waiting_, {})) {
    if (node.ok()) {
      found(*node);
    } else {
      found(absl::UnavailableError(node.status().message()));
    }
  }
}

}  // namespace prismatic::redis
