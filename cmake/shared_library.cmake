# libunmask.so, from the objects of the static library.  Symbols are hidden
# except those that unmask.h marks with UM_API; the program and the tests link
# the static library, since they call functions inside the modules.

add_library(unmask_shared SHARED $<TARGET_OBJECTS:unmask>)
target_include_directories(unmask_shared PUBLIC include)
target_link_libraries(unmask_shared PRIVATE unmask_dependencies)
set_target_properties(unmask_shared PROPERTIES
  OUTPUT_NAME unmask
  LINKER_LANGUAGE C
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR})
if(NOT UNMASK_SANITIZE AND NOT APPLE)
  target_link_options(unmask_shared PRIVATE -Wl,--no-undefined)
endif()
