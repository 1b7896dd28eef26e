/* A thread that works through a row of items behind whoever makes them: programs are judged while
 * later ones are still being written. */
#ifndef UM_BASE_FOLLOWER_H
#define UM_BASE_FOLLOWER_H

#include "base/watch.h"

typedef struct um_follower um_follower;

typedef struct um_follower_setup {
    /* Work on items first .. first + count - 1, all of which are ready; `watch` says when to give
     * up.  Called by the thread alone, in the order of the items. */
    um_status (*work)(void *user, size_t first, size_t count, const um_watch *watch,
                      um_error *error);
    void *user;
    size_t most;      /* items of a call; 0: all that are ready */
    const char *name; /* of the work, for messages: "judging" */
} um_follower_setup;

um_status um_follower_start(const um_follower_setup *setup, um_follower **follower,
                            um_error *error);

/* The first `ready` items are as they will stay, no fewer than before.  The failure is that of the
 * work, once it has failed: nothing more will be worked on. */
um_status um_follower_announce(um_follower *follower, size_t ready, um_error *error);

/* Wait until all that was announced is done.  `watch` (may be NULL) is told now and then how much
 * is, and may end the waiting, but not the work: UM_ERR_CANCELLED.  It must not call the follower.
 */
um_status um_follower_wait(um_follower *follower, const um_watch *watch, um_error *error);

/* Seconds that the work has taken; of use when it waits or has ended. */
double um_follower_seconds(um_follower *follower);

/* End the work at once; items that are not done by then may stay so.  NULL is allowed. */
void um_follower_free(um_follower *follower);

#endif
