#include "services/cli/files.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "services/cli/errors.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

// Longer than any key or token, with room for blanks around it.
constexpr int64_t kSecretBytesMax = 4096;

std::string Why() { return std::strerror(errno); }

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t bytes_max) {
  errno = 0;
  std::ifstream named;
  if (path != "-") named.open(path, std::ios::binary);
  std::istream& file = path == "-" ? std::cin : named;
  if (!file) return UsageError(absl::StrCat("cannot read ", path, ": ", Why()));
  // One byte more than allowed tells a file that is too large, also where it has no size (a pipe).
  std::string content(static_cast<size_t>(bytes_max) + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (file.bad() || (file.fail() && !file.eof())) {
    return UsageError(absl::StrCat("cannot read ", path, ": ", Why()));
  }
  content.resize(static_cast<size_t>(file.gcount()));
  if (static_cast<int64_t>(content.size()) > bytes_max) {
    return UsageError(absl::StrCat(path, " is larger than ", bytes_max, " bytes"));
  }
  return content;
}

absl::StatusOr<std::string> ReadSecret(const std::string& path) {
  ASSIGN_OR_RETURN(std::string text, ReadFile(path, kSecretBytesMax));
  absl::string_view secret = absl::StripAsciiWhitespace(text);
  if (secret.empty()) return UsageError(absl::StrCat(path, " is empty"));
  return std::string(secret);
}

absl::Status WriteFile(const std::string& path, absl::string_view content) {
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  if (!file) return OutputFailed(absl::StrCat("cannot write ", path, ": ", Why()));
  return absl::OkStatus();
}

absl::Status CheckWritable(const std::string& path) {
  std::filesystem::path file(path);
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) {
    return UsageError(absl::StrCat("cannot write ", path, ": it is a folder"));
  }
  std::string where = path;
  if (!std::filesystem::exists(file, ignored)) {
    where = file.has_parent_path() ? file.parent_path().string() : ".";
  }
  if (access(where.c_str(), W_OK) != 0) {
    return UsageError(absl::StrCat("cannot write ", path, ": ", Why()));
  }
  return absl::OkStatus();
}

}  // namespace prismatic::cli
