#include "services/provider_proxy/upstream/credentials.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/common/log/log.h"

extern char** environ;

namespace prismatic::provider_proxy {
namespace {

constexpr char kVariablePrefix[] = "PROVIDER_KEY_";
// Tokens of cloud providers have up to some 4 KiB.
constexpr int64_t kSecretBytesMax = 16 << 10;

absl::Status Missing(absl::string_view reference, absl::string_view why) {
  return absl::NotFoundError(absl::StrCat("the credential ", reference, " ", why));
}

// Letters, digits, dots, dashes and underscores, and no leading dot: never a path.
bool IsPlainName(absl::string_view name) {
  constexpr size_t kNameMax = 128;
  if (name.empty() || name.size() > kNameMax || name[0] == '.') return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '_'; });
}

// It becomes part of a header: a line break in it would add headers of somebody's choice.
bool FitsAHeader(absl::string_view secret) {
  return !secret.empty() &&
         std::all_of(secret.begin(), secret.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

}  // namespace

Credentials::Credentials(std::map<std::string, std::string> environment, std::string folder)
    : environment_(std::move(environment)), folder_(std::move(folder)) {
  for (const auto& [name, secret] : environment_) log::RegisterSecret(secret);
}

Credentials::Credentials(Credentials&& other) noexcept
    : environment_(std::move(other.environment_)), folder_(std::move(other.folder_)) {}

Credentials Credentials::FromProcess(std::string folder) {
  std::map<std::string, std::string> environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    absl::string_view text(*entry);
    size_t equals = text.find('=');
    if (equals == absl::string_view::npos || !absl::StartsWith(text, kVariablePrefix)) continue;
    environment.emplace(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
  }
  return Credentials(std::move(environment), std::move(folder));
}

absl::StatusOr<std::string> Credentials::Find(const std::string& reference) {
  if (reference.empty()) return std::string();
  absl::string_view name(reference);
  if (absl::ConsumePrefix(&name, "file:")) return FindFile(std::string(name));
  if (!absl::ConsumePrefix(&name, "env:") || !absl::StartsWith(name, kVariablePrefix)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the credential ", reference, " is neither env:PROVIDER_KEY_... nor file:NAME"));
  }
  auto found = environment_.find(std::string(name));
  if (found == environment_.end()) return Missing(reference, "is not in the environment");
  if (!FitsAHeader(found->second)) return Missing(reference, "is empty or holds control characters");
  return found->second;
}

absl::StatusOr<std::string> Credentials::FindFile(const std::string& name) {
  std::string reference = absl::StrCat("file:", name);
  if (!IsPlainName(name))
    return absl::InvalidArgumentError(absl::StrCat("the credential ", reference, " is no plain name"));
  if (folder_.empty()) return Missing(reference, "needs --credentials-dir");
  std::string path = absl::StrCat(folder_, "/", name);
  struct stat state;
  if (stat(path.c_str(), &state) != 0 || !S_ISREG(state.st_mode))
    return Missing(reference, "is no readable file");
  if (state.st_size > kSecretBytesMax) return Missing(reference, "is larger than 16 KiB");
  int64_t modified_ns = int64_t{state.st_mtim.tv_sec} * 1'000'000'000 + state.st_mtim.tv_nsec;

  std::lock_guard<std::mutex> lock(mutex_);
  File& file = files_[name];
  if (!file.secret.empty() && file.modified_ns == modified_ns && file.size == state.st_size &&
      file.inode == state.st_ino) {
    return file.secret;
  }
  std::ifstream stream(path, std::ios::binary);
  std::stringstream content;
  content << stream.rdbuf();
  std::string secret(absl::StripAsciiWhitespace(content.str()));
  if (!stream.good() || !FitsAHeader(secret)) {
    return Missing(reference, "cannot be read, is empty or holds control characters");
  }
  log::RegisterSecret(secret);
  file = {modified_ns, state.st_size, state.st_ino, secret};
  return secret;
}

}  // namespace prismatic::provider_proxy
