#ifndef PRISMATIC_SERVICES_COMMON_CONFIG_FLAGS_H_
#define PRISMATIC_SERVICES_COMMON_CONFIG_FLAGS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace prismatic::config {

// The settings of a program: each a flag `--redis-url X` or `--redis-url=X` and an environment
// variable PRISMATIC_REDIS_URL; flags win. The variable bound keeps its value as the default.
//
//   Flags flags("prismatic-billing", "Keeps accounts, keys and money.");
//   flags.Text("redis", &options.redis, "where Redis is: redis://host:port");
//   absl::Status status = flags.Parse(argc, argv);
//
// Parse looks at everything and then fails with all errors at once, each on a line. A PRISMATIC_*
// variable that no flag claims is a warning with the nearest name (Kubernetes injects such names).
class Flags {
 public:
  Flags(absl::string_view program, absl::string_view about);

  void Text(absl::string_view name, std::string* value, absl::string_view help);
  // Comma-separated.
  void List(absl::string_view name, std::vector<std::string>* value, absl::string_view help);
  // May be given many times: each adds one value, commas and all.
  void Repeated(absl::string_view name, std::vector<std::string>* values, absl::string_view help);
  void Integer(absl::string_view name, int64_t* value, int64_t min, int64_t max, absl::string_view help);
  void Integer(absl::string_view name, int* value, int min, int max, absl::string_view help);
  void OptionalInteger(absl::string_view name, std::optional<int64_t>* value, int64_t min, int64_t max,
                       absl::string_view help);
  // `--x`, `--x=true`, `--x=false`.
  void Switch(absl::string_view name, bool* value, absl::string_view help);
  // "250ms", "30s", "5m", "12h", "30d".
  void Duration(absl::string_view name, absl::Duration* value, absl::Duration min, absl::Duration max,
                absl::string_view help);
  // "64KiB", "32MiB", "1GiB" or a bare number of bytes.
  void Bytes(absl::string_view name, int64_t* value, int64_t min, int64_t max, absl::string_view help);
  // Flags declared while this is on have no environment variable: what a single command does, as
  // opposed to how a program is set up.
  void ArgumentsOnly(bool only) { arguments_only_ = only; }
  // The setting must be given a non-empty value.
  void Require(absl::string_view name);

  // Reads the environment, then the arguments. Words that are no flags are kept in `words()` when
  // AllowWords was called, else an error. `--help` prints Help() and ends the process with 0, as `--version`
  // does with the program and its version where there is no such flag.
  absl::Status Parse(int argc, const char* const* argv);
  // The same with an environment given as NAME=value.
  absl::Status ParseFrom(const std::vector<std::string>& arguments,
                         const std::vector<std::string>& environment);
  void AllowWords(absl::string_view usage);
  const std::vector<std::string>& words() const { return words_; }
  // One line for each unknown PRISMATIC_* variable, filled by Parse.
  const std::vector<std::string>& warnings() const { return warnings_; }

  std::string Help() const;

 private:
  struct Flag {
    std::string name;
    std::string help;
    std::string default_text;
    bool is_switch = false;
    bool arguments_only = false;
    bool required = false;
    bool given = false;
    // Empty when fine, else what is wrong with the text.
    std::function<std::string(absl::string_view text)> set;
  };
  void Add(absl::string_view name, absl::string_view help, std::string default_text,
           std::function<std::string(absl::string_view)> set, bool is_switch = false);
  Flag* Find(absl::string_view name);
  std::string Nearest(absl::string_view name) const;
  void ParseEnvironment(const std::vector<std::string>& environment, std::vector<std::string>& errors);
  void ParseArguments(const std::vector<std::string>& arguments, std::vector<std::string>& errors);

  std::string program_;
  std::string about_;
  std::optional<std::string> usage_words_;
  std::vector<Flag> flags_;
  bool arguments_only_ = false;
  std::vector<std::string> words_;
  std::vector<std::string> warnings_;
};

// "250ms", "30s", "5m", "12h", "30d"; nullopt when it is none.
std::optional<absl::Duration> ParseDuration(absl::string_view text);

// Splits "host:port" ("[::1]:80" too). nullopt when it is none; port 0 to 65535.
struct HostPort {
  std::string host;
  int port = 0;
};
std::optional<HostPort> ParseHostPort(absl::string_view text);

}  // namespace prismatic::config

#endif  // PRISMATIC_SERVICES_COMMON_CONFIG_FLAGS_H_
