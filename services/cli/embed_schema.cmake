# Makes a C++ string of the JSON Schema of catalogs.
#   cmake -DOUT=file.cc -DFILE=catalog.schema.json -P embed_schema.cmake
set(text "")
if(EXISTS ${FILE})
  file(READ ${FILE} text)
endif()
# In parts: compilers limit the length of one literal (C++ asks for 65,536 bytes).
set(literals "")
string(LENGTH "${text}" length)
set(at 0)
while(at LESS length)
  string(SUBSTRING "${text}" ${at} 16000 part)
  string(APPEND literals "\nR\"schema(${part})schema\"")
  math(EXPR at "${at} + 16000")
endwhile()
file(WRITE ${OUT} "#include \"services/cli/catalog_schema.h\"

namespace prismatic::cli {

const char kCatalogSchema[] = \"\"${literals};

}  // namespace prismatic::cli
")
