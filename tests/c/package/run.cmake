# SPDX-License-Identifier: MIT OR Apache-2.0
# CASE install: installs into WORK and moves the tree. CASE cmake, pkgconfig: builds and runs programs against it.
cmake_minimum_required(VERSION 3.18)

set(prefix "${WORK}/moved here")

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "failed (${result}): ${command}\n${output}")
  endif()
endfunction()

# Programs that run to success by themselves.
set(onenet "")
if(ONENET)
  set(onenet onenet)
  if(SHARED)
    list(APPEND onenet onenet_shared)
  endif()
endif()

function(check program expected)
  run("${CMAKE_COMMAND}" "-DNM=${NM}" "-DPROGRAM=${program}" "-DEXPECTED=${expected}" -P "${CHECK}")
endfunction()

set(kinds static)
if(SHARED)
  list(APPEND kinds shared)
endif()

if(CASE STREQUAL "install")
  file(REMOVE_RECURSE "${WORK}")
  run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/first")
  file(RENAME "${WORK}/first" "${prefix}")

elseif(CASE STREQUAL "cmake")
  file(REMOVE_RECURSE "${WORK}/cmake")
  run("${CMAKE_COMMAND}" -S "${SOURCE}" -B "${WORK}/cmake" -G "${GENERATOR}"
      "-DCMAKE_PREFIX_PATH=${prefix}" "-DCMAKE_C_COMPILER=${CC}" "-DCMAKE_C_FLAGS=${CFLAGS}"
      "-DWANTED_VERSION=${VERSION}")
  run("${CMAKE_COMMAND}" --build "${WORK}/cmake")
  foreach(kind IN LISTS kinds)
    check("${WORK}/cmake/${kind}_defaults" default)
    check("${WORK}/cmake/${kind}_firmware" firmware)
  endforeach()
  foreach(program IN LISTS onenet)
    run("${WORK}/cmake/${program}")
  endforeach()

else()
  # pkg-config and Make know no spaces in paths.
  set(plain "${WORK}/plain")
  file(REMOVE_RECURSE "${plain}" "${WORK}/pkgconfig")
  file(COPY "${prefix}/" DESTINATION "${plain}")
  file(MAKE_DIRECTORY "${WORK}/pkgconfig")
  set(ENV{PKG_CONFIG_PATH} "${plain}/${LIBDIR}/pkgconfig")
  set(ENV{LD_LIBRARY_PATH} "${plain}/${LIBDIR}:$ENV{LD_LIBRARY_PATH}")
  list(JOIN kinds " " kind_words)
  list(JOIN onenet " " onenet_words)
  run("${MAKE}" -f "${SOURCE}/Makefile" -C "${WORK}/pkgconfig" "KINDS=${kind_words}" "SOURCE=${SOURCE}" "ONENET=${onenet_words}"
      "CC=${CC} ${CFLAGS}" "PKG_CONFIG=${PKG_CONFIG}")
  foreach(kind IN LISTS kinds)
    check("${WORK}/pkgconfig/${kind}_defaults" default)
    check("${WORK}/pkgconfig/${kind}_firmware" firmware)
  endforeach()
  foreach(program IN LISTS onenet)
    run("${WORK}/pkgconfig/${program}")
  endforeach()
endif()
