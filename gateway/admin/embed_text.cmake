# Makes a C++ string of the admin API's description.
#   cmake -DOUT=file.cc -DFILE=admin-openapi.json -P embed_text.cmake
file(READ ${FILE} text)
# A literal of more than 64 KiB is for no compiler to take, several that follow each other are.
string(LENGTH "${text}" size)
set(literals "")
set(at 0)
while(at LESS size)
  string(SUBSTRING "${text}" ${at} 15000 part)
  string(APPEND literals "R\"json(${part})json\"\n")
  math(EXPR at "${at} + 15000")
endwhile()
file(WRITE ${OUT} "#include \"gateway/admin/openapi_json.h\"

namespace prismatic::gateway::admin {

const char kOpenApiJson[] =
${literals};

}  // namespace prismatic::gateway::admin
")
