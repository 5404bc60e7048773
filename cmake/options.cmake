# How every target of this project is compiled: language, include roots, visibility, assert level,
# sanitizers, output folders.
find_package(Threads REQUIRED)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# In the static library only VC_API is visible, so that a shared object that contains it exports
# nothing by accident. The shared library exports what its headers declare, the core included.
if(NOT BUILD_SHARED_LIBS)
  set(CMAKE_CXX_VISIBILITY_PRESET hidden)
  set(CMAKE_C_VISIBILITY_PRESET hidden)
endif()
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
if(BUILD_SHARED_LIBS)
  file(RELATIVE_PATH vc_libdir_from_bindir
    /prefix/${CMAKE_INSTALL_BINDIR} /prefix/${CMAKE_INSTALL_LIBDIR})
  set(CMAKE_INSTALL_RPATH $ORIGIN/${vc_libdir_from_bindir})
endif()
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
if(VCOMPOUND_SANITIZE)
  set(vc_debug_info -g1)  # lines for the reports; full debug information doubles the build time
else()
  set(vc_debug_info -g)
endif()
set(CMAKE_CXX_FLAGS_DEBUG "-O1 ${vc_debug_info} -fno-omit-frame-pointer")
set(CMAKE_C_FLAGS_DEBUG "-O1 ${vc_debug_info} -fno-omit-frame-pointer")

if(vc_top_level)
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
endif()

if(VCOMPOUND_ASSERT_LEVEL STREQUAL "")
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    set(vc_assert_level 0)
  else()
    set(vc_assert_level 1)
  endif()
elseif(VCOMPOUND_ASSERT_LEVEL MATCHES "^[012]$")
  set(vc_assert_level ${VCOMPOUND_ASSERT_LEVEL})
else()
  message(FATAL_ERROR "VCOMPOUND_ASSERT_LEVEL is '${VCOMPOUND_ASSERT_LEVEL}'; "
    "it must be 0 (always), 1 (debug), 2 (audit) or empty (chosen by the build type)")
endif()

# vcompound_options: for all our targets, hosted or freestanding.
add_library(vcompound_options INTERFACE)
target_compile_features(vcompound_options INTERFACE cxx_std_20)
target_include_directories(vcompound_options INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src/vcompound/api/include>)
target_compile_definitions(vcompound_options INTERFACE
  $<BUILD_INTERFACE:VC_ASSERT_LEVEL=${vc_assert_level}>)

if(VCOMPOUND_SANITIZE)
  target_compile_options(vcompound_options INTERFACE
    -fsanitize=${VCOMPOUND_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(vcompound_options INTERFACE -fsanitize=${VCOMPOUND_SANITIZE})
endif()

# vcompound_tool_options: for programs around the library. Where sanitizers look at them they are
# not optimised: that takes a third of the time to compile, and nobody measures there.
add_library(vcompound_tool_options INTERFACE)
if(VCOMPOUND_SANITIZE)
  target_compile_options(vcompound_tool_options INTERFACE -O0)
endif()

# vcompound_freestanding: for base … compound, which depend on the compiler only.
add_library(vcompound_freestanding INTERFACE)
target_compile_options(vcompound_freestanding INTERFACE
  -ffreestanding -fno-exceptions -fno-rtti -fno-threadsafe-statics)
if(NOT VCOMPOUND_SANITIZE)
  target_compile_options(vcompound_freestanding INTERFACE
    -Wnull-dereference -Warray-bounds
    $<$<CXX_COMPILER_ID:GNU>:-Wrestrict> $<$<CXX_COMPILER_ID:GNU>:-Wstringop-overflow>)
endif()
if(VCOMPOUND_SANITIZE MATCHES "undefined")
  target_compile_options(vcompound_freestanding INTERFACE -fno-sanitize=vptr)
endif()

# Adds a folder when its option is on and it has a CMakeLists.txt.
function(vc_add_subdirectory_if_ready folder option_name)
  if(${option_name} AND EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/CMakeLists.txt)
    add_subdirectory(${folder})
  endif()
endfunction()
