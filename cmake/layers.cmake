# Helpers for the folders of src/vcompound: each folder gives its sources to one library.

# vc_layer_library(name): a static library of this project, filled by vc_layer_sources().
function(vc_layer_library name)
  add_library(${name} STATIC)
  target_link_libraries(${name}
    PUBLIC vcompound_options PRIVATE $<BUILD_INTERFACE:vcompound_warnings>)
endfunction()

# vc_layer_sources(name [EXCLUDE regex] [ONLY regex]): gives the .cc files of the current folder
# to the library. Files are found by globbing, so that a new file needs no change here.
function(vc_layer_sources name)
  cmake_parse_arguments(arg "" "EXCLUDE;ONLY" "" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  if(arg_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX ${arg_EXCLUDE})
  endif()
  if(arg_ONLY)
    list(FILTER sources INCLUDE REGEX ${arg_ONLY})
  endif()
  target_sources(${name} PRIVATE ${sources})
endfunction()

# vc_finish_layer_library(name): a library whose folders hold headers only still needs one object.
function(vc_finish_layer_library name)
  get_target_property(sources ${name} SOURCES)
  if(NOT sources)
    set(anchor ${CMAKE_CURRENT_BINARY_DIR}/${name}_anchor.cc)
    file(CONFIGURE OUTPUT ${anchor} CONTENT "// ${name} has headers only.\n")
    target_sources(${name} PRIVATE ${anchor})
  endif()
endfunction()
