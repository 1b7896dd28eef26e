/* Caches: which rows a forward recomputes, and which keep their keys and values.
 *
 * With bidirectional attention every row changes whenever any token changes, so keeping rows is an
 * approximation, made because keys and values change little far from what was just decided.  A
 * policy is one function; to add one, write a file with it and list it in cache_policy.c.  With
 * block-causal attention the policies that follow the algorithm's blocks are exact instead: they
 * recompute the rows that can have changed (cache_plan.h).
 *
 * Whatever the policy, a row is recomputed when its token changed since the last forward, so no
 * decided position is ever seen as a mask; and so is every row that predicts a wanted position. */
#ifndef UM_DECODE_CACHE_POLICY_H
#define UM_DECODE_CACHE_POLICY_H

#include "base/status.h"

typedef enum um_cache_kind {
    UM_CACHE_NONE,
    UM_CACHE_PREFIX,
    UM_CACHE_DUAL,
    UM_CACHE_DELAYED,
    UM_CACHE_VICINITY,
    UM_CACHE_COUNT
} um_cache_kind;

/* What a policy sees. */
typedef struct um_cache_view {
    size_t length;
    const uint8_t *states; /* [length] of um_position_state */
    /* [length]: nonzero where the token changed since the last forward */
    const uint8_t *changed;
    /* The algorithm's current block, positions block_start .. block_end - 1. */
    size_t block_start;
    size_t block_end;
    size_t window;   /* the option cache_window */
    bool is_shifted; /* row p - 1 predicts position p */
} um_cache_view;

typedef struct um_cache_policy {
    const char *name;
    const char *summary;     /* one line for people */
    bool refreshes_at_block; /* all rows are recomputed when a block begins */
    bool has_window;         /* the option cache_window means something */
    size_t default_refresh;  /* of the option cache_refresh */
    /* Set recompute[length], preset to 0, for the rows to recompute; NULL: all rows. */
    void (*mark)(const um_cache_view *view, uint8_t *recompute);
} um_cache_policy;

/* The policies one by one, by um_cache_kind; NULL past the last. */
const um_cache_policy *um_cache_policy_at(size_t index);

/* By name; UM_ERR_ARGUMENT lists the known ones. */
um_status um_cache_find(const char *name, um_cache_kind *kind, um_error *error);

/* ---- For the files that implement policies -------------------------------- */

/* Mark rows start .. end - 1, and with shifted logits the row before them: it predicts the first.
 */
void um_cache_mark_range(const um_cache_view *view, size_t start, size_t end, uint8_t *recompute);

extern const um_cache_policy um_cache_prefix;
extern const um_cache_policy um_cache_dual;
extern const um_cache_policy um_cache_delayed;
extern const um_cache_policy um_cache_vicinity;

#endif
