#include "services/model_registry/operators/password_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace prismatic::model_registry {
namespace {

absl::Status WriteAll(int fd, absl::string_view text) {
  while (!text.empty()) {
    ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return absl::UnavailableError(std::strerror(errno));
    text.remove_prefix(count);
  }
  if (::fsync(fd) != 0) return absl::UnavailableError(std::strerror(errno));
  return absl::OkStatus();
}

}  // namespace

absl::Status PasswordFile::Write(absl::string_view password) {
  int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) return absl::FailedPreconditionError(std::strerror(errno));
  written_ = true;
  absl::Status status = WriteAll(fd, absl::StrCat(password, "\n"));
  if (::close(fd) != 0 && status.ok()) status = absl::UnavailableError(std::strerror(errno));
  if (!status.ok()) Remove();
  return status;
}

void PasswordFile::Remove() {
  if (written_) ::unlink(path_.c_str());
  written_ = false;
}

}  // namespace prismatic::model_registry
