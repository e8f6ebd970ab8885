// Changes that are based on what is not in force any more, one after another and many at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/model_registry/test_registry.h"

namespace prismatic::model_registry {
namespace {

using ::prismatic::testing::HasReason;
using ::prismatic::testing::IsOk;
using ::prismatic::testing::WaitUntil;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr auto kConflict = common::v1::ERROR_REASON_CATALOG_CONFLICT;

class ConflictTest : public RegistryTest {
 protected:
  static absl::StatusOr<v1::ApplyCatalogResponse> ApplyText(Process& process, const std::string& yaml,
                                                            int64_t based_on = 0, bool force = false,
                                                            bool validate_only = false,
                                                            const std::string& actor = "alice") {
    v1::ApplyCatalogRequest request;
    request.set_yaml(yaml);
    request.set_based_on(based_on);
    request.set_force(force);
    request.set_validate_only(validate_only);
    return Wait(process.registry().ApplyCatalog(Owner(actor), request));
  }
  static absl::StatusOr<v1::ApplyCatalogResponse> Edit(Process& process, const std::string& price,
                                                       int64_t based_on, bool force = false) {
    v1::EditCatalogRequest request = EditOfPrice(price, based_on);
    request.set_force(force);
    return Wait(process.registry().EditCatalog(Owner("bob"), request));
  }
  // The exported text with one model more.
  static std::string WithModel(const std::string& yaml, const std::string& name) {
    return absl::StrCat(yaml, "  - {name: ", name, ", public_ids: [", name,
                        "], capabilities: [image_generation], ",
                        "routes: [{provider: sandbox, upstream_model: u}]}\n");
  }
  static bool HasModel(Process& process, const std::string& name) {
    return process.registry().holder().Current()->FindModel(name) != nullptr;
  }
};

TEST_F(ConflictTest, AnExportIsAppliedToTheSameStoreWithoutAChange) {
  auto process = RunWith(kYaml);
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  v1::ExportCatalogResponse exported = Export(*process);
  EXPECT_TRUE(absl::StartsWith(exported.yaml(), absl::StrCat("based_on: ", exported.content_version())));
  // What the file says, not what was flipped; and nothing that the first import gave.
  EXPECT_THAT(exported.yaml(), AllOf(HasSubstr("images_enabled: true"), Not(HasSubstr("created"))));
  ASSERT_EQ(exported.overridden_size(), 1);
  EXPECT_EQ(exported.overridden(0).name(), "sandbox");
  EXPECT_TRUE(exported.overridden(0).images_override().file_enabled());
  int64_t version = process->version();
  auto applied = ApplyText(*process, exported.yaml());
  ASSERT_THAT(applied, IsOk());
  EXPECT_FALSE(applied->changed());
  EXPECT_EQ(applied->catalog_version(), version);
  EXPECT_EQ(applied->changes_size(), 0);
  EXPECT_EQ(process->version(), version);
  EXPECT_EQ(Export(*process).yaml(), exported.yaml());
}

TEST_F(ConflictTest, AChangeBasedOnAnOlderVersionIsRefusedAndNamesWhoAndWhen) {
  auto process = RunWith(kYaml);
  std::string exported = Export(*process).yaml();
  ASSERT_THAT(Edit(*process, "0.06", process->version()), IsOk());
  int64_t edited = process->version();
  auto refused = ApplyText(*process, WithModel(exported, "m-1"));
  EXPECT_THAT(refused, HasReason(kConflict));
  EXPECT_THAT(std::string(refused.status().message()),
              AllOf(HasSubstr("by bob at 2"), HasSubstr(absl::StrCat(edited)), HasSubstr("catalog export"),
                    HasSubstr("catalog diff"), HasSubstr("or force it")));
  EXPECT_EQ(MetadataOf(refused.status(), "actor"), "bob");
  EXPECT_EQ(process->version(), edited);
  // The request's version wins over the file's.
  EXPECT_THAT(ApplyText(*process, WithModel(exported, "m-1"), edited), IsOk());
  EXPECT_THAT(Edit(*process, "0.07", edited), HasReason(kConflict));
}

TEST_F(ConflictTest, ForceAppliesWhateverWasChanged) {
  auto process = RunWith(kYaml);
  std::string exported = Export(*process).yaml();
  ASSERT_THAT(Edit(*process, "0.06", process->version()), IsOk());
  ASSERT_THAT(ApplyText(*process, exported, 0, /*force=*/true), IsOk());
  EXPECT_EQ(Export(*process).yaml().find("0.06"), std::string::npos);
  EXPECT_THAT(Edit(*process, "0.07", 0), HasReason(common::v1::ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(Edit(*process, "0.07", 1, /*force=*/true), IsOk());
}

TEST_F(ConflictTest, WithoutAVersionOnlyWhatCameFromAFileIsReplaced) {
  auto process = RunWith(kYaml);
  ASSERT_THAT(ApplyText(*process, OtherYaml()), IsOk());
  ASSERT_THAT(ApplyText(*process, kYaml), IsOk());
  ASSERT_THAT(Edit(*process, "0.06", process->version()), IsOk());
  EXPECT_THAT(ApplyText(*process, kYaml), HasReason(kConflict));
  // A switch that is flipped afterwards does not hide the edit.
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  int64_t version = process->version();
  EXPECT_THAT(ApplyText(*process, kYaml), HasReason(kConflict));
  auto checked = ApplyText(*process, kYaml, 0, false, /*validate_only=*/true);
  ASSERT_THAT(checked, IsOk());
  EXPECT_THAT(checked->conflict(), HasSubstr("by bob at 2"));
  EXPECT_TRUE(checked->changed());
  EXPECT_GT(checked->changes_size(), 0);
  EXPECT_EQ(process->version(), version);
  // A restart knows it as well.
  process.reset();
  process = RunWith(kYaml);
  EXPECT_THAT(ApplyText(*process, kYaml), HasReason(kConflict));
  ASSERT_THAT(ApplyText(*process, kYaml, 0, /*force=*/true), IsOk());
  EXPECT_THAT(ApplyText(*process, OtherYaml()), IsOk());
}

TEST_F(ConflictTest, AFileThatSaysWhatWasEditedMakesItAFiles) {
  auto process = RunWith(kYaml);
  ASSERT_THAT(Edit(*process, "0.06", process->version()), IsOk());
  std::string text = Export(*process).yaml();
  process.reset();
  process = RunWith(text);
  ASSERT_TRUE(WaitUntil([&] { return ApplyText(*process, kYaml).ok(); }));
}

TEST_F(ConflictTest, FlippedSwitchesAreNoConflict) {
  auto process = RunWith(kYaml);
  v1::ExportCatalogResponse exported = Export(*process);
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  auto applied = ApplyText(*process, WithModel(exported.yaml(), "m-1"));
  ASSERT_THAT(applied, IsOk());
  EXPECT_EQ(applied->kept_overrides_size(), 1);
  EXPECT_FALSE(process->Enabled("sandbox"));
  int64_t content = process->version();
  ASSERT_THAT(Flip(*process, "spare", true), IsOk());
  ASSERT_THAT(Edit(*process, "0.06", content), IsOk());
  EXPECT_TRUE(process->Enabled("spare"));
}

TEST_F(ConflictTest, AVersionOfAnotherCatalogIsNoBase) {
  auto process = RunWith(kYaml);
  EXPECT_THAT(ApplyText(*process, OtherYaml(), process->version() + 1'000'000), HasReason(kConflict));
  EXPECT_THAT(ApplyText(*process, OtherYaml(), -1), HasReason(common::v1::ERROR_REASON_INVALID_VALUE));
  // An empty store takes any.
  process.reset();
  redis_.Flush();
  auto empty = Run(Options(""));
  EXPECT_TRUE(
      WaitUntil([&] { return ApplyText(*empty, absl::StrCat("based_on: 1999999999999\n", kYaml)).ok(); }));
  EXPECT_TRUE(empty->Loaded());
}

TEST_F(ConflictTest, ARollbackComparesWhenItIsTold) {
  auto process = RunWith(kYaml);
  v1::RollbackCatalogRequest request;
  request.set_version(process->version());
  request.set_based_on(process->version());
  ASSERT_THAT(ApplyText(*process, OtherYaml()), IsOk());
  EXPECT_THAT(Wait(process->registry().RollbackCatalog(Owner(), request)), HasReason(kConflict));
  request.set_validate_only(true);
  auto checked = Wait(process->registry().RollbackCatalog(Owner(), request));
  ASSERT_THAT(checked, IsOk());
  EXPECT_THAT(checked->conflict(), Not(IsEmpty()));
  request.set_validate_only(false);
  request.set_based_on(0);
  EXPECT_THAT(Wait(process->registry().RollbackCatalog(Owner(), request)), IsOk());
}

TEST_F(ConflictTest, TwentyAppliersAtOnceLoseNothing) {
  constexpr int kAppliers = 20;
  auto one = RunWith(kYaml);
  auto two = RunWith(kYaml);
  std::barrier all_have_read(kAppliers);
  std::atomic<int> conflicts{0};
  std::atomic<int> at_first{0};
  std::atomic<int> failed{0};
  auto apply = [&](int i) {
    Process& process = i % 2 == 0 ? *one : *two;
    std::string name = absl::StrCat("m-", i);
    std::string text = WithModel(Export(process).yaml(), name);
    all_have_read.arrive_and_wait();
    for (bool first = true;; first = false) {
      auto applied = ApplyText(process, text, 0, false, false, absl::StrCat("applier-", i));
      if (applied.ok() && first) ++at_first;
      if (applied.ok()) return;
      if (ReasonOf(applied.status()) != kConflict) ++failed;
      ++conflicts;
      text = WithModel(Export(process).yaml(), name);
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kAppliers; ++i) threads.emplace_back(apply, i);
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(failed, 0);
  // All had read the same version: one was first, the others were told.
  EXPECT_EQ(at_first, 1);
  EXPECT_GE(conflicts, kAppliers - 1);
  ASSERT_TRUE(WaitUntil([&] { return one->version() == two->version(); }));
  std::vector<v1::CatalogVersion> history = History(*one);
  std::set<std::string> actors;
  for (const v1::CatalogVersion& version : history) {
    if (version.kind() == v1::CATALOG_CHANGE_KIND_APPLY) actors.insert(version.actor());
  }
  EXPECT_EQ(history.size(), kAppliers + 1u);
  EXPECT_EQ(actors.size(), static_cast<size_t>(kAppliers));
  for (int i = 0; i < kAppliers; ++i) EXPECT_TRUE(HasModel(*two, absl::StrCat("m-", i))) << i;
  EXPECT_EQ(Audit().size(), kAppliers + 1u);
}

// None of them names a version: whoever is overtaken while he applies is told, and does not replace what he
// never saw.
TEST_F(ConflictTest, AppliersAtOnceWithoutAVersionAreToldWhenTheyAreOvertaken) {
  constexpr int kAppliers = 12;
  auto one = RunWith(kYaml);
  auto two = RunWith(kYaml);
  std::barrier together(kAppliers);
  std::atomic<int> applied{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kAppliers; ++i) {
    threads.emplace_back([&, i] {
      Process& process = i % 2 == 0 ? *one : *two;
      together.arrive_and_wait();
      auto done = ApplyText(process, WithModel(kYaml, absl::StrCat("m-", i)));
      if (done.ok()) {
        ++applied;
      } else {
        EXPECT_THAT(done, HasReason(kConflict));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(WaitUntil([&] { return one->version() == two->version(); }));
  // Those that came one after the other replaced one another, each knowing what it replaced.
  std::vector<v1::CatalogVersion> history = History(*one);
  EXPECT_EQ(history.size(), static_cast<size_t>(applied) + 1);
  for (size_t i = 0; i + 1 < history.size(); ++i) {
    EXPECT_EQ(history[i].replaced_version(), history[i + 1].version());
  }
}

TEST_F(ConflictTest, ATextThatWasEditedForTheCallIsNotReplacedByAFileUnseen) {
  auto process = RunWith(kYaml);
  v1::ApplyCatalogRequest request;
  request.set_yaml(OtherYaml());
  request.set_based_on(process->version());
  request.set_is_edit(true);
  ASSERT_THAT(Wait(process->registry().ApplyCatalog(Owner(), request)), IsOk());
  EXPECT_EQ(History(*process).front().kind(), v1::CATALOG_CHANGE_KIND_EDIT);
  EXPECT_THAT(ApplyText(*process, kYaml), HasReason(kConflict));
  // Taken into the file it is the file's.
  ASSERT_THAT(ApplyText(*process, OtherYaml()), IsOk());
  EXPECT_THAT(ApplyText(*process, kYaml), IsOk());
}

}  // namespace
}  // namespace prismatic::model_registry
