# SPDX-License-Identifier: MIT OR Apache-2.0
# The archive was prelinked, and Rust's printer of backtraces is out of it.
file(READ "${FILE}" said)
if(NOT said MATCHES "^prelinked by " OR said MATCHES "printer of backtraces stays")
  message(FATAL_ERROR "the archive is not as it should be: '${said}' (the build's output says why)")
endif()
