#include "services/provider_proxy/adapters/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::Contains;
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

std::string Joined(const std::vector<std::string>& names) { return absl::StrJoin(names, ","); }

// "size ratio [ignored] {changed}" as the route gets it, with "off" behind it when that was approximated.
std::string Shape(absl::string_view size, absl::string_view ratio, const catalog::v1::Route& route,
                  const FormatFields& format = kEverything) {
  Parameters chosen = SelectParameters(Shaped(size, ratio), route, format);
  std::string sent = chosen.size.value_or("-");
  if (chosen.pixels) sent = absl::StrCat("w", chosen.pixels->width, " h", chosen.pixels->height);
  return absl::StrCat(sent, " ", chosen.aspect_ratio.value_or("-"), " [", Joined(chosen.ignored), "] {",
                      Joined(chosen.changed), chosen.approximated ? "} off" : "}");
}

std::string Shape(absl::string_view size, absl::string_view ratio, absl::string_view names,
                  const FormatFields& format = kEverything) {
  return Shape(size, ratio, RouteThatTakes(names), format);
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

TEST(ParametersTest, Base64HasTheRoutesWord) {
  v1::GenerateImagesRequest request;
  request.set_response_format(v1::RESPONSE_FORMAT_B64_JSON);
  catalog::v1::Route route = RouteThatTakes("response_format");
  route.set_base64_word("base64");
  EXPECT_THAT(SelectParameters(request, route, kEverything).response_format, Optional(std::string("base64")));
  request.set_response_format(v1::RESPONSE_FORMAT_URL);
  EXPECT_THAT(SelectParameters(request, route, kEverything).response_format, Optional(std::string("url")));
}

TEST(ParametersTest, ANegativePromptIsFoldedOnlyWhereTheRouteSaysSo) {
  v1::GenerateImagesRequest request;
  request.set_prompt("A hat");
  request.set_negative_prompt("feathers");
  catalog::v1::Route route = RouteThatTakes("negative_prompt");
  Parameters field = SelectParameters(request, route, kEverything);
  EXPECT_EQ(field.prompt, "A hat");
  EXPECT_THAT(field.negative_prompt, Optional(std::string("feathers")));

  route.set_fold_negative_prompt(true);
  Parameters folded = SelectParameters(request, route, kTiersOnly);
  EXPECT_EQ(folded.prompt, "A hat\n\nAvoid: feathers");
  EXPECT_FALSE(folded.negative_prompt.has_value());
  EXPECT_THAT(folded.ignored, IsEmpty());
  EXPECT_THAT(folded.changed, IsEmpty());

  request.set_negative_prompt("");
  EXPECT_EQ(SelectParameters(request, route, kEverything).prompt, "A hat");
}

TEST(ParametersTest, ValuesThatTheRouteDoesNotListAreLeftOut) {
  catalog::v1::Route route = RouteThatTakes("quality style output_format seed");
  route.mutable_limits()->add_qualities("low");
  route.mutable_limits()->add_qualities("High");
  route.mutable_limits()->add_styles("vivid");
  route.mutable_limits()->add_output_formats("png");
  route.mutable_limits()->set_seed_max(999);
  v1::GenerateImagesRequest request;
  request.set_quality("high");
  request.set_style("natural");
  request.set_output_format("webp");
  request.set_seed(1000);
  Parameters chosen = SelectParameters(request, route, kEverything);
  EXPECT_THAT(chosen.quality, Optional(std::string("High")));
  EXPECT_THAT(chosen.ignored, ElementsAre("style", "seed", "output_format"));
  EXPECT_THAT(chosen.changed, IsEmpty());

  request.set_seed(-1);
  EXPECT_THAT(SelectParameters(request, route, kEverything).ignored, Contains("seed"));
  for (int64_t seed : {0, 999}) {
    request.set_seed(seed);
    EXPECT_THAT(SelectParameters(request, route, kEverything).seed, Optional(seed));
  }
  request.set_seed(std::numeric_limits<int64_t>::min());
  EXPECT_THAT(SelectParameters(request, RouteThatTakes("seed"), kEverything).seed,
              Optional(std::numeric_limits<int64_t>::min()));
}

TEST(ParametersTest, SizeAndRatioGoAsTheyAreWhereBothAreTaken) {
  EXPECT_EQ(Shape("1024x1024", "", "size aspect_ratio"), "1024x1024 - [] {}");
  EXPECT_EQ(Shape("", "16:9", "size aspect_ratio"), "- 16:9 [] {}");
  EXPECT_EQ(Shape("1920x1080", "16:9", "size aspect_ratio"), "1920x1080 16:9 [] {}");
  EXPECT_EQ(Shape("1344x768", "16:9", "size aspect_ratio"), "1344x768 16:9 [] {}");
  EXPECT_EQ(Shape("auto", "", "size"), "auto - [] {}");
}

TEST(ParametersTest, AutoAsksForNothingAndIsNeverReported) {
  EXPECT_EQ(Shape("auto", "auto", ""), "- - [] {}");
  EXPECT_EQ(Shape("auto", "auto", "size aspect_ratio", kTiersOnly), "- - [] {}");
  catalog::v1::Route route = RouteThatTakes("size aspect_ratio");
  route.mutable_limits()->add_sizes("1024x1024");
  route.mutable_limits()->add_aspect_ratios("1:1");
  EXPECT_EQ(Shape("auto", "auto", route), "- - [] {}");
  route.mutable_limits()->add_sizes("auto");
  route.mutable_limits()->add_aspect_ratios("auto");
  EXPECT_EQ(Shape("auto", "auto", route), "auto auto [] {}");
}

TEST(ParametersTest, ASizeBecomesARatioWhereOnlyRatiosAreTaken) {
  EXPECT_EQ(Shape("1024x1024", "", "aspect_ratio"), "- 1:1 [] {size=1:1}");
  EXPECT_EQ(Shape("1344x768", "", "aspect_ratio"), "- 16:9 [] {size=16:9}");
  EXPECT_EQ(Shape("1024x1536", "", "aspect_ratio"), "- 2:3 [] {size=2:3}");
  EXPECT_EQ(Shape("2K", "", "aspect_ratio"), "- - [size] {}");
  EXPECT_EQ(Shape("auto", "", "aspect_ratio"), "- - [] {}");
  EXPECT_EQ(Shape("1600x100", "", "aspect_ratio"), "- - [size] {}");
}

TEST(ParametersTest, ARatioBecomesASizeWhereOnlySizesAreTaken) {
  EXPECT_EQ(Shape("", "16:9", "size"), "1280x720 - [] {aspect_ratio=1280x720}");
  EXPECT_EQ(Shape("", "1:1", "size"), "1024x1024 - [] {aspect_ratio=1024x1024}");
  EXPECT_EQ(Shape("", "3:2", "size"), "1248x832 - [] {aspect_ratio=1248x832}");
  EXPECT_EQ(Shape("auto", "16:9", "size"), "1280x720 - [] {aspect_ratio=1280x720}");
  EXPECT_EQ(Shape("", "wide", "size"), "- - [aspect_ratio] {}");
  EXPECT_EQ(Shape("", "100:1", "size"), "- - [aspect_ratio] {}");
}

TEST(ParametersTest, ATierBecomesPixelsOfItsAreaWherePixelsAreTaken) {
  EXPECT_EQ(Shape("2K", "", "size"), "2048x2048 - [] {size=2048x2048}");
  EXPECT_EQ(Shape("0.5k", "", "size"), "512x512 - [] {size=512x512}");
  EXPECT_EQ(Shape("2K", "16:9", "size"), "2816x1584 - [] {aspect_ratio=2816x1584,size=2816x1584}");
  EXPECT_EQ(Shape("2K", "16:9", "size aspect_ratio"), "2816x1584 16:9 [] {size=2816x1584}");
  EXPECT_EQ(Shape("99K", "", "size"), "- - [size] {}");
}

TEST(ParametersTest, OfTwoThatDisagreeTheOneNotTakenIsNamed) {
  EXPECT_EQ(Shape("1024x1024", "16:9", "size"), "1024x1024 - [aspect_ratio] {}");
  EXPECT_EQ(Shape("1024x1024", "16:9", "aspect_ratio"), "- 16:9 [size] {}");
  EXPECT_EQ(Shape("1920x1080", "16:9", "size"), "1920x1080 - [] {}");
  EXPECT_EQ(Shape("1920x1080", "16:9", "aspect_ratio"), "- 16:9 [] {size=16:9}");
  EXPECT_EQ(Shape("1024x1024", "16:9", ""), "- - [aspect_ratio,size] {}");
  EXPECT_EQ(Shape("auto", "16:9", "aspect_ratio"), "- 16:9 [] {}");
}

TEST(ParametersTest, OfTwoThatContradictEachOtherOnlyThePixelsGoOut) {
  EXPECT_EQ(Shape("1536x1024", "9:16", "size aspect_ratio"), "1536x1024 - [aspect_ratio] {}");
  EXPECT_EQ(Shape("1024x1024", "9:16", "size aspect_ratio", kTiersOnly), "- 1:1 [aspect_ratio] {size=1:1}");
  catalog::v1::Route route = RouteThatTakes("size aspect_ratio");
  route.set_size_form(catalog::v1::SIZE_FORM_WIDTH_HEIGHT);
  EXPECT_EQ(Shape("1536x1024", "9:16", route), "w1536 h1024 - [aspect_ratio] {}");
  EXPECT_EQ(Shape("1536x1024", "3:2", route), "w1536 h1024 3:2 [] {}");
  EXPECT_EQ(Shape("2K", "9:16", route), "w1584 h2816 9:16 [] {size=1584x2816}");
}

TEST(ParametersTest, LimitsDoNotMakeSizeAndRatioContradictEachOther) {
  catalog::v1::Route route = RouteThatTakes("size aspect_ratio");
  for (const char* size : {"1024x1024", "1536x1024"}) route.mutable_limits()->add_sizes(size);
  EXPECT_EQ(Shape("1920x1080", "16:9", route), "- 16:9 [] {size=16:9} off");
  EXPECT_EQ(Shape("2K", "16:9", route), "- 16:9 [size] {}");
  EXPECT_EQ(Shape("1920x1280", "3:2", route), "1536x1024 3:2 [] {size=1536x1024} off");
  route.mutable_limits()->clear_sizes();
  route.mutable_limits()->add_aspect_ratios("16:9");
  EXPECT_EQ(Shape("1000x600", "5:3", route), "1000x600 - [] {}");
  EXPECT_EQ(Shape("2K", "5:3", route), "2816x1584 16:9 [] {aspect_ratio=16:9,size=2816x1584} off");
}

TEST(ParametersTest, ARouteThatCanSayExactlyWhatWasAskedIsToldFromOneThatCannot) {
  catalog::v1::Route squares = RouteThatTakes("size"), both = squares;
  squares.mutable_limits()->add_sizes("1024x1024");
  for (const char* size : {"1024x1024", "1536x1024"}) both.mutable_limits()->add_sizes(size);
  auto approximated = [](absl::string_view size, absl::string_view ratio, const catalog::v1::Route& route) {
    return SelectParameters(Shaped(size, ratio), route, kEverything).approximated;
  };
  EXPECT_TRUE(approximated("1536x1024", "", squares));
  EXPECT_FALSE(approximated("1536x1024", "", both));
  EXPECT_TRUE(approximated("", "3:2", squares));
  EXPECT_FALSE(approximated("", "3:2", both));
  EXPECT_TRUE(approximated("2K", "", both));
  EXPECT_FALSE(approximated("1K", "", both));
  EXPECT_FALSE(approximated("auto", "auto", squares));
  EXPECT_FALSE(approximated("", "", squares));
}

TEST(ParametersTest, PixelsAreKeptByTheTierThatTheyBelongToAndByNoOther) {
  catalog::v1::Route route = RouteThatTakes("size aspect_ratio");
  route.set_size_form(catalog::v1::SIZE_FORM_TIER);
  for (const char* size : {"1K", "2K"}) route.mutable_limits()->add_sizes(size);
  EXPECT_EQ(Shape("1536x1024", "", route), "1K 3:2 [] {size=3:2@1K}");
  EXPECT_EQ(Shape("512x512", "", route), "1K 1:1 [] {size=1:1@1K} off");
  EXPECT_EQ(Shape("4096x4096", "", route), "2K 1:1 [] {size=1:1@2K} off");
  EXPECT_EQ(Shape("1000x700", "", route), "1K 3:2 [] {size=3:2@1K} off");
  EXPECT_EQ(Shape("512x512", "", "size aspect_ratio", kTiersOnly), "- 1:1 [] {size=1:1} off");
  EXPECT_EQ(Shape("1024", "", route), "1K - [] {size=1K}");
}

TEST(ParametersTest, AFormatOfTiersGetsPixelsAsARatioAndATier) {
  EXPECT_EQ(Shape("1024x1024", "", "size aspect_ratio", kTiersOnly), "- 1:1 [] {size=1:1}");
  EXPECT_EQ(Shape("2560x1440", "", "size aspect_ratio", kTiersOnly), "2K 16:9 [] {size=16:9@2K}");
  EXPECT_EQ(Shape("2K", "16:9", "size aspect_ratio", kTiersOnly), "2K 16:9 [] {}");
  EXPECT_EQ(Shape("2k", "", "size aspect_ratio", kTiersOnly), "2K - [] {}");
  EXPECT_EQ(Shape("1024x1024", "", "size", kTiersOnly), "- - [size] {}");
  EXPECT_EQ(Shape("4096x4096", "", "size", kTiersOnly), "4K - [] {size=4K}");
  EXPECT_EQ(Shape("", "16:9", "size", kTiersOnly), "- - [aspect_ratio] {}");
}

TEST(ParametersTest, TiersAreSpelledAsListedAndTheNearestIsTaken) {
  catalog::v1::Route route = RouteThatTakes("size aspect_ratio");
  route.set_size_form(catalog::v1::SIZE_FORM_TIER);
  route.mutable_limits()->add_sizes("1k");
  route.mutable_limits()->add_sizes("2k");
  EXPECT_EQ(Shape("1K", "16:9", route), "1k 16:9 [] {}");
  EXPECT_EQ(Shape("4K", "", route), "2k - [] {size=2k} off");
  EXPECT_EQ(Shape("0.5K", "", route), "1k - [] {size=1k} off");
  EXPECT_EQ(Shape("1024x1024", "", route), "1k 1:1 [] {size=1:1@1k}");
  EXPECT_EQ(Shape("1920x1080", "16:9", route), "1k 16:9 [] {size=1k}");
  route.mutable_limits()->clear_sizes();
  route.mutable_limits()->add_sizes("huge");
  EXPECT_EQ(Shape("huge", "", route), "huge - [] {}");
  EXPECT_EQ(Shape("2K", "", route), "- - [size] {}");
}

TEST(ParametersTest, RatiosBeyondTheListBecomeTheNearestWithinATenth) {
  catalog::v1::Route route = RouteThatTakes("aspect_ratio");
  for (const char* ratio : {"1:1", "16:9", "19.5:9"}) route.mutable_limits()->add_aspect_ratios(ratio);
  EXPECT_EQ(Shape("", "16:9", route), "- 16:9 [] {}");
  EXPECT_EQ(Shape("", "32:18", route), "- 16:9 [] {aspect_ratio=16:9}");
  EXPECT_EQ(Shape("", "13:6", route), "- 19.5:9 [] {aspect_ratio=19.5:9}");
  EXPECT_EQ(Shape("", "5:3", route), "- 16:9 [] {aspect_ratio=16:9} off");
  EXPECT_EQ(Shape("", "3:2", route), "- - [aspect_ratio] {}");
  EXPECT_EQ(Shape("1024x1024", "", route), "- 1:1 [] {size=1:1}");
  EXPECT_EQ(Shape("1024x768", "", route), "- - [size] {}");
  // A size can say what no listed ratio does.
  route.add_supported_parameters("size");
  EXPECT_EQ(Shape("", "3:2", route), "1248x832 - [] {aspect_ratio=1248x832}");
}

TEST(ParametersTest, SizesBeyondTheListBecomeTheNearestByRatioThenArea) {
  catalog::v1::Route route = RouteThatTakes("size");
  for (const char* size : {"auto", "1024x1024", "1536x1024", "1024x1536"}) {
    route.mutable_limits()->add_sizes(size);
  }
  EXPECT_EQ(Shape("1024x1024", "", route), "1024x1024 - [] {}");
  EXPECT_EQ(Shape("1920x1080", "", route), "1536x1024 - [] {size=1536x1024} off");
  EXPECT_EQ(Shape("", "16:9", route), "1536x1024 - [] {aspect_ratio=1536x1024} off");
  EXPECT_EQ(Shape("", "2:3", route), "1024x1536 - [] {aspect_ratio=1024x1536}");
  EXPECT_EQ(Shape("auto", "3:2", route), "1536x1024 - [] {aspect_ratio=1536x1024}");
  EXPECT_EQ(Shape("2K", "", route), "1024x1024 - [] {size=1024x1024} off");
  EXPECT_EQ(Shape("512x512", "16:9", route), "1024x1024 - [aspect_ratio] {size=1024x1024} off");
  route.mutable_limits()->add_sizes("2048x2048");
  EXPECT_EQ(Shape("2K", "", route), "2048x2048 - [] {size=2048x2048}");
  EXPECT_EQ(Shape("500x500", "", route), "1024x1024 - [] {size=1024x1024} off");
}

TEST(ParametersTest, AFieldThatTakesPixelsAndTiersGetsEither) {
  catalog::v1::Route route = RouteThatTakes("size");
  for (const char* size : {"2K", "4K", "2560x1440", "2048x2048"}) route.mutable_limits()->add_sizes(size);
  EXPECT_EQ(Shape("4k", "", route), "4K - [] {}");
  EXPECT_EQ(Shape("1024x1024", "", route), "2048x2048 - [] {size=2048x2048} off");
  EXPECT_EQ(Shape("2K", "16:9", route), "2560x1440 - [] {aspect_ratio=2560x1440,size=2560x1440} off");
}

TEST(ParametersTest, AListedTierCountsAsItsSquare) {
  catalog::v1::Route route = RouteThatTakes("size");
  for (const char* size : {"1K", "2K", "2048x2048", "2560x1440"}) route.mutable_limits()->add_sizes(size);
  EXPECT_EQ(Shape("1024x1024", "", route), "1K - [] {size=1K}");
  EXPECT_EQ(Shape("1024x1024", "1:1", route), "1K - [] {size=1K}");
  EXPECT_EQ(Shape("1000x1000", "", route), "1K - [] {size=1K} off");
  EXPECT_EQ(Shape("0.5K", "", route), "1K - [] {size=1K} off");
  EXPECT_EQ(Shape("2048x2048", "", route), "2048x2048 - [] {}");
  EXPECT_EQ(Shape("2000x2000", "", route), "2048x2048 - [] {size=2048x2048} off") << "pixels say more";
  EXPECT_EQ(Shape("2K", "1:1", route), "2K - [] {}");
  EXPECT_EQ(Shape("", "1:1", route), "1K - [] {aspect_ratio=1K}");
  EXPECT_EQ(Shape("1920x1080", "", route), "2560x1440 - [] {size=2560x1440} off");
  route.mutable_limits()->clear_sizes();
  for (const char* size : {"1K", "2K"}) route.mutable_limits()->add_sizes(size);
  EXPECT_EQ(Shape("", "16:9", route), "- - [aspect_ratio] {}") << "a tier says no such ratio";
  EXPECT_EQ(Shape("2K", "16:9", route), "2K - [aspect_ratio] {}");
  EXPECT_EQ(Shape("2560x1440", "", route), "2K - [] {size=2K} off");
  route.add_supported_parameters("aspect_ratio");
  EXPECT_EQ(Shape("2K", "16:9", route), "2K 16:9 [] {}");
  EXPECT_EQ(Shape("1024x1024", "", route), "1K 1:1 [] {size=1:1@1K}");
}

TEST(ParametersTest, WidthAndHeightStayWithinTheRoutesSides) {
  catalog::v1::Route route = RouteThatTakes("size");
  route.set_size_form(catalog::v1::SIZE_FORM_WIDTH_HEIGHT);
  EXPECT_EQ(Shape("1000x700", "", route), "w1000 h700 - [] {}");
  EXPECT_EQ(Shape("auto", "", route), "- - [] {}");
  route.mutable_limits()->set_side_min(256);
  route.mutable_limits()->set_side_max(1920);
  route.mutable_limits()->set_side_multiple(32);
  EXPECT_EQ(Shape("1024x768", "", route), "w1024 h768 - [] {}");
  EXPECT_EQ(Shape("1000x700", "", route), "w992 h704 - [] {size=992x704} off");
  EXPECT_EQ(Shape("3840x2160", "", route), "w1920 h1088 - [] {size=1920x1088} off");
  EXPECT_EQ(Shape("100x100", "", route), "w256 h256 - [] {size=256x256} off");
  EXPECT_EQ(Shape("", "16:9", route), "w1280 h736 - [] {aspect_ratio=1280x736}");
  route.mutable_limits()->set_side_multiple(1000);
  route.mutable_limits()->set_side_max(900);
  EXPECT_EQ(Shape("1024x768", "", route), "- - [size] {}");
  EXPECT_EQ(Shape("", "16:9", route), "- - [aspect_ratio] {}");
}

TEST(ParametersTest, WhatWasChangedFitsIntoAHeaderWhateverTheCatalogHolds) {
  catalog::v1::Route route = RouteThatTakes("size");
  route.set_size_form(catalog::v1::SIZE_FORM_TIER);
  route.mutable_limits()->add_sizes("\r\n2048" + std::string(100, ' '));
  EXPECT_THAT(SelectParameters(Shaped("4K", ""), route, kEverything).changed,
              ElementsAre("size=__2048" + std::string(58, ' ')));
}

}  // namespace
}  // namespace prismatic::provider_proxy
