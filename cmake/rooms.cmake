# A room is a folder: its .cc files are one library that links only what the room may use
# (scripts/arrows.txt draws the same arrows for includes), its main.cc one executable, its
# *_test.cc files one test program.
#
#   prismatic_room(NAME [LINK lib...] [EXECUTABLE name] [TEST_LINK lib...] [SOURCES generated...])
define_property(GLOBAL PROPERTY PRISMATIC_TEST_PROGRAMS BRIEF_DOCS "every test program")

function(prismatic_room NAME)
  cmake_parse_arguments(ROOM "" "EXECUTABLE" "LINK;TEST_LINK;SOURCES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "(_test|main)\\.cc$")
  list(APPEND sources ${ROOM_SOURCES})

  if(sources)
    add_library(${NAME} STATIC ${sources})
    target_link_libraries(${NAME} PUBLIC prismatic_options ${ROOM_LINK})
  else()
    add_library(${NAME} INTERFACE)
    target_link_libraries(${NAME} INTERFACE prismatic_options ${ROOM_LINK})
  endif()

  if(ROOM_EXECUTABLE AND EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/main.cc)
    add_executable(${ROOM_EXECUTABLE} main.cc)
    target_link_libraries(${ROOM_EXECUTABLE} PRIVATE ${NAME})
  endif()

  if(PRISMATIC_TESTS AND tests)
    add_executable(${NAME}_test ${tests})
    target_link_libraries(${NAME}_test PRIVATE ${NAME} ${ROOM_TEST_LINK} GTest::gmock GTest::gtest_main)
    set_target_properties(${NAME}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test(NAME ${NAME} COMMAND ${NAME}_test)
  endif()
endfunction()
