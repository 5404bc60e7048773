# vc_add_fuzz_target(NAME name SOURCES a.cc … [LIBS …]): a libFuzzer target.
#
# With VCOMPOUND_BUILD_FUZZERS (clang) it becomes build/<preset>/fuzz/<name>, driven by libFuzzer.
# In every other build with tests it is linked with a driver that replays the corpus once, so that
# each input that was ever found stays a regression test under every compiler and sanitizer. The
# corpus lies in corpus/<name without _fuzz>/ beside the source.
if(VCOMPOUND_BUILD_FUZZERS AND NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "VCOMPOUND_BUILD_FUZZERS needs clang (it has libFuzzer); this is "
    "${CMAKE_CXX_COMPILER_ID}. Use: cmake --preset fuzz")
endif()
if(VCOMPOUND_BUILD_FUZZERS)
  # Coverage for the libraries as well: without it the fuzzer is blind inside them.
  target_compile_options(vcompound_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

add_custom_target(fuzzers)  # builds every fuzz target

function(vc_add_fuzz_target)
  cmake_parse_arguments(arg "" "NAME" "SOURCES;LIBS" ${ARGN})
  string(REGEX REPLACE "_fuzz$" "" folder ${arg_NAME})
  set(corpus ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${folder})
  if(VCOMPOUND_BUILD_FUZZERS)
    add_executable(${arg_NAME} ${arg_SOURCES})
    target_link_options(${arg_NAME} PRIVATE -fsanitize=fuzzer)
    set_target_properties(${arg_NAME} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzz)
  else()
    add_executable(${arg_NAME} ${arg_SOURCES}
      ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cc)
    set_target_properties(${arg_NAME} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests/fuzz)
    add_test(NAME fuzz.${arg_NAME} COMMAND ${arg_NAME} ${corpus})
    set_tests_properties(fuzz.${arg_NAME} PROPERTIES LABELS fuzz TIMEOUT 120)
  endif()
  add_dependencies(fuzzers ${arg_NAME})
  target_include_directories(${arg_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${arg_NAME} PRIVATE vcompound_options vcompound_warnings ${arg_LIBS})
endfunction()
