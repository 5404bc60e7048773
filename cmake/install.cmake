# Install rules: the library, its headers, the CMake package, the pkg-config file, the program with
# its recorder, and the man pages.
include(CMakePackageConfigHelpers)

set(vc_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/vcompound)

install(TARGETS vcompound EXPORT vcompoundTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT vcompoundTargets NAMESPACE vcompound:: DESTINATION ${vc_package_dir})

configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/vcompoundConfig.cmake.in
  ${PROJECT_BINARY_DIR}/vcompoundConfig.cmake
  INSTALL_DESTINATION ${vc_package_dir})
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/vcompoundConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/vcompoundConfig.cmake ${PROJECT_BINARY_DIR}/vcompoundConfigVersion.cmake
  DESTINATION ${vc_package_dir})

# The public headers and whatever they include, found when the files are installed.
install(CODE "
  set(VC_SOURCE_DIR \"${PROJECT_SOURCE_DIR}\")
  set(VC_INCLUDE_DIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_INCLUDEDIR}\")
  include(\"${PROJECT_SOURCE_DIR}/cmake/install_headers.cmake\")")

# Static users need the threads library as well; it is empty where the C library has it.
set(vc_pc_private_libs "${CMAKE_THREAD_LIBS_INIT}")
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  message(FATAL_ERROR "CMAKE_INSTALL_LIBDIR and CMAKE_INSTALL_INCLUDEDIR must be relative to "
    "CMAKE_INSTALL_PREFIX, so that the installed package can be moved")
endif()
# Written when the files are installed, for `cmake --install --prefix` may name another prefix.
install(CODE "
  set(PROJECT_VERSION \"${PROJECT_VERSION}\")
  set(PROJECT_DESCRIPTION \"${PROJECT_DESCRIPTION}\")
  set(CMAKE_INSTALL_LIBDIR \"${CMAKE_INSTALL_LIBDIR}\")
  set(CMAKE_INSTALL_INCLUDEDIR \"${CMAKE_INSTALL_INCLUDEDIR}\")
  set(vc_pc_private_libs \"${vc_pc_private_libs}\")
  configure_file(\"${PROJECT_SOURCE_DIR}/cmake/vcompound.pc.in\"
    \"${PROJECT_BINARY_DIR}/vcompound.pc\" @ONLY)
  file(INSTALL \"${PROJECT_BINARY_DIR}/vcompound.pc\"
    DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig\")")

# The recorder is found relative to the program: beside it in a build, here when installed.
set(vc_recorder_dir ${CMAKE_INSTALL_LIBDIR}/vcompound)
if(TARGET vcompound_tool)
  install(TARGETS vcompound_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(TARGET vcompound_tool_parts)
  file(RELATIVE_PATH vc_recorder_relative_dir
    /prefix/${CMAKE_INSTALL_BINDIR} /prefix/${vc_recorder_dir})
  target_compile_definitions(vcompound_tool_parts PRIVATE
    VC_RECORDER_RELATIVE_DIR="${vc_recorder_relative_dir}")
endif()
if(TARGET vcompound_recorder)
  install(TARGETS vcompound_recorder LIBRARY DESTINATION ${vc_recorder_dir} NAMELINK_SKIP)
endif()

file(GLOB vc_man_pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/man/*.1)
install(FILES ${vc_man_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
