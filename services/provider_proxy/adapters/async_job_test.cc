#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/common/status/status.h"
#include "services/provider_proxy/adapters/adapter.h"
#include "services/provider_proxy/adapters/hostile_answers.h"
#include "services/provider_proxy/adapters/test_images.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr auto kBfl = catalog::v1::JOB_MAPPING_BLACK_FOREST_LABS;
constexpr auto kFal = catalog::v1::JOB_MAPPING_FAL;
constexpr auto kReplicate = catalog::v1::JOB_MAPPING_REPLICATE;

const Adapter& Format() { return *AdapterFor(catalog::v1::WIRE_FORMAT_ASYNC_JOB); }

catalog::v1::Provider ProviderOf(catalog::v1::JobMapping mapping) {
  catalog::v1::Provider provider;
  provider.set_name("jobs");
  provider.set_wire_format(catalog::v1::WIRE_FORMAT_ASYNC_JOB);
  provider.set_base_url("https://jobs.example/v1");
  provider.set_job_mapping(mapping);
  return provider;
}

catalog::v1::Route TestRoute(std::initializer_list<const char*> parameters = {"n", "size", "seed"}) {
  catalog::v1::Route route;
  route.set_upstream_model("maker/model");
  for (const char* name : parameters) route.add_supported_parameters(name);
  route.set_max_images_per_call(4);
  route.set_reference_images(catalog::v1::REFERENCE_IMAGES_NATIVE);
  return route;
}

void AddField(catalog::v1::Route& route, const char* name, const char* value) {
  auto* each = route.add_field_names();
  each->set_name(name);
  each->set_value(value);
}

v1::GenerateImagesRequest Prompt(std::initializer_list<const char*> references = {}) {
  v1::GenerateImagesRequest request;
  request.set_prompt("A hat");
  for (const char* url : references) request.add_reference_images(url);
  return request;
}

std::string BodyFor(catalog::v1::JobMapping mapping, const v1::GenerateImagesRequest& request,
                    const catalog::v1::Route& route, int count = 1) {
  absl::StatusOr<HttpRequest> http = Format().BuildRequest(request, {ProviderOf(mapping), route}, count);
  return http.ok() ? http->body : http.status().ToString();
}

Outcome Submit(catalog::v1::JobMapping mapping, std::string body, int status = 200, int count = 1) {
  HttpResponse response{.status = status, .body = std::move(body)};
  return Format().ReadResponse(std::move(response), {ProviderOf(mapping), TestRoute()}, count);
}

Outcome AskAgain(catalog::v1::JobMapping mapping, std::string body, int status = 200, int count = 1) {
  HttpResponse response{.status = status, .body = std::move(body)};
  return Format().ReadPoll(std::move(response), {ProviderOf(mapping), TestRoute()}, count);
}

// A submission's answer that names `url` as the place to ask at.
std::string Begun(catalog::v1::JobMapping mapping, absl::string_view url) {
  switch (mapping) {
    case kBfl:
      return absl::StrCat(R"({"id":"1","polling_url":")", url, R"("})");
    case kFal:
      return absl::StrCat(R"({"status":"IN_QUEUE","request_id":"1","status_url":")", url, R"("})");
    default:
      return absl::StrCat(R"({"status":"starting","id":"1","urls":{"get":")", url, R"("}})");
  }
}

TEST(AsyncJobTest, AProviderWithoutAMappingIsNoRoute) {
  Target target{ProviderOf(catalog::v1::JOB_MAPPING_UNSPECIFIED), TestRoute()};
  EXPECT_EQ(ReasonOf(Format().BuildRequest(Prompt(), target, 1).status()),
            common::v1::ERROR_REASON_NO_IMAGE_ROUTE);
  EXPECT_EQ(Format().ReadResponse({.status = 200, .body = "{}"}, target, 1).verdict, Verdict::kUnknown);
  EXPECT_EQ(Format().ReadPoll({.status = 200, .body = "{}"}, target, 1).verdict, Verdict::kUnknown);
  EXPECT_THAT(Format().Fields(target).known, IsEmpty());
}

TEST(AsyncJobTest, SeveralImagesACallWhereVendorAndRouteTakeThem) {
  EXPECT_EQ(Format().ImagesPerCallMax({ProviderOf(kBfl), TestRoute()}), 1);
  EXPECT_EQ(Format().ImagesPerCallMax({ProviderOf(kFal), TestRoute()}), 4);
  EXPECT_EQ(Format().ImagesPerCallMax({ProviderOf(kReplicate), TestRoute()}), 4);
  EXPECT_EQ(Format().ImagesPerCallMax({ProviderOf(kFal), TestRoute({"seed"})}), 1);
}

TEST(AsyncJobTest, ReferencesStayUrlsUnlessTheRouteSaysOtherwise) {
  catalog::v1::Route route = TestRoute();
  EXPECT_FALSE(Format().NeedsReferenceBytes({ProviderOf(kFal), route}));
  route.set_inline_references(true);
  EXPECT_TRUE(Format().NeedsReferenceBytes({ProviderOf(kFal), route}));
  route.set_reference_images(catalog::v1::REFERENCE_IMAGES_NONE);
  for (auto mapping : {kBfl, kFal, kReplicate}) {
    absl::StatusOr<HttpRequest> http =
        Format().BuildRequest(Prompt({"https://a.example/1.png"}), {ProviderOf(mapping), route}, 1);
    EXPECT_EQ(MetadataOf(http.status(), "param"), "image_url");
  }
}

TEST(AsyncJobTest, APollCarriesTheFixedHeadersAndAsksForTheSameCredentialWithoutHoldingOne) {
  for (auto mapping : {kBfl, kFal, kReplicate}) {
    catalog::v1::Provider provider = ProviderOf(mapping);
    auto* header = provider.mutable_endpoint()->add_headers();
    header->set_name("X-Team");
    header->set_value("shop");
    Target target{provider, TestRoute()};
    absl::StatusOr<HttpRequest> submission = Format().BuildRequest(Prompt(), target, 1);
    ASSERT_TRUE(submission.ok());
    Outcome outcome = Format().ReadResponse(
        {.status = 201, .body = Begun(mapping, "https://eu.jobs.example/x?id=1")}, target, 1);
    ASSERT_EQ(outcome.verdict, Verdict::kPending);
    ASSERT_TRUE(outcome.poll.has_value());
    const HttpRequest& poll = outcome.poll->request;
    EXPECT_EQ(poll.method, "GET");
    EXPECT_EQ(poll.url, "https://eu.jobs.example/x?id=1");
    EXPECT_EQ(poll.body, "");
    EXPECT_EQ(poll.auth_header, submission->auth_header);
    EXPECT_EQ(poll.auth_scheme, submission->auth_scheme);
    EXPECT_THAT(poll.headers, testing::ElementsAre(Pair("X-Team", "shop")));
    EXPECT_THAT(submission->headers, Not(Contains(Pair(submission->auth_header, testing::_))));
  }
}

TEST(AsyncJobTest, APlaceThatCannotBeAskedAtEndsTheJob) {
  const std::string kUrls[] = {"",
                               "jobs.example/1",
                               "ftp://jobs.example/1?id=1",
                               "file:///etc/passwd?id=1",
                               "https://",
                               "https:///1?id=1",
                               "https://jobs.example@evil.example/?id=1",
                               "https://jobs.example\\\\@evil.example/?id=1",
                               "https://jobs.example/ 1?id=1",
                               "https://jobs.example/\\r\\nX: y?id=1",
                               "https://jobs.example/\xc3\xbc?id=1",
                               absl::StrCat("https://jobs.example/?id=1&x=", std::string(2048, 'x'))};
  for (auto mapping : {kFal, kReplicate, kBfl}) {
    for (const std::string& url : kUrls) {
      if (mapping == kBfl && url.empty()) continue;  // it is asked at base_url
      Outcome outcome = Submit(mapping, Begun(mapping, url));
      EXPECT_EQ(outcome.verdict, Verdict::kUnknown) << url;
      EXPECT_EQ(outcome.label, "bad_answer") << url;
    }
  }
}

TEST(AsyncJobTest, AnErrorAfterTheSubmissionIsNeverAReasonToAskElsewhere) {
  for (auto mapping : {kBfl, kFal, kReplicate}) {
    for (int status : {301, 400, 401, 402, 403, 404, 409, 410, 422, 429, 500, 503}) {
      Outcome outcome = AskAgain(mapping, R"({"detail":"x"})", status);
      EXPECT_NE(outcome.verdict, Verdict::kNotStarted) << status;
      EXPECT_NE(outcome.verdict, Verdict::kPending) << status;
      EXPECT_FALSE(outcome.status.ok()) << status;
      EXPECT_EQ(AskAgain(mapping, R"({"error":{"code":"content_policy_violation"}})", 400).verdict,
                Verdict::kModerated);
    }
    EXPECT_EQ(AskAgain(mapping, "", 404).label, "job_lost");
  }
}

TEST(AsyncJobTest, ASubmissionThatIsRefusedAtTheDoorWasNotStarted) {
  for (auto mapping : {kBfl, kFal, kReplicate}) {
    for (int status : {401, 402, 403, 404, 429}) {
      EXPECT_EQ(Submit(mapping, R"({"detail":"x"})", status).verdict, Verdict::kNotStarted) << status;
    }
    EXPECT_EQ(Submit(mapping, "", 500).verdict, Verdict::kUnknown);
    EXPECT_EQ(Submit(mapping, R"({"detail":[{"loc":["body","safety_tolerance"],"msg":"x"}]})", 422).verdict,
              Verdict::kRejected);
  }
}

TEST(BlackForestLabsTest, ReferencesAreNumberedUrlsOrBareBase64) {
  std::string data = absl::StrCat("data:image/png;base64,", test_images::kPng);
  catalog::v1::Route route = TestRoute({});
  v1::GenerateImagesRequest request = Prompt({"https://a.example/1.png", data.c_str()});
  EXPECT_EQ(BodyFor(kBfl, request, route),
            absl::StrCat(R"({"prompt":"A hat","input_image":"https://a.example/1.png","input_image_2":")",
                         test_images::kPng, R"("})"));
  AddField(route, "reference_images", "image_prompt");
  EXPECT_THAT(BodyFor(kBfl, request, route), HasSubstr(R"("image_prompt":"https)"));
}

TEST(BlackForestLabsTest, TheIdIsAddedToThePollingUrlWhereItIsMissing) {
  auto url = [](absl::string_view polling_url, absl::string_view id = "a b&c") {
    Outcome outcome =
        Submit(kBfl, absl::StrCat(R"({"id":")", id, R"(","polling_url":")", polling_url, R"("})"));
    return outcome.poll ? outcome.poll->request.url : outcome.note;
  };
  EXPECT_EQ(url("https://e.example/r?id=1"), "https://e.example/r?id=1");
  EXPECT_EQ(url("https://e.example/r?x=1&id=1"), "https://e.example/r?x=1&id=1");
  EXPECT_EQ(url("https://e.example/r"), "https://e.example/r?id=a%20b%26c");
  EXPECT_EQ(url("https://e.example/id=1?x=2"), "https://e.example/id=1?x=2&id=a%20b%26c");
  EXPECT_EQ(url(""), "https://jobs.example/v1/get_result?id=a%20b%26c");
  EXPECT_EQ(url("", ""), "neither polling_url nor id");
  EXPECT_EQ(url("https://e.example/r", std::string(300, 'x')), "a job ID that is too long");
}

TEST(BlackForestLabsTest, EveryStateIsAnEndOrIsAskedAgain) {
  auto state = [](absl::string_view word) {
    return AskAgain(kBfl, absl::StrCat(R"({"status":")", word, "\"}"));
  };
  for (const char* word :
       {"Request Moderated", "Content Moderated", "REQUEST MODERATED", "Output Moderated"}) {
    EXPECT_EQ(state(word).verdict, Verdict::kModerated) << word;
    EXPECT_EQ(Submit(kBfl, absl::StrCat(R"({"id":"1","status":")", word, "\"}")).verdict,
              Verdict::kModerated);
  }
  for (const char* word : {"Error", "Failed", "Task not found", "Cancelled"}) {
    EXPECT_EQ(state(word).verdict, Verdict::kUnknown) << word;
  }
  for (const char* word : {"Pending", "Queued", "Generating"}) {
    EXPECT_EQ(state(word).verdict, Verdict::kPending) << word;
    EXPECT_FALSE(state(word).poll.has_value()) << "asked for at the same place";
    EXPECT_TRUE(Submit(kBfl, absl::StrCat(R"({"id":"1","status":")", word, "\"}")).poll.has_value());
  }
  EXPECT_EQ(state("Ready").label, "empty_answer");
}

TEST(FalTest, ASizeIsAnObjectOrTextOrTwoFieldsAsTheRouteSays) {
  v1::GenerateImagesRequest request = Prompt();
  request.set_size("1024x768");
  catalog::v1::Route route = TestRoute({"size"});
  EXPECT_EQ(BodyFor(kFal, request, route), R"({"prompt":"A hat","image_size":{"width":1024,"height":768}})");
  route.set_size_form(catalog::v1::SIZE_FORM_PIXELS);
  EXPECT_EQ(BodyFor(kFal, request, route), R"({"prompt":"A hat","image_size":"1024x768"})");
  route.set_size_form(catalog::v1::SIZE_FORM_TIER);
  AddField(route, "size", "resolution");
  request.set_size("2K");
  EXPECT_EQ(BodyFor(kFal, request, route), R"({"prompt":"A hat","resolution":"2K"})");
  route = TestRoute({"size"});
  request.set_size("1024x768");
  AddField(route, "width", "width");
  AddField(route, "height", "image_height");
  EXPECT_EQ(BodyFor(kFal, request, route), R"({"prompt":"A hat","width":1024,"image_height":768})");
}

TEST(FalTest, ARatioUnderTheNameOfASizeIsAPreset) {
  catalog::v1::Route route = TestRoute({"aspect_ratio"});
  v1::GenerateImagesRequest request = Prompt();
  request.set_aspect_ratio("3:4");
  EXPECT_EQ(BodyFor(kFal, request, route), R"({"prompt":"A hat","aspect_ratio":"3:4"})");
  AddField(route, "aspect_ratio", "image_size");
  EXPECT_EQ(BodyFor(kFal, request, route), R"({"prompt":"A hat","image_size":"portrait_4_3"})");
  route.add_supported_parameters("size");
  request.set_size("768x1024");
  EXPECT_EQ(BodyFor(kFal, request, route), R"({"prompt":"A hat","image_size":{"width":768,"height":1024}})");
}

TEST(FalTest, ReferencesAreOneOrAListAndFixedFieldsStandBehind) {
  catalog::v1::Route route = TestRoute({"n"});
  auto* extra = route.add_extra_fields();
  extra->set_name("num_images");
  extra->set_value("9");
  extra = route.add_extra_fields();
  extra->set_name("acceleration");
  extra->set_value("\"high\"");
  v1::GenerateImagesRequest request = Prompt({"https://a.example/1.png"});
  EXPECT_EQ(
      BodyFor(kFal, request, route, 2),
      R"({"prompt":"A hat","num_images":2,"image_urls":["https://a.example/1.png"],"acceleration":"high"})");
  route.set_max_reference_images(1);
  EXPECT_THAT(BodyFor(kFal, request, route), HasSubstr(R"("image_url":"https://a.example/1.png")"));
  AddField(route, "reference_images", "control_image");
  EXPECT_THAT(BodyFor(kFal, request, route), HasSubstr(R"("control_image":"https://a.example/1.png")"));
}

TEST(FalTest, TheResultIsAskedForAtOnceAndWhereTheAnswerSays) {
  Outcome outcome = AskAgain(kFal, R"({"status":"COMPLETED","response_url":"https://q.example/r/1"})");
  ASSERT_TRUE(outcome.poll.has_value());
  EXPECT_EQ(outcome.poll->request.url, "https://q.example/r/1");
  EXPECT_EQ(outcome.poll->wait, absl::ZeroDuration());
  EXPECT_EQ(AskAgain(kFal, R"({"status":"COMPLETED"})").verdict, Verdict::kUnknown);
  EXPECT_EQ(
      AskAgain(kFal, R"({"status":"COMPLETED","error":"x","error_type":"content_policy_violation"})").verdict,
      Verdict::kModerated);
  EXPECT_EQ(
      AskAgain(kFal, R"({"status":"COMPLETED","error":"Runner died","response_url":"https://q.example/"})")
          .label,
      "job_failed");
}

TEST(FalTest, APictureThatStandsForAnotherIsNotDelivered) {
  auto read = [](absl::string_view marks, int count) {
    return AskAgain(kFal,
                    absl::StrCat(R"({"images":[{"url":"https://c.example/1"},"https://c.example/2"],)",
                                 R"("has_nsfw_concepts":)", marks, "}"),
                    200, count);
  };
  EXPECT_THAT(read("[false,false]", 2).images, SizeIs(2));
  Outcome one = read("[true,false]", 2);
  ASSERT_THAT(one.images, SizeIs(1));
  EXPECT_EQ(one.images[0].url(), "https://c.example/2");
  EXPECT_EQ(one.label, "partial");
  EXPECT_EQ(read("[true,true]", 2).verdict, Verdict::kModerated);
  EXPECT_EQ(read("true", 2).verdict, Verdict::kModerated);
  EXPECT_THAT(read("null", 2).images, SizeIs(2));
  EXPECT_EQ(AskAgain(kFal, R"({"images":[],"has_nsfw_concepts":[true]})").verdict, Verdict::kModerated);
  EXPECT_EQ(AskAgain(kFal, R"({"image":{"url":"https://c.example/1"},"has_nsfw_concepts":[true]})").verdict,
            Verdict::kModerated);
}

TEST(ReplicateTest, EverythingStandsBelowInput) {
  catalog::v1::Route route = TestRoute({"n", "aspect_ratio", "output_compression"});
  AddField(route, "n", "number_of_images");
  AddField(route, "output_compression", "output_quality");
  auto* extra = route.add_extra_fields();
  extra->set_name("go_fast");
  extra->set_value("true");
  v1::GenerateImagesRequest request = Prompt();
  request.set_aspect_ratio("1:1");
  request.set_output_compression(80);
  EXPECT_EQ(BodyFor(kReplicate, request, route, 3),
            R"({"input":{"prompt":"A hat","number_of_images":3,"aspect_ratio":"1:1","output_quality":80,)"
            R"("go_fast":true}})");
}

TEST(ReplicateTest, ReferencesAreNumberedUnderTheUsualNameElseAList) {
  v1::GenerateImagesRequest two = Prompt({"https://a.example/1.png", "https://a.example/2.png"});
  catalog::v1::Route route = TestRoute({});
  EXPECT_EQ(BodyFor(kReplicate, two, route),
            R"({"input":{"prompt":"A hat","input_image":"https://a.example/1.png",)"
            R"("input_image_2":"https://a.example/2.png"}})");
  AddField(route, "reference_images", "image_input");
  EXPECT_EQ(
      BodyFor(kReplicate, two, route),
      R"({"input":{"prompt":"A hat","image_input":["https://a.example/1.png","https://a.example/2.png"]}})");
  route.set_max_reference_images(1);
  EXPECT_EQ(BodyFor(kReplicate, Prompt({"https://a.example/1.png"}), route),
            R"({"input":{"prompt":"A hat","image_input":"https://a.example/1.png"}})");
}

TEST(ReplicateTest, AnErrorThatSpeaksOfSafetyIsARefusal) {
  auto failed = [](absl::string_view error) {
    return AskAgain(kReplicate, absl::StrCat(R"({"status":"failed","error":)", error, "}"));
  };
  for (const char* error : {R"("NSFW content detected")", R"("Blocked by the safety checker")",
                            R"j("The input or output was flagged as sensitive. (E005)")j",
                            R"("Prediction failed: content moderation")"}) {
    EXPECT_EQ(failed(error).verdict, Verdict::kModerated) << error;
  }
  for (const char* error :
       {R"("CUDA out of memory")", R"("could not load model.safetensors")", "null", "7", "{}"}) {
    EXPECT_EQ(failed(error).verdict, Verdict::kUnknown) << error;
    EXPECT_EQ(failed(error).label, "job_failed") << error;
  }
}

TEST(ReplicateTest, ASubmissionMayBeTheEndAlready) {
  Outcome outcome =
      Submit(kReplicate,
             absl::StrCat(R"({"status":"succeeded","output":["data:image/png;base64,)", test_images::kPng,
                          R"(",)", R"("https://c.example/2.png","https://c.example/3.png"]})"),
             201, 2);
  ASSERT_THAT(outcome.images, SizeIs(2));
  EXPECT_EQ(outcome.images[0].base64(), test_images::kPng);
  EXPECT_EQ(outcome.images[1].url(), "https://c.example/2.png");
  EXPECT_EQ(Submit(kReplicate, R"({"status":"succeeded","output":null})").label, "empty_answer");
  EXPECT_EQ(Submit(kReplicate, R"({"status":"succeeded","output":{"text":"x"}})").label, "empty_answer");
  EXPECT_EQ(Submit(kReplicate, R"({"status":"succeeded","output":["ftp://x"]})").label, "unusable_image");
}

TEST(AsyncJobTest, ADamagedAnswerIsNeverACrashNorAnImageThatIsNotWhole) {
  std::string image = absl::StrCat("data:image/png;base64,", test_images::kPng);
  struct Case {
    catalog::v1::JobMapping mapping;
    std::string answer;
  };
  const Case kCases[] = {
      {kBfl, Begun(kBfl, "https://e.example/r?id=1")},
      {kBfl, absl::StrCat(R"({"id":"1","status":"Ready","result":{"sample":")", image, R"(","seed":1}})")},
      {kFal, Begun(kFal, "https://e.example/r")},
      {kFal, R"({"status":"COMPLETED","response_url":"https://e.example/r","error":null})"},
      {kFal, absl::StrCat(R"({"images":[{"url":")", image, R"("}],"has_nsfw_concepts":[false],"seed":1})")},
      {kReplicate, Begun(kReplicate, "https://e.example/r")},
      {kReplicate, absl::StrCat(R"({"status":"succeeded","output":[")", image, R"("],"error":null})")},
  };
  for (const Case& each : kCases) {
    for (const std::string& damaged : hostile::Damaged(each.answer)) {
      for (const Outcome& outcome : {Submit(each.mapping, damaged), AskAgain(each.mapping, damaged),
                                     AskAgain(each.mapping, damaged, 400)}) {
        EXPECT_EQ(outcome.verdict == Verdict::kImages, !outcome.images.empty()) << damaged;
        for (const v1::GeneratedImage& got : outcome.images) EXPECT_EQ(got.base64(), test_images::kPng);
        EXPECT_NE(outcome.verdict, Verdict::kNotStarted) << damaged;
      }
      Outcome submitted = Submit(each.mapping, damaged);
      EXPECT_EQ(submitted.verdict == Verdict::kPending, submitted.poll.has_value()) << damaged;
    }
  }
}

}  // namespace
}  // namespace prismatic::provider_proxy
