/* A callback that is told the progress of a long operation and may end it. */
#ifndef UM_BASE_WATCH_H
#define UM_BASE_WATCH_H

#include "base/status.h"

/* Zero-initialise for no callback. */
typedef struct um_watch {
    /* `done` of `total` bytes, samples or programs are finished; returning false ends the operation
     * with UM_ERR_CANCELLED. */
    bool (*progress)(void *user, size_t done, size_t total);
    void *user;
} um_watch;

/* Tell the watch (may be NULL); UM_ERR_CANCELLED if it wants the operation to end. */
static inline um_status um_watch_tell(const um_watch *watch, size_t done, size_t total,
                                      um_error *error) {
    if (!watch || !watch->progress || watch->progress(watch->user, done, total)) {
        return UM_OK;
    }
    return UM_RAISE(error, UM_ERR_CANCELLED, "cancelled");
}

#endif
