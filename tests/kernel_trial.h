/* One round of comparing two versions of a kernel, for tests of kernels. */
#ifndef UM_TESTS_KERNEL_TRIAL_H
#define UM_TESTS_KERNEL_TRIAL_H

#include <math.h>

#include "guarded.h"

#include "base/rng.h"
#include "kernels/kernels.h"

#define EPSILON 1.2e-7 /* of f32, rounded up */

/* One round of a comparison. */
typedef struct trial {
    const um_kernels *fast;
    const um_kernels *plain;
    uint64_t seed;
    uint32_t drawn;
    guarded_set arrays;
} trial;

static inline size_t draw_below(trial *round, size_t bound) {
    const um_rng_place place = {.position = round->drawn++};
    return um_rng_below(round->seed, place, (uint32_t)bound);
}

/* Sizes around the widths of vectors and tiles, and some large ones. */
static inline size_t draw_size(trial *round) {
    static const size_t sizes[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  11, 12,  13,
                                   15, 16, 17, 23, 24, 25, 31, 33, 64, 97, 130, 257};
    return sizes[draw_below(round, sizeof sizes / sizeof *sizes)];
}

/* A size of a sum, which may have no terms. */
static inline size_t draw_depth(trial *round) {
    return draw_below(round, 30) ? draw_size(round) : 0;
}

/* How many elements a matrix takes whose rows are `stride` apart. */
static inline size_t strided_count(size_t rows, size_t columns, size_t stride) {
    return rows == 0 ? 0 : (rows - 1) * stride + columns;
}

static inline float *draw_floats(trial *round, size_t count, double deviation) {
    float *values = guarded_floats(&round->arrays, count);
    for (size_t i = 0; i < count; i++) {
        const um_rng_place place = {.step = 1, .position = round->drawn++};
        values[i] = (float)(deviation * um_rng_normal(round->seed, place));
    }
    return values;
}

static inline float *copy_of(trial *round, size_t count, const float *values) {
    return guarded_copy(&round->arrays, count, values);
}

static inline void assert_near(float a, float b, double limit) {
    const bool same = isnan(a) ? isnan(b) : isinf(a) || isinf(b) ? a == b : false;
    if (!same && !(fabs((double)a - (double)b) <= limit)) {
        fail_msg("%.9g, the plain version has %.9g; %.3g apart are allowed", (double)a, (double)b,
                 limit);
    }
}

static inline void assert_all_near(size_t count, const float *a, const float *b, double relative,
                                   double absolute) {
    for (size_t i = 0; i < count; i++) {
        assert_near(a[i], b[i], relative * fabs((double)b[i]) + absolute);
    }
}

#endif
