# Joins the Lua files, in the order given, into one C++ string.
#   cmake -DOUT=file.cc -DFILES=a.lua,b.lua -P embed_functions.cmake
string(REPLACE "," ";" files "${FILES}")
set(body "")
foreach(file ${files})
  file(READ ${file} text)
  string(APPEND body "${text}\n")
endforeach()
file(WRITE ${OUT} "#include \"services/billing/functions.h\"

namespace prismatic::billing {

const char kFunctionsBody[] = R\"lua(${body})lua\";

}  // namespace prismatic::billing
")
