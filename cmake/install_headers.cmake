# Installs the public headers of VC_SOURCE_DIR and the project headers they include, directly or
# not, below VC_INCLUDE_DIR. Runs when the files are installed.
cmake_policy(PUSH)
cmake_policy(VERSION 3.22)

set(src ${VC_SOURCE_DIR}/src)
set(public ${src}/vcompound/api/include)

file(GLOB_RECURSE queue RELATIVE ${public} ${public}/vcompound/*.h)
set(seen ${queue})
while(queue)
  list(POP_FRONT queue name)
  if(EXISTS ${public}/${name})
    set(path ${public}/${name})
  elseif(EXISTS ${src}/${name})
    set(path ${src}/${name})
  else()
    message(FATAL_ERROR "a public header includes \"${name}\", which is no file below ${src}")
  endif()

  get_filename_component(folder ${name} DIRECTORY)
  file(INSTALL ${path} DESTINATION ${VC_INCLUDE_DIR}/${folder})

  file(STRINGS ${path} lines REGEX "^[ \t]*#[ \t]*include[ \t]*[<\"]vcompound/")
  foreach(line IN LISTS lines)
    string(REGEX REPLACE "^[^<\"]*[<\"]([^>\"]*)[>\"].*$" "\\1" included "${line}")
    if(NOT included IN_LIST seen)
      list(APPEND seen ${included})
      list(APPEND queue ${included})
    endif()
  endforeach()
endwhile()

cmake_policy(POP)
