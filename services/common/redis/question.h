#ifndef PRISMATIC_SERVICES_COMMON_REDIS_QUESTION_H_
#define PRISMATIC_SERVICES_COMMON_REDIS_QUESTION_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/common/loop/loop.h"
#include "services/common/redis/url.h"
#include "services/common/redis/wire.h"

namespace prismatic::redis {

// One command to one server over a connection of its own, AUTH first when there are credentials. Belongs
// to the loop's thread; destroying it takes the question back.
class Question {
 public:
  struct Settings {
    NodeAddress node;
    std::optional<TlsFiles> tls;
    Credentials credentials;
    std::vector<std::string> command;
    // For everything, from looking up the host to the answer.
    absl::Duration deadline;
  };
  // An error that the server answered is UNAVAILABLE, as everything that goes wrong. Called once, never
  // from inside Ask; it may destroy the question.
  using Done = std::function<void(absl::StatusOr<Reply>)>;

  Question(loop::Loop& loop, Settings settings) : loop_(loop), settings_(std::move(settings)) {}
  ~Question();
  Question(const Question&) = delete;

  void Ask(Done done);

 private:
  void OnOpened();
  void OnReply(Reply reply);
  void End(absl::StatusOr<Reply> answer);

  loop::Loop& loop_;
  const Settings settings_;
  Done done_;
  std::shared_ptr<Wire> wire_;
  std::unique_ptr<loop::Loop::Timer> timer_;
  bool awaits_auth_ = false;
};

}  // namespace prismatic::redis

#endif  // PRISMATIC_SERVICES_COMMON_REDIS_QUESTION_H_
