#include "gateway/admin/audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"

namespace prismatic::gateway::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAreArray;

std::vector<std::string> Texts(const AuditSource& page) {
  std::vector<std::string> texts;
  for (const AuditLine& line : page.lines) texts.push_back(line.json);
  return texts;
}

TEST(MergeAuditTest, TheNewestOfBothComeFirst) {
  AuditSource page = MergeAudit({{{9, "a9"}, {5, "a5"}}, false}, {{{7, "b7"}, {1, "b1"}}, false}, 3);
  EXPECT_THAT(Texts(page), ElementsAre("a9", "b7", "a5"));
  EXPECT_TRUE(page.more);
}

TEST(MergeAuditTest, TheEndOfBothIsTheEnd) {
  EXPECT_FALSE(MergeAudit({{{9, "a9"}}, false}, {{{7, "b7"}}, false}, 2).more);
  EXPECT_FALSE(MergeAudit({}, {}, 2).more);
}

TEST(MergeAuditTest, WhatHappenedTogetherIsShownTogether) {
  AuditSource page = MergeAudit({{{9, "a9"}, {5, "a5"}}, false}, {{{5, "b5"}, {4, "b4"}}, false}, 2);
  EXPECT_THAT(Texts(page), ElementsAre("a9", "a5", "b5"));
}

// A log's page as a service gives it: the newest `size` entries that are older than `before` (0: all).
AuditSource PageOf(const std::vector<AuditLine>& log, int64_t before, size_t size) {
  AuditSource page;
  for (const AuditLine& line : log) {
    if (before != 0 && line.time_us >= before) continue;
    if (page.lines.size() == size) {
      page.more = true;
      break;
    }
    page.lines.push_back(line);
  }
  return page;
}

TEST(MergeAuditTest, PageAfterPageEveryEntryComesOnce) {
  std::mt19937 random(20260131);  // the same logs in every run
  for (int round = 0; round < 300; ++round) {
    std::vector<AuditLine> logs[2];
    std::vector<std::string> all;
    for (int i = 0; i < 60; ++i) {
      // At most three in one instant, so that a page of four cannot be one instant of one log.
      AuditLine line{1 + i / 3, absl::StrCat("entry ", i)};
      logs[random() % 2].push_back(line);
      all.push_back(line.json);
    }
    for (std::vector<AuditLine>& log : logs) std::reverse(log.begin(), log.end());
    size_t page_size = 4 + random() % 10;
    std::vector<std::string> told;
    int64_t before = 0;
    for (bool more = true; more;) {
      AuditSource page = MergeAudit(PageOf(logs[0], before, page_size + 1),
                                    PageOf(logs[1], before, page_size + 1), page_size);
      for (const std::string& text : Texts(page)) told.push_back(text);
      more = page.more;
      ASSERT_FALSE(more && page.lines.empty());
      if (more) before = page.lines.back().time_us;
    }
    ASSERT_THAT(told, UnorderedElementsAreArray(all)) << "page size " << page_size;
  }
}

}  // namespace
}  // namespace prismatic::gateway::admin
