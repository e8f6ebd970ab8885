#include "services/model_registry/store.h"

#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/common/crypto/crypto.h"
#include "services/common/status/status.h"
#include "services/model_registry/functions.h"
#include "services/model_registry/registry_errors.h"

namespace prismatic::model_registry {
namespace {

constexpr char kVersionKey[] = "{catalog}:version";
constexpr char kContentsKey[] = "{catalog}:contents";
constexpr char kMetaKey[] = "{catalog}:meta";

absl::Status NotOurs() { return InternalError("The catalog's store answered in another form."); }

// Of a function's {done, version} answer.
struct Outcome {
  bool done = false;
  int64_t version = 0;
};

absl::StatusOr<Outcome> ReadOutcome(const redis::Reply& reply) {
  Outcome outcome;
  if (reply.elements.size() != 2 || !absl::SimpleAtoi(reply.elements[1].text, &outcome.version))
    return NotOurs();
  outcome.done = reply.elements[0].integer == 1;
  return outcome;
}

absl::StatusOr<StoredCatalog> ReadStored(const redis::Reply& reply) {
  StoredCatalog stored;
  int64_t version = 0;
  if (reply.elements.size() != 6 || !absl::SimpleAtoi(reply.elements[0].text, &version) ||
      !absl::SimpleAtoi(reply.elements[4].text, &stored.read_ms)) {
    return NotOurs();
  }
  stored.unreadable = reply.elements[5].integer != 1 ||
                      !stored.catalog.ParseFromString(reply.elements[1].text) ||
                      (version > 0 && CatalogSha256(stored.catalog) != stored.catalog.sha256());
  if (stored.unreadable) stored.catalog.Clear();
  stored.catalog.set_version(version);
  stored.imported_sha256 = reply.elements[2].text;
  // Lost, the next change sets it anew.
  if (!absl::SimpleAtoi(reply.elements[3].text, &stored.first_import_ms)) stored.first_import_ms = 0;
  return stored;
}

// As it is kept: the version is the key, the hash shows that the content is whole. Bytes that could not
// be parsed again (a text that is not UTF-8) would leave the store without a catalog.
absl::StatusOr<std::string> Content(catalog::v1::Catalog catalog) {
  catalog.set_sha256(CatalogSha256(catalog));
  catalog.clear_version();
  std::string bytes = catalog.SerializeAsString();
  if (!catalog.ParseFromString(bytes)) return InternalError("The catalog could not be read again.");
  return bytes;
}

}  // namespace

std::string CatalogSha256(catalog::v1::Catalog catalog) {
  catalog.clear_version();
  catalog.clear_sha256();
  return crypto::Sha256Hex(catalog.SerializeAsString());
}

Store::Store(redis::Client& redis)
    : redis_(redis), library_(redis::FunctionLibrary::FromSource("registry_1", kFunctionsLua)) {}

Task<absl::StatusOr<redis::Reply>> Store::Call(std::string function, std::vector<std::string> arguments) {
  // All on the lasting lane: a catalog of megabytes must not delay what is quick.
  auto call = redis_.Call(redis::Lane::kLasting, library_, std::move(function),
                          {kVersionKey, kContentsKey, kMetaKey}, std::move(arguments));
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

Task<absl::StatusOr<int64_t>> Store::Commit(int64_t known, StoredCatalog next) {
  int64_t above = next.version();
  absl::StatusOr<std::string> content = Content(std::move(next.catalog));
  if (!content.ok()) co_return content.status();
  auto call = Call("commit", {absl::StrCat(known), next.imported_sha256, absl::StrCat(next.first_import_ms),
                              *std::move(content), absl::StrCat(above)});
  absl::StatusOr<redis::Reply> reply = co_await call;
  if (!reply.ok()) co_return reply.status();
  absl::StatusOr<Outcome> outcome = ReadOutcome(*reply);
  if (!outcome.ok()) co_return outcome.status();
  if (!outcome->done) co_return error::CatalogConflict();
  co_return outcome->version;
}

Task<absl::Status> Store::NoteImport(int64_t known, std::string imported_sha256) {
  auto call = Call("note_import", {absl::StrCat(known), std::move(imported_sha256)});
  absl::StatusOr<redis::Reply> reply = co_await call;
  if (!reply.ok()) co_return reply.status();
  absl::StatusOr<Outcome> outcome = ReadOutcome(*reply);
  if (!outcome.ok()) co_return outcome.status();
  co_return outcome->done ? absl::OkStatus() : error::CatalogConflict();
}

Task<absl::StatusOr<bool>> Store::WriteBack(StoredCatalog newer) {
  int64_t version = newer.version();
  absl::StatusOr<std::string> content = Content(std::move(newer.catalog));
  if (!content.ok()) co_return content.status();
  auto call = Call("write_back", {absl::StrCat(version), newer.imported_sha256,
                                  absl::StrCat(newer.first_import_ms), *std::move(content)});
  absl::StatusOr<redis::Reply> reply = co_await call;
  if (!reply.ok()) co_return reply.status();
  absl::StatusOr<Outcome> outcome = ReadOutcome(*reply);
  if (!outcome.ok()) co_return outcome.status();
  co_return outcome->done;
}

}  // namespace prismatic::model_registry
