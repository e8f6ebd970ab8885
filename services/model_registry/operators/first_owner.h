#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_FIRST_OWNER_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_FIRST_OWNER_H_

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "services/common/loop/loop.h"
#include "services/common/loop/ticker.h"
#include "services/common/task/task.h"
#include "services/model_registry/operators/operator_store.h"
#include "services/model_registry/operators/password_file.h"
#include "services/model_registry/operators/passwords.h"

namespace prismatic::model_registry {

// The name of the operator that a first start makes.
inline constexpr char kFirstOwner[] = "owner";

// Makes that operator with a random password when there is no operator at all, and tells it once: in
// a file, written before the store knows the password's hash, so that it cannot be lost; or else on standard
// output. Of several registries that start at once, one makes it. Tries until Redis answers.
//
// Lives on `loop`; destroyed before it, the store and the passwords, not on its thread, after what is under
// way.
class FirstOwner {
 public:
  static constexpr absl::Duration kInterval = absl::Milliseconds(250);

  // `file`: empty for standard output. `settled` is called once, when there are operators, or one cannot be
  // made because the file cannot be written (which is tried again): on the loop or the passwords' thread.
  FirstOwner(loop::Loop& loop, OperatorStore& store, Passwords& passwords, std::string file,
             std::function<void()> settled);
  ~FirstOwner();
  FirstOwner(const FirstOwner&) = delete;

 private:
  void Try();
  // OK when there are operators.
  Task<absl::Status> Attempt();
  // Makes password and hash, once, and writes the file, if there is to be one.
  Task<absl::Status> Prepare();
  // What is told when ours was taken, or somebody else's.
  void Conclude(bool ours);
  void EndTry(const absl::Status& status);

  OperatorStore& store_;
  Passwords& passwords_;
  const std::function<void()> settled_;

  // Of the attempt under way: one at a time.
  std::string password_;
  std::string hash_;
  PasswordFile file_;

  std::mutex mutex_;
  std::condition_variable ended_;
  bool trying_ = false;        // guarded by mutex_
  bool done_ = false;          // guarded by mutex_
  bool settled_told_ = false;  // guarded by mutex_
  bool complained_ = false;    // guarded by mutex_

  // Last: its end is the end of new attempts.
  std::unique_ptr<loop::Ticker> ticker_;
};

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_FIRST_OWNER_H_
