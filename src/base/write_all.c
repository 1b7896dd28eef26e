#include "base/write_all.h"

#include <errno.h>
#include <unistd.h>

int um_write_all(int descriptor, const void *bytes, size_t length) {
    const char *next = bytes;
    while (length > 0) {
        const ssize_t count = write(descriptor, next, length);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return count < 0 ? errno : EIO;
        }
        next += count;
        length -= (size_t)count;
    }
    return 0;
}
