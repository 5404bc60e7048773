# Compiles FILE twice: with VC_EXPECT_FAILURE defined it must be refused with a diagnostic that
# matches REGEX; without it, it must compile, so that a refusal for another reason is noticed.
function(compile_once out_status out_text)
  execute_process(COMMAND ${COMPILER} ${FLAGS} ${ARGN} -fsyntax-only ${FILE}
    RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
  set(${out_status} "${status}" PARENT_SCOPE)
  set(${out_text} "${text}" PARENT_SCOPE)
endfunction()

compile_once(good_status good_text -UVC_EXPECT_FAILURE)
if(NOT good_status EQUAL 0)
  message(FATAL_ERROR "${FILE} must compile while VC_EXPECT_FAILURE is not defined:\n${good_text}")
endif()

compile_once(bad_status bad_text -DVC_EXPECT_FAILURE=1)
if(bad_status EQUAL 0)
  message(FATAL_ERROR "${FILE} compiled with VC_EXPECT_FAILURE; the compiler must refuse it")
endif()
if(NOT bad_text MATCHES "${REGEX}")
  message(FATAL_ERROR "${FILE} was refused, but no diagnostic matches '${REGEX}':\n${bad_text}")
endif()
