#include "services/provider_proxy/sample_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/provider_proxy/adapters/test_images.h"
#include "services/provider_proxy/provider_check_fixture.h"

// What `provider test --generate` says of the image.

namespace prismatic::provider_proxy {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Request = ScriptedUpstream::Request;
using Reply = ScriptedUpstream::Reply;

struct ImageCase {
  absl::string_view name;
  int status;
  absl::string_view body;
  absl::string_view words;
};

class ProviderCheckImageTest : public ProviderCheckTest, public ::testing::WithParamInterface<ImageCase> {};

TEST_P(ProviderCheckImageTest, IsToldInWords) {
  ScriptedUpstream upstream(AsApiButImagesAre(ScriptedUpstream::Answer(GetParam().status, GetParam().body)));
  Add(upstream.url("/v1"));
  EXPECT_FALSE(Run(/*generate=*/true));
  EXPECT_EQ(Result("image"), v1::CHECK_RESULT_FAILED);
  EXPECT_THAT(Words("image"), AllOf(HasSubstr(std::string(GetParam().words)),
                                    HasSubstr(absl::StrCat("HTTP ", GetParam().status))));
}

INSTANTIATE_TEST_SUITE_P(
    Failures, ProviderCheckImageTest,
    ::testing::Values(
        ImageCase{"WebPage", 200, "<html>told by upstream</html>", "web page"},
        ImageCase{"BrokenJson", 200, R"({"data":[{"b64_json":"told by upstream)", "no JSON"},
        ImageCase{"NoImage", 200, R"({"data":[]})", "holds no image"},
        ImageCase{"NotAnImage", 200, R"({"data":[{"b64_json":"aGVsbG8gd29ybGQ="}]})", "no whole PNG"},
        ImageCase{"Moderation", 400,
                  R"({"error":{"code":"moderation_blocked","message":"told by upstream"}})", "safety system"},
        ImageCase{"Rejected", 400, R"({"error":{"code":"invalid_value","message":"told by upstream"}})",
                  "finds the request wrong"},
        ImageCase{"NotFound", 404, "told by upstream", "does not know the path or the model"},
        ImageCase{"NoCredit", 402, "", "no credit"}, ImageCase{"Forbidden", 403, "", "rights of the key"},
        ImageCase{"RateLimited", 429, "", "enough calls"}, ImageCase{"Failing", 500, "", "failed by itself"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_F(ProviderCheckTest, AnUpstreamThatIsTooSlowForAnImage) {
  image_max_ = absl::Milliseconds(200);
  ScriptedUpstream upstream([](const Request& request) {
    return absl::EndsWith(request.path(), "/models") ? AsApi(request) : ScriptedUpstream::Hang();
  });
  Add(upstream.url("/v1"));
  EXPECT_FALSE(Run(/*generate=*/true));
  EXPECT_THAT(Words("image"),
              AllOf(HasSubstr("No answer came in time"), HasSubstr("may have made an image")));
}

// --- what clients get who want base64 ---

// Lists models as AsApi, gives `url` for an image, and its bytes at /image.
class ProviderCheckImageUrlTest : public ProviderCheckTest {
 protected:
  // An image at `path` of the upstream, or else at a URL.
  bool RunWith(Reply image, const std::string& url = "", absl::string_view listed = "127.0.0.1") {
    upstream_.emplace([this, image, url](const Request& request) {
      if (request.path() == "/image?sig=secret") return image;
      if (!absl::EndsWith(request.path(), "/images/generations")) return AsApi(request);
      std::string where = url.empty() ? upstream_->url("/image?sig=secret") : url;
      return ScriptedUpstream::Answer(200, absl::StrCat(R"({"data":[{"url":")", where, R"("}]})"));
    });
    Add(upstream_->url("/v1"));
    if (!listed.empty()) provider().add_fetch_hosts(std::string(listed));
    return Run(/*generate=*/true);
  }
  static Reply Png() { return ScriptedUpstream::Answer(200, test_images::Png(64, 32)); }
  // Of the calls for images.
  std::string Asked() const {
    for (const Request& request : upstream_->requests()) {
      if (!request.body.empty()) return request.body;
    }
    return "";
  }

  std::optional<ScriptedUpstream> upstream_;
};

TEST_F(ProviderCheckImageUrlTest, ItIsFetchedAsForAClient) {
  EXPECT_TRUE(RunWith(Png())) << Words("image");
  EXPECT_THAT(Words("image"),
              AllOf(HasSubstr("image/png, 64x32"),
                    HasSubstr(absl::StrCat("fetched from 127.0.0.1:", upstream_->port(), "."))));
  EXPECT_THAT(Asked(), HasSubstr(R"("response_format":"b64_json")"));
}

TEST_F(ProviderCheckImageUrlTest, AHostThatFetchHostsDoesNotList) {
  EXPECT_FALSE(RunWith(Png(), "", /*listed=*/""));
  EXPECT_THAT(Words("image"), AllOf(HasSubstr(absl::StrCat("127.0.0.1:", upstream_->port())),
                                    HasSubstr("not https"), HasSubstr("fetch_hosts")));
  for (const Request& request : upstream_->requests()) EXPECT_NE(request.path(), "/image?sig=secret");
}

TEST_F(ProviderCheckImageUrlTest, AnAddressThatIsNotPublic) {
  EXPECT_FALSE(RunWith(Png(), "https://127.0.0.1:1/image?sig=secret", /*listed=*/""));
  EXPECT_THAT(Words("image"), AllOf(HasSubstr("127.0.0.1:1: "), HasSubstr("not public"),
                                    HasSubstr("fetch_hosts"), Not(HasSubstr("sig"))));
}

TEST_F(ProviderCheckImageUrlTest, ARedirectToAHostThatIsNotListed) {
  EXPECT_FALSE(RunWith(ScriptedUpstream::Answer(302, "", "Location: http://localhost:1/x\r\n")));
  EXPECT_THAT(Words("image"), AllOf(HasSubstr("leads on to a host"), HasSubstr("fetch_hosts")));
}

TEST_F(ProviderCheckImageUrlTest, WhatIsNotThere) {
  EXPECT_FALSE(RunWith(ScriptedUpstream::Answer(403, "told by upstream")));
  EXPECT_THAT(Words("image"), HasSubstr("HTTP 403 is what is answered there"));
}

TEST_F(ProviderCheckImageUrlTest, AStoreThatIsAway) {
  int free_port;
  {
    ScriptedUpstream gone([](const Request&) { return Reply{}; });
    free_port = gone.port();
  }
  EXPECT_FALSE(RunWith(Png(), absl::StrCat("http://127.0.0.1:", free_port, "/x")));
  EXPECT_THAT(Words("image"), AllOf(HasSubstr(absl::StrCat("127.0.0.1:", free_port)),
                                    HasSubstr("no connection can be made")));
}

TEST_F(ProviderCheckImageUrlTest, WhatIsNoImage) {
  EXPECT_FALSE(RunWith(ScriptedUpstream::Answer(200, "<html>told by upstream</html>")));
  EXPECT_THAT(Words("image"), HasSubstr("no whole PNG, JPEG or WebP"));
}

TEST_F(ProviderCheckImageUrlTest, WhatIsLargerThanTheRouteAllows) {
  std::string png = test_images::Png(64, 32);
  catalog_.Add("a", "http://127.0.0.1").set_max_image_bytes(static_cast<int64_t>(png.size()) - 1);
  upstream_.emplace([&](const Request& request) {
    if (request.path() == "/image") return ScriptedUpstream::Answer(200, png);
    if (request.body.empty()) return AsApi(request);
    return ScriptedUpstream::Answer(
        200, absl::StrCat(R"({"data":[{"url":")", upstream_->url("/image"), R"("}]})"));
  });
  provider().set_base_url(upstream_->url("/v1"));
  provider().add_credentials("env:PROVIDER_KEY_A");
  provider().add_fetch_hosts("127.0.0.1");
  EXPECT_FALSE(Run(/*generate=*/true));
  EXPECT_THAT(Words("image"), HasSubstr("larger than the route allows: raise max_image_bytes"));
}

TEST_F(ProviderCheckImageUrlTest, OneThatDoesNotComeInTime) {
  image_max_ = absl::Milliseconds(300);
  Reply slow{"HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\nx"};
  EXPECT_FALSE(RunWith(slow));
  EXPECT_THAT(Words("image"), HasSubstr("its bytes did not come in time"));
}

TEST_F(ProviderCheckTest, ARefusedResponseFormatIsSeen) {
  ScriptedUpstream upstream([](const Request& request) {
    if (request.body.empty()) return AsApi(request);
    return absl::StrContains(request.body, "response_format")
               ? ScriptedUpstream::Answer(400, R"({"error":{"code":"unknown_parameter"}})")
               : ImagesAsAsked(request);
  });
  catalog::v1::Route& route = catalog_.Add("a", upstream.url("/v1"));
  provider().add_credentials("env:PROVIDER_KEY_A");
  EXPECT_FALSE(Run(/*generate=*/true));
  EXPECT_THAT(Words("image"), AllOf(HasSubstr("HTTP 400"), HasSubstr("response_format"),
                                    HasSubstr("take it out of supported_parameters")));
  route.clear_supported_parameters();
  EXPECT_TRUE(Run(/*generate=*/true)) << Words("image");
}

TEST_F(ProviderCheckTest, AChatModelThatIsNotFoundMayHaveOtherModalities) {
  ScriptedUpstream upstream(AsApiButImagesAre(ScriptedUpstream::Answer(404, "told by upstream")));
  for (auto format : {catalog::v1::WIRE_FORMAT_OPENAI_IMAGES, catalog::v1::WIRE_FORMAT_CHAT_COMPLETIONS}) {
    catalog_ = CatalogBuilder();
    Add(upstream.url("/v1")).set_wire_format(format);
    EXPECT_FALSE(Run(/*generate=*/true));
    EXPECT_THAT(Words("image"), HasSubstr("HTTP 404"));
    EXPECT_EQ(absl::StrContains(Words("image"), "modalities"),
              format == catalog::v1::WIRE_FORMAT_CHAT_COMPLETIONS);
  }
}

}  // namespace
}  // namespace prismatic::provider_proxy
