# Tests that boot the kernel image: each is one machine, with the tests of the image that match.
#
#   vc_add_kernel_test(NAME name
#     [TEST pattern]           boot parameter test=: Suite.Name, with * and commas; -pattern excludes
#     [CPUS n…]                one entry for each: kernel.NAME.Ncpus (default: 1)
#     [MEMORY size]            as QEMU writes it (default: 256M)
#     [NUMA nodes]
#     [APPEND parameter…]      further boot parameters
#     [EXPECT regex]           a line of the output must match
#     [EXPECT_FAILURE regex]   the same, and the boot must end as a failure
#     [EXPECT_PANIC regex]     the same, and the boot must end in a panic
#     [ICOUNT shift]           time goes by with instructions: waiting takes none
#     [TIMEOUT seconds]        default: 60
#     [QEMU argument…])        further arguments of QEMU
#
# All have the label kernel. Without QEMU they are skipped (status 77), and the message says why.
function(vc_add_kernel_test)
  if(NOT TARGET vcompound_kernel)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 0 arg ""
    "NAME;TEST;MEMORY;NUMA;EXPECT;EXPECT_FAILURE;EXPECT_PANIC;ICOUNT;TIMEOUT" "CPUS;APPEND;QEMU")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_NAME)
    message(FATAL_ERROR "vc_add_kernel_test: no NAME, or not known: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_CPUS)
    set(arg_CPUS 1)
  endif()
  if(NOT arg_MEMORY)
    set(arg_MEMORY 256M)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  set(options --image $<TARGET_FILE:vcompound_kernel> --memory ${arg_MEMORY}
    --timeout ${arg_TIMEOUT})
  if(arg_NUMA)
    list(APPEND options --numa ${arg_NUMA})
  endif()
  if(DEFINED arg_ICOUNT)
    list(APPEND options --icount ${arg_ICOUNT})
  endif()
  foreach(kind IN ITEMS EXPECT EXPECT_FAILURE EXPECT_PANIC)
    if(DEFINED arg_${kind})
      string(TOLOWER "--${kind}" option)
      string(REPLACE "_" "-" option ${option})
      list(APPEND options ${option} ${arg_${kind}})
    endif()
  endforeach()
  set(parameters ${arg_APPEND})
  if(arg_TEST)
    list(APPEND parameters "test=${arg_TEST}")
    set_property(GLOBAL APPEND PROPERTY vc_kernel_patterns ${arg_TEST})
  endif()
  set(extra "")
  if(arg_QEMU)
    set(extra -- ${arg_QEMU})
  endif()
  math(EXPR patience "${arg_TIMEOUT} + 30")  # the script says more about a timeout than ctest
  foreach(cpus IN LISTS arg_CPUS)
    set(name kernel.${arg_NAME}.${cpus}cpus)
    add_test(NAME ${name}
      COMMAND ${PROJECT_SOURCE_DIR}/scripts/run_kernel.sh ${options} --cpus ${cpus}
        ${parameters} ${extra})
    set_tests_properties(${name} PROPERTIES
      LABELS kernel TIMEOUT ${patience} SKIP_RETURN_CODE 77)
  endforeach()
endfunction()
