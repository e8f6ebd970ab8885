#include "services/common/redis/protocol.h"

#include <hiredis/hiredis.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"

namespace prismatic::redis {
namespace {

// hiredis keeps a read buffer up to this size between replies; larger ones are given back.
constexpr size_t kIdleBufferBytes = 256 * 1024;
// An answer still incomplete at this size is no answer to a question of ours: the largest are
// catalogs, whose messages end at 64 MiB.
constexpr size_t kAnswerBytesMax = 80 * 1024 * 1024;
// Elements of one array. A length is believed before its elements have arrived, so it costs memory.
constexpr int64_t kElementsMax = 1'000'000;

#if HIREDIS_MAJOR >= 1
using ElementCount = size_t;
#else
using ElementCount = int;
#endif

// The reply to fill: the root, which is new, or an element of the array above.
Reply* Place(const redisReadTask* task) {
  if (task->parent == nullptr) return new Reply();
  return &static_cast<Reply*>(task->parent->obj)->elements[task->idx];
}

void* CreateString(const redisReadTask* task, char* text, size_t size) {
  Reply* reply = Place(task);
  reply->type = task->type == REDIS_REPLY_ERROR ? Reply::Type::kError : Reply::Type::kText;
  reply->text.assign(text, size);
  return reply;
}

void* CreateArray(const redisReadTask* task, ElementCount count) {
  if (static_cast<int64_t>(count) > kElementsMax) return nullptr;
  Reply* reply = Place(task);
  reply->type = Reply::Type::kArray;
  reply->elements.resize(count);
  return reply;
}

void* CreateInteger(const redisReadTask* task, long long value) {
  Reply* reply = Place(task);
  reply->type = Reply::Type::kInteger;
  reply->integer = value;
  return reply;
}

void* CreateNil(const redisReadTask* task) { return Place(task); }

void FreeReply(void* reply) { delete static_cast<Reply*>(reply); }

redisReplyObjectFunctions* Functions() {
  static redisReplyObjectFunctions functions = {
      .createString = &CreateString,
      .createArray = &CreateArray,
      .createInteger = &CreateInteger,
      .createNil = &CreateNil,
      .freeObject = &FreeReply,
  };
  return &functions;
}

absl::Status ProtocolError(const redisReader* reader) {
  return absl::InternalError(absl::StrCat("Redis' answer cannot be read: ", reader->errstr));
}

}  // namespace

struct ReplyReader::Impl {
  redisReader* reader;
};

std::string FormatCommand(const std::vector<std::string>& words) {
  std::vector<const char*> texts;
  std::vector<size_t> sizes;
  texts.reserve(words.size());
  sizes.reserve(words.size());
  for (const std::string& word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  char* formatted = nullptr;
  int size = redisFormatCommandArgv(&formatted, static_cast<int>(words.size()), texts.data(), sizes.data());
  if (size < 0) std::abort();  // out of memory
  std::string bytes(formatted, size);
  redisFreeCommand(formatted);
  return bytes;
}

ReplyReader::ReplyReader() : impl_(std::make_unique<Impl>()) {
  impl_->reader = redisReaderCreateWithFunctions(Functions());
  if (impl_->reader == nullptr) std::abort();
  impl_->reader->maxbuf = kIdleBufferBytes;
}

ReplyReader::~ReplyReader() { redisReaderFree(impl_->reader); }

absl::Status ReplyReader::Feed(absl::string_view bytes) {
  redisReader* reader = impl_->reader;
  if (reader->len - reader->pos + bytes.size() > kAnswerBytesMax) {
    return absl::InternalError("Redis' answer is larger than 80 MiB");
  }
  if (redisReaderFeed(reader, bytes.data(), bytes.size()) != REDIS_OK) return ProtocolError(reader);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Reply>> ReplyReader::Next() {
  void* object = nullptr;
  if (redisReaderGetReply(impl_->reader, &object) != REDIS_OK) return ProtocolError(impl_->reader);
  if (object == nullptr) return std::nullopt;
  std::unique_ptr<Reply> reply(static_cast<Reply*>(object));
  return std::optional<Reply>(std::move(*reply));
}

}  // namespace prismatic::redis
