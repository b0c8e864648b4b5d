# SPDX-License-Identifier: MIT OR Apache-2.0
# 32-bit ARM with hardware floating point, glibc: cmake --toolchain cmake/toolchains/armv7.cmake …

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(CMAKE_C_COMPILER arm-linux-gnueabihf-gcc)
set(CMAKE_CXX_COMPILER arm-linux-gnueabihf-g++)
set(CMAKE_AR arm-linux-gnueabihf-ar)
set(CMAKE_FIND_ROOT_PATH /usr/arm-linux-gnueabihf)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
# Programs of the build run under qemu-user; without it the library and the examples still build.
find_program(OTAKIT_QEMU qemu-arm)
if(OTAKIT_QEMU)
  set(CMAKE_CROSSCOMPILING_EMULATOR "${OTAKIT_QEMU};-L;/usr/arm-linux-gnueabihf")
endif()
