/* Budgets of denoising steps given as shares of an answer's length: half the steps of a short
 * answer are fewer than half those of a long one. */
#ifndef UM_EVAL_STEP_SHARE_H
#define UM_EVAL_STEP_SHARE_H

#include "base/status.h"

#define UM_STEP_SHARE_TEXT 24
#define UM_STEP_SHARE_LARGEST 1024

/* part / whole of the positions, 0 < part <= whole; zero: no budget is set. */
typedef struct um_step_share {
    size_t part;
    size_t whole;
} um_step_share;

static inline bool um_step_share_is_set(um_step_share share) {
    return share.whole > 0;
}

/* Read `length` bytes: "1/2", or "1" for the whole; both numbers at most UM_STEP_SHARE_LARGEST.
 * The result is in lowest terms; false, with *share untouched, for anything else. */
bool um_step_share_parse(const char *text, size_t length, um_step_share *share);

/* Write "1/2", or "1" for the whole. */
void um_step_share_format(um_step_share share, char text[UM_STEP_SHARE_TEXT]);

/* The share as a number; 0 if none is set. */
double um_step_share_value(um_step_share share);

/* The steps for an answer of `length` > 0 positions, rounded up. */
size_t um_step_share_steps(um_step_share share, size_t length);

#endif
