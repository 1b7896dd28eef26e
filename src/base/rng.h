/* Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel Random
 * Numbers: As Easy as 1, 2, 3", SC 2011).  A draw is a pure function of the seed and of the place
 * where it is used, so it does not depend on threads, batches or call order. */
#ifndef UM_BASE_RNG_H
#define UM_BASE_RNG_H

#include <stdint.h>

/* What a draw is for: two purposes never share a number. */
typedef enum um_rng_purpose {
    UM_RNG_TOKEN = 1,      /* which token a masked position takes */
    UM_RNG_COMMIT,         /* which positions are committed */
    UM_RNG_MASK,           /* which positions the training loss masks */
    UM_RNG_MASK_RATE,      /* the rate of that mask */
    UM_RNG_DATA_ORDER,     /* the order of training documents */
    UM_RNG_INITIALISATION, /* initial weights */
    UM_RNG_ATTENTION,      /* annealed attention masks */
    UM_RNG_BOOTSTRAP       /* which groups a resample holds */
} um_rng_purpose;

/* The place of a draw.  `sequence` numbers samples, documents or tensors; `step` and
 * `position` count inside it. */
typedef struct um_rng_place {
    um_rng_purpose purpose;
    uint32_t sequence;
    uint32_t step;
    uint32_t position;
} um_rng_place;

/* Four independent 32-bit words. */
void um_rng_words(uint64_t seed, um_rng_place place, uint32_t words[4]);

/* Uniform on [0, 1), with 53 random bits. */
double um_rng_uniform(uint64_t seed, um_rng_place place);

/* Uniform on [0, bound), bound > 0 (multiply-shift; bias below 2^-32). */
uint32_t um_rng_below(uint64_t seed, um_rng_place place, uint32_t bound);

/* Standard normal (Box-Muller). */
double um_rng_normal(uint64_t seed, um_rng_place place);

#endif
