// The people who administer the suite.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/admin_json/registry_json.h"
#include "services/cli/command.h"
#include "services/cli/errors.h"
#include "services/cli/output.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = model_registry::v1;

absl::StatusOr<pb::Role> ParseRole(absl::string_view word) {
  pb::Role role = admin_json::RoleOf(word);
  if (role != pb::ROLE_UNSPECIFIED) return role;
  return UsageError(absl::StrCat("--role is \"", word, "\"; it can be viewer, operator or owner"));
}

// `password` is empty unless it is new.
void PrintOperator(const Invocation& call, const pb::Operator& person, absl::string_view password) {
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject().Key("operator");
    admin_json::WriteOperator(writer, person);
    if (!password.empty()) writer.Key("password").String(password);
    writer.EndObject();
    return PrintJson(call.out, writer);
  }
  Facts facts;
  facts.Add("name", person.name())
      .Add("role", admin_json::RoleWord(person.role()))
      .Add("disabled", YesNo(person.disabled()))
      .Add("created", TimeText(person.create_time_us()))
      .Add("last login", TimeText(person.login_time_us()));
  if (!password.empty()) facts.Add("password", password);
  facts.Print(call.out);
  if (!password.empty()) {
    call.err << "note: the password is shown this once; it should be changed after the first login\n";
  }
}

Action DeclareList(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(pb::ListOperatorsResponse list, call.connections.ListOperators({}));
    if (call.settings.json()) {
      json::Writer writer;
      writer.BeginObject().Key("operators").BeginArray();
      for (const pb::Operator& person : list.operators()) admin_json::WriteOperator(writer, person);
      writer.EndArray().EndObject();
      PrintJson(call.out, writer);
      return absl::OkStatus();
    }
    Table table({{"NAME"}, {"ROLE"}, {"DISABLED"}, {"FIRST PASSWORD"}, {"LAST LOGIN"}, {"CREATED"}});
    for (const pb::Operator& person : list.operators()) {
      table.Row({person.name(), admin_json::RoleWord(person.role()), YesNo(person.disabled()),
                 YesNo(person.password_is_initial()), TimeText(person.login_time_us()),
                 TimeText(person.create_time_us())});
    }
    PrintTable(call, table);
    return absl::OkStatus();
  };
}

Action DeclareCreate(config::Flags& flags) {
  auto role = std::make_shared<std::string>();
  flags.Text("role", role.get(), "viewer, operator or owner");
  flags.Require("role");
  return [role](Invocation& call) -> absl::Status {
    pb::CreateOperatorRequest request;
    request.set_name(call.words[0]);
    ASSIGN_OR_RETURN(pb::Role wanted, ParseRole(*role));
    request.set_role(wanted);
    ASSIGN_OR_RETURN(pb::CreateOperatorResponse created, call.connections.CreateOperator(request));
    PrintOperator(call, created.operator_(), created.password());
    return absl::OkStatus();
  };
}

struct UpdateArguments {
  std::string role;
  bool disable = false;
  bool enable = false;
};

absl::Status Update(Invocation& call, const UpdateArguments& arguments) {
  if (arguments.disable && arguments.enable)
    return UsageError("--disable and --enable contradict each other");
  if (arguments.role.empty() && !arguments.disable && !arguments.enable) {
    return UsageError("nothing to change: give at least one flag");
  }
  pb::UpdateOperatorRequest request;
  request.set_name(call.words[0]);
  if (!arguments.role.empty()) {
    ASSIGN_OR_RETURN(pb::Role role, ParseRole(arguments.role));
    request.set_role(role);
  }
  if (arguments.disable || arguments.enable) request.set_disabled(arguments.disable);
  ASSIGN_OR_RETURN(pb::UpdateOperatorResponse updated, call.connections.UpdateOperator(request));
  PrintOperator(call, updated.operator_(), "");
  return absl::OkStatus();
}

Action DeclareUpdate(config::Flags& flags) {
  auto arguments = std::make_shared<UpdateArguments>();
  flags.Text("role", &arguments->role, "viewer, operator or owner; absent: stays");
  flags.Switch("disable", &arguments->disable, "end the sessions and refuse logins");
  flags.Switch("enable", &arguments->enable, "let log in again");
  return [arguments](Invocation& call) { return Update(call, *arguments); };
}

Action DeclareResetPassword(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    pb::ResetPasswordRequest request;
    request.set_name(call.words[0]);
    ASSIGN_OR_RETURN(pb::ResetPasswordResponse reset, call.connections.ResetPassword(request));
    PrintOperator(call, reset.operator_(), reset.password());
    return absl::OkStatus();
  };
}

}  // namespace

std::vector<Command> OperatorCommands() {
  return {
      {"operator list",
       "",
       "Lists the people who administer the suite, with their roles.",
       "prismatic operator list",
       DeclareList,
       {.prints_table = true}},
      {"operator create", "NAME", "Makes an operator and shows the random password, this once.",
       "prismatic operator create ann --role operator", DeclareCreate},
      {"operator update", "NAME", "Changes an operator's role, disables or enables; ends sessions as needed.",
       "prismatic operator update ann --disable", DeclareUpdate},
      {"operator reset-password", "NAME", "Gives an operator a new random password, shown this once.",
       "prismatic operator reset-password ann", DeclareResetPassword},
  };
}

}  // namespace prismatic::cli
