# SPDX-License-Identifier: MIT OR Apache-2.0
# 64-bit ARM, glibc: cmake --toolchain cmake/toolchains/aarch64.cmake …

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_AR aarch64-linux-gnu-ar)
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
# Programs of the build run under qemu-user; without it the library and the examples still build.
find_program(OTAKIT_QEMU qemu-aarch64)
if(OTAKIT_QEMU)
  set(CMAKE_CROSSCOMPILING_EMULATOR "${OTAKIT_QEMU};-L;/usr/aarch64-linux-gnu")
endif()
