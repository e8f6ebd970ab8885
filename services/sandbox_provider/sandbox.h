#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_SANDBOX_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_SANDBOX_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "services/common/clock/clock.h"
#include "services/common/http/message.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/task/workers.h"
#include "services/sandbox_provider/endpoints.h"
#include "services/sandbox_provider/jobs.h"
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
  using RequestPtr = std::shared_ptr<const http::Request>;

  Task<http::Response> Recorded(EndpointMatch match, RequestPtr request);
  Task<http::Response> Serve(EndpointMatch match, RequestPtr request);
  Task<http::Response> Generate(EndpointMatch match, RequestPtr request);
  http::Response Submit(const http::Request& request, Job job);
  Task<http::Response> LookAtJob(EndpointMatch match, RequestPtr request);
  Task<http::Response> FetchPicture(RequestPtr request);
  // The answer that `make` gives, with the delay and the faults of `steering` around it. `format` may be
  // null: then errors are OpenAI's.
  Task<http::Response> Act(const WireFormat* format, Steering steering, RequestPtr request,
                           std::function<http::Response()> make);
  // The pictures of a call, or the refusal of it.
  http::Response Finish(const WireFormat& format, ImageAnswer answer);
  ImageAnswer::Image MakeImage(const WireFormat& format, const ImageAnswer& answer, int index);
  RequestRecords* RecordsOf(absl::string_view kind);
  http::Response Faults(const http::Request& request);
  http::Response Requests(const http::Request& request);

  const SandboxOptions options_;
  RequestRecords generations_, polls_, pictures_, lists_;
  NextFaults next_faults_;
  PictureShelf shelf_;
  JobShelf jobs_;
  std::atomic<int64_t> last_request_{0};
  // Pictures are drawn here, so that many requests do not draw at once.
  Workers workers_;
  loop::Loop loop_;
};

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_SANDBOX_H_
