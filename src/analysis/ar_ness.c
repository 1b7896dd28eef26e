#include "analysis/ar_ness.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"

const char *um_ar_ness_pattern_name(um_ar_ness_pattern pattern) {
    static const char *const names[] = {
#define UM_AR_NESS_NAME(name, text) text,
        UM_AR_NESS_PATTERN_LIST(UM_AR_NESS_NAME)
#undef UM_AR_NESS_NAME
    };
    return names[pattern];
}

const char *um_ar_ness_start_name(um_ar_ness_start start) {
    static const char *const names[] = {
#define UM_AR_NESS_NAME(name, text) text,
        UM_AR_NESS_START_LIST(UM_AR_NESS_NAME)
#undef UM_AR_NESS_NAME
    };
    return names[start];
}

/* ---- Local ---------------------------------------------------------------- */

/* The place of commit `t`, from 0; for negative t, the places before the answer, of which -1 is the
 * last. */
static int64_t place_at(const um_commit_order *order, int64_t t) {
    return t < 0 ? t : (int64_t)order->commits[t].place;
}

static bool follows_sequence(const um_commit_order *order, int64_t t, int64_t k) {
    for (int64_t j = 1; j <= k; j++) {
        if (place_at(order, t - j) != place_at(order, t) - j) {
            return false;
        }
    }
    return true;
}

/* Places are distinct, so k of them fill k consecutive places if all lie within these. */
static bool follows_set(const um_commit_order *order, int64_t t, int64_t k) {
    const int64_t place = place_at(order, t);
    for (int64_t j = 1; j <= k; j++) {
        const int64_t before = place_at(order, t - j);
        if (before >= place || before < place - k) {
            return false;
        }
    }
    return true;
}

double um_ar_ness_local(const um_commit_order *order, size_t k, um_ar_ness_pattern pattern,
                        um_ar_ness_start start) {
    const size_t first = start == UM_START_PROMPT ? 0 : k;
    const size_t skipped = start == UM_START_SKIPPED ? k : 0;
    size_t held = 0;
    if (order->count <= skipped) {
        return (double)NAN;
    }
    for (size_t t = first; t < order->count; t++) {
        const bool holds = pattern == UM_PATTERN_SET
                               ? follows_set(order, (int64_t)t, (int64_t)k)
                               : follows_sequence(order, (int64_t)t, (int64_t)k);
        held += holds ? 1 : 0;
    }
    return (double)held / (double)(order->count - skipped);
}

/* ---- Global --------------------------------------------------------------- */

/* A Fenwick tree over places: how many of those before a given one are committed. */
static void tree_add(size_t *tree, size_t count, size_t place) {
    for (size_t i = place + 1; i <= count; i += i & (~i + 1)) {
        tree[i - 1]++;
    }
}

static size_t tree_before(const size_t *tree, size_t place) {
    size_t sum = 0;
    for (size_t i = place; i > 0; i -= i & (~i + 1)) {
        sum += tree[i - 1];
    }
    return sum;
}

um_status um_ar_ness_global(const um_commit_order *order, double global[UM_AR_NESS_MAXIMUM],
                            um_error *error) {
    size_t *tree = NULL;
    size_t by_rank[UM_AR_NESS_MAXIMUM] = {0};
    UM_TRY(um_allocate(&tree, order->place_count, sizeof *tree, "AR-ness", error));
    for (size_t t = 0; t < order->count; t++) {
        const size_t place = order->commits[t].place;
        const size_t masked_before = place - tree_before(tree, place);
        if (masked_before < UM_AR_NESS_MAXIMUM) {
            by_rank[masked_before]++;
        }
        tree_add(tree, order->place_count, place);
    }
    free(tree);
    size_t held = 0;
    for (size_t k = 0; k < UM_AR_NESS_MAXIMUM; k++) {
        held += by_rank[k];
        global[k] = order->count > 0 ? (double)held / (double)order->count : (double)NAN;
    }
    return UM_OK;
}
