/* Directories that results are written to. */
#ifndef UM_BASE_DIRECTORY_H
#define UM_BASE_DIRECTORY_H

#include <stdbool.h>

#include "base/status.h"

/* Make the directory, and those above it that are missing, with access for all that the umask
 * leaves (`is_private`: for the user alone).  One that is there is left as it is.  UM_ERR_IO. */
um_status um_directory_make(const char *path, bool is_private, um_error *error);

/* Whether um_directory_make and then writing a file there can work, without making anything:
 * UM_ERR_IO says what stands in the way. */
um_status um_directory_check(const char *path, um_error *error);

#endif
