// What a catalog file may say of a route, and how that is held against its provider.
#include <limits>
#include <vector>

#include "services/model_registry/test_yaml.h"

namespace prismatic::model_registry {
namespace {

namespace pb = catalog::v1;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Pairs(const google::protobuf::RepeatedPtrField<pb::NameValue>& values) {
  std::vector<std::string> pairs;
  for (const pb::NameValue& each : values) pairs.push_back(absl::StrCat(each.name(), "=", each.value()));
  return pairs;
}

TEST(RouteYamlTest, FillsDefaults) {
  pb::Route route = RouteOf({});
  EXPECT_EQ(route.priority(), 1);
  EXPECT_EQ(route.weight(), 100);
  EXPECT_THAT(route.supported_parameters(), IsEmpty());
  EXPECT_EQ(route.max_images_per_call(), 1);
  EXPECT_EQ(route.reference_images(), pb::REFERENCE_IMAGES_NONE);
  EXPECT_FALSE(route.retry_safe());
  EXPECT_FALSE(route.disabled());
  EXPECT_EQ(route.max_image_bytes(), 8 << 20);
  EXPECT_EQ(route.size_form(), pb::SIZE_FORM_UNSPECIFIED);
  EXPECT_FALSE(route.fold_negative_prompt());
  EXPECT_EQ(route.base64_word(), "b64_json");
  EXPECT_EQ(route.reference_form(), pb::REFERENCE_FORM_UNSPECIFIED);
  EXPECT_FALSE(route.inline_references());
  EXPECT_EQ(route.max_reference_images(), 16);
  EXPECT_THAT(route.field_names(), IsEmpty());
  EXPECT_THAT(route.extra_fields(), IsEmpty());
  EXPECT_THAT(route.modalities(), IsEmpty());
  EXPECT_FALSE(route.has_limits());
  EXPECT_THAT(RouteOf({.format = "chat_completions"}).modalities(), ElementsAre("image", "text"));
  EXPECT_THAT(RouteOf({.format = "gemini"}).modalities(), ElementsAre("image"));
}

TEST(RouteYamlTest, ReadsEveryField) {
  pb::Route route = RouteOf(
      {.route = "size_form: width_height, fold_negative_prompt: true, base64_word: base64, reference_form: "
                "url_objects, inline_references: true, max_reference_images: 3, reference_images: native, "
                "supported_parameters: [n, size, response_format], field_names: {n: num_images, "
                "reference_images: images, width: w}, extra_fields: {steps: 4}"});
  EXPECT_EQ(route.size_form(), pb::SIZE_FORM_WIDTH_HEIGHT);
  EXPECT_TRUE(route.fold_negative_prompt());
  EXPECT_EQ(route.base64_word(), "base64");
  EXPECT_EQ(route.reference_form(), pb::REFERENCE_FORM_URL_OBJECTS);
  EXPECT_TRUE(route.inline_references());
  EXPECT_EQ(route.max_reference_images(), 3);
  EXPECT_THAT(Pairs(route.field_names()), ElementsAre("n=num_images", "reference_images=images", "width=w"));
  EXPECT_THAT(Pairs(route.extra_fields()), ElementsAre("steps=4"));
}

TEST(RouteYamlTest, KnowsTheSizeAndReferenceForms) {
  auto size = [](absl::string_view word) {
    return RouteOf({.route = absl::StrCat("size_form: ", word)}).size_form();
  };
  EXPECT_EQ(size("pixels"), pb::SIZE_FORM_PIXELS);
  EXPECT_EQ(size("tier"), pb::SIZE_FORM_TIER);
  EXPECT_EQ(size("width_height"), pb::SIZE_FORM_WIDTH_HEIGHT);
  auto form = [](absl::string_view word) {
    return RouteOf({.route = absl::StrCat("reference_form: ", word)}).reference_form();
  };
  EXPECT_EQ(form("strings"), pb::REFERENCE_FORM_STRINGS);
  EXPECT_EQ(form("string"), pb::REFERENCE_FORM_STRING);
  EXPECT_EQ(form("image_url_objects"), pb::REFERENCE_FORM_IMAGE_URL_OBJECTS);
  EXPECT_EQ(form("url_objects"), pb::REFERENCE_FORM_URL_OBJECTS);
  EXPECT_EQ(form("content_parts"), pb::REFERENCE_FORM_CONTENT_PARTS);
}

TEST(RouteYamlTest, TakesOneReferenceImageWhereOneFits) {
  EXPECT_EQ(RouteOf({.route = "reference_form: string"}).max_reference_images(), 1);
  EXPECT_EQ(RouteOf({.route = "reference_form: string, max_reference_images: 1"}).max_reference_images(), 1);
}

TEST(RouteYamlTest, TakesTheReferenceFormsOfJobs) {
  for (absl::string_view mapping : {"fal", "replicate"}) {
    OneRoute job = {.format = "async_job", .provider = absl::StrCat("job_mapping: ", mapping)};
    job.route = "reference_images: native, reference_form: strings";
    EXPECT_EQ(RouteOf(job).reference_form(), pb::REFERENCE_FORM_STRINGS);
    job.route = "reference_images: native, reference_form: string";
    EXPECT_EQ(RouteOf(job).reference_form(), pb::REFERENCE_FORM_STRING);
  }
}

TEST(RouteYamlTest, TakesReferenceImagesAsEachFormatDoes) {
  for (absl::string_view format : {"openai_images", "gemini", "sdapi"}) {
    OneRoute one = {.format = std::string(format), .route = "reference_images: native"};
    EXPECT_EQ(RouteOf(one).reference_images(), pb::REFERENCE_IMAGES_NATIVE) << format;
    one.route = "reference_images: chat";
    EXPECT_THAT(Errors(one), ElementsAre(HasSubstr("as `native`, not as `chat`"))) << format;
  }
  EXPECT_EQ(
      RouteOf({.format = "async_job", .provider = "job_mapping: fal", .route = "reference_images: native"})
          .reference_images(),
      pb::REFERENCE_IMAGES_NATIVE);
  EXPECT_EQ(RouteOf({.format = "chat_completions", .route = "reference_images: chat"}).reference_images(),
            pb::REFERENCE_IMAGES_CHAT);
}

TEST(RouteYamlTest, ReadsLimits) {
  pb::ParameterLimits limits =
      RouteOf({.route =
                   "limits: {sizes: [1024x1024, 1536x1024, 2K, 0.5K, \"512\", auto], aspect_ratios: "
                   "[16:9, \"9:19.5\", auto], qualities: [low, high], styles: [vivid], output_formats: [png, "
                   "webp], side_min: 512, side_max: 2048, side_multiple: 64, seed_max: 4294967295}"})
          .limits();
  EXPECT_THAT(limits.sizes(), ElementsAre("1024x1024", "1536x1024", "2K", "0.5K", "512", "auto"));
  EXPECT_THAT(limits.aspect_ratios(), ElementsAre("16:9", "9:19.5", "auto"));
  EXPECT_THAT(limits.qualities(), ElementsAre("low", "high"));
  EXPECT_THAT(limits.styles(), ElementsAre("vivid"));
  EXPECT_THAT(limits.output_formats(), ElementsAre("png", "webp"));
  EXPECT_EQ(limits.side_min(), 512);
  EXPECT_EQ(limits.side_max(), 2048);
  EXPECT_EQ(limits.side_multiple(), 64);
  EXPECT_EQ(limits.seed_max(), 4294967295);
  EXPECT_EQ(RouteOf({.route = "limits: {seed_max: 9223372036854775807}"}).limits().seed_max(),
            std::numeric_limits<int64_t>::max());
}

TEST(RouteYamlTest, ReadsExtraFieldsOfEveryTypeInTheOrderOfTheFile) {
  pb::Route route = RouteOf(
      {.route = "extra_fields: {z: text, a: \"5\", number: 5, float: 1.50, yes: true, no: yes, nothing: ~, "
                "list: [1, [x], {}], map: {k: {deep: false}, j: 0x10}}"});
  EXPECT_THAT(Pairs(route.extra_fields()),
              ElementsAre("z=\"text\"", "a=\"5\"", "number=5", "float=1.50", "yes=true", "no=\"yes\"",
                          "nothing=null", "list=[1,[\"x\"],{}]", "map={\"k\":{\"deep\":false},\"j\":16}"));
}

TEST(RouteYamlTest, TakesFixedFieldsThatOnlySoundSecret) {
  EXPECT_EQ(RouteOf({.format = "chat_completions", .route = "extra_fields: {max_tokens: 4096}"})
                .extra_fields_size(),
            1);
}

TEST(RouteYamlTest, AllowsTwoFieldsToTradeTheirNames) {
  EXPECT_EQ(RouteOf({.route = "supported_parameters: [quality, style], field_names: {quality: style, style: "
                              "quality}"})
                .field_names_size(),
            2);
  // The route does not send what keeps the name.
  EXPECT_EQ(RouteOf({.route = "field_names: {quality: style}"}).field_names_size(), 1);
}

struct BadRoute {
  const char* name;
  const char* format;
  const char* model;
  const char* route;
  const char* error;
};

class BadRouteTest : public ::testing::TestWithParam<BadRoute> {};

TEST_P(BadRouteTest, IsAnsweredWithPlaceAndPath) {
  std::string format = GetParam().format;
  OneRoute one = {.format = format, .model = GetParam().model, .route = GetParam().route};
  if (format == "async_job") one.provider = "job_mapping: black_forest_labs";
  EXPECT_THAT(Errors(one), ElementsAre(HasSubstr(absl::StrCat("models[0].routes[0]", GetParam().error))));
}

constexpr char kOpenai[] = "openai_images";
constexpr char kChat[] = "chat_completions";
constexpr BadRoute kBadRoutes[] = {
    {"SizeForm", kOpenai, "u", "size_form: tiers",
     ".size_form: must be one of pixels, tier, width_height; is `tiers`; did you mean `tier`?"},
    {"WidthHeightInChat", kChat, "u", "size_form: width_height",
     ".size_form: chat_completions has no fields for width and height"},
    {"WidthHeightInGemini", "gemini", "u", "size_form: width_height", ".size_form: gemini has no fields"},
    {"TierInSdapi", "sdapi", "u", "size_form: tier", ".size_form: sdapi knows nothing but width_height"},
    {"FoldAsText", kOpenai, "u", "fold_negative_prompt: \"true\"",
     ".fold_negative_prompt: must be true or false"},
    {"Base64Word", kOpenai, "u", "base64_word: base 64",
     ".base64_word: must be 1 to 64 letters, digits, _ and -"},
    {"ReferenceForm", kOpenai, "u", "reference_form: image_url_object",
     ".reference_form: must be one of strings, string, image_url_objects, url_objects, content_parts; is"},
    {"ReferenceFormInGemini", "gemini", "u", "reference_form: strings",
     ".reference_form: is for openai_images, and `string` and `strings` for jobs of fal and replicate, only; "
     "the "
     "provider `p` speaks gemini"},
    {"ReferenceFormInJob", "async_job", "u", "reference_form: strings",
     ".reference_form: is for openai_images"},
    {"ReferencesInOneString", kOpenai, "u", "reference_form: string, max_reference_images: 2",
     ".max_reference_images: must be 1: the reference_form `string` holds one image"},
    {"ReferencesZero", kOpenai, "u", "max_reference_images: 0",
     ".max_reference_images: must be from 1 to 16"},
    {"ReferencesMany", kOpenai, "u", "max_reference_images: 17",
     ".max_reference_images: must be from 1 to 16"},
    {"InlineReferences", kOpenai, "u", "inline_references: 1", ".inline_references: must be true or false"},
    {"NativeInChat", kChat, "u", "reference_images: native",
     ".reference_images: the provider `p` speaks chat_completions, which takes reference images as `chat`, "
     "not as "
     "`native`"},
    {"ChatInJob", "async_job", "u", "reference_images: chat",
     ".reference_images: the provider `p` speaks async_job"},
    {"NegativePromptInChat", kChat, "u", "supported_parameters: [size, negative_prompt]",
     ".supported_parameters[1]: chat_completions has no field for a negative prompt; say "
     "`fold_negative_prompt: "
     "true` instead"},
    {"NegativePromptInGemini", "gemini", "u", "supported_parameters: [negative_prompt]",
     ".supported_parameters[0]: gemini has no field for a negative prompt"},
    {"ResponseFormatOfGptImage", kOpenai, "gpt-image-2", "supported_parameters: [n, response_format]",
     ".supported_parameters[1]: GPT image models refuse response_format"},
    {"ResponseFormatOfGptImageElsewhere", kOpenai, "openai/GPT-image-1-mini",
     "supported_parameters: [response_format]", ".supported_parameters[0]: GPT image models refuse"},
    {"ResponseFormatOfChatGptImage", kOpenai, "chatgpt-image-latest",
     "supported_parameters: [response_format]", ".supported_parameters[0]: GPT image models refuse"},
    {"FixedResponseFormatOfGptImage", kOpenai, "gpt-image-2", "extra_fields: {response_format: b64_json}",
     ".extra_fields.response_format: GPT image models refuse response_format"},
    {"FieldNameUnknown", kOpenai, "u", "field_names: {sise: x}",
     ".field_names.sise: must be one of n, size, aspect_ratio, seed, negative_prompt, quality, style, "
     "response_format, background, moderation, output_format, output_compression, user, reference_images, "
     "width, "
     "height, prompt; is `sise`; did you mean `size`?"},
    {"FieldNameValue", kOpenai, "u", "field_names: {size: \"a b\"}",
     ".field_names.size: must be 1 to 64 letters"},
    {"FieldNameEmpty", kOpenai, "u", "field_names: {size: \"\"}",
     ".field_names.size: must be 1 to 64 letters"},
    {"FieldNameRepeated", kOpenai, "u", "field_names: {size: a, size: b}",
     ".field_names: the key `size` is there twice"},
    {"FieldNamesAlike", kOpenai, "u", "field_names: {size: x, n: x}",
     ".field_names.n: the upstream would get two fields called `x`: `size` is called so too"},
    {"FieldNameOfAnother", kOpenai, "u", "supported_parameters: [n, size], field_names: {n: size}",
     ".field_names.n: the upstream would get two fields called `size`: `size` is called so too"},
    {"FieldNameOfThePrompt", kOpenai, "u", "field_names: {style: prompt}",
     ".field_names.style: the upstream would get two fields called `prompt`: `prompt` is called so too"},
    {"FieldNameOfTheModel", kOpenai, "u", "field_names: {style: model}",
     ".field_names.style: the upstream would get two fields called `model`: `model` is called so too"},
    {"FieldNamesList", kOpenai, "u", "field_names: [size]", ".field_names: must be a map, is a list"},
    {"ExtraModel", kOpenai, "u", "extra_fields: {model: x}",
     ".extra_fields.model: is written for each request and cannot be fixed"},
    {"ExtraPrompt", "sdapi", "u", "extra_fields: {prompt: x}",
     ".extra_fields.prompt: is written for each request"},
    {"ExtraContents", "gemini", "u", "extra_fields: {contents: []}",
     ".extra_fields.contents: is written for each"},
    {"ExtraMessages", kChat, "u", "extra_fields: {messages: []}",
     ".extra_fields.messages: is written for each"},
    {"ExtraModalities", kChat, "u", "extra_fields: {modalities: [image]}",
     ".extra_fields.modalities: has its own place: the route's `modalities`"},
    {"ExtraStream", kOpenai, "u", "extra_fields: {stream: true}", ".extra_fields.stream: asks for a stream"},
    {"ExtraSecret", "async_job", "u", "extra_fields: {webhook_secret: x}",
     ".extra_fields.webhook_secret: speaks of a secret, and the catalog holds none"},
    {"ExtraName", kOpenai, "u", "extra_fields: {\"a b\": x}",
     ".extra_fields.a b: a field's name must be 1 to 64"},
    {"ExtraRepeated", kOpenai, "u", "extra_fields: {a: 1, a: 2}",
     ".extra_fields: the key `a` is there twice"},
    {"ExtraRepeatedWithin", kOpenai, "u", "extra_fields: {a: {b: 1, b: 2}}",
     ".extra_fields.a: the key `b` is there twice"},
    {"ExtraInfinity", kOpenai, "u", "extra_fields: {a: [1, .inf]}",
     ".extra_fields.a[1]: is infinity, which JSON cannot say"},
    {"ExtraDeep", kOpenai, "u", "extra_fields: {a: [[[[[[[[1]]]]]]]]}",
     ".extra_fields.a[0][0][0][0][0][0][0][0]: nested deeper than 8"},
    {"ExtraList", kOpenai, "u", "extra_fields: [a]", ".extra_fields: must be a map, is a list"},
    {"ModalitiesInImages", kOpenai, "u", "modalities: [image]",
     ".modalities: is for chat_completions and gemini only; the provider `p` speaks openai_images"},
    {"ModalitiesWithoutImage", kChat, "u", "modalities: [text]", ".modalities: must contain `image`"},
    {"ModalitiesEmpty", kChat, "u", "modalities: []", ".modalities: must contain `image`"},
    {"ModalitiesRepeated", kChat, "u", "modalities: [image, image]", ".modalities[1]: is there twice"},
    {"ModalitiesUnknown", kChat, "u", "modalities: [image, txt]",
     ".modalities[1]: must be one of image, text; is `txt`; did you mean `text`?"},
    {"LimitsKey", kOpenai, "u", "limits: {size: [1K]}", ".limits: unknown key `size`; did you mean `sizes`?"},
    {"LimitsSize", kOpenai, "u", "limits: {sizes: [large]}",
     ".limits.sizes[0]: must be a size such as 1024x1024 with sides from 1 to 16384, a tier such as 2K, or "
     "auto"},
    {"LimitsSizeZero", kOpenai, "u", "limits: {sizes: [0x16]}", ".limits.sizes[0]: must be"},
    {"LimitsSizeHuge", kOpenai, "u", "limits: {sizes: [16385x16]}", ".limits.sizes[0]: must be a size"},
    {"LimitsSizeTierHuge", kOpenai, "u", "limits: {sizes: [17K]}", ".limits.sizes[0]: must be a size"},
    {"LimitsSizeRatio", kOpenai, "u", "limits: {sizes: [\"16:9\"]}", ".limits.sizes[0]: must be a size"},
    {"LimitsSizeTwice", kOpenai, "u", "limits: {sizes: [1K, 1K]}", ".limits.sizes[1]: is there twice"},
    {"LimitsSizeNoTier", "gemini", "u", "limits: {sizes: [1024x1024]}",
     ".limits.sizes[0]: is no tier, and the route writes sizes as tiers; see size_form"},
    {"LimitsSizeNoPixels", kOpenai, "u", "size_form: width_height, limits: {sizes: [1K]}",
     ".limits.sizes[0]: has no width and height"},
    {"LimitsSizeOutside", kOpenai, "u", "limits: {sizes: [512x1024], side_min: 768}",
     ".limits.sizes[0]: has a side outside side_min and side_max"},
    {"LimitsSizeNoMultiple", kOpenai, "u", "limits: {sizes: [1000x1024], side_multiple: 64}",
     ".limits.sizes[0]: has a side that is no multiple of side_multiple"},
    {"LimitsRatio", kOpenai, "u", "limits: {aspect_ratios: [16x9]}",
     ".limits.aspect_ratios[0]: must be a ratio of two numbers such as 16:9, or auto"},
    {"LimitsRatioZero", kOpenai, "u", "limits: {aspect_ratios: [\"0:1\"]}",
     ".limits.aspect_ratios[0]: must be a"},
    {"LimitsRatioNegative", kOpenai, "u", "limits: {aspect_ratios: [\"-1:1\"]}",
     ".limits.aspect_ratios[0]: must"},
    {"LimitsRatioWide", kOpenai, "u", "limits: {aspect_ratios: [wide]}",
     ".limits.aspect_ratios[0]: must be a"},
    {"LimitsQuality", kOpenai, "u", "limits: {qualities: [\"\"]}",
     ".limits.qualities[0]: must be 1 to 64 bytes"},
    {"LimitsStyle", kOpenai, "u", "limits: {styles: [\"a\\nb\"]}",
     ".limits.styles[0]: must be 1 to 64 bytes"},
    {"LimitsFormat", kOpenai, "u", "limits: {output_formats: [jpg]}",
     ".limits.output_formats[0]: must be one of png, jpeg, webp; is `jpg`; did you mean `jpeg`?"},
    {"LimitsSideMin", kOpenai, "u", "limits: {side_min: -1}", ".limits.side_min: must be from 0 to 16384"},
    {"LimitsSideMax", kOpenai, "u", "limits: {side_max: 16385}", ".limits.side_max: must be from 0 to 16384"},
    {"LimitsSidesCrossed", kOpenai, "u", "limits: {side_min: 1024, side_max: 512}",
     ".limits.side_min: is larger than side_max, which is 512"},
    {"LimitsMultiple", kOpenai, "u", "limits: {side_multiple: 1025}",
     ".limits.side_multiple: must be from 0 to"},
    {"LimitsNoMultiple", kOpenai, "u", "limits: {side_min: 65, side_max: 127, side_multiple: 64}",
     ".limits.side_multiple: has no multiple between side_min and side_max"},
    {"LimitsSeed", kOpenai, "u", "limits: {seed_max: -1}", ".limits.seed_max: must be from 0 to"},
    {"LimitsList", kOpenai, "u", "limits: [1K]", ".limits: must be a map, is a list"},
    {"ModelLeavesThePath", "gemini", "../secrets", "weight: 1",
     ".upstream_model: becomes a part of the path, so it must be plain, without //, . and .."},
    {"ModelBeginsWithASlash", "async_job", "/fal-ai/flux", "weight: 1",
     ".upstream_model: becomes a part of the path"},
};

std::string NameOfBadRoute(const ::testing::TestParamInfo<BadRoute>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(All, BadRouteTest, ::testing::ValuesIn(kBadRoutes), NameOfBadRoute);

TEST(RouteYamlTest, HoldsTheModelAgainstAPathOfTheProvidersOwn) {
  OneRoute one = {.provider = "endpoint: {reference_path: \"/{model}/edits\"}", .model = "a/../b"};
  EXPECT_THAT(Errors(one), ElementsAre(HasSubstr("upstream_model: becomes a part of the path")));
  one = {.model = "a/../b"};
  EXPECT_THAT(Errors(one), IsEmpty());
}

TEST(RouteYamlTest, BoundsTheExtraFieldsOfOneRoute) {
  std::string half(9'000, 'x');
  EXPECT_EQ(RouteOf({.route = absl::StrCat("extra_fields: {a: ", half, "}")}).extra_fields_size(), 1);
  EXPECT_THAT(Errors({.route = absl::StrCat("extra_fields: {a: ", half, ", b: ", half, "}")}),
              ElementsAre(HasSubstr("extra_fields: takes more than 16384 bytes as JSON")));
  EXPECT_THAT(Errors({.route = absl::StrCat("extra_fields: {a: ", half, half, "}")}),
              ElementsAre(HasSubstr("extra_fields.a: takes more than 16384 bytes as JSON")));
  std::string many = "a: 1";
  for (int i = 0; i < 64; ++i) absl::StrAppend(&many, ", a", i, ": 1");
  EXPECT_THAT(Errors({.route = absl::StrCat("extra_fields: {", many, "}")}),
              ElementsAre(HasSubstr("extra_fields: has 65 entries; at most 64")));
}

// 100 routes of 9 KiB in each of 9,000 models would be 8 GB.
TEST(RouteYamlTest, EndsAtTheBytesOfACatalogWhenAliasesMultiplyThem) {
  std::string text = R"(providers: [{name: p, wire_format: openai_images, base_url: "https://example.com"}]
models:
  - {name: m, public_ids: [m], capabilities: [image_generation], routes: &r [&route {provider: p, upstream_model: u,
     extra_fields: {a: )";
  absl::StrAppend(&text, std::string(9'000, 'x'), "}}");
  for (int i = 0; i < 99; ++i) absl::StrAppend(&text, ", *route");
  absl::StrAppend(&text, "]}\n");
  for (int i = 0; i < 9'000; ++i) {
    absl::StrAppend(&text, "  - {name: m", i, ", public_ids: [m", i,
                    "], capabilities: [image_generation], routes: *r}\n");
  }
  CatalogFromYaml read = ReadCatalogYaml(text);
  EXPECT_THAT(read.errors, ElementsAre(HasSubstr("takes more than the 33554432 bytes allowed")));
  EXPECT_LT(read.catalog.ByteSizeLong(), size_t{34} << 20);
}

TEST(RouteYamlTest, GivesTheSameBytesForTheSameText) {
  OneRoute one = {.provider = "endpoint: {headers: {B: b, A: a}, query: {z: \"1\", y: \"2\"}}",
                  .route = "field_names: {size: b, n: a}, extra_fields: {z: {y: 1, x: 2}, a: [b]}"};
  EXPECT_EQ(ReadOneRoute(one).catalog.SerializeAsString(), ReadOneRoute(one).catalog.SerializeAsString());
  EXPECT_THAT(Pairs(RouteOf(one).extra_fields()), ElementsAre("z={\"y\":1,\"x\":2}", "a=[\"b\"]"));
}

}  // namespace
}  // namespace prismatic::model_registry
