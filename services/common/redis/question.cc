#include "services/common/redis/question.h"

#include <utility>

#include "services/common/redis/protocol.h"

namespace prismatic::redis {

Question::~Question() {
  if (wire_ != nullptr) wire_->Close();
}

void Question::Ask(Done done) {
  done_ = std::move(done);
  wire_ = std::make_shared<Wire>(
      loop_, settings_.node, settings_.tls, /*skip=*/0,
      Wire::Callbacks{.opened = [this] { OnOpened(); },
                      .replied = [this](Reply reply) { OnReply(std::move(reply)); },
                      .lost = [this](const std::string& why) { End(absl::UnavailableError(why)); }});
  timer_ = loop_.After(settings_.deadline, [this] { End(absl::UnavailableError("no answer in time")); });
  wire_->Open();
}

void Question::OnOpened() {
  if (!settings_.credentials.empty()) {
    absl::StatusOr<std::string> password = settings_.credentials.Password();
    if (!password.ok()) return End(password.status());
    std::vector<std::string> auth = {"AUTH"};
    if (!settings_.credentials.user.empty()) auth.push_back(settings_.credentials.user);
    auth.push_back(*password);
    wire_->Append(FormatCommand(auth));
    awaits_auth_ = true;
  }
  wire_->Append(FormatCommand(settings_.command));
  wire_->Flush();
}

void Question::OnReply(Reply reply) {
  if (reply.is_error()) return End(absl::UnavailableError(reply.text));
  if (!std::exchange(awaits_auth_, false)) End(std::move(reply));
}

void Question::End(absl::StatusOr<Reply> answer) {
  wire_->Close();
  timer_.reset();
  Done done = std::exchange(done_, nullptr);
  if (done) done(std::move(answer));  // may end this object
}

}  // namespace prismatic::redis
