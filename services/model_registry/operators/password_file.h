#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_PASSWORD_FILE_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_PASSWORD_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace prismatic::model_registry {

// A file that holds a password, and that only its owner may read. Blocks.
class PasswordFile {
 public:
  // Empty: there is none.
  explicit PasswordFile(std::string path) : path_(std::move(path)) {}

  bool wanted() const { return !path_.empty(); }
  bool written() const { return written_; }
  const std::string& path() const { return path_; }

  // Makes it, and waits until the disk has it. Fails when there is a file already, whosever it is.
  absl::Status Write(absl::string_view password);
  // Removes what Write has made.
  void Remove();

 private:
  const std::string path_;
  bool written_ = false;
};

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_PASSWORD_FILE_H_
