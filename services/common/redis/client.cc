#include "services/common/redis/client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/common/log/log.h"
#include "services/common/redis/core.h"
#include "services/common/redis/protocol.h"
#include "services/common/redis/refusals.h"
#include "services/common/redis/url.h"

namespace prismatic::redis {
namespace {

absl::StatusOr<Reply> ErrorsAsStatus(absl::StatusOr<Reply> reply) {
  if (!reply.ok() || !reply->is_error()) return reply;
  if (NothingWasDone(reply->text)) return absl::UnavailableError(reply->text);
  return absl::FailedPreconditionError(reply->text);
}

class ClientImpl final : public Client {
 public:
  explicit ClientImpl(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  ~ClientImpl() override { core_->Close(); }

  Task<absl::StatusOr<Reply>> Command(Lane lane, std::vector<std::string> words) override {
    if (words.empty()) co_return absl::InvalidArgumentError("an empty Redis command");
    std::string bytes = FormatCommand(words);
    Callback<absl::StatusOr<Reply>> answer(
        [&](ReplyDone done) { core_->Send(lane, std::move(bytes), std::move(done)); });
    absl::StatusOr<Reply> reply = co_await answer;
    co_return ErrorsAsStatus(std::move(reply));
  }

  Task<absl::StatusOr<std::vector<Reply>>> Pipeline(Lane lane,
                                                    std::vector<std::vector<std::string>> commands) override {
    if (commands.empty()) co_return std::vector<Reply>();
    std::vector<std::string> formatted;
    for (const std::vector<std::string>& words : commands) {
      if (words.empty()) co_return absl::InvalidArgumentError("an empty Redis command");
      formatted.push_back(FormatCommand(words));
    }
    Callback<absl::StatusOr<std::vector<Reply>>> answer(
        [&](PipelineDone done) { core_->SendAll(lane, std::move(formatted), std::move(done)); });
    absl::StatusOr<std::vector<Reply>> replies = co_await answer;
    co_return replies;
  }

  Task<absl::StatusOr<Reply>> Call(Lane lane, const FunctionLibrary& library, std::string function,
                                   std::vector<std::string> keys,
                                   std::vector<std::string> arguments) override {
    std::vector<std::string> words = {"FCALL", absl::StrCat(library.name, "_", function),
                                      absl::StrCat(keys.size())};
    words.insert(words.end(), keys.begin(), keys.end());
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::string bytes = FormatCommand(words);
    Callback<absl::StatusOr<Reply>> answer(
        [&](ReplyDone done) { core_->Call(lane, &library, std::move(bytes), std::move(done)); });
    absl::StatusOr<Reply> reply = co_await answer;
    co_return ErrorsAsStatus(std::move(reply));
  }

  bool connected() const override { return core_->connected(); }
  Replication replication() const override { return core_->replication(); }
  int wait_replicas() const override { return core_->wait_replicas(); }

  Task<absl::Status> WaitUntilConnected(absl::Duration timeout) override {
    Callback<absl::Status> answer(
        [&](Callback<absl::Status>::Done done) { core_->WaitUntilConnected(timeout, std::move(done)); });
    absl::Status connected = co_await answer;
    co_return connected;
  }

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Create(loop::Loop& loop, metrics::Registry& metrics,
                                                       Options options) {
  absl::StatusOr<Endpoint> endpoint = ParseUrl(options.url);
  if (!endpoint.ok()) return endpoint.status();
  log::RegisterSecret(endpoint->credentials.password);
  log::RegisterSecret(endpoint->sentinel_credentials.password);
  auto core = std::make_shared<Core>(loop, metrics, options, *endpoint);
  core->Open();
  return std::make_unique<ClientImpl>(std::move(core));
}

}  // namespace prismatic::redis
