#ifndef PRISMATIC_SERVICES_COMMON_REDIS_PROTOCOL_H_
#define PRISMATIC_SERVICES_COMMON_REDIS_PROTOCOL_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/common/redis/reply.h"

// The wire (RESP2), by hiredis.

namespace prismatic::redis {

// The bytes of one command. `words` has at least one word: Redis answers nothing to an empty command.
std::string FormatCommand(const std::vector<std::string>& words);

// Turns what arrives into replies. After an error it must be thrown away.
class ReplyReader {
 public:
  ReplyReader();
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;

  absl::Status Feed(absl::string_view bytes);
  // The next complete reply; nullopt when more bytes are needed.
  absl::StatusOr<std::optional<Reply>> Next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace prismatic::redis

#endif  // PRISMATIC_SERVICES_COMMON_REDIS_PROTOCOL_H_
