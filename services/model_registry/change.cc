#include "services/model_registry/change.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/common/status/status.h"
#include "services/model_registry/catalog_changes.h"
#include "services/model_registry/compose.h"
#include "services/model_registry/registry_errors.h"

namespace prismatic::model_registry {
namespace {

constexpr int kChangesAnswered = 1'000;
constexpr int kChangesAudited = 100;
// The audit log's 10,000 entries of catalogs lie in the Redis that holds money.
constexpr size_t kAuditBytesMax = 16 * 1024;
constexpr size_t kNoteCharactersMax = 200;

// What was edited or rolled back is not in any file.
bool CameFromAFile(const v1::CatalogVersion& content) {
  return content.kind() != v1::CATALOG_CHANGE_KIND_EDIT && content.kind() != v1::CATALOG_CHANGE_KIND_ROLLBACK;
}

absl::Status CheckBase(const ContentChange& change, const StoredCatalog& present) {
  if (change.force || present.version() == 0 || present.unreadable) return absl::OkStatus();
  if (change.based_on == 0) {
    bool overtaken = change.content_seen > 0 && change.content_seen < present.content_version();
    if (overtaken) return error::ChangedSince(change.content_seen, present.content_record);
    bool free = !change.only_a_files || CameFromAFile(present.content_record);
    return free ? absl::OkStatus() : error::ChangedSince(0, present.content_record);
  }
  if (change.based_on > present.version()) return error::BasedOnUnknown(change.based_on, present.version());
  if (change.based_on < present.content_version()) {
    return error::ChangedSince(change.based_on, present.content_record);
  }
  return absl::OkStatus();
}

// What an import has replaced that its file did not know, in words; empty: it followed the last one.
std::string ReplacedByImport(const ContentChange& change, const StoredCatalog& present) {
  if (change.kind != v1::CATALOG_CHANGE_KIND_IMPORT || present.content_version() == 0) return "";
  const v1::CatalogVersion& content = present.content_record;
  const std::string version = absl::StrCat("version ", content.version());
  switch (content.kind()) {
    case v1::CATALOG_CHANGE_KIND_EDIT:
    case v1::CATALOG_CHANGE_KIND_ROLLBACK:
    case v1::CATALOG_CHANGE_KIND_APPLY:
      return absl::StrCat("Replaced what ", content.actor(), " had made (", KindName(content.kind()), ", ",
                          version, ").");
    default:
      break;
  }
  const std::vector<std::string>& before = present.imported_before;
  bool came_back = change.imported_sha256.has_value() &&
                   std::find(before.begin(), before.end(), *change.imported_sha256) != before.end();
  return came_back ? absl::StrCat("Brought back an earlier file; replaced the newer one (", version, ").")
                   : "";
}

absl::Status CheckOwner(const Caller& caller, const std::vector<v1::CatalogChange>& changes) {
  if (caller.role >= v1::ROLE_OWNER) return absl::OkStatus();
  auto found = std::find_if(changes.begin(), changes.end(), IsOwnersChange);
  return found == changes.end() ? absl::OkStatus() : error::OnlyOwners(found->path());
}

void AddKeptOverrides(const catalog::v1::Catalog& catalog, v1::ApplyCatalogResponse& response) {
  for (const catalog::v1::Provider& provider : catalog.providers()) {
    if (!provider.has_images_override()) continue;
    const catalog::v1::ImagesOverride& kept = provider.images_override();
    if (kept.enabled() != kept.file_enabled()) response.add_kept_overrides(provider.name());
  }
}

v1::CatalogVersion RecordOf(const ContentChange& change, const StoredCatalog& present, bool content_changed,
                            size_t change_count) {
  v1::CatalogVersion record;
  record.set_kind(change.kind);
  record.set_actor(change.caller.actor);
  record.set_note(change.note);
  record.set_replaced_version(present.version());
  record.set_change_count(static_cast<int32_t>(change_count));
  if (!content_changed) {
    record.set_content_version(present.content_version());
    return record;
  }
  std::string replaced = ReplacedByImport(change, present);
  if (replaced.empty()) return record;
  record.set_note(replaced);
  record.set_replaced_edits_version(present.content_version());
  return record;
}

v1::AuditEntry AuditOf(const ContentChange& change, const std::string& note,
                       const std::vector<v1::CatalogChange>& changes) {
  v1::AuditEntry entry;
  entry.set_actor(change.caller.actor);
  entry.set_action(absl::StrCat("catalog.", KindName(change.kind)));
  entry.set_note(note);
  for (const v1::CatalogChange& from : changes) {
    if (entry.changes_size() == kChangesAudited || entry.ByteSizeLong() > kAuditBytesMax) break;
    v1::AuditChange& to = *entry.add_changes();
    to.set_path(from.path());
    if (from.has_before()) to.set_before(from.before());
    if (from.has_after()) to.set_after(from.after());
  }
  return entry;
}

// The length of the UTF-8 character at the front of `text`, at least 1.
size_t CharacterBytes(absl::string_view text) {
  size_t bytes = 1;
  while (bytes < text.size() && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) ++bytes;
  return bytes;
}

// Neither a control character (C0, DEL, C1), nor a separator of lines, nor one that turns the direction of
// what follows.
bool IsPrintable(absl::string_view character) {
  unsigned char first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first >= 0x20 && first < 0x7f;
  if (first == 0xc2) return static_cast<unsigned char>(character[1]) >= 0xa0;
  bool separates_or_turns = character >= "\xe2\x80\xa8" && character <= "\xe2\x80\xae";
  bool isolates = character >= "\xe2\x81\xa6" && character <= "\xe2\x81\xa9";
  return !separates_or_turns && !isolates;
}

}  // namespace

absl::StatusOr<PreparedChange> Prepare(const ContentChange& change, const StoredCatalog& present) {
  catalog::v1::Catalog before = AsFile(present.catalog, present.first_import_ms);
  absl::StatusOr<CatalogFromYaml> content =
      change.content(Unstamped(present.catalog, present.first_import_ms));
  if (!content.ok()) return content.status();
  PreparedChange prepared;
  v1::ApplyCatalogResponse& response = prepared.response;
  response.set_catalog_version(present.version());
  if (!content->ok()) {
    response.mutable_errors()->Assign(content->errors.begin(), content->errors.end());
    return prepared;
  }
  prepared.next = Compose(std::move(content->catalog), present, change.drop_overrides);
  StoredCatalog& next = prepared.next;
  response.set_changed(present.version() == 0 || present.unreadable ||
                       next.catalog.sha256() != present.catalog.sha256());
  AddKeptOverrides(next.catalog, response);
  if (change.imported_sha256.has_value()) next.NoteImported(*change.imported_sha256);
  if (!response.changed()) return prepared;

  std::vector<v1::CatalogChange> changes = AllChanges(present.catalog, next.catalog, next.first_import_ms);
  for (const v1::CatalogChange& one : changes) {
    if (response.changes_size() == kChangesAnswered) break;
    *response.add_changes() = one;
  }
  bool content_changed =
      present.version() == 0 || present.unreadable ||
      CatalogSha256(AsFile(next.catalog, next.first_import_ms)) != CatalogSha256(std::move(before));
  next.record = RecordOf(change, present, content_changed, changes.size());
  if (content_changed) prepared.conflict = CheckBase(change, present);
  prepared.allowed = CheckOwner(change.caller, changes);
  prepared.audit = AuditOf(change, next.record.note(), changes);
  return prepared;
}

const char* KindName(v1::CatalogChangeKind kind) {
  switch (kind) {
    case v1::CATALOG_CHANGE_KIND_IMPORT:
      return "import";
    case v1::CATALOG_CHANGE_KIND_APPLY:
      return "apply";
    case v1::CATALOG_CHANGE_KIND_EDIT:
      return "edit";
    case v1::CATALOG_CHANGE_KIND_ROLLBACK:
      return "rollback";
    case v1::CATALOG_CHANGE_KIND_SWITCH:
      return "switch";
    default:
      return "unknown";
  }
}

absl::Status CheckNote(absl::string_view note) {
  size_t characters = 0;
  for (absl::string_view rest = note; !rest.empty(); ++characters) {
    size_t bytes = CharacterBytes(rest);
    if (!IsPrintable(rest.substr(0, bytes))) {
      return InvalidValue("note", "`note` must be one line without control characters.");
    }
    rest.remove_prefix(bytes);
  }
  if (characters <= kNoteCharactersMax) return absl::OkStatus();
  return InvalidValue("note", absl::StrCat("`note` must have at most ", kNoteCharactersMax, " characters."));
}

}  // namespace prismatic::model_registry
