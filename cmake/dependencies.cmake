# System libraries, found with pkg-config; docs/DEPENDENCIES.md says why each is needed.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)

# For the program only: src/serve.
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)

# For the program only: training in several processes (src/collective/collective_mpi.c).
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

# An OpenBLAS built for one thread takes no lock around its buffers: two threads of a program that
# multiply at the same time now and then share a buffer and get wrong products.
if(NOT DEFINED UM_OPENBLAS_IS_THREAD_SAFE AND NOT CMAKE_CROSSCOMPILING)
  file(WRITE ${CMAKE_BINARY_DIR}/check_openblas.c
    "int openblas_get_parallel(void);\nint main(void) { return openblas_get_parallel() == 0; }\n")
  try_run(openblas_run openblas_compiled ${CMAKE_BINARY_DIR}/check_openblas
    ${CMAKE_BINARY_DIR}/check_openblas.c LINK_LIBRARIES PkgConfig::OPENBLAS)
  if(NOT openblas_compiled OR NOT openblas_run EQUAL 0)
    message(FATAL_ERROR "OpenBLAS is the serial build, which is not safe to call from several "
      "threads: install its threaded build (Debian: libopenblas-pthread-dev)")
  endif()
  set(UM_OPENBLAS_IS_THREAD_SAFE TRUE CACHE INTERNAL "OpenBLAS may be called from several threads")
endif()
