/* One writer of a directory at a time. */
#ifndef UM_BASE_DIRECTORY_LOCK_H
#define UM_BASE_DIRECTORY_LOCK_H

#include "base/status.h"

/* Make the output directory and its parents if they are missing, lock it, and set *descriptor for
 * um_directory_unlock (-1 if there is nothing to unlock).  UM_ERR_IO: another `work`, such as
 * "training", is writing there.  The lock ends with the process; on a file system without locks
 * every caller succeeds. */
um_status um_directory_lock(const char *path, const char *work, int *descriptor, um_error *error);

/* *descriptor, which may be -1, becomes -1. */
void um_directory_unlock(int *descriptor);

#endif
