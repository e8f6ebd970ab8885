# Makes a C++ string of the API's description.
#   cmake -DOUT=file.cc -DFILE=openapi.json -P embed_openapi.cmake
file(READ ${FILE} text)
file(WRITE ${OUT} "#include \"gateway/openai/openapi_json.h\"

namespace prismatic::gateway::openai {

const char kOpenApiJson[] = R\"json(${text})json\";

}  // namespace prismatic::gateway::openai
")
