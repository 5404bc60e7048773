# cmake -DIMAGE=file -DSTRIP=program -DCOPY=file -DLIMIT=bytes -P check_image_size.cmake
#
# The image without symbols and debugging information must be smaller than the limit.
execute_process(COMMAND ${STRIP} -o ${COPY} ${IMAGE} RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${STRIP} cannot read ${IMAGE}")
endif()
file(SIZE ${COPY} bytes)
message(STATUS "${bytes} bytes of at most ${LIMIT}")
if(NOT bytes LESS LIMIT)
  message(FATAL_ERROR "the image is too large")
endif()
