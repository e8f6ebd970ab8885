#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_RECORDS_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_RECORDS_H_

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/common/http/message.h"
#include "services/sandbox_provider/picture.h"
#include "services/sandbox_provider/steering.h"

namespace prismatic::sandbox {

// What arrived at endpoints of one kind, the last thousand. Thread-safe.
class RequestRecords {
 public:
  // At once, so that requests still being worked on are seen. Gives the record's number.
  int64_t Begin(const http::Request& request, absl::Time now);
  void End(int64_t number, int status);
  void Clear();
  // {"total": N, "requests": [newest first, `limit` at most]}; total counts since Clear. Header names
  // are in lower case.
  std::string Json(int limit) const;

 private:
  struct Record {
    int64_t number;
    absl::Time time;
    std::string method;
    std::string path;
    http::Headers headers;
    std::string body;
    bool truncated;
    // 0 until answered.
    int status = 0;
  };
  mutable std::mutex mutex_;
  std::deque<Record> records_;  // guarded by mutex_; numbers ascend
  int64_t next_ = 1;            // guarded by mutex_
  int64_t total_ = 0;           // guarded by mutex_
};

// Words that steer the next requests, whatever these say themselves. Thread-safe.
class NextFaults {
 public:
  void Set(int count, absl::string_view words);
  void Clear() { Set(0, ""); }
  // The words for one request; uses one up.
  std::string Take();
  int left() const;

 private:
  mutable std::mutex mutex_;
  int count_ = 0;      // guarded by mutex_
  std::string words_;  // guarded by mutex_
};

// What pictures that were answered as URLs depend on, the last 4,096 with at most 64 MiB of prompts; they
// are drawn when fetched. Thread-safe.
class PictureShelf {
 public:
  struct Picture {
    PictureSpec spec;
    Steering steering;
  };
  // The picture's ID: the same for the same spec, told the same.
  std::string Put(const PictureSpec& spec, const Steering& steering);
  std::optional<Picture> Get(const std::string& id) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Picture> pictures_;  // guarded by mutex_
  std::deque<std::string> order_;            // guarded by mutex_; oldest first
  size_t prompt_bytes_ = 0;                  // guarded by mutex_
};

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_RECORDS_H_
