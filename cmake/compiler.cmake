# Warnings, optimisation, sanitizers, ccache.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# -g1 keeps line numbers for stack traces at a third of the link time of -g.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")

add_library(prismatic_options INTERFACE)
target_include_directories(prismatic_options INTERFACE ${CMAKE_SOURCE_DIR})
# g++ 12 sees overlaps in inlined std::string code where there are none (GCC bug 105651).
target_compile_options(prismatic_options INTERFACE
  -Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-field-initializers -Wno-restrict)
if(PRISMATIC_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(PRISMATIC_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread)
  add_link_options(-fsanitize=thread)
endif()
