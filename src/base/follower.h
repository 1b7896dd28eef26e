/* A thread that processes items in order while their producer is still making more: for example,
 * programs are judged while later ones are still being written. */
#ifndef UM_BASE_FOLLOWER_H
#define UM_BASE_FOLLOWER_H

#include "base/watch.h"

typedef struct um_follower um_follower;

typedef struct um_follower_setup {
    /* Work on items first .. first + count - 1, all of which are ready; stop when `watch` says so.
     * Only the follower's thread calls this, in the order of the items. */
    um_status (*work)(void *user, size_t first, size_t count, const um_watch *watch,
                      um_error *error);
    void *user;
    size_t most;      /* items per call; 0: all that are ready */
    const char *name; /* name of the work, for messages: "judging" */
} um_follower_setup;

um_status um_follower_start(const um_follower_setup *setup, um_follower **follower,
                            um_error *error);

/* Announce that the first `ready` items are final; `ready` must not decrease.  Once the work has
 * failed, this returns its failure: nothing more will be worked on. */
um_status um_follower_announce(um_follower *follower, size_t ready, um_error *error);

/* Wait until all announced items are done.  `watch` (may be NULL) is told now and then how many
 * are, and may end the waiting (UM_ERR_CANCELLED), but not the work.  It must not call the
 * follower. */
um_status um_follower_wait(um_follower *follower, const um_watch *watch, um_error *error);

/* Seconds that the finished calls of `work` have taken. */
double um_follower_seconds(um_follower *follower);

/* End the work early, wait for the thread and free the follower; unfinished items may stay
 * unfinished.  NULL is allowed. */
void um_follower_free(um_follower *follower);

#endif
