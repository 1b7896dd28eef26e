/* Directories that results are written to. */
#ifndef UM_BASE_DIRECTORY_H
#define UM_BASE_DIRECTORY_H

#include <stdbool.h>

#include "base/status.h"

/* Make the directory and any missing parents, with the permissions that the umask allows
 * (`is_private`: for the user alone).  A directory that exists is left as it is.  UM_ERR_IO. */
um_status um_directory_make(const char *path, bool is_private, um_error *error);

/* Check, without making anything, whether um_directory_make and then writing a file there can
 * succeed; the UM_ERR_IO message says why not. */
um_status um_directory_check(const char *path, um_error *error);

#endif
