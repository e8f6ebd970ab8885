#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "services/provider_proxy/proxy_fixture.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Request = ScriptedUpstream::Request;
using Reply = ScriptedUpstream::Reply;

// A job of Black Forest Labs' kind, whose states are given one by one, and another provider behind it.
class JobTest : public CoreTest {
 protected:
  void UseJobs(std::vector<Reply> states) {
    states_ = std::move(states);
    CatalogBuilder catalog;
    catalog.Add("jobs", upstream_.url(), catalog::v1::WIRE_FORMAT_ASYNC_JOB);
    catalog.provider(0).set_job_mapping(catalog::v1::JOB_MAPPING_BLACK_FOREST_LABS);
    catalog.provider(0).add_credentials("env:PROVIDER_KEY_A");
    catalog.Add("other", other_.url());
    Use(catalog);
  }

  Reply Answer(const Request& request) {
    if (absl::StartsWith(request.head, "POST")) {
      std::string place = polling_url_.empty() ? absl::StrCat(upstream_.url(), "/poll") : polling_url_;
      return ScriptedUpstream::Answer(200, absl::StrCat(R"({"id":"7","polling_url":")", place, R"("})"));
    }
    size_t at = polls_++;
    return at < states_.size() ? states_[at] : states_.back();
  }

  static Reply State(absl::string_view status) {
    return ScriptedUpstream::Answer(
        200, absl::StrCat(R"({"status":")", status, R"(","result":{"sample":"https://cdn.example/a.png"}})"));
  }

  std::vector<Reply> states_;
  std::string polling_url_;
  std::atomic<size_t> polls_ = 0;
  ScriptedUpstream upstream_{[this](const Request& request) { return Answer(request); }};
  ScriptedUpstream other_{ImagesAsAsked};
};

TEST_F(JobTest, IsPolledUntilItIsReady) {
  UseJobs({State("Pending"), State("Ready")});
  Result result = Generate(RequestFor(1));
  ASSERT_THAT(result.images, SizeIs(1)) << result.status;
  EXPECT_EQ(result.images[0].url(), "https://cdn.example/a.png");
  EXPECT_EQ(result.summary->upstream_calls(), 1) << "polls are no calls";
  std::vector<Request> requests = upstream_.requests();
  ASSERT_THAT(requests, SizeIs(3));
  for (const Request& request : requests) EXPECT_EQ(request.header("x-key"), "upstream-secret-1");
  EXPECT_EQ(requests[1].path(), "/poll?id=7");
}

TEST_F(JobTest, APollThatFailsSaysNothingOfTheJob) {
  UseJobs({ScriptedUpstream::Answer(503, ""), Reply{"", true}, ScriptedUpstream::Answer(429, ""),
           State("Ready")});
  EXPECT_THAT(Generate(RequestFor(1)).images, SizeIs(1));
}

TEST_F(JobTest, WhatEndsAfterItWasSubmittedIsAskedOfNobodyElse) {
  for (const Reply& state : {State("Error"), State("Task not found"), ScriptedUpstream::Answer(401, "{}"),
                             ScriptedUpstream::Answer(404, "{}"), ScriptedUpstream::Answer(200, "<html>")}) {
    polls_ = 0;
    UseJobs({state});
    EXPECT_EQ(Generate(RequestFor(1)).reason(), "UPSTREAM_ERROR") << state.bytes;
  }
  EXPECT_THAT(other_.requests(), IsEmpty());
}

TEST_F(JobTest, AModeratedJobIsARefusal) {
  UseJobs({State("Pending"), State("Content Moderated")});
  EXPECT_EQ(Generate(RequestFor(1)).reason(), "MODERATION_BLOCKED");
  EXPECT_THAT(other_.requests(), IsEmpty());
}

TEST_F(JobTest, AStrangerIsNeverPolled) {
  ScriptedUpstream stranger([](const Request&) { return State("Ready"); });
  polling_url_ = absl::StrCat(stranger.url(), "/poll?id=7");
  UseJobs({State("Ready")});
  EXPECT_EQ(Generate(RequestFor(1)).reason(), "UPSTREAM_ERROR");
  EXPECT_THAT(stranger.requests(), IsEmpty());
}

TEST_F(JobTest, AJobThatNeverEndsEndsAtTheDeadline) {
  UseJobs({State("Pending")});
  CallContext call;
  call.deadline = absl::Now() + absl::Seconds(1);
  EXPECT_EQ(Generate(RequestFor(1), call).reason(), "UPSTREAM_TIMEOUT");
  EXPECT_THAT(other_.requests(), IsEmpty());
}

class CredentialsTest : public CoreTest {
 protected:
  void UseBoth(const ScriptedUpstream& upstream) {
    CatalogBuilder catalog;
    catalog.Add("a", upstream.url());
    catalog.provider(0).add_credentials("env:PROVIDER_KEY_A");
    catalog.provider(0).add_credentials("env:PROVIDER_KEY_B");
    Use(catalog);
  }
};

TEST_F(CredentialsTest, AreUsedInTurn) {
  ScriptedUpstream upstream(ImagesAsAsked);
  UseBoth(upstream);
  for (int i = 0; i < 4; ++i) EXPECT_THAT(Generate(RequestFor(1)).images, SizeIs(1));
  int first = 0;
  for (const Request& request : upstream.requests()) {
    first += request.header("authorization") == "Bearer upstream-secret-1";
  }
  EXPECT_EQ(first, 2);
}

TEST_F(CredentialsTest, OneThatIsRefusedCostsNoRequestAndRests) {
  for (int status : {401, 402, 403, 429}) {
    ScriptedUpstream upstream([status](const Request& request) {
      bool refused = request.header("authorization") == "Bearer upstream-secret-1";
      return refused ? ScriptedUpstream::Answer(status, "{}", "Retry-After: 30\r\n") : ImagesAsAsked(request);
    });
    CatalogBuilder catalog;
    std::string name = absl::StrCat("provider-", status);
    catalog.Add(name, upstream.url());
    catalog.provider(0).add_credentials("env:PROVIDER_KEY_A");
    catalog.provider(0).add_credentials("env:PROVIDER_KEY_B");
    Use(catalog);
    for (int i = 0; i < 6; ++i) EXPECT_THAT(Generate(RequestFor(1)).images, SizeIs(1)) << status;
    EXPECT_THAT(upstream.requests(), SizeIs(7)) << status << ": the refused one was tried once";
  }
}

class ReferenceTest : public CoreTest {
 protected:
  // Of a model whose first route needs bytes, and whose second one, if there is one, takes URLs.
  void UseGemini(const ScriptedUpstream& upstream, const ScriptedUpstream* second) {
    CatalogBuilder catalog;
    catalog.Add("gemini", upstream.url(), catalog::v1::WIRE_FORMAT_GEMINI)
        .set_reference_images(catalog::v1::REFERENCE_IMAGES_NATIVE);
    if (second != nullptr) {
      catalog.Add("second", second->url()).set_reference_images(catalog::v1::REFERENCE_IMAGES_NATIVE);
    }
    Use(catalog);
  }
};

TEST_F(ReferenceTest, OneThatTheGuardRefusesIsTheClientsFault) {
  ScriptedUpstream upstream(ImagesAsAsked);
  UseGemini(upstream, nullptr);
  v1::GenerateImagesRequest request = RequestFor(1);
  request.add_reference_images("https://127.0.0.1:1/secret.png");
  Result result = Generate(request);
  EXPECT_EQ(result.reason(), "INVALID_VALUE");
  EXPECT_EQ(MetadataOf(result.status, "param"), "image_url");
  EXPECT_THAT(upstream.requests(), IsEmpty()) << "never sent without it";
}

TEST_F(ReferenceTest, ARouteThatTakesUrlsIsTriedInstead) {
  ScriptedUpstream upstream(ImagesAsAsked);
  ScriptedUpstream second(ImagesAsAsked);
  UseGemini(upstream, &second);
  v1::GenerateImagesRequest request = RequestFor(1);
  request.add_reference_images("https://127.0.0.1:1/public.png");
  EXPECT_EQ(Generate(request).summary->provider(), "second");
  EXPECT_THAT(upstream.requests(), IsEmpty());
}

TEST_F(ReferenceTest, AreFetchedOnceAndSentAsBytes) {
  std::string png;
  absl::Base64Unescape(test_images::PngBase64(64, 32), &png);
  ScriptedUpstream pictures([&](const Request&) { return ScriptedUpstream::Answer(200, png); });
  ScriptedUpstream upstream([](const Request&) {
    return ScriptedUpstream::Answer(
        200,
        absl::StrCat(R"({"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":")",
                     test_images::PngBase64(64, 32), R"("}}]},"finishReason":"STOP"}]})"));
  });
  CatalogBuilder catalog;
  catalog.Add("gemini", upstream.url(), catalog::v1::WIRE_FORMAT_GEMINI)
      .set_reference_images(catalog::v1::REFERENCE_IMAGES_NATIVE);
  catalog.provider(0).add_fetch_hosts("127.0.0.1");
  Use(catalog);
  v1::GenerateImagesRequest request = RequestFor(3);
  request.add_reference_images(absl::StrCat(pictures.url(), "/a.png"));
  EXPECT_THAT(Generate(request).images, SizeIs(3));
  EXPECT_THAT(pictures.requests(), SizeIs(1));
  ASSERT_THAT(upstream.requests(), SizeIs(3));
  EXPECT_THAT(upstream.requests()[2].body, ::testing::HasSubstr(test_images::PngBase64(64, 32)));
  EXPECT_EQ(process_.bytes_in_flight.used(), 0);
}

TEST_F(CredentialsTest, TheShortestWaitOfAllThatAreLimitedCounts) {
  ScriptedUpstream upstream([](const Request& request) {
    bool first = request.header("authorization") == "Bearer upstream-secret-1";
    return ScriptedUpstream::Answer(429, "{}", first ? "Retry-After: 3\r\n" : "Retry-After: 50\r\n");
  });
  UseBoth(upstream);
  Result result = Generate(RequestFor(1));
  EXPECT_EQ(result.reason(), "MODEL_OVERLOADED");
  EXPECT_EQ(RetryAfterOf(result.status), absl::Seconds(3));
}

TEST_F(ReferenceTest, ABrokenInlineImageIsTheClientsFaultToo) {
  ScriptedUpstream upstream(ImagesAsAsked);
  UseGemini(upstream, nullptr);
  v1::GenerateImagesRequest request = RequestFor(1);
  request.add_reference_images("data:image/png;base64,AAAAAAAA");
  EXPECT_EQ(Generate(request).reason(), "INVALID_VALUE");
  EXPECT_THAT(upstream.requests(), IsEmpty());
}

TEST_F(ReferenceTest, ARouteThatMayTakeItLaterIsWorthAnotherTry) {
  ScriptedUpstream upstream(ImagesAsAsked);
  ScriptedUpstream second(
      [](const Request&) { return ScriptedUpstream::Answer(429, "{}", "Retry-After: 3\r\n"); });
  UseGemini(upstream, &second);
  v1::GenerateImagesRequest request = RequestFor(1);
  request.add_reference_images("https://127.0.0.1:1/public.png");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Generate(request).reason(), "MODEL_OVERLOADED") << i;
}

class PiecesTest : public CoreTest {
 protected:
  static std::vector<std::string> SeedsOf(const ScriptedUpstream& upstream) {
    std::vector<std::string> seeds;
    for (const Request& request : upstream.requests()) {
      size_t at = request.body.find("\"seed\":");
      seeds.push_back(request.body.substr(at + 7, request.body.find_first_of(",}", at) - at - 7));
    }
    std::sort(seeds.begin(), seeds.end());
    return seeds;
  }
};

TEST_F(PiecesTest, ASeedCountsOnSoThatNoPictureIsSoldTwice) {
  ScriptedUpstream upstream(ImagesAsAsked);
  CatalogBuilder catalog;
  catalog::v1::Route& route = catalog.Add("a", upstream.url());
  route.set_max_images_per_call(2);
  route.add_supported_parameters("seed");
  route.mutable_limits()->set_seed_max(44);
  Use(catalog);
  v1::GenerateImagesRequest request = RequestFor(5);
  request.set_seed(42);
  EXPECT_THAT(Generate(request).images, SizeIs(5));
  EXPECT_THAT(SeedsOf(upstream), ElementsAre("1", "42", "44")) << "42, 44, and around the largest seed";
}

TEST_F(PiecesTest, APictureHasTheSameSeedOverEveryRoute) {
  ScriptedUpstream first([](const Request&) { return ScriptedUpstream::Answer(404, "{}"); });
  ScriptedUpstream second(ImagesAsAsked);
  CatalogBuilder catalog;
  catalog.Add("a", first.url()).add_supported_parameters("seed");
  catalog.Add("b", second.url()).add_supported_parameters("seed");
  Use(catalog);
  v1::GenerateImagesRequest request = RequestFor(1);
  request.set_seed(42);
  EXPECT_THAT(Generate(request).images, SizeIs(1));
  EXPECT_THAT(SeedsOf(second), ElementsAre("42"));
}

// Two pictures of one call each, of which the second comes to `reply`.
class SecondPieceTest : public CoreTest {
 protected:
  void UseWith(Reply reply, bool retry_safe) {
    reply_ = std::move(reply);
    CatalogBuilder catalog;
    catalog::v1::Route& route = catalog.Add("a", upstream_.url());
    route.set_max_images_per_call(1);
    route.set_retry_safe(retry_safe);
    catalog.provider(0).set_max_concurrent(1);
    Use(catalog);
  }

  Reply reply_;
  std::atomic<int> calls_ = 0;
  ScriptedUpstream upstream_{
      [this](const Request& request) { return ++calls_ == 1 ? ImagesAsAsked(request) : reply_; }};
};

TEST_F(SecondPieceTest, IsAskedForOnceMoreAtMostWhenThatIsSafe) {
  UseWith(ScriptedUpstream::Answer(500, "{}"), /*retry_safe=*/true);
  EXPECT_THAT(Generate(RequestFor(2)).images, SizeIs(1));
  EXPECT_EQ(calls_, 3);
}

TEST_F(SecondPieceTest, IsNotAskedForAgainOverTheRouteThatRefusedIt) {
  UseWith(ScriptedUpstream::Answer(404, "{}"), /*retry_safe=*/false);
  EXPECT_THAT(Generate(RequestFor(2)).images, SizeIs(1));
  EXPECT_EQ(calls_, 2);
}

}  // namespace
}  // namespace prismatic::provider_proxy
