#include "base/directory_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/directory.h"

um_status um_directory_lock(const char *path, const char *work, int *descriptor, um_error *error) {
    *descriptor = -1;
    UM_TRY(um_directory_make(path, false, error));
    *descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*descriptor < 0) {
        return um_error_set_errno(error, errno, "%s: cannot open the output directory", path);
    }
    if (flock(*descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        um_directory_unlock(descriptor);
        return UM_RAISE(error, UM_ERR_IO,
                        "%s: another %s is writing there; wait for it, or write to another "
                        "directory",
                        path, work);
    }
    return UM_OK;
}

void um_directory_unlock(int *descriptor) {
    if (*descriptor >= 0) {
        (void)close(*descriptor);
        *descriptor = -1;
    }
}
