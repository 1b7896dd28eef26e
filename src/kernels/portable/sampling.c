/* Sums and selections over rows of logits.  exponential_sums skips groups of vectors in which no
 * element counts, most of a peaked row, after one comparison. */
#include <math.h>

#include "kernels/portable/portable.h"
#include "kernels/portable/vector.h"
#include "kernels/quotient_bound.h"

#define UNROLLED 4 /* vectors that are added up in float, and their sum in double */

void um_portable_logit_range(size_t count, const float *x, float *maximum, float *magnitude) {
    um_floats largest = um_v4_splat(x[0]);
    um_ints bits = {0};
    size_t i = 0;
    for (; i + UM_V4_LANES <= count; i += UM_V4_LANES) {
        const um_floats value = um_v4_load_whole(x + i);
        largest = um_v4_select(value > largest, value, largest);
        bits = um_v4_larger_bits(bits, um_v4_magnitude_bits(value));
    }
    *maximum = largest[0];
    for (size_t j = 1; j < UM_V4_LANES; j++) {
        *maximum = largest[j] > *maximum ? largest[j] : *maximum;
    }
    for (; i < count; i++) {
        *maximum = x[i] > *maximum ? x[i] : *maximum;
        bits = um_v4_larger_bits(bits, um_v4_magnitude_bits(um_v4_splat(x[i])));
    }
    *magnitude = um_v4_largest_of_bits(bits);
}

void um_portable_exponential(size_t count, float shift, const float *x, float *y) {
    for (size_t i = 0; i < count; i += UM_V4_LANES) {
        const size_t lanes = um_v4_lanes_at(i, count);
        um_v4_store(y + i, lanes, um_v4_exp(um_v4_load(x + i, lanes) - um_v4_splat(shift)));
    }
}

/* Elements i .. i + 3, with those from `count` on replaced by minus infinity. */
static UM_ALWAYS_INLINE um_floats load_or_lowest(const float *x, size_t i, size_t count) {
    const size_t lanes = um_v4_lanes_at(i, count);
    if (lanes == UM_V4_LANES) {
        return um_v4_load_whole(x + i);
    }
    return um_v4_select(um_v4_first_lanes(lanes), um_v4_load(x + i, lanes), um_v4_splat(-INFINITY));
}

typedef struct weighing {
    float divisor;
    float shift;
    float above;
    float raw_above; /* no x up to this counts */
} weighing;

/* Up to UNROLLED vectors, `count` elements, whose weights go to `weights` unless it is NULL; the
 * sums over them in float. */
static UM_ALWAYS_INLINE void add_weights(const weighing *with, size_t count, const float *x,
                                         float *weights, double *sum, double *weighted) {
    um_floats values[UNROLLED];
    um_ints any = {0};
    for (size_t j = 0; j < UNROLLED; j++) {
        values[j] = load_or_lowest(x, j * UM_V4_LANES, count);
        any |= values[j] > um_v4_splat(with->raw_above);
    }
    if (!um_v4_any(any)) {
        for (size_t j = 0; weights && j < count; j++) {
            weights[j] = 0.0f;
        }
        return;
    }
    um_floats sums = um_v4_splat(0.0f), products = um_v4_splat(0.0f);
    for (size_t j = 0; j < UNROLLED; j++) {
        const um_floats z = values[j] / um_v4_splat(with->divisor);
        const um_ints counts = z > um_v4_splat(with->above);
        const um_floats d = um_v4_only(counts, z - um_v4_splat(with->shift));
        const um_floats weight = um_v4_only(counts, um_v4_exp(d));
        sums += weight;
        products += weight * d;
        if (weights && j * UM_V4_LANES < count) {
            um_v4_store(weights + j * UM_V4_LANES, count - j * UM_V4_LANES, weight);
        }
    }
    *sum += (double)um_v4_sum(sums);
    *weighted += (double)um_v4_sum(products);
}

void um_portable_exponential_sums(size_t count, float divisor, float shift, float above,
                                  const float *x, float *weights, double *sum, double *weighted) {
    const weighing with = {divisor, shift, above, um_quotient_bound(above, divisor)};
    double sums[2] = {0, 0};
    for (size_t i = 0; i < count; i += UNROLLED * UM_V4_LANES) {
        const size_t rest = count - i;
        add_weights(&with, rest < UNROLLED * UM_V4_LANES ? rest : UNROLLED * UM_V4_LANES, x + i,
                    weights ? weights + i : NULL, &sums[0], &sums[1]);
    }
    *sum = sums[0];
    if (weighted) {
        *weighted = sums[1];
    }
}

/* Whether any of UNROLLED vectors has an element of low .. high after the division. */
static UM_ALWAYS_INLINE bool is_any_inside(const float *x, float divisor, float low, float high) {
    um_ints any = {0};
    for (size_t j = 0; j < UNROLLED; j++) {
        const um_floats z = um_v4_load_whole(x + j * UM_V4_LANES) / um_v4_splat(divisor);
        any |= (z >= um_v4_splat(low)) & (z <= um_v4_splat(high));
    }
    return um_v4_any(any);
}

/* Within a group there is no branch, because it could not be predicted near the end of a nucleus:
 * an element that does not count is overwritten by the next. */
void um_portable_gather_range(size_t count, float divisor, float low, float high, uint32_t first,
                              const float *x, um_token_entries *entries) {
    um_token_entries to = *entries;
    for (size_t i = 0; i < count; i += UNROLLED * UM_V4_LANES) {
        const size_t end = count - i < UNROLLED * UM_V4_LANES ? count : i + UNROLLED * UM_V4_LANES;
        if (end - i == UNROLLED * UM_V4_LANES && !is_any_inside(x + i, divisor, low, high)) {
            continue;
        }
        for (size_t j = i; j < end; j++) {
            const float z = x[j] / divisor;
            to.values[to.count] = z;
            to.tokens[to.count] = first + (uint32_t)j;
            to.count += (size_t)(z >= low) & (size_t)(z <= high);
        }
    }
    entries->count = to.count;
}

/* Groups without an element that counts, most of a peaked row, are skipped. */
void um_portable_split_range(size_t count, float low, float high, float shift, uint32_t first,
                             const float *x, const float *weights, um_token_entries *entries,
                             double *sum, double *weighted) {
    um_token_entries to = *entries;
    const float least = low < high ? low : high;
    double sums[2] = {0, 0};
    for (size_t i = 0; i < count; i += UNROLLED * UM_V4_LANES) {
        const size_t end = count - i < UNROLLED * UM_V4_LANES ? count : i + UNROLLED * UM_V4_LANES;
        if (end - i == UNROLLED * UM_V4_LANES && !is_any_inside(x + i, 1.0f, least, INFINITY)) {
            continue;
        }
        for (size_t j = i; j < end; j++) {
            if (x[j] > high) {
                sums[0] += (double)weights[j];
                sums[1] += (double)(weights[j] * (x[j] - shift));
            } else if (x[j] >= low) {
                to.values[to.count] = x[j];
                to.weights[to.count] = weights[j];
                to.tokens[to.count++] = first + (uint32_t)j;
            }
        }
    }
    entries->count = to.count;
    *sum = sums[0];
    *weighted = sums[1];
}
