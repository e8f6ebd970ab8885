#include "services/cli/entry_file.h"
#include "services/admin_json/ledger_entry.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "services/cli/errors.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

// An entry is about 1 KB; a longer line is not ours, and must not fill the memory.
constexpr size_t kLineBytesMax = 64 << 10;

std::string Why() { return std::strerror(errno); }

absl::Status Damaged(const std::string& path, int64_t line, absl::string_view what) {
  return Refused("LEDGER_FILE_DAMAGED", absl::StrCat(path, ", line ", line, ": ", what));
}

absl::Status CannotWrite(const std::string& path) {
  return OutputFailed(absl::StrCat("cannot write ", path, ": ", Why()));
}

// A new file's name survives a crash once its folder is written.
absl::Status SyncFolderOf(const std::string& path) {
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  int file = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return CannotWrite(path);
  bool synced = fsync(file) == 0;
  close(file);
  return synced ? absl::OkStatus() : CannotWrite(path);
}

absl::Status WriteAll(const std::string& path, int file, absl::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return CannotWrite(path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadEntryFile(const std::string& path, const TakeEntry& take, int64_t* torn_bytes) {
  *torn_bytes = 0;
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return UsageError(absl::StrCat("cannot read ", path, ": ", Why()));
  std::string buffer(kLineBytesMax + 1, '\0');
  for (int64_t number = 1;; ++number) {
    file.getline(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    if (file.bad()) break;
    auto bytes = static_cast<size_t>(file.gcount());
    if (file.eof()) {  // no line feed at its end
      *torn_bytes = static_cast<int64_t>(bytes);
      break;
    }
    if (file.fail()) return Damaged(path, number, "is too long for an entry");
    absl::string_view line(buffer.data(), bytes - 1);  // less the line feed
    absl::StatusOr<billing::v1::LedgerEntry> entry = admin_json::ParseEntryLine(line);
    if (!entry.ok()) return Damaged(path, number, entry.status().message());
    RETURN_IF_ERROR(take(*entry));
  }
  if (file.bad()) return UsageError(absl::StrCat("cannot read ", path, ": ", Why()));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<EntryAppender>> EntryAppender::Open(const std::string& path,
                                                                   const std::string& account) {
  bool is_new = access(path.c_str(), F_OK) != 0;
  // Who may read the ledger is for its owner to say. Opening must not wait for a pipe's reader.
  int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
  if (file < 0) return UsageError(absl::StrCat("cannot write ", path, ": ", Why()));
  std::unique_ptr<EntryAppender> appender(new EntryAppender(path, account, file));
  struct stat about = {};
  if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) {
    return UsageError(absl::StrCat("cannot write ", path, ": it is not a regular file"));
  }
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    return UsageError(absl::StrCat("cannot write ", path, ": another export is writing it"));
  }
  if (is_new) RETURN_IF_ERROR(SyncFolderOf(path));
  RETURN_IF_ERROR(appender->Recover());
  return appender;
}

EntryAppender::~EntryAppender() { close(file_); }

absl::Status EntryAppender::Recover() {
  RETURN_IF_ERROR(ReadEntryFile(
      path_, [this](const billing::v1::LedgerEntry& entry) { return Follow(entry); }, &torn_bytes_));
  if (torn_bytes_ == 0) return absl::OkStatus();
  off_t size = lseek(file_, 0, SEEK_END);
  if (size < torn_bytes_ || ftruncate(file_, size - torn_bytes_) != 0) return CannotWrite(path_);
  return fsync(file_) == 0 ? absl::OkStatus() : CannotWrite(path_);
}

// Whether the entry comes from the file or from billing, it must be the next one.
absl::Status EntryAppender::Follow(const billing::v1::LedgerEntry& entry) {
  if (entry.account() != account_) {
    return Refused("LEDGER_FILE_DAMAGED",
                   absl::StrCat(path_, " holds entries of ", entry.account(), ", not of ", account_));
  }
  bool carried = entry.type() == billing::v1::LEDGER_ENTRY_TYPE_CARRIED_FORWARD;
  bool first = last_.sequence() == 0;
  if (carried ? !first : entry.sequence() != last_.sequence() + 1) {
    return Refused("LEDGER_GAP", absl::StrCat(path_, ": after entry ", last_.sequence(), " comes ",
                                              carried ? "one that stands for those up to " : "entry ",
                                              entry.sequence(), "; entries are missing in between"));
  }
  last_ = entry;
  return absl::OkStatus();
}

absl::Status EntryAppender::Append(const billing::v1::LedgerEntry& entry) {
  RETURN_IF_ERROR(Follow(entry));
  absl::StrAppend(&pending_, admin_json::EntryLine(entry), "\n");
  ++appended_;
  return absl::OkStatus();
}

absl::Status EntryAppender::Sync() {
  if (pending_.empty()) return absl::OkStatus();
  std::string bytes;
  bytes.swap(pending_);
  RETURN_IF_ERROR(WriteAll(path_, file_, bytes));
  return fdatasync(file_) == 0 ? absl::OkStatus() : CannotWrite(path_);
}

}  // namespace prismatic::cli
