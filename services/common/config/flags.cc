#include "services/common/config/flags.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/common/config/version.h"

extern char** environ;

namespace prismatic::config {
namespace {

constexpr char kEnvironmentPrefix[] = "PRISMATIC_";

std::string EnvironmentName(absl::string_view flag) {
  return absl::StrCat(kEnvironmentPrefix, absl::AsciiStrToUpper(absl::StrReplaceAll(flag, {{"-", "_"}})));
}

// Levenshtein distance, for suggestions only.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::string OutOfRange(int64_t min, int64_t max) {
  return absl::StrCat("is not a whole number from ", min, " to ", max);
}

std::optional<int64_t> ParseBytes(absl::string_view text) {
  constexpr std::pair<absl::string_view, int> kUnits[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
  int shift = 0;
  for (const auto& [suffix, bits] : kUnits) {
    if (absl::ConsumeSuffix(&text, suffix)) {
      shift = bits;
      break;
    }
  }
  int64_t number = 0;
  if (!absl::SimpleAtoi(text, &number) || number < 0 || number > (INT64_MAX >> shift)) return std::nullopt;
  return number << shift;
}

}  // namespace

std::optional<absl::Duration> ParseDuration(absl::string_view text) {
  if (absl::ConsumeSuffix(&text, "d")) {
    int64_t days = 0;
    if (!absl::SimpleAtoi(text, &days) || days < 0 || days > 36'500) return std::nullopt;
    return absl::Hours(24) * days;
  }
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration)) return std::nullopt;
  return duration;
}

std::optional<HostPort> ParseHostPort(absl::string_view text) {
  size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return std::nullopt;
  HostPort result;
  absl::string_view host = text.substr(0, colon);
  if (!absl::SimpleAtoi(text.substr(colon + 1), &result.port) || result.port < 0 || result.port > 65535) {
    return std::nullopt;
  }
  if (absl::ConsumePrefix(&host, "[")) {
    if (!absl::ConsumeSuffix(&host, "]")) return std::nullopt;
  } else if (absl::StrContains(host, ":")) {
    return std::nullopt;
  }
  if (host.empty()) return std::nullopt;
  result.host = std::string(host);
  return result;
}

Flags::Flags(absl::string_view program, absl::string_view about) : program_(program), about_(about) {}

void Flags::Add(absl::string_view name, absl::string_view help, std::string default_text,
                std::function<std::string(absl::string_view)> set, bool is_switch) {
  Flag flag;
  flag.name = std::string(name);
  flag.help = std::string(help);
  flag.default_text = std::move(default_text);
  flag.set = std::move(set);
  flag.is_switch = is_switch;
  flag.arguments_only = arguments_only_;
  flags_.push_back(std::move(flag));
}

void Flags::Text(absl::string_view name, std::string* value, absl::string_view help) {
  Add(name, help, *value, [value](absl::string_view text) {
    *value = std::string(text);
    return std::string();
  });
}

void Flags::List(absl::string_view name, std::vector<std::string>* value, absl::string_view help) {
  Add(name, help, absl::StrJoin(*value, ","), [value](absl::string_view text) {
    *value = absl::StrSplit(text, ',', absl::SkipWhitespace());
    return std::string();
  });
}

void Flags::Repeated(absl::string_view name, std::vector<std::string>* values, absl::string_view help) {
  Add(name, help, "", [values](absl::string_view text) {
    values->emplace_back(text);
    return std::string();
  });
}

void Flags::Integer(absl::string_view name, int64_t* value, int64_t min, int64_t max,
                    absl::string_view help) {
  Add(name, help, absl::StrCat(*value), [value, min, max](absl::string_view text) {
    int64_t number = 0;
    if (!absl::SimpleAtoi(text, &number) || number < min || number > max) return OutOfRange(min, max);
    *value = number;
    return std::string();
  });
}

void Flags::Integer(absl::string_view name, int* value, int min, int max, absl::string_view help) {
  Add(name, help, absl::StrCat(*value), [value, min, max](absl::string_view text) {
    int number = 0;
    if (!absl::SimpleAtoi(text, &number) || number < min || number > max) return OutOfRange(min, max);
    *value = number;
    return std::string();
  });
}

void Flags::OptionalInteger(absl::string_view name, std::optional<int64_t>* value, int64_t min, int64_t max,
                            absl::string_view help) {
  Add(name, help, *value ? absl::StrCat(**value) : "", [value, min, max](absl::string_view text) {
    int64_t number = 0;
    if (!absl::SimpleAtoi(text, &number) || number < min || number > max) return OutOfRange(min, max);
    *value = number;
    return std::string();
  });
}

void Flags::Switch(absl::string_view name, bool* value, absl::string_view help) {
  Add(
      name, help, *value ? "true" : "false",
      [value](absl::string_view text) {
        if (text != "true" && text != "false") return std::string("is neither true nor false");
        *value = text == "true";
        return std::string();
      },
      /*is_switch=*/true);
}

void Flags::Duration(absl::string_view name, absl::Duration* value, absl::Duration min, absl::Duration max,
                     absl::string_view help) {
  Add(name, help, absl::FormatDuration(*value), [value, min, max](absl::string_view text) {
    std::optional<absl::Duration> duration = ParseDuration(text);
    if (!duration || *duration < min || *duration > max) {
      return absl::StrCat("is not a duration from ", absl::FormatDuration(min), " to ",
                          absl::FormatDuration(max));
    }
    *value = *duration;
    return std::string();
  });
}

void Flags::Bytes(absl::string_view name, int64_t* value, int64_t min, int64_t max, absl::string_view help) {
  Add(name, help, absl::StrCat(*value), [value, min, max](absl::string_view text) {
    std::optional<int64_t> bytes = ParseBytes(text);
    if (!bytes || *bytes < min || *bytes > max) {
      return absl::StrCat("is not a size such as 32MiB, from ", min, " to ", max, " bytes");
    }
    *value = *bytes;
    return std::string();
  });
}

void Flags::Require(absl::string_view name) {
  Flag* flag = Find(name);
  if (flag != nullptr) flag->required = true;
}

void Flags::AllowWords(absl::string_view usage) { usage_words_ = std::string(usage); }

Flags::Flag* Flags::Find(absl::string_view name) {
  for (Flag& flag : flags_) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

std::string Flags::Nearest(absl::string_view name) const {
  std::string best;
  size_t best_distance = 1 + name.size() / 2;
  for (const Flag& flag : flags_) {
    // `--wallet` for --wallet-usd.
    if (name.size() >= 3 && absl::StartsWith(flag.name, name)) return flag.name;
    size_t distance = EditDistance(name, flag.name);
    if (distance < best_distance) {
      best_distance = distance;
      best = flag.name;
    }
  }
  return best;
}

void Flags::ParseEnvironment(const std::vector<std::string>& environment, std::vector<std::string>& errors) {
  for (const std::string& entry : environment) {
    if (!absl::StartsWith(entry, kEnvironmentPrefix)) continue;
    std::pair<std::string, std::string> pair = absl::StrSplit(entry, absl::MaxSplits('=', 1));
    std::string name = absl::StrReplaceAll(
        absl::AsciiStrToLower(absl::StripPrefix(pair.first, kEnvironmentPrefix)), {{"_", "-"}});
    Flag* flag = Find(name);
    if (flag == nullptr || flag->arguments_only) {
      std::string nearest = Nearest(name);
      warnings_.push_back(
          absl::StrCat("unknown variable ", pair.first,
                       nearest.empty() ? "" : "; did you mean " + EnvironmentName(nearest) + "?"));
      continue;
    }
    std::string error = flag->set(pair.second);
    if (!error.empty()) {
      errors.push_back(absl::StrCat(pair.first, ": \"", pair.second, "\" ", error));
    }
    flag->given = !pair.second.empty();
  }
}

void Flags::ParseArguments(const std::vector<std::string>& arguments, std::vector<std::string>& errors) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    absl::string_view argument = arguments[i];
    if (!absl::ConsumePrefix(&argument, "--")) {
      if (!usage_words_) errors.push_back(absl::StrCat("unexpected word \"", argument, "\""));
      words_.emplace_back(argument);
      continue;
    }
    if (argument == "help") {
      std::fputs(Help().c_str(), stdout);
      std::exit(0);
    }
    if (argument == "version" && Find(argument) == nullptr) {
      std::printf("%s %s\n", program_.c_str(), kVersion);
      std::exit(0);
    }
    size_t equals = argument.find('=');
    absl::string_view name = argument.substr(0, equals);
    Flag* flag = Find(name);
    if (flag == nullptr) {
      std::string nearest = Nearest(name);
      errors.push_back(
          absl::StrCat("unknown flag --", name, nearest.empty() ? "" : "; did you mean --" + nearest + "?"));
      // What follows an unknown flag is most likely its value.
      if (equals == absl::string_view::npos && i + 1 < arguments.size() &&
          !absl::StartsWith(arguments[i + 1], "--")) {
        ++i;
      }
      continue;
    }
    std::string value = "true";
    if (equals != absl::string_view::npos) {
      value = std::string(argument.substr(equals + 1));
    } else if (!flag->is_switch) {
      if (i + 1 >= arguments.size()) {
        errors.push_back(absl::StrCat("--", name, ": a value is missing"));
        continue;
      }
      value = arguments[++i];
    }
    std::string error = flag->set(value);
    if (!error.empty()) errors.push_back(absl::StrCat("--", name, ": \"", value, "\" ", error));
    flag->given = !value.empty();
  }
}

absl::Status Flags::ParseFrom(const std::vector<std::string>& arguments,
                              const std::vector<std::string>& environment) {
  std::vector<std::string> errors;
  ParseEnvironment(environment, errors);
  ParseArguments(arguments, errors);
  for (const Flag& flag : flags_) {
    if (flag.required && !flag.given && flag.default_text.empty()) {
      errors.push_back(absl::StrCat("--", flag.name,
                                    flag.arguments_only ? "" : " (or " + EnvironmentName(flag.name) + ")",
                                    " is required"));
    }
  }
  if (errors.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
}

absl::Status Flags::Parse(int argc, const char* const* argv) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  return ParseFrom(std::vector<std::string>(argv + 1, argv + argc), environment);
}

std::string Flags::Help() const {
  std::string text = absl::StrCat(
      program_, ": ", about_, "\n\nusage: ", program_, " [flags]", usage_words_ ? " " + *usage_words_ : "",
      "\n\nA flag with a PRISMATIC_ name is also that environment variable; flags win.\n\n");
  for (const Flag& flag : flags_) {
    std::vector<std::string> notes;
    if (!flag.arguments_only) notes.push_back(EnvironmentName(flag.name));
    if (flag.required) notes.push_back("required");
    if (!flag.default_text.empty()) notes.push_back("default " + flag.default_text);
    absl::StrAppend(&text, "  --", flag.name, flag.is_switch ? "" : " VALUE",
                    notes.empty() ? "" : "  (" + absl::StrJoin(notes, ", ") + ")", "\n      ", flag.help,
                    "\n");
  }
  return text;
}

}  // namespace prismatic::config
