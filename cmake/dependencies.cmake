# Libraries from the system, found with pkg-config; docs/DEPENDENCIES.md says why each.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)

# Of the program only: training in several processes (src/train/collective_mpi.c).
set(UNMASK_WITH_MPI OFF)
if(UNMASK_MPI)
  pkg_search_module(MPI IMPORTED_TARGET ompi-c mpi-c mpich)
  if(MPI_FOUND)
    set(UNMASK_WITH_MPI ON)
  elseif(NOT UNMASK_MPI STREQUAL AUTO)
    message(FATAL_ERROR "UNMASK_MPI is ${UNMASK_MPI}, but pkg-config finds no MPI (ompi-c)")
  endif()
endif()

add_library(unmask_dependencies INTERFACE)
target_link_libraries(unmask_dependencies INTERFACE
  PkgConfig::JANSSON PkgConfig::PCRE2 PkgConfig::UTF8PROC PkgConfig::OPENBLAS PkgConfig::SECCOMP
  Threads::Threads m)

if(UNMASK_BUILD_TESTS)
  pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()
