#ifndef PRISMATIC_SERVICES_CLI_ENTRY_FILE_H_
#define PRISMATIC_SERVICES_CLI_ENTRY_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/cli/ledger_reader.h"

namespace prismatic::cli {

// Hands each entry of a file of exported ones to `take`, in order. A last line that was not finished is left
// out, and `*torn_bytes` is its size. Fails as LEDGER_FILE_DAMAGED, with the number of the line, on what no
// export has written.
absl::Status ReadEntryFile(const std::string& path, const TakeEntry& take, int64_t* torn_bytes);

// Appends entries to a file of them, which it alone writes while it is open. What the file held is read and
// checked first, a torn last line is cut off. Each entry must be the next one of the same account; only the
// first may stand for others (carried forward). Whether the amounts add up is not asked here: books that do
// not are the ones that need a copy most.
class EntryAppender {
 public:
  static absl::StatusOr<std::unique_ptr<EntryAppender>> Open(const std::string& path,
                                                             const std::string& account);
  EntryAppender(const EntryAppender&) = delete;
  EntryAppender& operator=(const EntryAppender&) = delete;
  ~EntryAppender();

  // The last entry of the file; its sequence is 0 when there is none.
  const billing::v1::LedgerEntry& last() const { return last_; }
  // Of the line that was cut off when it was opened.
  int64_t torn_bytes() const { return torn_bytes_; }
  int64_t appended() const { return appended_; }

  // Keeps the entry until Sync.
  absl::Status Append(const billing::v1::LedgerEntry& entry);
  // Afterwards all that was appended survives a crash of this host.
  absl::Status Sync();

 private:
  EntryAppender(std::string path, std::string account, int file)
      : path_(std::move(path)), account_(std::move(account)), file_(file) {}
  absl::Status Recover();
  absl::Status Follow(const billing::v1::LedgerEntry& entry);

  const std::string path_;
  const std::string account_;
  const int file_;
  billing::v1::LedgerEntry last_;
  std::string pending_;
  int64_t torn_bytes_ = 0;
  int64_t appended_ = 0;
};

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_ENTRY_FILE_H_
