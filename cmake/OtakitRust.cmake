# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds libotakit.a and libotakit.so through cargo, into ${PROJECT_BINARY_DIR}/lib.

find_program(OTAKIT_CARGO cargo HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin")
if(NOT OTAKIT_CARGO)
  message(FATAL_ERROR "otakit: cargo was not found; set OTAKIT_CARGO")
endif()

# Options to cargo features --------------------------------------------------------------------------------------------
set(otakit_features "")
foreach(platform IN LISTS OTAKIT_PLATFORMS)
  if(NOT platform IN_LIST otakit_known_platforms)
    message(FATAL_ERROR "otakit: no platform '${platform}'; OTAKIT_PLATFORMS knows: ${otakit_known_platforms}")
  endif()
  list(APPEND otakit_features ${platform})
endforeach()
if(OTAKIT_MQTT)
  list(APPEND otakit_features mqtt)
endif()
if(OTAKIT_SIGNATURE)
  list(APPEND otakit_features signature)
endif()
if(OTAKIT_TLS STREQUAL "rustls")
  list(APPEND otakit_features tls)
elseif(OTAKIT_TLS STREQUAL "hal")
  list(APPEND otakit_features hal-ssl)
elseif(NOT OTAKIT_TLS STREQUAL "none")
  message(FATAL_ERROR "otakit: OTAKIT_TLS is rustls, hal or none, not '${OTAKIT_TLS}'")
endif()
if(OTAKIT_LAB)
  list(APPEND otakit_features lab)
endif()
list(JOIN otakit_features "," otakit_feature_list)

# OneNET's names are generic. Where its door shares a library with another's, a program that uses the other one may have
# an `ota_init` of its own: ours give way.
set(otakit_weak_exports "")
if("onenet" IN_LIST OTAKIT_PLATFORMS AND NOT OTAKIT_PLATFORMS STREQUAL "onenet")
  file(STRINGS "${PROJECT_SOURCE_DIR}/tests/abi/exports-onenet.txt" otakit_weak_exports REGEX "^(ota|dev_token)_")
endif()

# The target triple ----------------------------------------------------------------------------------------------------
set(otakit_rust_target "${OTAKIT_RUST_TARGET}")
if(NOT otakit_rust_target AND CMAKE_CROSSCOMPILING)
  string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" otakit_processor)
  if(otakit_processor MATCHES "^(aarch64|arm64)$")
    set(otakit_rust_target aarch64-unknown-linux-gnu)
  elseif(otakit_processor MATCHES "^(armv7.*|armhf|arm)$")
    set(otakit_rust_target armv7-unknown-linux-gnueabihf)
  elseif(otakit_processor MATCHES "^(x86_64|amd64)$")
    set(otakit_rust_target x86_64-unknown-linux-gnu)
  elseif(otakit_processor STREQUAL "riscv64")
    set(otakit_rust_target riscv64gc-unknown-linux-gnu)
  else()
    message(FATAL_ERROR "otakit: no Rust target known for '${CMAKE_SYSTEM_PROCESSOR}'; set OTAKIT_RUST_TARGET")
  endif()
endif()

set(otakit_cargo_env "")
set(otakit_cargo_args "")
set(otakit_cargo_out "${OTAKIT_CARGO_TARGET_DIR}")
if(otakit_rust_target)
  string(REPLACE "-" "_" otakit_target_name "${otakit_rust_target}")
  string(TOUPPER "${otakit_target_name}" otakit_target_upper)
  # The first is rustc's linker, the others are for the C and assembly inside crates.
  set(otakit_cargo_env
      CARGO_TARGET_${otakit_target_upper}_LINKER=${CMAKE_C_COMPILER}
      CC_${otakit_target_name}=${CMAKE_C_COMPILER}
      AR_${otakit_target_name}=${CMAKE_AR})
  # Thumb instructions do the same in a third less room. Rust's own target for them asks for NEON, which not all have.
  if(otakit_rust_target STREQUAL "armv7-unknown-linux-gnueabihf" AND OTAKIT_CARGO_PROFILE STREQUAL "size")
    list(APPEND otakit_cargo_env "CARGO_TARGET_${otakit_target_upper}_RUSTFLAGS=-Ctarget-feature=+thumb-mode")
  endif()
  set(otakit_cargo_args --target ${otakit_rust_target})
  string(APPEND otakit_cargo_out "/${otakit_rust_target}")
endif()
if(OTAKIT_CARGO_PROFILE STREQUAL "dev")
  string(APPEND otakit_cargo_out "/debug")
else()
  string(APPEND otakit_cargo_out "/${OTAKIT_CARGO_PROFILE}")
endif()

# musl's Rust targets link statically: rustc makes no shared library for them.
set(otakit_shared ON)
if(otakit_rust_target MATCHES "musl")
  set(otakit_shared OFF)
endif()

# Prelinking reads the list of exports off the shared library.
set(otakit_prelink OFF)
if(OTAKIT_PRELINK AND otakit_shared AND CMAKE_LINKER AND CMAKE_OBJCOPY AND CMAKE_NM)
  execute_process(COMMAND ${CMAKE_LINKER} --version OUTPUT_VARIABLE otakit_linker ERROR_QUIET)
  if(otakit_linker MATCHES "GNU ld")
    set(otakit_prelink ON)
  endif()
endif()
if(OTAKIT_PRELINK AND NOT otakit_prelink)
  message(STATUS "otakit: no prelinking for this target: the archive shows Rust's own symbols too")
endif()

# What rustc's standard library needs, `rustc --print native-static-libs` (a test compares).
find_program(OTAKIT_RUSTC rustc HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin")
set(otakit_lib_dir "${PROJECT_BINARY_DIR}/lib")
set(OTAKIT_NATIVE_LIBS gcc_s util rt pthread m dl c)
# A program without shared libraries takes the unwinder's archive.
if(CMAKE_EXE_LINKER_FLAGS MATCHES "(^| )-static( |$)")
  list(TRANSFORM OTAKIT_NATIVE_LIBS REPLACE "^gcc_s$" "gcc_eh")
endif()
set(otakit_unwinder "")
if(NOT otakit_shared)
  # Rust brings its own unwinder for musl, which goes where libotakit.a goes.
  set(OTAKIT_NATIVE_LIBS unwind c)
  execute_process(COMMAND "${OTAKIT_RUSTC}" --print sysroot OUTPUT_VARIABLE otakit_sysroot
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
  set(otakit_unwinder "${otakit_sysroot}/lib/rustlib/${otakit_rust_target}/lib/self-contained/libunwind.a")
  if(NOT EXISTS "${otakit_unwinder}")
    message(FATAL_ERROR "otakit: Rust's target ${otakit_rust_target} is not installed (rustup target add)")
  endif()
  file(COPY "${otakit_unwinder}" DESTINATION "${otakit_lib_dir}")
endif()

# The command ----------------------------------------------------------------------------------------------------------
set(otakit_archive "${otakit_lib_dir}/libotakit.a")
set(otakit_soname "libotakit.so.${PROJECT_VERSION_MAJOR}")
set(otakit_so "${otakit_lib_dir}/libotakit.so.${PROJECT_VERSION}")
set(otakit_products "${otakit_archive}")
if(otakit_shared)
  list(APPEND otakit_products "${otakit_so}" "${otakit_lib_dir}/${otakit_soname}" "${otakit_lib_dir}/libotakit.so")
endif()

configure_file("${PROJECT_SOURCE_DIR}/cmake/BuildRust.cmake.in" "${PROJECT_BINARY_DIR}/BuildRust.cmake" @ONLY)

file(GLOB_RECURSE otakit_rust_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.rs")
set(otakit_stamp "${PROJECT_BINARY_DIR}/otakit-rust.stamp")
add_custom_command(
  OUTPUT "${otakit_stamp}"
  BYPRODUCTS ${otakit_products}
  COMMAND "${CMAKE_COMMAND}" -P "${PROJECT_BINARY_DIR}/BuildRust.cmake"
  COMMAND "${CMAKE_COMMAND}" -E touch "${otakit_stamp}"
  DEPENDS ${otakit_rust_sources}
          "${PROJECT_SOURCE_DIR}/Cargo.toml" "${PROJECT_SOURCE_DIR}/Cargo.lock" "${PROJECT_SOURCE_DIR}/build.rs"
          "${PROJECT_BINARY_DIR}/BuildRust.cmake" "${PROJECT_SOURCE_DIR}/cmake/quiet.c.in"
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
  COMMENT "cargo build --profile ${OTAKIT_CARGO_PROFILE} --features ${otakit_feature_list}"
  USES_TERMINAL VERBATIM)
add_custom_target(otakit_rust ALL DEPENDS "${otakit_stamp}")
