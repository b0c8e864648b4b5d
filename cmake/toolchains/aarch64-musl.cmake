# SPDX-License-Identifier: MIT OR Apache-2.0
# 64-bit ARM, musl, linked statically: cmake --toolchain cmake/toolchains/aarch64-musl.cmake …
#
# Debian has no compiler of its own for this: its one for glibc is told to take musl's headers and objects, which
# scripts/musl.sh puts into build/musl-aarch64 (or $OTAKIT_MUSL_ROOT).

if(DEFINED ENV{OTAKIT_MUSL_ROOT})
  set(otakit_musl_root "$ENV{OTAKIT_MUSL_ROOT}")
else()
  get_filename_component(otakit_musl_root "${CMAKE_CURRENT_LIST_DIR}/../../build/musl-aarch64" ABSOLUTE)
endif()
if(NOT EXISTS "${otakit_musl_root}/musl.specs")
  message(FATAL_ERROR "otakit: no musl in ${otakit_musl_root}; scripts/musl.sh puts it there")
endif()

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_AR aarch64-linux-gnu-ar)
set(CMAKE_C_FLAGS_INIT "-specs=${otakit_musl_root}/musl.specs")
set(CMAKE_CXX_FLAGS_INIT "-specs=${otakit_musl_root}/musl.specs")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -no-pie")
set(CMAKE_FIND_ROOT_PATH "${otakit_musl_root}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(OTAKIT_RUST_TARGET aarch64-unknown-linux-musl CACHE STRING "Rust target triple")
# Programs of the build run under qemu-user; without it the library and the examples still build.
find_program(OTAKIT_QEMU qemu-aarch64)
if(OTAKIT_QEMU)
  set(CMAKE_CROSSCOMPILING_EMULATOR "${OTAKIT_QEMU}")
endif()
