#include "services/sandbox_provider/jobs.h"

#include "services/sandbox_provider/sandbox_fixture.h"

namespace prismatic::sandbox {
namespace {

class JobsTest : public SandboxFixture {
 protected:
  // The path to poll a job of Black Forest Labs' at.
  std::string SubmitBfl(absl::string_view prompt, absl::string_view more = "") {
    httplib::Result result =
        Call("/bfl/v1/flux-2-pro",
             absl::StrCat(R"({"width":256,"height":256,"prompt":")", prompt, "\"", more, "}"));
    EXPECT_EQ(result->status, 200) << result->body;
    return PathOf(TextAt(result->body, "polling_url").value_or(""));
  }
  httplib::Result SubmitFal(absl::string_view prompt, absl::string_view more = "") {
    return Call("/fal/fal-ai/flux/dev", absl::StrCat(R"({"image_size":{"width":256,"height":256},"prompt":")",
                                                     prompt, "\"", more, "}"));
  }
  httplib::Result SubmitReplicate(absl::string_view prompt, absl::string_view more = "",
                                  const httplib::Headers& headers = {}) {
    return Call("/replicate/v1/models/black-forest-labs/flux-schnell/predictions",
                absl::StrCat(R"({"input":{"size":"256x256","prompt":")", prompt, "\"", more, "}}"), headers);
  }
};

TEST_F(JobsTest, AJobOfBlackForestLabsIsPendingOnceAndThenReady) {
  std::string poll = SubmitBfl("a fox", R"(,"seed":7)");
  httplib::Result pending = Call(poll);
  EXPECT_EQ(pending->status, 200);
  EXPECT_EQ(TextAt(pending->body, "status"), "Pending");
  EXPECT_EQ(RawAt(pending->body, "result"), "null");
  for (int i = 0; i < 2; ++i) {
    httplib::Result ready = Call(poll);
    EXPECT_EQ(TextAt(ready->body, "status"), "Ready");
    EXPECT_EQ(IntAt(ready->body, "result/seed"), 7);
    httplib::Result picture = Call(PathOf(*TextAt(ready->body, "result/sample")));
    EXPECT_EQ(Sides(picture->body), "256x256");
  }
}

TEST_F(JobsTest, PollsMayBeManyOrFail) {
  std::string none = SubmitBfl("[[sandbox polls=0]]x");
  EXPECT_EQ(TextAt(Call(none)->body, "status"), "Ready");
  std::string failing = SubmitBfl("[[sandbox polls=2 poll_status=503 retry_after=4]]x");
  for (int i = 0; i < 2; ++i) {
    httplib::Result failed = Call(failing);
    EXPECT_EQ(failed->status, 503);
    EXPECT_EQ(failed->get_header_value("Retry-After"), "4");
  }
  EXPECT_EQ(TextAt(Call(failing)->body, "status"), "Ready");
}

TEST_F(JobsTest, FaultsOfTheResultComeWithTheLastPoll) {
  std::string poll = SubmitBfl("[[sandbox at=result status=500]]x");
  EXPECT_EQ(Call(poll)->status, 200);
  EXPECT_EQ(Call(poll)->status, 500);
  poll = SubmitBfl("[[sandbox at=result body=html polls=0]]x");
  EXPECT_THAT(Call(poll)->body, StartsWith("<!DOCTYPE"));
  poll = SubmitBfl("[[sandbox body=not_image polls=0]]x");
  EXPECT_EQ(Call(PathOf(*TextAt(Call(poll)->body, "result/sample")))->body, "This is not an image.");
  poll = SubmitBfl("[[sandbox body=wrong_base64 polls=0]]x");
  EXPECT_THAT(*TextAt(Call(poll)->body, "result/sample"), StartsWith("data:image/png;base64,%%%"));
  poll = SubmitBfl("[[sandbox images=0 polls=0]]x");
  EXPECT_EQ(RawAt(Call(poll)->body, "result/sample"), "");
  EXPECT_EQ(Call("/bfl/v1/m", R"({"prompt":"[[sandbox status=429]]x"})")->status, 429);
}

TEST_F(JobsTest, BlackForestLabsModeratesRequestsAndContents) {
  EXPECT_EQ(TextAt(Call(SubmitBfl("[[sandbox refuse polls=0]]x"))->body, "status"), "Request Moderated");
  EXPECT_EQ(TextAt(Call(SubmitBfl("[[sandbox refuse=content polls=0]]x"))->body, "status"),
            "Content Moderated");
}

TEST_F(JobsTest, BlackForestLabsRefusesWhatItDoesNotUnderstand) {
  for (const char* body :
       {"{}", R"({"prompt":"x","width":100})", R"({"prompt":"x","seed":"1"})",
        R"({"prompt":"x","output_format":"gif"})", R"({"prompt":"x","input_image":"AAAA"})",
        R"({"prompt":"x","safety_tolerance":7})"}) {
    httplib::Result result = Call("/bfl/v1/m", body);
    EXPECT_EQ(result->status, 422) << body;
    EXPECT_EQ(TextAt(result->body, "detail/0/loc/0"), "body");
  }
  std::string reference =
      absl::StrCat(R"(,"input_image":")", ReferenceBase64(), R"(","input_image_2":"https://a/b.png")");
  EXPECT_EQ(TextAt(Call(SubmitBfl("[[sandbox polls=0]]x", reference))->body, "status"), "Ready");
  httplib::Result unknown = Call("/bfl/v1/get_result?id=no");
  EXPECT_EQ(unknown->status, 404);
  EXPECT_EQ(TextAt(unknown->body, "status"), "Task not found");
}

TEST_F(JobsTest, FalHasAStateAndAResultAtUrlsOfTheirOwn) {
  httplib::Result submitted = SubmitFal("a fox", R"(,"num_images":2,"seed":3)");
  ASSERT_EQ(submitted->status, 200) << submitted->body;
  EXPECT_EQ(TextAt(submitted->body, "status"), "IN_QUEUE");
  std::string status = PathOf(*TextAt(submitted->body, "status_url"));
  std::string response = PathOf(*TextAt(submitted->body, "response_url"));
  // Without the last part of the model.
  EXPECT_EQ(response, absl::StrCat("/fal/fal-ai/flux/requests/", *TextAt(submitted->body, "request_id")));
  EXPECT_EQ(Call(response)->status, 400);
  httplib::Result pending = Call(status);
  EXPECT_EQ(pending->status, 202);
  EXPECT_EQ(TextAt(pending->body, "status"), "IN_PROGRESS");
  httplib::Result completed = Call(status);
  EXPECT_EQ(completed->status, 200);
  EXPECT_EQ(TextAt(completed->body, "status"), "COMPLETED");
  httplib::Result result = Call(response);
  ASSERT_EQ(result->status, 200);
  EXPECT_EQ(RawAt(result->body, "has_nsfw_concepts"), "[false,false]");
  EXPECT_EQ(IntAt(result->body, "images/1/width"), 256);
  EXPECT_EQ(Sides(Call(PathOf(*TextAt(result->body, "images/1/url")))->body), "256x256");
  EXPECT_EQ(Call("/fal/other/app" + response.substr(response.find("/requests")))->status, 404);
}

TEST_F(JobsTest, FalBlackensOrRefuses) {
  httplib::Result nsfw = SubmitFal("[[sandbox refuse polls=0]]x");
  httplib::Result result = Call(PathOf(*TextAt(nsfw->body, "response_url")));
  EXPECT_EQ(result->status, 200);
  EXPECT_EQ(RawAt(result->body, "has_nsfw_concepts"), "[true]");
  httplib::Result picture = Call(PathOf(*TextAt(result->body, "images/0/url")));
  EXPECT_EQ(Sides(picture->body), "256x256");
  // Nothing but black takes next to nothing.
  EXPECT_LT(picture->body.size(), 4000u);
  httplib::Result content = SubmitFal("[[sandbox refuse=content polls=0]]x");
  EXPECT_EQ(Call(PathOf(*TextAt(content->body, "status_url")))->status, 200);
  result = Call(PathOf(*TextAt(content->body, "response_url")));
  EXPECT_EQ(result->status, 422);
  EXPECT_EQ(TextAt(result->body, "detail/0/type"), "content_policy_violation");
}

TEST_F(JobsTest, FalChecksItsFields) {
  for (const char* more : {R"(,"num_images":5)", R"(,"image_url":"AAAA")", R"(,"image_size":"huge")",
                           R"(,"image_size":{"width":0,"height":9})", R"(,"sync_mode":"yes")"}) {
    EXPECT_EQ(SubmitFal("x", more)->status, 422) << more;
  }
  httplib::Result named =
      Call("/fal/a/b", R"({"prompt":"[[sandbox polls=0]]x","image_size":"landscape_16_9"})");
  EXPECT_EQ(IntAt(Call(PathOf(*TextAt(named->body, "response_url")))->body, "images/0/height"), 576);
  httplib::Result sync = SubmitFal("[[sandbox polls=0]]x", R"(,"sync_mode":true)");
  EXPECT_THAT(*TextAt(Call(PathOf(*TextAt(sync->body, "response_url")))->body, "images/0/url"),
              StartsWith("data:image/png;base64,iVBOR"));
}

TEST_F(JobsTest, ReplicateCreatesAPredictionThatStarts) {
  httplib::Result created = SubmitReplicate("a fox");
  EXPECT_EQ(created->status, 201);
  EXPECT_EQ(TextAt(created->body, "status"), "starting");
  std::string get = PathOf(*TextAt(created->body, "urls/get"));
  EXPECT_EQ(TextAt(Call(get)->body, "status"), "processing");
  httplib::Result succeeded = Call(get);
  EXPECT_EQ(TextAt(succeeded->body, "status"), "succeeded");
  EXPECT_EQ(Sides(Call(PathOf(*TextAt(succeeded->body, "output")))->body), "256x256");
  EXPECT_EQ(Call("/replicate/v1/predictions/unknown")->status, 404);
}

TEST_F(JobsTest, ReplicateWaitsWhenPreferredAndListsSeveralOutputs) {
  httplib::Headers prefer = {{"Prefer", "wait=30"}};
  httplib::Result done = SubmitReplicate("a fox", R"(,"num_outputs":2)", prefer);
  EXPECT_EQ(done->status, 201);
  EXPECT_EQ(TextAt(done->body, "status"), "succeeded");
  EXPECT_NE(TextAt(done->body, "output/0"), TextAt(done->body, "output/1"));
  EXPECT_EQ(TextAt(SubmitReplicate("x", R"(,"num_outputs":1)", prefer)->body, "output/0").has_value(), true);
  httplib::Result slow = SubmitReplicate("[[sandbox polls=1]]x", "", prefer);
  EXPECT_EQ(slow->status, 201);
  EXPECT_EQ(TextAt(slow->body, "status"), "processing");
  httplib::Result version = Call("/replicate/v1/predictions", R"({"version":"abc","input":{"prompt":"x"}})");
  EXPECT_EQ(TextAt(version->body, "model"), "abc");
}

TEST_F(JobsTest, ReplicateFailsWithWordsForWhatItRefuses) {
  httplib::Headers prefer = {{"Prefer", "wait"}};
  httplib::Result nsfw = SubmitReplicate("[[sandbox refuse]]x", "", prefer);
  EXPECT_EQ(TextAt(nsfw->body, "status"), "failed");
  EXPECT_THAT(*TextAt(nsfw->body, "error"), StartsWith("NSFW content detected"));
  EXPECT_EQ(RawAt(nsfw->body, "output"), "null");
  EXPECT_THAT(*TextAt(SubmitReplicate("[[sandbox refuse=content]]x", "", prefer)->body, "error"),
              HasSubstr("E005"));
  httplib::Result wrong = SubmitReplicate("x", R"(,"num_outputs":9)");
  EXPECT_EQ(wrong->status, 422);
  EXPECT_EQ(TextAt(wrong->body, "invalid_fields/0/field"), "input.num_outputs");
  EXPECT_EQ(Call("/replicate/v1/models/a/b/predictions", R"({"prompt":"x"})")->status, 422);
  httplib::Result busy = SubmitReplicate("[[sandbox status=429]]x");
  EXPECT_EQ(IntAt(busy->body, "status"), 429);
}

TEST_F(JobsTest, SubmissionsAndPollsCarryTheCredentialInTheVendorsStyle) {
  Start({.api_key = "right"});
  struct Style {
    const char* submit;
    const char* body;
    const char* url;
    httplib::Headers right;
    int refused;
  };
  const Style styles[] = {
      {"/bfl/v1/m", R"({"prompt":"x"})", "polling_url", {{"x-key", "right"}}, 403},
      {"/fal/a/b", R"({"prompt":"x"})", "status_url", {{"Authorization", "Key right"}}, 401},
      {"/replicate/v1/models/a/b/predictions",
       R"({"input":{"prompt":"x"}})",
       "urls/get",
       {{"Authorization", "Bearer right"}},
       401},
  };
  for (const Style& style : styles) {
    EXPECT_EQ(Call(style.submit, style.body)->status, style.refused) << style.submit;
    EXPECT_EQ(Call(style.submit, style.body, {{"Authorization", "right"}})->status, style.refused);
    httplib::Result submitted = Call(style.submit, style.body, style.right);
    ASSERT_LT(submitted->status, 300) << submitted->body;
    std::string poll = PathOf(*TextAt(submitted->body, style.url));
    EXPECT_EQ(Call(poll)->status, style.refused);
    EXPECT_LT(Call(poll, "", style.right)->status, 300);
  }
  EXPECT_EQ(Call("/replicate/v1/account", "", {{"Authorization", "Bearer wrong"}})->status, 401);
  EXPECT_EQ(Call("/bfl/v1/credits", "", {{"x-key", "wrong"}})->status, 403);
}

TEST_F(JobsTest, AJobIsNotFoundInAnotherVendorsWords) {
  std::string poll = SubmitBfl("x");
  std::string id = poll.substr(poll.find('=') + 1);
  EXPECT_EQ(Call("/replicate/v1/predictions/" + id)->status, 404);
  EXPECT_EQ(Call("/fal/a/b/requests/" + id + "/status")->status, 404);
}

TEST_F(JobsTest, PollsAreRecordedApart) {
  std::string poll = SubmitBfl("x");
  Call(poll);
  Call(poll);
  EXPECT_EQ(IntAt(Call("/_sandbox/requests")->body, "total"), 1);
  EXPECT_EQ(IntAt(Call("/_sandbox/requests?kind=poll")->body, "total"), 2);
}

TEST(JobShelfTest, KeepsTheLast4096Jobs) {
  JobShelf shelf;
  std::string first = shelf.Put({.polls_left = 1});
  EXPECT_TRUE(shelf.Get(first));
  EXPECT_TRUE(shelf.Poll(first));
  EXPECT_FALSE(shelf.Poll(first));
  for (int i = 0; i < 4096; ++i) shelf.Put({});
  EXPECT_FALSE(shelf.Get(first));
  EXPECT_FALSE(shelf.Poll(first));
}

}  // namespace
}  // namespace prismatic::sandbox
