#ifndef PRISMATIC_SERVICES_ADMIN_JSON_CHANGES_JSON_H_
#define PRISMATIC_SERVICES_ADMIN_JSON_CHANGES_JSON_H_

#include "services/common/json/json.h"

namespace prismatic::admin_json {

// [{"path", "before", "after"}] of the catalog's changes and of both audit logs', whose messages are alike;
// before and after are null where there is none.
template <typename Changes>
void WriteChangeList(json::Writer& writer, const Changes& changes) {
  writer.BeginArray();
  for (const auto& change : changes) {
    writer.BeginObject().Key("path").String(change.path()).Key("before");
    change.has_before() ? writer.String(change.before()) : writer.Null();
    writer.Key("after");
    change.has_after() ? writer.String(change.after()) : writer.Null();
    writer.EndObject();
  }
  writer.EndArray();
}

}  // namespace prismatic::admin_json

#endif  // PRISMATIC_SERVICES_ADMIN_JSON_CHANGES_JSON_H_
