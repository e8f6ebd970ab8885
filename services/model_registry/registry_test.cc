// Store and registry against a real Redis.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/common/crypto/crypto.h"
#include "services/model_registry/test_registry.h"

namespace prismatic::model_registry {
namespace {

using ::prismatic::testing::HasReason;
using ::prismatic::testing::IsOk;
using ::prismatic::testing::WaitUntil;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(RegistryTest, ImportsTheFileIntoAnEmptyStore) {
  auto process = RunWith(kYaml);
  EXPECT_GT(process->version(), 1'700'000'000'000);
  EXPECT_EQ(redis_.Ask({"GET", "{catalog}:version"}), absl::StrCat(process->version()));
  auto snapshot = process->registry().holder().Current();
  EXPECT_EQ(snapshot->catalog().sha256(), CatalogSha256(snapshot->catalog()));
  EXPECT_GT(snapshot->FindModel("imagen-4")->created(), 1'700'000'000);
  EXPECT_EQ(process->Changes("import"), 1);
}

TEST_F(RegistryTest, AFileThatWasImportedIsNotImportedAgain) {
  int64_t version = RunWith(kYaml)->version();
  auto process = RunWith(kYaml);
  EXPECT_EQ(process->version(), version);
  EXPECT_EQ(process->Changes("import"), 0);
}

TEST_F(RegistryTest, AChangedFileIsImportedAtTheNextStart) {
  int64_t version = RunWith(kYaml)->version();
  auto process = RunWith(OtherYaml());
  ASSERT_TRUE(WaitUntil([&] { return process->version() > version; }));
  EXPECT_EQ(
      process->registry().holder().Current()->FindModel("imagen-4")->prices(0).retail_generation_nano_usd(),
      50'000'000);
}

TEST_F(RegistryTest, WhatWasAppliedByHandSurvivesARestartWithTheOldFile) {
  int64_t version = 0;
  {
    auto process = RunWith(kYaml);
    auto applied = Apply(*process, OtherYaml());
    ASSERT_THAT(applied, IsOk());
    EXPECT_TRUE(applied->changed());
    version = applied->catalog_version();
  }
  auto process = RunWith(kYaml);
  EXPECT_EQ(process->version(), version);
}

TEST_F(RegistryTest, ACommentInTheFileChangesNothingAndIsRemembered) {
  int64_t version = RunWith(kYaml)->version();
  std::string commented = absl::StrCat("# a comment\n", kYaml);
  auto process = RunWith(commented);
  ASSERT_TRUE(WaitUntil([&] {
    return absl::StartsWith(redis_.Ask({"HGET", "{catalog}:meta", "imported"}), crypto::Sha256Hex(commented));
  }));
  EXPECT_EQ(process->version(), version);
}

TEST_F(RegistryTest, ABadFileEndsTheStartWithEveryError) {
  std::string path = folder_.Write("bad.yaml", absl::StrReplaceAll(kYaml, {{"openai_images", "telepathy"}}));
  Process process;
  auto server = RegistryServer::Start(Options(path), process.loop, process.metrics);
  EXPECT_THAT(server, HasReason(common::v1::ERROR_REASON_CATALOG_INVALID));
  EXPECT_THAT(std::string(server.status().message()), HasSubstr(absl::StrCat(path, ":2:")));
  EXPECT_THAT(std::string(server.status().message()), HasSubstr(absl::StrCat(path, ":3:")));
}

TEST_F(RegistryTest, ApplyingTheSameContentAgainIsANoOp) {
  auto process = RunWith(kYaml);
  auto applied = Apply(*process, kYaml);
  ASSERT_THAT(applied, IsOk());
  EXPECT_FALSE(applied->changed());
  EXPECT_EQ(applied->catalog_version(), process->version());
}

TEST_F(RegistryTest, ValidateOnlyChangesNothing) {
  auto process = RunWith(kYaml);
  int64_t version = process->version();
  auto checked = Apply(*process, OtherYaml(), false, true);
  ASSERT_THAT(checked, IsOk());
  EXPECT_TRUE(checked->changed());
  EXPECT_EQ(checked->catalog_version(), version);
  auto bad = Apply(*process, "providers: 1\nmodels: 2\n", false, true);
  ASSERT_THAT(bad, IsOk());
  EXPECT_FALSE(bad->changed());
  EXPECT_THAT(bad->errors(), ElementsAre(HasSubstr("1:12: providers: must be a list"),
                                         HasSubstr("2:9: models: must be a list")));
  EXPECT_EQ(redis_.Ask({"GET", "{catalog}:version"}), absl::StrCat(version));
}

TEST_F(RegistryTest, ASwitchFlipsWithActorAndTime) {
  auto process = RunWith(kYaml);
  int64_t version = process->version();
  auto flipped = Flip(*process, "sandbox", false);
  ASSERT_THAT(flipped, IsOk());
  EXPECT_GT(flipped->catalog_version(), version);
  EXPECT_FALSE(flipped->provider().images_enabled());
  EXPECT_EQ(flipped->provider().images_override().actor(), "tester");
  EXPECT_GT(flipped->provider().images_override().time_unix_ms(), 1'700'000'000'000);
  EXPECT_FALSE(process->Enabled("sandbox"));
  EXPECT_TRUE(process->registry()
                  .holder()
                  .Current()
                  ->ActiveRoutes(*process->registry().holder().Current()->FindModel("imagen-4"))
                  .empty());

  auto again = Flip(*process, "sandbox", false);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->catalog_version(), flipped->catalog_version());
  EXPECT_THAT(Flip(*process, "nobody", false), HasReason(common::v1::ERROR_REASON_PROVIDER_NOT_FOUND));
  ASSERT_THAT(Flip(*process, "sandbox", true), IsOk());
  EXPECT_TRUE(process->Enabled("sandbox"));
}

TEST_F(RegistryTest, OverridesOutliveImportsAndRestartsUntilTheyAreDropped) {
  {
    auto process = RunWith(kYaml);
    ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
    ASSERT_THAT(Apply(*process, OtherYaml()), IsOk());
    EXPECT_FALSE(process->Enabled("sandbox"));
  }
  auto process = RunWith(absl::StrCat("# newer\n", kYaml));
  ASSERT_TRUE(WaitUntil([&] { return process->Changes("import") == 1; }));
  EXPECT_FALSE(process->Enabled("sandbox"));
  auto dropped = Apply(*process, kYaml, true);
  ASSERT_THAT(dropped, IsOk());
  EXPECT_TRUE(dropped->changed());
  EXPECT_TRUE(process->Enabled("sandbox"));
  EXPECT_FALSE(process->registry().holder().Current()->FindProvider("sandbox")->has_images_override());
}

TEST_F(RegistryTest, TwoRegistriesSeeEachOthersChanges) {
  auto one = RunWith(kYaml);
  auto two = RunWith(kYaml);
  EXPECT_EQ(one->version(), two->version());
  ASSERT_THAT(Flip(*one, "sandbox", false), IsOk());
  EXPECT_TRUE(WaitUntil([&] { return !two->Enabled("sandbox"); }));
  ASSERT_THAT(Flip(*two, "sandbox", true), IsOk());
  EXPECT_TRUE(WaitUntil([&] { return one->Enabled("sandbox"); }));
  EXPECT_TRUE(WaitUntil([&] { return one->version() == two->version(); }));
}

TEST_F(RegistryTest, ConcurrentFlipsOfTwoRegistriesAllCount) {
  auto one = RunWith(kYaml);
  auto two = RunWith(kYaml);
  std::atomic<int> failed{0};
  auto flip_many = [&](Process& process, const std::string& provider) {
    for (int i = 0; i < 20; ++i) {
      auto flipped = Flip(process, provider, i % 2 == 0);
      // A lost race says so and may be repeated.
      while (ReasonOf(flipped.status()) == common::v1::ERROR_REASON_CATALOG_CONFLICT) {
        flipped = Flip(process, provider, i % 2 == 0);
      }
      if (!flipped.ok()) ++failed;
    }
    if (!Flip(process, provider, true).ok()) ++failed;
  };
  auto first = std::async(std::launch::async, [&] { flip_many(*one, "sandbox"); });
  auto second = std::async(std::launch::async, [&] { flip_many(*two, "spare"); });
  first.get();
  second.get();
  EXPECT_EQ(failed, 0);
  EXPECT_TRUE(WaitUntil([&] {
    return one->Enabled("sandbox") && one->Enabled("spare") && two->Enabled("sandbox") &&
           two->Enabled("spare");
  }));
  EXPECT_EQ(one->Changes("switch"), 21);
  EXPECT_EQ(two->Changes("switch"), 21);
}

TEST_F(RegistryTest, ACatalogThatTheStoreHasLostIsWrittenBack) {
  auto process = RunWith(kYaml);
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  int64_t version = process->version();
  redis_.Flush();
  ASSERT_TRUE(WaitUntil([&] { return redis_.Ask({"GET", "{catalog}:version"}) == absl::StrCat(version); }));
  auto newcomer = RunWith(kYaml);
  EXPECT_EQ(newcomer->version(), version);
  EXPECT_FALSE(newcomer->Enabled("sandbox"));
}

// What makes the catalog in the store unreadable.
struct Damage {
  const char* name;
  std::vector<std::string> (*command)(const std::string& version);
};

class DamagedStoreTest : public RegistryTest, public ::testing::WithParamInterface<Damage> {
 protected:
  void Break(int64_t version) {
    std::vector<std::string> command = GetParam().command(absl::StrCat(version));
    if (command[0] == "LPUSH") redis_.Ask({"DEL", command[1]});
    std::string answer = redis_.Ask(command);
    ASSERT_FALSE(absl::StartsWith(answer, "-")) << answer;
  }
};

constexpr char kVersion[] = "{catalog}:version";
constexpr char kContents[] = "{catalog}:contents";
using Words = std::vector<std::string>;
constexpr Damage kDamages[] = {
    {"ContentMissing",
     [](const std::string& version) {
       return Words{"HDEL", kContents, version};
     }},
    {"AllContentsMissing",
     [](const std::string&) {
       return Words{"DEL", kContents};
     }},
    {"ContentIsNoCatalog",
     [](const std::string& version) {
       return Words{"HSET", kContents, version, "soci\xe9t\xe9"};
     }},
    {"ContentIsAnotherCatalog",
     [](const std::string& version) {
       return Words{"HSET", kContents, version, catalog::v1::Catalog().SerializeAsString()};
     }},
    {"VersionWithoutContent",
     [](const std::string& version) {
       return Words{"SET", kVersion, absl::StrCat(version, "0")};
     }},
    {"VersionIsAWord",
     [](const std::string&) {
       return Words{"SET", kVersion, "newest"};
     }},
    {"VersionHasAPoint",
     [](const std::string&) {
       return Words{"SET", kVersion, "1.5"};
     }},
    {"VersionIsNegative",
     [](const std::string&) {
       return Words{"SET", kVersion, "-5"};
     }},
    {"VersionBeyondDoubles",
     [](const std::string&) {
       return Words{"SET", kVersion, "9007199254740992"};
     }},
    {"VersionBeyondInt64",
     [](const std::string&) {
       return Words{"SET", kVersion, std::string(40, '9')};
     }},
    {"VersionIsAList",
     [](const std::string&) {
       return Words{"LPUSH", kVersion, "1"};
     }},
};
INSTANTIATE_TEST_SUITE_P(All, DamagedStoreTest, ::testing::ValuesIn(kDamages),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(DamagedStoreTest, IsRepairedByARegistryThatHoldsACatalog) {
  auto process = RunWith(kYaml);
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  int64_t version = process->version();
  Break(version);
  // A switch is flipped all the same, on top of what was held.
  ASSERT_THAT(Flip(*process, "spare", true), IsOk());
  EXPECT_EQ(process->Changes("repair"), 1);
  EXPECT_GT(process->version(), version);
  EXPECT_EQ(redis_.Ask({"GET", kVersion}), absl::StrCat(process->version()));
  auto newcomer = RunWith("");
  EXPECT_EQ(newcomer->version(), process->version());
  EXPECT_FALSE(newcomer->Enabled("sandbox"));
  EXPECT_TRUE(newcomer->Enabled("spare"));
}

TEST_P(DamagedStoreTest, IsReplacedByAnImportOfOneThatHoldsNone) {
  int64_t version = RunWith(kYaml)->version();
  Break(version);
  auto process = RunWith(kYaml);
  EXPECT_GT(process->version(), version);
  EXPECT_TRUE(WaitUntil([&] { return process->Changes("import") == 1; }));
  EXPECT_EQ(RunWith("")->version(), process->version());
}

TEST_P(DamagedStoreTest, IsReplacedByAnApplyToOneThatHoldsNone) {
  int64_t version = RunWith(kYaml)->version();
  Break(version);
  auto process = Run(Options(""));
  // Connected, and without a catalog.
  ASSERT_TRUE(WaitUntil([&] {
    return ReasonOf(Flip(*process, "sandbox", false).status()) == common::v1::ERROR_REASON_INTERNAL_ERROR;
  }));
  EXPECT_FALSE(process->Loaded());
  auto applied = Apply(*process, OtherYaml());
  ASSERT_THAT(applied, IsOk());
  EXPECT_GT(applied->catalog_version(), version);
  EXPECT_EQ(RunWith("")->version(), applied->catalog_version());
}

TEST_F(RegistryTest, AVersionThatPointsAtNothingIsRepairedWithoutBeingAsked) {
  auto process = RunWith(kYaml);
  int64_t ahead = process->version() + 1'000'000'000;
  redis_.Ask({"SET", kVersion, absl::StrCat(ahead)});
  ASSERT_TRUE(WaitUntil([&] { return process->Changes("repair") == 1; }));
  EXPECT_EQ(process->version(), ahead + 1);
  EXPECT_EQ(redis_.Ask({"GET", kVersion}), absl::StrCat(ahead + 1));
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
}

TEST_F(RegistryTest, ContentThatIsGoneIsRepairedWithoutBeingAsked) {
  auto process = RunWith(kYaml);
  redis_.Ask({"DEL", kContents});
  ASSERT_TRUE(WaitUntil([&] { return process->Changes("repair") == 1; }));
  EXPECT_EQ(RunWith("")->version(), process->version());
}

TEST_F(RegistryTest, KeysOfAnotherTypeAreReplaced) {
  auto process = RunWith(kYaml);
  redis_.Ask({"DEL", kContents, "{catalog}:meta"});
  redis_.Ask({"SET", kContents, "text"});
  redis_.Ask({"SET", "{catalog}:meta", "text"});
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  EXPECT_EQ(RunWith("")->version(), process->version());
}

TEST_F(RegistryTest, WhatCouldNotBeReadAgainIsNotWritten) {
  auto process = RunWith(kYaml);
  int64_t version = process->version();
  v1::SetProviderImagesRequest request;
  request.set_provider("sandbox");
  EXPECT_THAT(Wait(process->registry().SetProviderImages(Owner("soci\xe9t\xe9"), request)),
              HasReason(common::v1::ERROR_REASON_INTERNAL_ERROR));
  EXPECT_EQ(redis_.Ask({"GET", kVersion}), absl::StrCat(version));
  EXPECT_EQ(process->version(), version);
}

TEST_F(RegistryTest, AFileThatIsNotUtf8EndsTheStart) {
  std::string path =
      folder_.Write("latin1.yaml", absl::StrReplaceAll(kYaml, {{"google\n", "soci\xe9t\xe9\n"}}));
  EXPECT_THAT(ReadCatalogFile(path).status(), HasReason(common::v1::ERROR_REASON_CATALOG_INVALID));
}

TEST_F(RegistryTest, KeepsLargeVersionsUpToABound) {
  auto process = RunWith(kYaml);
  for (const char* old : {"1", "2", "3", "4", "5"}) {
    redis_.Ask({"HSET", kContents, old, std::string(size_t{20} << 20, 'x')});
  }
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  // Two small ones and three of 20 MiB; a fourth would be beyond 64 MiB.
  EXPECT_EQ(redis_.Ask({"HLEN", kContents}), "5");
  EXPECT_EQ(redis_.Ask({"HEXISTS", kContents, "3"}), "1");
  EXPECT_EQ(redis_.Ask({"HEXISTS", kContents, "2"}), "0");
}

TEST_F(RegistryTest, KeepsThreeVersionsHoweverLarge) {
  auto process = RunWith(kYaml);
  redis_.Ask({"HSET", kContents, "1", "x"});
  redis_.Ask({"HSET", kContents, "2", std::string(size_t{70} << 20, 'x')});
  ASSERT_THAT(Flip(*process, "sandbox", false), IsOk());
  EXPECT_EQ(redis_.Ask({"HLEN", kContents}), "3");
  EXPECT_EQ(redis_.Ask({"HEXISTS", kContents, "2"}), "1");
}

TEST_F(RegistryTest, KeepsTheNewestVersions) {
  auto process = RunWith(kYaml);
  for (int i = 0; i < 40; ++i) ASSERT_THAT(Flip(*process, "sandbox", i % 2 == 0), IsOk());
  EXPECT_EQ(redis_.Ask({"HLEN", "{catalog}:contents"}), "21");
  EXPECT_EQ(redis_.Ask({"HEXISTS", "{catalog}:contents", absl::StrCat(process->version())}), "1");
}

}  // namespace
}  // namespace prismatic::model_registry
