# SPDX-License-Identifier: MIT OR Apache-2.0
# The libraries that we tell programs to link are those that this rustc's standard library asks for, except for the unwinder:
# that comes with the compiler driver.
set(args --crate-type staticlib --crate-name empty --print native-static-libs -o empty.a)
if(TARGET)
  list(APPEND args --target "${TARGET}")
endif()
file(WRITE empty.rs "// An archive of the standard library alone.\n")
execute_process(COMMAND "${RUSTC}" ${args} empty.rs ERROR_VARIABLE notes RESULT_VARIABLE result)
file(REMOVE empty.rs empty.a)
if(NOT result EQUAL 0 OR NOT notes MATCHES "native-static-libs: ([^\n]*)")
  message(FATAL_ERROR "rustc told no native libraries: ${notes}")
endif()
string(REPLACE " " ";" wanted "${CMAKE_MATCH_1}")
list(REMOVE_ITEM wanted -lgcc_s)
list(TRANSFORM LIBS PREPEND "-l")
if(NOT "${wanted}" STREQUAL "${LIBS}")
  message(FATAL_ERROR "rustc asks for '${wanted}', OTAKIT_NATIVE_LIBS is '${LIBS}'")
endif()
