# Language, warnings and build options, in one place.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

option(UNMASK_BUILD_TESTS "build the tests" ON)
option(UNMASK_SANITIZE "build with the address and undefined-behaviour sanitizers" OFF)
set(UNMASK_MPI AUTO CACHE STRING "training in several processes: ON, OFF, or AUTO where MPI is found")
set_property(CACHE UNMASK_MPI PROPERTY STRINGS AUTO ON OFF)
option(UNMASK_FUZZ "build the libFuzzer targets (clang only)" OFF)

# Contraction is off so that one source gives one result with every compiler.
add_library(unmask_warnings INTERFACE)
target_compile_options(unmask_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Werror -ffp-contract=off)
target_compile_definitions(unmask_warnings INTERFACE _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE)

if(UNMASK_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
if(UNMASK_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_link_options(-fsanitize=fuzzer-no-link)
endif()
