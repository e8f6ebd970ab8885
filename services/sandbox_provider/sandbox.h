#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_SANDBOX_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_SANDBOX_H_

#include <atomic>
#include <memory>
#include <string>

#include "services/common/clock/clock.h"
#include "services/common/http/message.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/task/workers.h"
#include "services/sandbox_provider/records.h"
#include "services/sandbox_provider/wire_formats.h"

namespace prismatic::sandbox {

struct SandboxOptions {
  // nullptr: pictures without words.
  std::shared_ptr<const Font> font;
  // Empty: any key, and none.
  std::string api_key;
  // nullptr: not counted. Outlives the sandbox.
  metrics::Registry* metrics = nullptr;
};

// An upstream of our own: draws pictures in the wire formats that Prismatic speaks to upstreams, and
// misbehaves on request. Give Handle to an http::Server that ends before the sandbox. Thread-safe.
class Sandbox {
 public:
  explicit Sandbox(SandboxOptions options);

  Task<http::Response> Handle(std::shared_ptr<const http::Request> request);

  // In the sandbox's own words, for requests that never reach Handle.
  static http::Response Refuse(int status);

 private:
  Task<http::Response> Generate(const WireFormat* format, std::shared_ptr<const http::Request> request);
  Task<http::Response> Produce(const WireFormat* format, std::shared_ptr<const http::Request> request);
  http::Response AnswerWith(const WireFormat& format, const http::Request& request, const ImageCall& call,
                            const Steering& steering);
  ImageAnswer::Image MakeImage(const http::Request& request, const ImageCall& call, const Steering& steering,
                               int index);
  Task<http::Response> FetchPicture(std::string path);
  http::Response Faults(const http::Request& request);
  http::Response Requests(const http::Request& request);

  const SandboxOptions options_;
  RequestRecords records_;
  NextFaults next_faults_;
  PictureShelf shelf_;
  std::atomic<int64_t> last_request_{0};
  // Pictures are drawn here, so that many requests do not draw at once.
  Workers workers_;
  loop::Loop loop_;
};

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_SANDBOX_H_
