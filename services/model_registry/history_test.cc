// What the store keeps of changes: versions, who made them, and the audit log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/model_registry/test_registry.h"

namespace prismatic::model_registry {
namespace {

using ::prismatic::testing::HasReason;
using ::prismatic::testing::IsOk;
using ::prismatic::testing::WaitUntil;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using HistoryTest = RegistryTest;

absl::StatusOr<v1::ApplyCatalogResponse> RollBack(Process& process, int64_t version) {
  v1::RollbackCatalogRequest request;
  request.set_version(version);
  return Wait(process.registry().RollbackCatalog(Owner("roller"), request));
}

absl::StatusOr<v1::CompareCatalogsResponse> Compare(Process& process, int64_t from, int64_t to) {
  v1::CompareCatalogsRequest request;
  request.set_from(from);
  request.set_to(to);
  return Wait(process.registry().CompareCatalogs(Viewer(), request));
}

std::vector<std::string> Paths(const v1::CompareCatalogsResponse& compared) {
  std::vector<std::string> paths;
  for (const v1::CatalogChange& change : compared.changes()) paths.push_back(change.path());
  return paths;
}

int64_t PriceOf(Process& process) {
  return process.registry().holder().Current()->FindModel("imagen-4")->prices(0).retail_generation_nano_usd();
}

TEST_F(HistoryTest, EveryKindOfChangeIsKeptWithWhoWhenAndWhy) {
  auto process = RunWith(kYaml);
  int64_t imported = process->version();
  v1::ApplyCatalogRequest apply;
  apply.set_yaml(OtherYaml());
  apply.set_note("dearer: \xe2\x82\xac");
  ASSERT_THAT(Wait(process->registry().ApplyCatalog(Owner("alice"), apply)), IsOk());
  int64_t applied = process->version();
  ASSERT_THAT(Wait(process->registry().EditCatalog(Owner("bob"), EditOfPrice("0.06", applied))), IsOk());
  int64_t edited = process->version();
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  int64_t flipped = process->version();
  ASSERT_THAT(RollBack(*process, imported), IsOk());

  std::vector<v1::CatalogVersion> history = History(*process);
  ASSERT_EQ(history.size(), 5u);
  auto is = [&](int i, v1::CatalogChangeKind kind, const char* actor, int64_t version, int64_t content,
                int64_t replaced) {
    const v1::CatalogVersion& kept = history[i];
    EXPECT_EQ(kept.kind(), kind) << i;
    EXPECT_EQ(kept.actor(), actor) << i;
    EXPECT_EQ(kept.version(), version) << i;
    EXPECT_EQ(kept.content_version(), content) << i;
    EXPECT_EQ(kept.replaced_version(), replaced) << i;
    EXPECT_GT(kept.time_unix_ms(), 1'700'000'000'000) << i;
    EXPECT_GT(kept.change_count(), 0) << i;
    EXPECT_EQ(kept.sha256().size(), 64u) << i;
  };
  int64_t rolled = process->version();
  is(0, v1::CATALOG_CHANGE_KIND_ROLLBACK, "roller", rolled, rolled, flipped);
  is(1, v1::CATALOG_CHANGE_KIND_SWITCH, "tester", flipped, edited, edited);
  is(2, v1::CATALOG_CHANGE_KIND_EDIT, "bob", edited, edited, applied);
  is(3, v1::CATALOG_CHANGE_KIND_APPLY, "alice", applied, applied, imported);
  is(4, v1::CATALOG_CHANGE_KIND_IMPORT, "registry", imported, imported, 0);
  EXPECT_EQ(history[0].sha256(), process->registry().holder().Current()->catalog().sha256());
  EXPECT_THAT(history[0].note(), HasSubstr(absl::StrCat(imported)));
  EXPECT_EQ(history[3].note(), "dearer: \xe2\x82\xac");
  EXPECT_EQ(history[3].change_count(), 1);
}

TEST_F(HistoryTest, EachChangeIsInTheAuditLogOnceWithFromAndTo) {
  auto process = RunWith(kYaml);
  std::vector<std::string> versions = {absl::StrCat(process->version())};
  ASSERT_THAT(Apply(*process, OtherYaml()), IsOk());
  versions.push_back(absl::StrCat(process->version()));
  ASSERT_THAT(Apply(*process, OtherYaml()), IsOk());                           // no change
  ASSERT_THAT(Apply(*process, kYaml, false, /*validate_only=*/true), IsOk());  // nor this
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());  // nor this
  ASSERT_THAT(Apply(*process, OtherYaml(), /*drop=*/true), IsOk());
  versions.push_back(absl::StrCat(process->version()));

  std::vector<v1::AuditEntry> entries = Audit();
  ASSERT_EQ(entries.size(), 4u);
  EXPECT_EQ(entries[0].action(), "catalog.import");
  EXPECT_EQ(entries[0].actor(), "registry");
  EXPECT_EQ(entries[0].target(), versions[0]);
  EXPECT_EQ(entries[1].action(), "catalog.apply");
  EXPECT_EQ(entries[1].actor(), "tester");
  EXPECT_EQ(entries[1].target(), versions[1]);
  ASSERT_EQ(entries[1].changes_size(), 1);
  EXPECT_EQ(entries[1].changes(0).path(), "models[imagen-4].retail_generation_usd");
  EXPECT_THAT(entries[1].changes(0).before(), HasSubstr("0.04"));
  EXPECT_THAT(entries[1].changes(0).after(), HasSubstr("0.05"));
  EXPECT_EQ(entries[2].action(), "provider.images");
  EXPECT_EQ(entries[2].target(), "sandbox");
  ASSERT_EQ(entries[2].changes_size(), 1);
  EXPECT_EQ(entries[2].changes(0).before(), "true");
  EXPECT_EQ(entries[2].changes(0).after(), "false");
  EXPECT_EQ(entries[3].action(), "catalog.apply");
  EXPECT_EQ(entries[3].target(), versions[2]);
  ASSERT_EQ(entries[3].changes_size(), 1);
  EXPECT_EQ(entries[3].changes(0).path(), "providers[sandbox].images_override");
  EXPECT_EQ(entries[3].changes(0).before(), "false");
  EXPECT_FALSE(entries[3].changes(0).has_after());
}

TEST_F(HistoryTest, ManyFlipsPushNoChangeOfTheCatalogOutOfTheAuditLog) {
  auto process = RunWith(kYaml);
  ASSERT_THAT(Apply(*process, OtherYaml()), IsOk());
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  EXPECT_EQ(redis_.Ask({"XLEN", "{catalog}:audit"}), "2");
  EXPECT_EQ(redis_.Ask({"XLEN", "{catalog}:audit:switches"}), "1");
  EXPECT_EQ(Audit().size(), 3u);
}

TEST_F(HistoryTest, SomethingElseInTheAuditLogsPlaceDoesNotStopAChange) {
  auto process = RunWith(kYaml);
  redis_.Ask({"DEL", "{catalog}:audit"});
  redis_.Ask({"SET", "{catalog}:audit", "text"});
  redis_.Ask({"SET", "{catalog}:audit:switches", "text"});
  redis_.Ask({"DEL", "{catalog}:records"});
  redis_.Ask({"SET", "{catalog}:records", "text"});
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  ASSERT_EQ(Audit().size(), 1u);
  EXPECT_EQ(History(*process)[0].kind(), v1::CATALOG_CHANGE_KIND_SWITCH);
}

TEST_F(HistoryTest, IsReadInPages) {
  auto process = RunWith(kYaml);
  for (int i = 0; i < 4; ++i) ASSERT_THAT(Flip(*process, "sandbox", i % 2 != 0), IsOk());
  v1::ListCatalogVersionsRequest request;
  request.set_page_size(3);
  auto first = Wait(process->registry().ListCatalogVersions(Viewer(), request));
  ASSERT_THAT(first, IsOk());
  ASSERT_EQ(first->versions_size(), 3);
  EXPECT_TRUE(first->more());
  request.set_before_version(first->versions(2).version());
  auto second = Wait(process->registry().ListCatalogVersions(Viewer(), request));
  ASSERT_THAT(second, IsOk());
  ASSERT_EQ(second->versions_size(), 2);
  EXPECT_FALSE(second->more());
  EXPECT_EQ(second->versions(1).kind(), v1::CATALOG_CHANGE_KIND_IMPORT);
  request.set_page_size(101);
  EXPECT_THAT(Wait(process->registry().ListCatalogVersions(Viewer(), request)),
              HasReason(common::v1::ERROR_REASON_INVALID_VALUE));
}

TEST_F(HistoryTest, IsTrimmedTogetherWithTheContents) {
  auto process = RunWith(kYaml);
  int64_t imported = process->version();
  for (int i = 0; i < 105; ++i) {
    ASSERT_THAT(Apply(*process, absl::StrReplaceAll(kYaml, {{"0.04", absl::StrCat("0.5", 100 + i)}})),
                IsOk());
  }
  int64_t content = process->version();
  EXPECT_EQ(redis_.Ask({"HLEN", "{catalog}:contents"}), "100");
  EXPECT_EQ(redis_.Ask({"HLEN", "{catalog}:records"}), "100");
  EXPECT_EQ(History(*process).size(), 100u);
  EXPECT_THAT(RollBack(*process, imported), HasReason(common::v1::ERROR_REASON_CATALOG_VERSION_NOT_FOUND));
  EXPECT_THAT(Compare(*process, imported, 0), HasReason(common::v1::ERROR_REASON_CATALOG_VERSION_NOT_FOUND));
  EXPECT_EQ(Export(*process).content_version(), content);
}

TEST_F(HistoryTest, ASwitchThatIsFlippedToAndFroPushesNothingOut) {
  auto process = RunWith(kYaml);
  int64_t imported = process->version();
  ASSERT_THAT(Apply(*process, OtherYaml()), IsOk());
  for (int i = 0; i < 130; ++i) ASSERT_THAT(Flip(*process, "sandbox", i % 2 != 0), IsOk());
  EXPECT_EQ(redis_.Ask({"HLEN", "{catalog}:contents"}), "22");  // two, and the newest 20 flips
  EXPECT_THAT(RollBack(*process, imported), IsOk());
}

TEST_F(HistoryTest, ARollbackOverARenameBringsTheSwitchBackToo) {
  auto process = RunWith(kYaml);
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  int64_t flipped = process->version();
  v1::EditCatalogRequest rename;
  rename.set_name("sandbox");
  rename.set_put_provider(
      "{name: playground, wire_format: openai_images, base_url: \"http://127.0.0.1:9100/v1\", "
      "images_enabled: true}");
  rename.set_based_on(flipped);
  ASSERT_THAT(Wait(process->registry().EditCatalog(Owner(), rename)), IsOk());
  ASSERT_THAT(RollBack(*process, flipped), IsOk());
  EXPECT_FALSE(process->Enabled("sandbox"));
}

TEST_F(HistoryTest, AChangeThatTheAuditLogRefusesIsNotMade) {
  auto process = RunWith(kYaml);
  int64_t version = process->version();
  redis_.Ask({"XADD", "{catalog}:audit", "18446744073709551615-18446744073709551615", "entry", ""});
  EXPECT_FALSE(Flip(*process, "sandbox", false).ok());
  EXPECT_TRUE(process->Enabled("sandbox"));
  EXPECT_EQ(redis_.Ask({"GET", "{catalog}:version"}), absl::StrCat(version));
}

TEST_F(HistoryTest, ImagesAreSwitchedOffAlsoWhereRedisIsFull) {
  auto process = RunWith(kYaml);
  redis_.Ask({"CONFIG", "SET", "maxmemory", "1"});
  absl::Cleanup room = [this] { redis_.Ask({"CONFIG", "SET", "maxmemory", "0"}); };
  EXPECT_THAT(Flip(*process, "sandbox", false), IsOk());
  EXPECT_FALSE(Apply(*process, OtherYaml()).ok());
}

// After a restore from an older backup the others hold a version that no registry knows any more.
TEST_F(HistoryTest, WhatAWatcherHoldsAndTheStoreHasLostIsOvertaken) {
  auto process = RunWith(kYaml);
  int64_t lost = process->version() + 60'000;
  process->registry().NoteAhead(lost);
  ASSERT_TRUE(WaitUntil([&] { return process->version() > lost; }));
  EXPECT_EQ(History(*process).front().replaced_version(), History(*process)[1].version());
  EXPECT_TRUE(process->Enabled("sandbox"));
  // Nobody drives the versions to their end.
  int64_t version = process->version();
  process->registry().NoteAhead(int64_t{1} << 52);
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  EXPECT_LT(process->version(), version + 60'000);
}

TEST_F(HistoryTest, ARollbackBringsTheContentBackAndLeavesTheSwitches) {
  auto process = RunWith(kYaml);
  int64_t imported = process->version();
  ASSERT_THAT(Apply(*process, OtherYaml()), IsOk());
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  int64_t flipped = process->version();
  auto rolled = RollBack(*process, imported);
  ASSERT_THAT(rolled, IsOk());
  EXPECT_TRUE(rolled->changed());
  EXPECT_GT(rolled->catalog_version(), flipped);
  EXPECT_THAT(rolled->kept_overrides(), ElementsAre("sandbox"));
  EXPECT_EQ(PriceOf(*process), 40'000'000);
  EXPECT_FALSE(process->Enabled("sandbox"));
  // Again: it is in force.
  auto again = RollBack(*process, imported);
  ASSERT_THAT(again, IsOk());
  EXPECT_FALSE(again->changed());
  // A switch of the past does not come back.
  ASSERT_THAT(Apply(*process, OtherYaml(), true), HasReason(common::v1::ERROR_REASON_CATALOG_CONFLICT));
  v1::ApplyCatalogRequest apply;
  apply.set_yaml(OtherYaml());
  apply.set_drop_overrides(true);
  apply.set_force(true);
  ASSERT_THAT(Wait(process->registry().ApplyCatalog(Owner(), apply)), IsOk());
  ASSERT_THAT(RollBack(*process, flipped), IsOk());
  EXPECT_TRUE(process->Enabled("sandbox"));
  EXPECT_THAT(RollBack(*process, 12345), HasReason(common::v1::ERROR_REASON_CATALOG_VERSION_NOT_FOUND));
}

TEST_F(HistoryTest, VersionsAreCompared) {
  auto process = RunWith(kYaml);
  int64_t imported = process->version();
  ASSERT_THAT(Apply(*process, OtherYaml()), IsOk());
  int64_t applied = process->version();
  ASSERT_THAT(Flip(*process, "spare", true), IsOk());

  auto last = Compare(*process, 0, 0);
  ASSERT_THAT(last, IsOk());
  EXPECT_EQ(last->from(), applied);
  EXPECT_EQ(last->to(), process->version());
  EXPECT_THAT(Paths(*last), ElementsAre("providers[spare].images_override"));
  auto applying = Compare(*process, 0, applied);
  ASSERT_THAT(applying, IsOk());
  EXPECT_EQ(applying->from(), imported);
  EXPECT_THAT(Paths(*applying), ElementsAre("models[imagen-4].retail_generation_usd"));
  auto both = Compare(*process, imported, 0);
  ASSERT_THAT(both, IsOk());
  EXPECT_EQ(both->changes_size(), 2);
  auto all = Compare(*process, 0, imported);
  ASSERT_THAT(all, IsOk());
  EXPECT_EQ(all->from(), 0);
  EXPECT_THAT(Paths(*all), ElementsAre("providers[sandbox]", "providers[spare]", "models[imagen-4]"));
}

TEST_F(HistoryTest, SurvivesARestartAndIsTheSameAtEveryRegistry) {
  int64_t applied = 0;
  {
    auto process = RunWith(kYaml);
    ASSERT_THAT(Apply(*process, OtherYaml()), IsOk());
    applied = process->version();
  }
  auto one = RunWith(kYaml);
  auto two = RunWith(kYaml);
  ASSERT_THAT(Flip(*one, "sandbox", false), IsOk());
  ASSERT_TRUE(WaitUntil([&] { return two->version() == one->version(); }));
  std::vector<v1::CatalogVersion> history = History(*two);
  ASSERT_EQ(history.size(), 3u);
  EXPECT_EQ(history[1].version(), applied);
  EXPECT_EQ(history[1].kind(), v1::CATALOG_CHANGE_KIND_APPLY);
  EXPECT_EQ(Export(*two).content_version(), applied);
  EXPECT_EQ(Export(*one).yaml(), Export(*two).yaml());
}

TEST_F(HistoryTest, ARestartWithTheUnchangedFileLeavesASwitchOff) {
  {
    auto process = RunWith(kYaml);
    ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  }
  auto process = RunWith(kYaml);
  EXPECT_FALSE(process->Enabled("sandbox"));
  EXPECT_EQ(process->Changes("import"), 0);
  // So does the file imported anew, here with another comment.
  auto commented = RunWith(absl::StrCat("# newer\n", kYaml));
  ASSERT_TRUE(WaitUntil([&] { return History(*commented).size() == 2; }));
  EXPECT_FALSE(commented->Enabled("sandbox"));
}

TEST_F(HistoryTest, AChangedFileIsImportedOverWhatWasEditedAndTheHistoryKeepsIt) {
  int64_t edited = 0;
  {
    auto process = RunWith(kYaml);
    ASSERT_THAT(Wait(process->registry().EditCatalog(Owner("bob"), EditOfPrice("0.06", process->version()))),
                IsOk());
    edited = process->version();
  }
  auto process = RunWith(OtherYaml());
  ASSERT_TRUE(WaitUntil([&] { return process->Changes("import") == 1; }));
  EXPECT_EQ(PriceOf(*process), 50'000'000);
  v1::CatalogVersion import = History(*process)[0];
  EXPECT_EQ(import.replaced_version(), edited);
  EXPECT_EQ(import.replaced_edits_version(), edited);
  EXPECT_THAT(import.note(), AllOf(HasSubstr("bob"), HasSubstr(absl::StrCat(edited))));
  EXPECT_EQ(Audit().back().note(), import.note());
  // Whoever asks is told, at every registry, until somebody has settled it.
  auto replaced = [](Process& asked) {
    auto status = Wait(asked.registry().GetRegistryStatus(Viewer(), {}));
    EXPECT_THAT(status, IsOk());
    return status.ok() ? status->import_replaced_version() : -1;
  };
  auto other = RunWith("");
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  EXPECT_EQ(replaced(*process), edited);
  EXPECT_EQ(replaced(*other), edited);
  ASSERT_THAT(Apply(*process, OtherYaml()), IsOk());
  EXPECT_EQ(replaced(*process), 0);
  ASSERT_THAT(RollBack(*process, edited), IsOk());
  EXPECT_EQ(PriceOf(*process), 60'000'000);
}

// Two registries that are started with different files: a crash of the one brings its old prices back.
TEST_F(HistoryTest, AnEarlierFileThatComesBackSaysSoAndANewOneDoesNot) {
  auto replaced = [&](const std::string& yaml) {
    auto process = RunWith(yaml);
    EXPECT_TRUE(WaitUntil([&] { return process->Changes("import") == 1; }));
    auto status = Wait(process->registry().GetRegistryStatus(Viewer(), {}));
    EXPECT_THAT(status, IsOk());
    return status.ok() ? status->import_replaced_version() : -1;
  };
  EXPECT_EQ(replaced(kYaml), 0);
  EXPECT_EQ(replaced(OtherYaml()), 0);
  auto reader = RunWith("");
  int64_t newer = reader->version();
  EXPECT_EQ(replaced(kYaml), newer);
  EXPECT_THAT(History(*reader)[0].note(), HasSubstr(absl::StrCat(newer)));
  EXPECT_EQ(replaced(absl::StrReplaceAll(kYaml, {{"0.04", "0.07"}})), 0) << "a third file";
}

TEST_F(HistoryTest, AWrittenBackCatalogHasItsRecords) {
  auto process = RunWith(kYaml);
  int64_t imported = process->version();
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  redis_.Flush();
  ASSERT_TRUE(WaitUntil([&] { return redis_.Ask({"HLEN", "{catalog}:records"}) == "1"; }));
  auto newcomer = RunWith("");
  std::vector<v1::CatalogVersion> history = History(*newcomer);
  ASSERT_EQ(history.size(), 1u);
  EXPECT_EQ(history[0].kind(), v1::CATALOG_CHANGE_KIND_SWITCH);
  EXPECT_EQ(history[0].actor(), "tester");
  EXPECT_EQ(Export(*newcomer).content_version(), imported);
}

TEST_F(HistoryTest, ARepairKeepsTheContentsVersion) {
  auto process = RunWith(kYaml);
  int64_t imported = process->version();
  redis_.Ask({"DEL", "{catalog}:contents"});
  ASSERT_TRUE(WaitUntil([&] { return process->Changes("repair") == 1; }));
  EXPECT_EQ(Export(*process).content_version(), imported);
  EXPECT_GT(process->version(), imported);
  ASSERT_THAT(Wait(process->registry().EditCatalog(Owner(), EditOfPrice("0.06", imported))), IsOk());
}

}  // namespace
}  // namespace prismatic::model_registry
