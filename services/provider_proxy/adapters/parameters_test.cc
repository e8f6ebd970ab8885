#include "services/provider_proxy/adapters/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_split.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

const FormatFields kEverything = {.known = {"n", "size", "aspect_ratio", "seed", "negative_prompt", "quality",
                                            "style", "response_format", "background", "moderation",
                                            "output_format", "output_compression", "user"}};
const FormatFields kTiersOnly = {.known = {"size", "aspect_ratio"}, .size_form = catalog::v1::SIZE_FORM_TIER};

catalog::v1::Route RouteThatTakes(absl::string_view names) {
  catalog::v1::Route route;
  for (absl::string_view name : absl::StrSplit(names, ' ', absl::SkipEmpty())) {
    route.add_supported_parameters(std::string(name));
  }
  return route;
}

v1::GenerateImagesRequest Shaped(absl::string_view size, absl::string_view ratio) {
  v1::GenerateImagesRequest request;
  if (!size.empty()) request.set_size(std::string(size));
  if (!ratio.empty()) request.set_aspect_ratio(std::string(ratio));
  return request;
}

// "size/ratio/ignored" as a route that takes `names` gets it.
std::string Shape(absl::string_view size, absl::string_view ratio, absl::string_view names,
                  const FormatFields& format = kEverything) {
  Parameters chosen = SelectParameters(Shaped(size, ratio), RouteThatTakes(names), format);
  std::string ignored;
  for (const std::string& name : chosen.ignored) ignored += (ignored.empty() ? "" : ",") + name;
  return chosen.size.value_or("-") + " " + chosen.aspect_ratio.value_or("-") + " [" + ignored + "]";
}

TEST(ParametersTest, PassesWhatTheRouteTakesAndNamesTheRestInTheContractsOrder) {
  v1::GenerateImagesRequest request;
  request.set_negative_prompt("clutter");
  request.set_quality("high");
  request.set_style("natural");
  request.set_seed(42);
  request.set_background("opaque");
  request.set_moderation("low");
  request.set_output_format("png");
  request.set_output_compression(0);
  request.set_user("u");

  Parameters all = SelectParameters(
      request,
      RouteThatTakes(
          "n seed negative_prompt quality style background moderation output_format output_compression user"),
      kEverything);
  EXPECT_THAT(all.ignored, IsEmpty());
  EXPECT_TRUE(all.n);
  EXPECT_THAT(all.seed, Optional(42));
  EXPECT_THAT(all.output_compression, Optional(0));

  Parameters none = SelectParameters(request, RouteThatTakes(""), kEverything);
  EXPECT_THAT(none.ignored, ElementsAre("negative_prompt", "quality", "style", "seed", "background",
                                        "moderation", "output_format", "output_compression", "user"));
  EXPECT_FALSE(none.n || none.seed || none.quality);
}

TEST(ParametersTest, AFieldThatTheFormatLacksIsLeftOutWhateverTheRouteClaims) {
  v1::GenerateImagesRequest request;
  request.set_style("natural");
  EXPECT_THAT(SelectParameters(request, RouteThatTakes("style"), kTiersOnly).ignored, ElementsAre("style"));
}

TEST(ParametersTest, WhatWasNotAskedForIsNeitherSentNorIgnored) {
  Parameters chosen = SelectParameters({}, RouteThatTakes("size style"), kEverything);
  EXPECT_THAT(chosen.ignored, IsEmpty());
  EXPECT_FALSE(chosen.size || chosen.style || chosen.response_format);
}

TEST(ParametersTest, ResponseFormatGoesOnlyWhereItIsTaken) {
  v1::GenerateImagesRequest request;
  request.set_response_format(v1::RESPONSE_FORMAT_B64_JSON);
  EXPECT_THAT(SelectParameters(request, RouteThatTakes("response_format"), kEverything).response_format,
              Optional(std::string("b64_json")));
  Parameters without = SelectParameters(request, RouteThatTakes("n"), kEverything);
  EXPECT_FALSE(without.response_format.has_value());
  EXPECT_THAT(without.ignored, IsEmpty());
  request.set_response_format(v1::RESPONSE_FORMAT_URL);
  EXPECT_THAT(SelectParameters(request, RouteThatTakes("response_format"), kEverything).response_format,
              Optional(std::string("url")));
}

TEST(ParametersTest, SizeAndRatioGoAsTheyAreWhereBothAreTaken) {
  EXPECT_EQ(Shape("1024x1024", "", "size aspect_ratio"), "1024x1024 - []");
  EXPECT_EQ(Shape("", "16:9", "size aspect_ratio"), "- 16:9 []");
  EXPECT_EQ(Shape("2K", "16:9", "size aspect_ratio"), "2K 16:9 []");
  EXPECT_EQ(Shape("auto", "", "size"), "auto - []");
}

TEST(ParametersTest, ASizeBecomesARatioWhereOnlyRatiosAreTaken) {
  EXPECT_EQ(Shape("1024x1024", "", "aspect_ratio"), "- 1:1 []");
  EXPECT_EQ(Shape("1344x768", "", "aspect_ratio"), "- 16:9 []");
  EXPECT_EQ(Shape("1024x1536", "", "aspect_ratio"), "- 2:3 []");
  EXPECT_EQ(Shape("2K", "", "aspect_ratio"), "- - [size]");
  EXPECT_EQ(Shape("auto", "", "aspect_ratio"), "- - []");
  EXPECT_EQ(Shape("1600x100", "", "aspect_ratio"), "- - [size]");
}

TEST(ParametersTest, ARatioBecomesASizeWhereOnlySizesAreTaken) {
  EXPECT_EQ(Shape("", "16:9", "size"), "1280x720 - []");
  EXPECT_EQ(Shape("", "1:1", "size"), "1024x1024 - []");
  EXPECT_EQ(Shape("", "3:2", "size"), "1536x1024 - []");
  EXPECT_EQ(Shape("", "2:3", "size"), "1024x1536 - []");
  EXPECT_EQ(Shape("auto", "16:9", "size"), "1280x720 - []");
  EXPECT_EQ(Shape("2K", "16:9", "size"), "2048x1152 - []");
  EXPECT_EQ(Shape("", "wide", "size"), "- - [aspect_ratio]");
}

TEST(ParametersTest, OfTwoThatDisagreeTheOneNotTakenIsNamed) {
  EXPECT_EQ(Shape("1024x1024", "16:9", "size"), "1024x1024 - [aspect_ratio]");
  EXPECT_EQ(Shape("1024x1024", "16:9", "aspect_ratio"), "- 16:9 [size]");
  EXPECT_EQ(Shape("1920x1080", "16:9", "size"), "1920x1080 - []");
  EXPECT_EQ(Shape("1920x1080", "16:9", "aspect_ratio"), "- 16:9 []");
  EXPECT_EQ(Shape("1024x1024", "16:9", ""), "- - [aspect_ratio,size]");
  EXPECT_EQ(Shape("auto", "16:9", "aspect_ratio"), "- 16:9 []");
}

TEST(ParametersTest, AFormatOfTiersGetsPixelsAsARatio) {
  EXPECT_EQ(Shape("1024x1024", "", "size aspect_ratio", kTiersOnly), "- 1:1 []");
  EXPECT_EQ(Shape("2K", "16:9", "size aspect_ratio", kTiersOnly), "2K 16:9 []");
  EXPECT_EQ(Shape("1024x1024", "", "size", kTiersOnly), "- - [size]");
  EXPECT_EQ(Shape("", "16:9", "size", kTiersOnly), "- - [aspect_ratio]");
}

TEST(ParametersTest, SizesOfRatiosAreExactMultiplesOf16) {
  for (const char* ratio :
       {"1:1", "5:4", "4:5", "4:3", "3:4", "16:9", "9:16", "21:9", "9:21", "2:1", "1:2", "1:4"}) {
    std::optional<std::string> size = SizeOfAspectRatio(ratio);
    ASSERT_TRUE(size.has_value());
    std::vector<std::string> sides = absl::StrSplit(*size, 'x');
    std::vector<std::string> parts = absl::StrSplit(ratio, ':');
    EXPECT_EQ(std::stoi(sides[0]) * std::stoi(parts[1]), std::stoi(sides[1]) * std::stoi(parts[0])) << *size;
    EXPECT_EQ(std::stoi(sides[0]) % 16 + std::stoi(sides[1]) % 16, 0) << *size;
    EXPECT_THAT(AspectRatioOfSize(*size), Optional(std::string(ratio)));
  }
  EXPECT_THAT(SizeOfAspectRatio("1000:999"), Optional(std::string("1024x1024")));
  EXPECT_EQ(SizeOfAspectRatio("17:1"), std::nullopt);
  EXPECT_EQ(SizeOfAspectRatio("0:1"), std::nullopt);
  EXPECT_EQ(SizeOfAspectRatio("-1:1"), std::nullopt);
  EXPECT_EQ(SizeOfAspectRatio("16:9:4"), std::nullopt);
}

}  // namespace
}  // namespace prismatic::provider_proxy
