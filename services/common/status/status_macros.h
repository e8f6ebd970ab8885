#ifndef PRISMATIC_SERVICES_COMMON_STATUS_STATUS_MACROS_H_
#define PRISMATIC_SERVICES_COMMON_STATUS_STATUS_MACROS_H_

// The spelling of newer Abseil less its prefix; Debian 12's lacks these. For functions, not
// coroutines: there write the `if` with co_return.

#define RETURN_IF_ERROR(expression)                                  \
  do {                                                               \
    absl::Status return_if_error_status = (expression);              \
    if (!return_if_error_status.ok()) return return_if_error_status; \
  } while (false)

#define PRISMATIC_CONCAT_INNER(a, b) a##b
#define PRISMATIC_CONCAT(a, b) PRISMATIC_CONCAT_INNER(a, b)
#define PRISMATIC_ASSIGN_OR_RETURN(statusor, declaration, expression) \
  auto statusor = (expression);                                       \
  if (!statusor.ok()) return statusor.status();                       \
  declaration = *std::move(statusor)
#define ASSIGN_OR_RETURN(declaration, expression) \
  PRISMATIC_ASSIGN_OR_RETURN(PRISMATIC_CONCAT(statusor_, __LINE__), declaration, expression)

#endif  // PRISMATIC_SERVICES_COMMON_STATUS_STATUS_MACROS_H_
