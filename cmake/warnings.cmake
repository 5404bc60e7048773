# The warnings of every target of this project; all of them are errors.
add_library(vcompound_warnings INTERFACE)

target_compile_options(vcompound_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Werror
  -Wconversion -Wsign-conversion -Wshadow -Wcast-align -Wcast-qual
  -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough
  $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast>
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
  $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
  $<$<COMPILE_LANGUAGE:CXX>:-Wextra-semi>
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
  $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond>
  $<$<CXX_COMPILER_ID:GNU>:-Wlogical-op>)

# The flow analysis of GCC 12 sees overlaps and overruns inside std::string where there are none (its
# bugs 105651, 105329, 107852), the more so under sanitizers. The freestanding core, which has no
# std::string, keeps these warnings: see vcompound_freestanding.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
  target_compile_options(vcompound_warnings INTERFACE
    -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
endif()
if(VCOMPOUND_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(vcompound_warnings INTERFACE -Wno-maybe-uninitialized)
endif()
