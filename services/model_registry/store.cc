#include "services/model_registry/store.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "services/common/crypto/crypto.h"
#include "services/common/status/status.h"
#include "services/model_registry/functions.h"
#include "services/model_registry/registry_errors.h"

namespace prismatic::model_registry {
namespace {

constexpr char kVersionKey[] = "{catalog}:version";
constexpr char kContentsKey[] = "{catalog}:contents";
constexpr char kMetaKey[] = "{catalog}:meta";
constexpr char kRecordsKey[] = "{catalog}:records";

absl::Status NotOurs() { return InternalError("The catalog's store answered in another form."); }

// Of a function's {done, version} answer, and commit's time.
struct Outcome {
  bool done = false;
  int64_t version = 0;
  int64_t time_ms = 0;
};

absl::StatusOr<Outcome> ReadOutcome(const redis::Reply& reply) {
  Outcome outcome;
  if (reply.elements.size() < 2 || !absl::SimpleAtoi(reply.elements[1].text, &outcome.version))
    return NotOurs();
  if (reply.elements.size() > 2 && !absl::SimpleAtoi(reply.elements[2].text, &outcome.time_ms))
    return NotOurs();
  outcome.done = reply.elements[0].integer == 1;
  return outcome;
}

// The files that were imported are kept as one text, the last first.
constexpr size_t kImportedMax = 20;

std::string ImportedText(const StoredCatalog& stored) {
  std::vector<std::string> all = {stored.imported_sha256};
  all.insert(all.end(), stored.imported_before.begin(), stored.imported_before.end());
  return absl::StrJoin(all, " ");
}

void ReadImported(absl::string_view text, StoredCatalog& stored) {
  std::vector<std::string> all = absl::StrSplit(text, ' ', absl::SkipEmpty());
  if (all.empty()) return;
  stored.imported_sha256 = std::move(all[0]);
  stored.imported_before.assign(std::make_move_iterator(all.begin() + 1), std::make_move_iterator(all.end()));
}

// The record that is kept beside a version; what can be said without one when it is missing or damaged.
v1::CatalogVersion ReadRecord(int64_t version, const std::string& bytes) {
  v1::CatalogVersion record;
  if (!bytes.empty() && record.ParseFromString(bytes) && record.version() == version) return record;
  record.Clear();
  record.set_version(version);
  record.set_content_version(version);
  return record;
}

// Overrides that an earlier release wrote do not say what the file says. A switch is flipped away from it.
void GuessFileSwitches(catalog::v1::Catalog& catalog) {
  for (catalog::v1::Provider& provider : *catalog.mutable_providers()) {
    if (!provider.has_images_override()) continue;
    provider.mutable_images_override()->set_file_enabled(!provider.images_override().enabled());
  }
  catalog.set_sha256(CatalogSha256(catalog));
}

void ReadRecords(const std::string& record, const std::string& content_record, StoredCatalog& stored) {
  stored.record = ReadRecord(stored.version(), record);
  int64_t content_version = stored.record.content_version();
  if (content_version == stored.version()) {
    stored.content_record = stored.record;
    // A file with the same content that is imported later makes the content one of a file.
    v1::CatalogVersion told = ReadRecord(content_version, content_record);
    if (told.kind() != v1::CATALOG_CHANGE_KIND_UNSPECIFIED) stored.content_record = told;
  } else {
    stored.content_record = ReadRecord(content_version, content_record);
  }
  if (stored.record.kind() == v1::CATALOG_CHANGE_KIND_UNSPECIFIED) GuessFileSwitches(stored.catalog);
}

bool IsWhole(const catalog::v1::Catalog& catalog) { return CatalogSha256(catalog) == catalog.sha256(); }

absl::StatusOr<StoredCatalog> ReadStored(const redis::Reply& reply) {
  StoredCatalog stored;
  int64_t version = 0;
  if (reply.elements.size() != 8 || !absl::SimpleAtoi(reply.elements[0].text, &version) ||
      !absl::SimpleAtoi(reply.elements[4].text, &stored.read_ms)) {
    return NotOurs();
  }
  stored.unreadable = reply.elements[5].integer != 1 ||
                      !stored.catalog.ParseFromString(reply.elements[1].text) ||
                      (version > 0 && !IsWhole(stored.catalog));
  if (stored.unreadable) stored.catalog.Clear();
  stored.catalog.set_version(version);
  ReadImported(reply.elements[2].text, stored);
  // Lost, the next change sets it anew.
  if (!absl::SimpleAtoi(reply.elements[3].text, &stored.first_import_ms)) stored.first_import_ms = 0;
  if (version > 0 && !stored.unreadable) {
    ReadRecords(reply.elements[6].text, reply.elements[7].text, stored);
  }
  return stored;
}

// Bytes that could not be parsed again (a text that is not UTF-8) would leave the store without a catalog,
// or the log with an entry that nobody can read.
template <typename Message>
absl::StatusOr<std::string> Bytes(const Message& message) {
  std::string bytes = message.SerializeAsString();
  Message again;
  if (!again.ParseFromString(bytes)) return InternalError("What was to be stored could not be read again.");
  return bytes;
}

// As it is kept: the version is the key, the hash shows that the content is whole.
absl::StatusOr<std::string> Content(catalog::v1::Catalog catalog) {
  catalog.set_sha256(CatalogSha256(catalog));
  catalog.clear_version();
  return Bytes(catalog);
}

}  // namespace

std::string CatalogSha256(catalog::v1::Catalog catalog) {
  catalog.clear_version();
  catalog.clear_sha256();
  return crypto::Sha256Hex(catalog.SerializeAsString());
}

void StoredCatalog::NoteImported(const std::string& sha256) {
  if (sha256 == imported_sha256) return;
  imported_before.erase(std::remove(imported_before.begin(), imported_before.end(), sha256),
                        imported_before.end());
  if (!imported_sha256.empty()) imported_before.insert(imported_before.begin(), imported_sha256);
  if (imported_before.size() >= kImportedMax) imported_before.resize(kImportedMax - 1);
  imported_sha256 = sha256;
}

Store::Store(redis::Client& redis)
    : redis_(redis), library_(redis::FunctionLibrary::FromSource("registry_1", kFunctionsLua)) {}

Task<absl::StatusOr<redis::Reply>> Store::Call(std::string function, std::vector<std::string> arguments) {
  // All on the lasting lane: a catalog of megabytes must not delay what is quick.
  auto call = redis_.Call(redis::Lane::kLasting, library_, std::move(function),
                          {kVersionKey, kContentsKey, kMetaKey, kRecordsKey}, std::move(arguments));
  absl::StatusOr<redis::Reply> reply = co_await call;
  if (!reply.ok()) co_return error::RegistryUnavailable(reply.status().message());
  co_return reply;
}

Task<absl::StatusOr<int64_t>> Store::Version(int64_t held) {
  std::vector<std::vector<std::string>> commands = {{"GET", kVersionKey},
                                                    {"HEXISTS", kContentsKey, absl::StrCat(held)}};
  auto pipeline = redis_.Pipeline(redis::Lane::kFast, std::move(commands));
  absl::StatusOr<std::vector<redis::Reply>> replies = co_await pipeline;
  if (!replies.ok()) co_return error::RegistryUnavailable(replies.status().message());
  const redis::Reply& found = (*replies)[0];
  if (found.is_nil()) co_return 0;
  int64_t version = 0;
  // An error of Redis' own: the key has another type, or Load will be told the same.
  if (found.is_error() || !absl::SimpleAtoi(found.text, &version)) co_return kNoVersion;
  bool lost = held > 0 && version == held && (*replies)[1].integer != 1;
  co_return lost ? kNoVersion : version;
}

Task<absl::StatusOr<StoredCatalog>> Store::Load() {
  auto call = Call("load", {});
  absl::StatusOr<redis::Reply> reply = co_await call;
  if (!reply.ok()) co_return reply.status();
  co_return ReadStored(*reply);
}

Task<absl::StatusOr<PastCatalog>> Store::LoadVersion(int64_t version) {
  auto call = Call("load_version", {absl::StrCat(version)});
  absl::StatusOr<redis::Reply> reply = co_await call;
  if (!reply.ok()) co_return reply.status();
  if (reply->elements.size() != 3) co_return NotOurs();
  PastCatalog past;
  const std::string& content = reply->elements[0].text;
  if (content.empty() || !past.catalog.ParseFromString(content) || !IsWhole(past.catalog)) {
    co_return error::CatalogVersionNotFound(version);
  }
  past.catalog.set_version(version);
  past.record = ReadRecord(version, reply->elements[1].text);
  if (past.record.kind() == v1::CATALOG_CHANGE_KIND_UNSPECIFIED) GuessFileSwitches(past.catalog);
  if (!absl::SimpleAtoi(reply->elements[2].text, &past.first_import_ms)) past.first_import_ms = 0;
  co_return past;
}

Task<absl::StatusOr<std::vector<v1::CatalogVersion>>> Store::History() {
  auto call = Call("history", {});
  absl::StatusOr<redis::Reply> reply = co_await call;
  if (!reply.ok()) co_return reply.status();
  std::vector<v1::CatalogVersion> versions;
  for (size_t i = 0; i + 1 < reply->elements.size(); i += 2) {
    int64_t version = 0;
    if (!absl::SimpleAtoi(reply->elements[i].text, &version)) co_return NotOurs();
    versions.push_back(ReadRecord(version, reply->elements[i + 1].text));
  }
  co_return versions;
}

Task<absl::StatusOr<StoredCatalog>> Store::Commit(int64_t known, StoredCatalog next,
                                                  std::optional<v1::AuditEntry> audit) {
  bool changes_content = next.record.content_version() == 0;
  next.catalog.set_sha256(CatalogSha256(next.catalog));
  next.record.set_sha256(next.catalog.sha256());
  absl::StatusOr<std::string> content = Content(next.catalog);
  if (!content.ok()) co_return content.status();
  absl::StatusOr<std::string> record = Bytes(next.record);
  if (!record.ok()) co_return record.status();
  absl::StatusOr<std::string> entry = audit.has_value() ? Bytes(*audit) : std::string();
  if (!entry.ok()) co_return entry.status();
  std::string content_record = changes_content ? std::string() : next.content_record.SerializeAsString();
  bool targets_version = audit.has_value() && audit->target().empty();
  bool flips = next.record.kind() == v1::CATALOG_CHANGE_KIND_SWITCH;
  auto call = Call(flips ? "flip" : "commit",
                   {absl::StrCat(known), ImportedText(next), absl::StrCat(next.first_import_ms),
                    *std::move(content), absl::StrCat(next.version()), *std::move(record),
                    std::move(content_record), *std::move(entry), targets_version ? "1" : "0"});
  absl::StatusOr<redis::Reply> reply = co_await call;
  if (!reply.ok()) co_return reply.status();
  absl::StatusOr<Outcome> outcome = ReadOutcome(*reply);
  if (!outcome.ok()) co_return outcome.status();
  if (!outcome->done) co_return error::LostRace();
  next.catalog.set_version(outcome->version);
  next.record.set_version(outcome->version);
  next.record.set_time_unix_ms(outcome->time_ms);
  if (changes_content) {
    next.record.set_content_version(outcome->version);
    next.content_record = next.record;
  }
  next.unreadable = false;
  co_return next;
}

Task<absl::Status> Store::NoteImport(int64_t known, StoredCatalog present) {
  auto call = Call("note_import",
                   {absl::StrCat(known), ImportedText(present), present.content_record.SerializeAsString()});
  absl::StatusOr<redis::Reply> reply = co_await call;
  if (!reply.ok()) co_return reply.status();
  absl::StatusOr<Outcome> outcome = ReadOutcome(*reply);
  if (!outcome.ok()) co_return outcome.status();
  co_return outcome->done ? absl::OkStatus() : error::LostRace();
}

Task<absl::StatusOr<bool>> Store::WriteBack(StoredCatalog newer) {
  int64_t version = newer.version();
  absl::StatusOr<std::string> content = Content(std::move(newer.catalog));
  if (!content.ok()) co_return content.status();
  auto call =
      Call("write_back",
           {absl::StrCat(version), ImportedText(newer), absl::StrCat(newer.first_import_ms),
            *std::move(content), newer.record.SerializeAsString(), newer.content_record.SerializeAsString()});
  absl::StatusOr<redis::Reply> reply = co_await call;
  if (!reply.ok()) co_return reply.status();
  absl::StatusOr<Outcome> outcome = ReadOutcome(*reply);
  if (!outcome.ok()) co_return outcome.status();
  co_return outcome->done;
}

}  // namespace prismatic::model_registry
