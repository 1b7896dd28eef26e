# What `make install` installs; DESTDIR and CMAKE_INSTALL_PREFIX say where.

# A relative directory goes below ${prefix}, which pkg-config can then redefine.
set(UNMASK_PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(UNMASK_PC_LIBDIR "${CMAKE_INSTALL_LIBDIR}")
endif()
set(UNMASK_PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(UNMASK_PC_INCLUDEDIR "${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file(cmake/unmask.pc.in unmask.pc @ONLY)
configure_file(docs/unmask.1 docs/unmask.1 @ONLY)

install(TARGETS unmask_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS unmask unmask_shared
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/unmask.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_BINARY_DIR}/unmask.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${PROJECT_BINARY_DIR}/docs/unmask.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(EXISTS ${PROJECT_SOURCE_DIR}/models/tiny/config.json)
  install(DIRECTORY models/tiny DESTINATION ${CMAKE_INSTALL_DATADIR}/unmask/models)
endif()
