# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds libotakit.a through cargo, into ${PROJECT_BINARY_DIR}/lib, and libotakit.so out of it.

# Options to cargo features --------------------------------------------------------------------------------------------
set(otakit_features ${OTAKIT_PLATFORMS})
if(OTAKIT_MQTT)
  list(APPEND otakit_features mqtt)
endif()
if(OTAKIT_SIGNATURE)
  list(APPEND otakit_features signature)
endif()
if(OTAKIT_DELTA)
  list(APPEND otakit_features delta)
endif()
if(OTAKIT_TLS STREQUAL "rustls")
  list(APPEND otakit_features tls)
elseif(OTAKIT_TLS STREQUAL "hal")
  list(APPEND otakit_features hal-ssl)
endif()
if(OTAKIT_DRIVER STREQUAL "polled")
  list(APPEND otakit_features polled)
endif()
if(OTAKIT_LAB)
  list(APPEND otakit_features lab)
endif()
list(JOIN otakit_features "," otakit_feature_list)

# What the library shows and asks for, by the manifests ------------------------------------------------------------------
set(otakit_export_parts native ${OTAKIT_PLATFORMS})
set(otakit_import_parts ${OTAKIT_PLATFORMS})
if("linkkit" IN_LIST OTAKIT_PLATFORMS)
  list(APPEND otakit_export_parts native-linkkit)
  if(OTAKIT_MQTT)
    list(APPEND otakit_export_parts mqtt)
    list(APPEND otakit_import_parts mqtt)
  else()
    list(APPEND otakit_import_parts module)
  endif()
endif()
if(OTAKIT_MQTT AND "onenet" IN_LIST OTAKIT_PLATFORMS)
  list(APPEND otakit_export_parts onenet-mqtt)
endif()
if(OTAKIT_TLS STREQUAL "hal")
  list(APPEND otakit_import_parts hal-ssl)
endif()

# otakit_read_manifests(KIND): otakit_KIND_lists, their files, and otakit_KINDs, the names in them.
macro(otakit_read_manifests kind)
  set(otakit_${kind}_lists "")
  set(otakit_${kind}s "")
  foreach(part IN LISTS otakit_${kind}_parts)
    set(list "${PROJECT_SOURCE_DIR}/abi/${kind}s-${part}.txt")
    list(APPEND otakit_${kind}_lists "${list}")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${list}")
    file(STRINGS "${list}" lines REGEX "^[A-Za-z_]")
    foreach(line IN LISTS lines)
      string(REGEX MATCH "^[A-Za-z0-9_]+" name "${line}")
      list(APPEND otakit_${kind}s ${name})
    endforeach()
  endforeach()
  list(REMOVE_DUPLICATES otakit_${kind}s)
  list(SORT otakit_${kind}s)
endmacro()
otakit_read_manifests(export)
otakit_read_manifests(import)

# OneNET's names are generic. Where they share a library with another platform, a program that uses the other one may have
# an `ota_init` of its own: ours give way.
set(otakit_weak_exports "")
if("onenet" IN_LIST OTAKIT_PLATFORMS AND NOT OTAKIT_PLATFORMS STREQUAL "onenet")
  file(STRINGS "${PROJECT_SOURCE_DIR}/abi/exports-onenet.txt" otakit_weak_exports REGEX "^(ota|dev_token)_")
  list(TRANSFORM otakit_weak_exports REPLACE "[^A-Za-z0-9_].*" "")
endif()

# Cargo's flags and folders ------------------------------------------------------------------------------------------------
set(otakit_cargo_args "")
set(otakit_cargo_out "${OTAKIT_CARGO_TARGET_DIR}")
if(otakit_rust_target)
  set(otakit_cargo_args --target ${otakit_rust_target})
  string(APPEND otakit_cargo_out "/${otakit_rust_target}")
endif()
if(OTAKIT_CARGO_PROFILE STREQUAL "dev")
  string(APPEND otakit_cargo_out "/debug")
else()
  string(APPEND otakit_cargo_out "/${OTAKIT_CARGO_PROFILE}")
endif()
set(otakit_rustflags "")
foreach(map IN LISTS otakit_path_maps)
  list(APPEND otakit_rustflags "--remap-path-prefix=${map}")
endforeach()
# Thumb instructions do the same in a third less room. Rust's own target for them asks for NEON, which not all have.
if(otakit_rust_target MATCHES "^armv7-.*eabihf$" AND OTAKIT_CARGO_PROFILE STREQUAL "size")
  list(APPEND otakit_rustflags "-Ctarget-feature=+thumb-mode")
endif()
# A rustc from elsewhere than cargo's own.
get_filename_component(otakit_cargo_bin "${OTAKIT_CARGO}" DIRECTORY)
get_filename_component(otakit_rustc_bin "${OTAKIT_RUSTC}" DIRECTORY)
if(NOT otakit_cargo_bin STREQUAL otakit_rustc_bin)
  list(APPEND otakit_cargo_env "RUSTC=${OTAKIT_RUSTC}")
endif()

# The libraries that Rust's standard library needs, `rustc --print native-static-libs` (a test compares), except for the
# unwinder: every compiler driver brings that by itself, the right one for static and shared programs.
set(otakit_lib_dir "${PROJECT_BINARY_DIR}/lib")
set(OTAKIT_NATIVE_LIBS util rt pthread m dl c)
set(otakit_unwinder "")
set(otakit_shared ${OTAKIT_SHARED})
if(otakit_triple MATCHES "musl")
  set(OTAKIT_NATIVE_LIBS c)
  # Rust brings its own unwinder for musl, which goes where libotakit.a goes.
  set(otakit_unwinder "${otakit_target_libdir}/self-contained/libunwind.a")
  if(EXISTS "${otakit_unwinder}")
    set(OTAKIT_NATIVE_LIBS unwind c)
    configure_file("${otakit_unwinder}" "${otakit_lib_dir}/libunwind.a" COPYONLY)
  else()
    set(otakit_unwinder "")
  endif()
  if(otakit_shared)
    message(STATUS "otakit: no shared library: Rust's targets for musl are made for programs that are linked statically")
    set(otakit_shared OFF)
  endif()
endif()

# Linkers that may prelink: the compiler's own GNU ld, what CMake found, LLVM's, and the one that comes with rustc --------
set(otakit_linkers ${OTAKIT_PRELINK_LINKERS})
if(OTAKIT_PRELINK AND NOT otakit_linkers)
  foreach(name ld.bfd ld.lld)
    execute_process(COMMAND ${otakit_cc} -print-prog-name=${name} OUTPUT_VARIABLE otakit_linker_${name}
                    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endforeach()
  execute_process(COMMAND "${OTAKIT_RUSTC}" --print target-libdir OUTPUT_VARIABLE otakit_match
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  get_filename_component(otakit_match "${otakit_match}/../bin/gcc-ld/ld.lld" ABSOLUTE)
  set(otakit_linkers "${otakit_linker_ld.bfd}" "${CMAKE_LINKER}" "${otakit_linker_ld.lld}" "${otakit_match}")
endif()

# The tools for object files -------------------------------------------------------------------------------------------------
# CMake looks for them by the compiler's name. Where a compiler for another machine is called something of its own, it finds
# this machine's, and GNU objcopy for one machine may leave another's objects as they are and say that all is well. The
# compiler knows its own. (Not `ar`: every toolchain file names that one, and any GNU ar does.)
set(otakit_objcopy "${CMAKE_OBJCOPY}")
set(otakit_readelf "${CMAKE_READELF}")
if(CMAKE_CROSSCOMPILING OR otakit_rust_target)
  foreach(name objcopy readelf)
    execute_process(COMMAND ${otakit_cc} -print-prog-name=${name} OUTPUT_VARIABLE otakit_match
                    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(IS_ABSOLUTE "${otakit_match}" AND EXISTS "${otakit_match}")
      set(otakit_${name} "${otakit_match}")
    endif()
  endforeach()
endif()

# The command ------------------------------------------------------------------------------------------------------------
set(otakit_archive "${otakit_lib_dir}/libotakit.a")
configure_file("${PROJECT_SOURCE_DIR}/cmake/BuildRust.cmake.in" "${PROJECT_BINARY_DIR}/BuildRust.cmake" @ONLY)

file(GLOB_RECURSE otakit_rust_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.rs" "${PROJECT_SOURCE_DIR}/core/*.rs")
set(otakit_stamp "${PROJECT_BINARY_DIR}/otakit-rust.stamp")
add_custom_command(
  OUTPUT "${otakit_stamp}"
  BYPRODUCTS "${otakit_archive}"
  COMMAND "${CMAKE_COMMAND}" -P "${PROJECT_BINARY_DIR}/BuildRust.cmake"
  COMMAND "${CMAKE_COMMAND}" -E touch "${otakit_stamp}"
  DEPENDS ${otakit_rust_sources} ${otakit_export_lists} ${otakit_import_lists}
          "${PROJECT_SOURCE_DIR}/Cargo.toml" "${PROJECT_SOURCE_DIR}/Cargo.lock" "${PROJECT_SOURCE_DIR}/core/Cargo.toml"
          "${PROJECT_BINARY_DIR}/BuildRust.cmake" "${PROJECT_SOURCE_DIR}/cmake/Prelink.cmake"
          "${PROJECT_SOURCE_DIR}/cmake/CargoFlags.cmake" "${PROJECT_SOURCE_DIR}/cmake/quiet.c.in"
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
  COMMENT "cargo, profile ${OTAKIT_CARGO_PROFILE}, features ${otakit_feature_list}"
  USES_TERMINAL VERBATIM)
add_custom_target(otakit_rust ALL DEPENDS "${otakit_stamp}")
# A stamp, because an archive with the same bytes keeps its time. (ninja looks at every file by itself.)
set(otakit_written_together "${otakit_stamp}|${otakit_archive}")
if(CMAKE_GENERATOR MATCHES "Makefiles")
  add_custom_target(otakit_check_files COMMAND "${CMAKE_COMMAND}" -P "${PROJECT_BINARY_DIR}/Missing.cmake" VERBATIM)
  add_dependencies(otakit_rust otakit_check_files)
endif()

# otakit_plain_name(TARGET): files have the names that pkg-config and the CMake package say, whatever a project around this
# one adds to its own.
function(otakit_plain_name target)
  string(TOUPPER "DEBUG;RELEASE;RELWITHDEBINFO;MINSIZEREL;${CMAKE_BUILD_TYPE};${CMAKE_CONFIGURATION_TYPES}" configs)
  foreach(config IN LISTS configs)
    set_target_properties(${target} PROPERTIES ${config}_POSTFIX "")
  endforeach()
  set_target_properties(${target} PROPERTIES PREFIX lib)
endfunction()

# The shared libraries: linked by the C compiler, as any other here, out of the archive --------------------------------------
# otakit_add_shared(TARGET NAME LIBRARY...)
# (The first leaves HAL_* to the program that loads it, also where a distribution's flags ask for whole libraries.)
function(otakit_add_shared target name)
  add_library(${target} SHARED "${PROJECT_SOURCE_DIR}/cmake/shared.c")
  add_dependencies(${target} otakit_rust)
  set(base "${otakit_lib_dir}/lib${name}.so")
  list(APPEND otakit_written_together "${base}.${PROJECT_VERSION}|${base}.${PROJECT_VERSION_MAJOR}|${base}")
  set(otakit_written_together "${otakit_written_together}" PARENT_SCOPE)
  otakit_plain_name(${target})
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${name} VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
    LIBRARY_OUTPUT_DIRECTORY "${otakit_lib_dir}/$<0:>"
    LINK_DEPENDS "${otakit_archive};${PROJECT_BINARY_DIR}/exports.map")
  list(TRANSFORM otakit_exports PREPEND "-Wl,-u," OUTPUT_VARIABLE roots)
  foreach(map IN LISTS otakit_c_path_maps)
    target_compile_options(${target} PRIVATE "-ffile-prefix-map=${map}")
  endforeach()
  target_link_options(${target} PRIVATE ${roots} "-Wl,--version-script=${PROJECT_BINARY_DIR}/exports.map"
    -Wl,--gc-sections -Wl,-O1 -Wl,-z,relro -Wl,-z,now -Wl,-z,nodelete)
  # Only those that it really needs.
  target_link_libraries(${target} PRIVATE "${otakit_archive}" ${ARGN} -Wl,--as-needed ${OTAKIT_NATIVE_LIBS})
endfunction()

if(otakit_shared)
  list(JOIN otakit_exports ";\n    " otakit_map)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/exports.map" CONTENT
       "{\n  global:\n    ${otakit_map};\n  local:\n    *;\n};\n" @ONLY)
  set(otakit_soname "libotakit.so.${PROJECT_VERSION_MAJOR}")
  set(otakit_so "${otakit_lib_dir}/libotakit.so.${PROJECT_VERSION}")
  otakit_add_shared(otakit_so otakit)
  # Among the libraries: behind the flags for every shared library.
  target_link_libraries(otakit_so PRIVATE -Wl,--unresolved-symbols=ignore-all)
endif()
