# SPDX-License-Identifier: MIT OR Apache-2.0
# otakit::<platform>         the static library, with the platform's headers
# otakit::<platform>_shared  the shared library
# otakit::hal                the POSIX defaults of HAL_* (comes along by itself with gcc, see below)

# Platforms share header names: each program sees those of its own platform alone.
add_library(otakit_headers INTERFACE)
target_include_directories(otakit_headers INTERFACE "${PROJECT_SOURCE_DIR}/include")
add_library(otakit::headers ALIAS otakit_headers)
foreach(platform IN LISTS OTAKIT_PLATFORMS)
  add_library(otakit_headers_${platform} INTERFACE)
  target_include_directories(otakit_headers_${platform} INTERFACE "${PROJECT_SOURCE_DIR}/include/${platform}")
  target_link_libraries(otakit_headers_${platform} INTERFACE otakit_headers)
endforeach()

add_subdirectory(hal/posix)
set_target_properties(otakit_hal PROPERTIES ARCHIVE_OUTPUT_DIRECTORY "${otakit_lib_dir}/$<0:>")
add_library(otakit::hal ALIAS otakit_hal)

# The firmware's HAL_* always win -----------------------------------------------------------------------------------------
# A linker takes a function from the first archive that has it when it is asked for. The defaults must therefore be the
# very last archive of the line, and a firmware's archive must count even when it comes before libotakit.a. Neither is
# in the hands of whoever lists the libraries: CMake sorts them by dependency, pkg-config prints ours as one block, and
# a wrong order is silent. A spec file settles both for gcc, on any line: it asks for the imports from the first input on
# and puts the defaults after the last one. Other compilers ignore spec files: there nothing comes by itself, a missing
# HAL function is a link error, and `otakit::hal` is to be linked last.
list(TRANSFORM otakit_imports PREPEND "-u " OUTPUT_VARIABLE otakit_import_options)
list(JOIN otakit_import_options " " otakit_import_options)
configure_file(cmake/otakit-hal.specs.in "${otakit_lib_dir}/otakit-hal.specs" @ONLY)

# For the project's own programs, in the folders that call this: the defaults last with those other compilers too.
macro(otakit_defaults_last)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "GNU")
    foreach(otakit_language C CXX)
      string(APPEND CMAKE_${otakit_language}_STANDARD_LIBRARIES " \"${otakit_lib_dir}/libotakit_hal.a\"")
    endforeach()
  endif()
endmacro()

set(otakit_is_gcc "$<OR:$<LINK_LANG_AND_ID:C,GNU>,$<LINK_LANG_AND_ID:CXX,GNU>>")

function(otakit_define_library target location)
  set_target_properties(${target} PROPERTIES
    IMPORTED_LOCATION "${location}"
    INTERFACE_LINK_OPTIONS
      "$<${otakit_is_gcc}:-specs=${otakit_lib_dir}/otakit-hal.specs>;$<${otakit_is_gcc}:-L${otakit_lib_dir}>"
    INTERFACE_LINK_DEPENDS "$<TARGET_FILE:otakit_hal>;${otakit_lib_dir}/otakit-hal.specs")
  add_dependencies(${target} otakit_rust otakit_hal)
endfunction()

foreach(platform IN LISTS OTAKIT_PLATFORMS)
  # The imported archive itself is what programs link: behind an interface library it would be a dependency of theirs,
  # and CMake would sort the firmware's own libraries before it.
  add_library(otakit_${platform} STATIC IMPORTED GLOBAL)
  otakit_define_library(otakit_${platform} "${otakit_archive}")
  target_link_libraries(otakit_${platform} INTERFACE otakit_headers_${platform} ${OTAKIT_NATIVE_LIBS})
  add_library(otakit::${platform} ALIAS otakit_${platform})

  if(otakit_shared)
    add_library(otakit_${platform}_shared SHARED IMPORTED GLOBAL)
    otakit_define_library(otakit_${platform}_shared "${otakit_so}")
    add_dependencies(otakit_${platform}_shared otakit_so)
    set_target_properties(otakit_${platform}_shared PROPERTIES IMPORTED_SONAME "${otakit_soname}")
    target_link_libraries(otakit_${platform}_shared INTERFACE otakit_headers_${platform})
    add_library(otakit::${platform}_shared ALIAS otakit_${platform}_shared)
  endif()
endforeach()

# For programs that load the library while they run and have no HAL functions to offer: the same with the defaults inside.
set(otakit_posix OFF)
if(otakit_shared AND OTAKIT_MQTT AND NOT OTAKIT_TLS STREQUAL "hal")
  set(otakit_posix ON)
  otakit_add_shared(otakit_posix otakit_posix otakit_hal)
  target_link_options(otakit_posix PRIVATE -Wl,-z,defs)
endif()

configure_file(cmake/Missing.cmake.in "${PROJECT_BINARY_DIR}/Missing.cmake" @ONLY)
