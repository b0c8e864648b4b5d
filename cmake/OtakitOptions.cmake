# SPDX-License-Identifier: MIT OR Apache-2.0
# The options that users set, and what is said about a wrong one.

# otakit_fail(TEXT...): ends the configuration. A leading blank keeps CMake from breaking the line.
function(otakit_fail)
  string(CONCAT text ${ARGN})
  message(FATAL_ERROR " otakit: ${text}")
endfunction()

set(otakit_top_level OFF)
if(CMAKE_SOURCE_DIR STREQUAL PROJECT_SOURCE_DIR)
  set(otakit_top_level ON)
endif()

# The one list of front doors is the feature `doors` of Cargo.toml.
string(REGEX MATCH "\ndoors = \\[([^]]*)\\]" otakit_match "${otakit_manifest}")
string(REGEX REPLACE "[\", ]+" ";" otakit_known_platforms "${CMAKE_MATCH_1}")
list(REMOVE_ITEM otakit_known_platforms "")

# Names that users may set, and names under which the build keeps what it found.
set(otakit_known_options
    OTAKIT_PLATFORMS OTAKIT_MQTT OTAKIT_SIGNATURE OTAKIT_TLS OTAKIT_LAB OTAKIT_SHARED OTAKIT_PRELINK
    OTAKIT_PRELINK_LINKERS OTAKIT_CARGO OTAKIT_RUSTC OTAKIT_CARGO_PROFILE OTAKIT_CARGO_TARGET_DIR OTAKIT_RUST_TARGET
    OTAKIT_BUILD_EXAMPLES OTAKIT_BUILD_TESTS OTAKIT_BUILD_BENCHES OTAKIT_WERROR)
set(otakit_known_names OTAKIT_QEMU OTAKIT_ARM_CC OTAKIT_HAS_CXX OTAKIT_HAS_CXX_LIBRARY OTAKIT_HAS_MALLINFO2
    OTAKIT_PKG_CONFIG OTAKIT_MAKE OTAKIT_HOST_CC)

# otakit_distance(VARIABLE A B): how many letters have to be added, dropped or changed to make one of the other.
function(otakit_distance variable a b)
  string(LENGTH "${a}" rows)
  string(LENGTH "${b}" columns)
  set(above "")
  foreach(j RANGE ${columns})
    list(APPEND above ${j})
  endforeach()
  if(rows GREATER 0)
    foreach(i RANGE 1 ${rows})
      math(EXPR at "${i} - 1")
      string(SUBSTRING "${a}" ${at} 1 letter)
      set(row ${i})
      set(left ${i})
      list(GET above 0 corner)
      foreach(j RANGE 1 ${columns})
        math(EXPR at "${j} - 1")
        string(SUBSTRING "${b}" ${at} 1 other)
        list(GET above ${j} up)
        set(best ${corner})
        if(NOT letter STREQUAL other)
          foreach(value ${left} ${up})
            if(value LESS best)
              set(best ${value})
            endif()
          endforeach()
          math(EXPR best "${best} + 1")
        endif()
        list(APPEND row ${best})
        set(left ${best})
        set(corner ${up})
      endforeach()
      set(above ${row})
    endforeach()
  endif()
  list(GET above -1 distance)
  set(${variable} ${distance} PARENT_SCOPE)
endfunction()

# A misspelt option would be ignored without a word. Inside another project, whose own variables may begin the same way,
# only what looks like a misspelling is refused.
function(otakit_refuse_unknown)
  get_directory_property(names VARIABLES)
  list(FILTER names INCLUDE REGEX "^[Oo][Tt][Aa][Kk][Ii][Tt]_")
  list(FILTER names EXCLUDE REGEX "^otakit_")
  list(REMOVE_ITEM names ${otakit_known_options} ${otakit_known_names})
  foreach(name IN LISTS names)
    string(TOUPPER "${name}" upper)
    set(least 1000)
    foreach(option IN LISTS otakit_known_options)
      otakit_distance(distance "${upper}" "${option}")
      if(distance LESS least)
        set(least ${distance})
        set(nearest ${option})
      endif()
    endforeach()
    if(otakit_top_level OR least LESS 4)
      # Otherwise the wrong name would stay in the cache and be refused for ever.
      unset(${name} CACHE)
      otakit_fail("there is no option ${name}; the nearest one is ${nearest}")
    endif()
  endforeach()
endfunction()
otakit_refuse_unknown()

# What is in the library -----------------------------------------------------------------------------------------------
set(OTAKIT_PLATFORMS linkkit CACHE STRING "Front doors to build, a list of: ${otakit_known_platforms}")
option(OTAKIT_MQTT "Build the project's MQTT client; OFF: IOT_MQTT_* come from the firmware's SDK (module-only)" ON)
option(OTAKIT_SIGNATURE "Check signatures over images (Ed25519, ECDSA P-256, RSA)" ON)
set(OTAKIT_TLS rustls CACHE STRING "TLS: rustls (inside the library), hal (the firmware's HAL_SSL_*), none")
set_property(CACHE OTAKIT_TLS PROPERTY STRINGS rustls hal none)
option(OTAKIT_LAB "Environment variables redirect platform hosts to a local cloud; never in a shipped build" OFF)

# How it is built ------------------------------------------------------------------------------------------------------
set(otakit_default_shared ON)
if(DEFINED BUILD_SHARED_LIBS AND NOT BUILD_SHARED_LIBS)
  set(otakit_default_shared OFF)
endif()
option(OTAKIT_SHARED "Make the shared libraries as well" ${otakit_default_shared})
set(OTAKIT_CARGO_PROFILE release CACHE STRING "Cargo profile: release, size, or ci (quick to build, with line numbers)")
set(OTAKIT_CARGO_TARGET_DIR "${PROJECT_BINARY_DIR}/cargo" CACHE PATH "Cargo's target folder; build trees may share one")
set(OTAKIT_RUST_TARGET "" CACHE STRING "Rust target triple; empty: what the C compiler makes programs for")
option(OTAKIT_PRELINK "Leave nothing but the C API global in the archive, where the tools can" ON)
set(OTAKIT_PRELINK_LINKERS "" CACHE STRING "Linkers to prelink with, the first that can; empty: those that are found")
mark_as_advanced(OTAKIT_PRELINK_LINKERS)

# For those who work on the project: the preset `dev` sets them --------------------------------------------------------
option(OTAKIT_BUILD_EXAMPLES "Build examples_c" OFF)
option(OTAKIT_BUILD_TESTS "Build the C tests" OFF)
option(OTAKIT_BUILD_BENCHES "Build the programs of `make bench`" OFF)
option(OTAKIT_WERROR "Compiler warnings are errors" OFF)

foreach(platform IN LISTS OTAKIT_PLATFORMS)
  if(NOT platform IN_LIST otakit_known_platforms)
    list(JOIN otakit_known_platforms ", " otakit_known)
    otakit_fail("there is no platform '${platform}'; OTAKIT_PLATFORMS knows ${otakit_known}")
  endif()
endforeach()
if(NOT OTAKIT_PLATFORMS)
  otakit_fail("OTAKIT_PLATFORMS is empty: name at least one of ${otakit_known_platforms}")
endif()
if(NOT OTAKIT_TLS MATCHES "^(rustls|hal|none)$")
  otakit_fail("OTAKIT_TLS is rustls, hal or none, not '${OTAKIT_TLS}'")
endif()
if(NOT OTAKIT_CARGO_PROFILE MATCHES "^(release|size|ci|dev)$")
  otakit_fail("OTAKIT_CARGO_PROFILE is release, size, ci or dev, not '${OTAKIT_CARGO_PROFILE}'")
endif()

# otakit_c_options(TARGET): how the project's own C is compiled.
function(otakit_c_options target)
  if(CMAKE_C_COMPILER_ID MATCHES "^(GNU|Clang|AppleClang)$")
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic)
    if(OTAKIT_WERROR)
      target_compile_options(${target} PRIVATE -Werror)
    endif()
  endif()
endfunction()
