#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_NAP_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_NAP_H_

#include "absl/time/time.h"
#include "services/common/loop/loop.h"
#include "services/common/task/cancel.h"
#include "services/common/task/task.h"

namespace prismatic::sandbox {

// Waits without a thread, at most until cancelled. Resumes on the loop, which must live that long.
Task<void> Nap(loop::Loop* loop, absl::Duration delay, Cancellation cancellation);

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_NAP_H_
