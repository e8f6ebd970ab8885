#ifndef PRISMATIC_SERVICES_BILLING_FUNCTIONS_H_
#define PRISMATIC_SERVICES_BILLING_FUNCTIONS_H_

#include "services/common/redis/client.h"

namespace prismatic::billing {

// functions/*.lua joined; made at build.
extern const char kFunctionsBody[];

// The Redis Function library of this build.
redis::FunctionLibrary Functions();

// The same under another name, with the time taken from the caller instead of Redis, for tests that
// check to the microsecond. The production library refuses a time that is given to it.
redis::FunctionLibrary FunctionsWithTestClock();

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_FUNCTIONS_H_
