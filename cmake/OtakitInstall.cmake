# SPDX-License-Identifier: MIT OR Apache-2.0
# `cmake --install`: libraries, headers, CMake package, pkg-config. The installed tree may be moved as a whole.

include(CMakePackageConfigHelpers)
set(otakit_config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/otakit")
set(otakit_header_dir "${CMAKE_INSTALL_INCLUDEDIR}/otakit")

install(FILES "${otakit_archive}" "${otakit_lib_dir}/otakit-hal.specs" ${otakit_unwinder}
        DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(TARGETS otakit_hal ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
if(otakit_shared)
  install(TARGETS otakit_so LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
endif()
if(otakit_posix)
  install(TARGETS otakit_posix LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
endif()
install(FILES "${PROJECT_SOURCE_DIR}/include/otakit.h" DESTINATION "${otakit_header_dir}")

configure_package_config_file(cmake/otakitConfig.cmake.in "${PROJECT_BINARY_DIR}/otakitConfig.cmake"
  INSTALL_DESTINATION "${otakit_config_dir}" PATH_VARS CMAKE_INSTALL_LIBDIR otakit_header_dir)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/otakitConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/otakitConfig.cmake" "${PROJECT_BINARY_DIR}/otakitConfigVersion.cmake"
        DESTINATION "${otakit_config_dir}")

# pkg-config finds the prefix from where its file lies.
file(RELATIVE_PATH otakit_pc_prefix "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
string(REGEX REPLACE "/$" "" otakit_pc_prefix "${otakit_pc_prefix}")
list(TRANSFORM OTAKIT_NATIVE_LIBS PREPEND "-l" OUTPUT_VARIABLE otakit_pc_native)
list(JOIN otakit_pc_native " " otakit_pc_native)
foreach(platform IN LISTS OTAKIT_PLATFORMS)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/${platform}" DESTINATION "${otakit_header_dir}")
  set(kinds otakit-${platform})
  if(otakit_shared)
    list(APPEND kinds otakit-${platform}-shared)
  endif()
  foreach(otakit_pc_name IN LISTS kinds)
    # The archive by its file name: `-lotakit` would take the shared library where both are installed.
    set(otakit_pc_libs "-l:libotakit.a ${otakit_pc_native}")
    set(otakit_pc_kind "static")
    if(otakit_pc_name MATCHES "-shared$")
      set(otakit_pc_libs "-lotakit")
      set(otakit_pc_kind "shared")
    endif()
    set(otakit_pc_lab "")
    if(OTAKIT_LAB)
      set(otakit_pc_lab ", LAB BUILD: never ship it")
    endif()
    configure_file(cmake/otakit.pc.in "${PROJECT_BINARY_DIR}/${otakit_pc_name}.pc" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/${otakit_pc_name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
  endforeach()
endforeach()
