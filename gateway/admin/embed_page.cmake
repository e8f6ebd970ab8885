# Makes bytes of every file of the admin page; the lines of scripts that are comments stay here.
#   cmake -DOUT=file.cc -DFOLDER=page -P embed_page.cmake
file(GLOB_RECURSE files RELATIVE ${FOLDER} ${FOLDER}/*)
list(SORT files)

set(arrays "")
set(table "")
set(count 0)
foreach(file ${files})
  file(READ ${FOLDER}/${file} hex HEX)
  if(file MATCHES "[.]js$")
    # A line feed, blanks, two slashes, and what is behind them in the line.
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\1," hex "${hex}")
    string(REGEX REPLACE "0a,(20,)*2f,2f,([1-9a-f][0-9a-f],|0[0-9b-f],)*" "" hex "${hex}")
    string(REPLACE "," "" hex "${hex}")
  endif()
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  # A zero behind the bytes: an array of none would be no C++.
  string(APPEND arrays "constexpr unsigned char kBytes${count}[] = {${bytes}0};\n")
  string(APPEND table "    {\"${file}\", kBytes${count}, ${size}},\n")
  math(EXPR count "${count} + 1")
endforeach()

file(WRITE ${OUT} "#include \"gateway/admin/page_files.h\"

namespace prismatic::gateway::admin {
namespace {

${arrays}
}  // namespace

const PageFile kPageFiles[] = {
${table}    {nullptr, nullptr, 0},
};
const size_t kPageFileCount = ${count};

}  // namespace prismatic::gateway::admin
")
