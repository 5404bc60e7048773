# How tests are declared.
#
#   vc_add_test(NAME name SOURCES a.cc … [LIBS …] [LABEL unit] [TIMEOUT s] [ENVIRONMENT A=b …])
#   vc_add_test_folder(LABEL unit [LIBS …] [TIMEOUT s])      one program per *_test.cc of the folder
#   vc_add_compile_fail_test(NAME name FILE f.cc REGEX "diagnostic" [DEFINES …])
#
# Labels: unit model conformance fault stress regression cli package scripts compile_fail.
include(GoogleTest)

# The tests themselves are compiled at -O1 in every preset: what they test is optimised, they need
# not be, and they are most of what there is to compile. Sanitizers make that three times as long;
# there only those that run long are optimised.
set(vc_test_options -O1)
if(VCOMPOUND_SANITIZE)
  set(vc_test_options -O0)
endif()
set(vc_long_running_labels model fault stress)

if(VCOMPOUND_PCH)
  set(vc_pch_source ${PROJECT_BINARY_DIR}/vcompound_test_pch.cc)
  file(CONFIGURE OUTPUT ${vc_pch_source} CONTENT "int main() { return 0; }\n")
  add_executable(vcompound_test_pch EXCLUDE_FROM_ALL ${vc_pch_source})  # owns the header only
  target_link_libraries(vcompound_test_pch
    PRIVATE vcompound_options vcompound_warnings GTest::gtest GTest::gmock)
  target_compile_options(vcompound_test_pch PRIVATE ${vc_test_options})
  target_precompile_headers(vcompound_test_pch PRIVATE <gtest/gtest.h>)
endif()

function(vc_add_test)
  cmake_parse_arguments(arg "" "NAME;LABEL;TIMEOUT" "SOURCES;LIBS;ENVIRONMENT" ${ARGN})
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(${arg_NAME} ${arg_SOURCES})
  target_link_libraries(${arg_NAME} PRIVATE vcompound_options vcompound_warnings
    ${arg_LIBS} GTest::gmock GTest::gtest GTest::gtest_main)
  target_include_directories(${arg_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  if(arg_LABEL IN_LIST vc_long_running_labels)
    set(options -O1)
  else()
    set(options ${vc_test_options})
  endif()
  target_compile_options(${arg_NAME} PRIVATE ${options})
  target_compile_definitions(${arg_NAME} PRIVATE
    VC_TEST_DATA_DIR="${CMAKE_CURRENT_SOURCE_DIR}" VC_TEST_SOURCE_ROOT="${PROJECT_SOURCE_DIR}"
    VC_TEST_BIN_DIR="${PROJECT_BINARY_DIR}/bin")
  set_target_properties(${arg_NAME} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests/${arg_LABEL})
  if(VCOMPOUND_PCH AND options STREQUAL vc_test_options)  # it must have been compiled alike
    target_precompile_headers(${arg_NAME} REUSE_FROM vcompound_test_pch)
  endif()
  set(properties LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
  if(arg_ENVIRONMENT)
    list(APPEND properties ENVIRONMENT "${arg_ENVIRONMENT}")
  endif()
  gtest_discover_tests(${arg_NAME}
    DISCOVERY_MODE PRE_TEST
    DISCOVERY_TIMEOUT 60
    TEST_PREFIX ${arg_LABEL}.${arg_NAME}.
    PROPERTIES ${properties})
  if(NOT TARGET tests_${arg_LABEL})
    add_custom_target(tests_${arg_LABEL})  # builds the tests of one label
  endif()
  add_dependencies(tests_${arg_LABEL} ${arg_NAME})
endfunction()

function(vc_add_test_folder)
  cmake_parse_arguments(arg "" "LABEL;TIMEOUT" "LIBS" ${ARGN})
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cc)
  foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME_WE)
    vc_add_test(NAME ${arg_LABEL}_${name} SOURCES ${file} LABEL ${arg_LABEL}
      LIBS ${arg_LIBS} TIMEOUT ${arg_TIMEOUT})
  endforeach()
endfunction()

function(vc_add_compile_fail_test)
  cmake_parse_arguments(arg "" "NAME;FILE;REGEX" "DEFINES" ${ARGN})
  get_filename_component(file ${arg_FILE} ABSOLUTE)
  list(TRANSFORM arg_DEFINES PREPEND -D)
  add_test(NAME compile_fail.${arg_NAME}
    COMMAND ${CMAKE_COMMAND}
      -DCOMPILER=${CMAKE_CXX_COMPILER} -DFILE=${file} "-DREGEX=${arg_REGEX}"
      "-DFLAGS=-std=c++20;-I${PROJECT_SOURCE_DIR}/src;-I${PROJECT_SOURCE_DIR}/src/vcompound/api/include;${arg_DEFINES}"
      -P ${PROJECT_SOURCE_DIR}/cmake/expect_compile_failure.cmake)
  set_tests_properties(compile_fail.${arg_NAME} PROPERTIES LABELS compile_fail TIMEOUT 60)
endfunction()
