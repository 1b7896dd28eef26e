/* Scales of Q4_K and Q6_K by search.
 *
 * In both formats, each sub-block of a super-block of 256 elements has a small integer scale (and,
 * in Q4_K, a minimum), in units that the super-block stores as f16.  Given the quants q, the best
 * scale and minimum of a sub-block are a linear least-squares fit; given scale and minimum, the
 * best quants are the nearest ones.  So: try several scales around the one that spans the range,
 * fit after each, keep the best; round the fits to multiples of a common unit; look at the
 * neighbouring multiples; fit the units themselves to the quants; take the nearest quants. */
#include <math.h>
#include <string.h>

#include "tensor/quantise_internal.h"

/* Sums are split into LANES interleaved parts, so that the compiler can vectorise them. */
#define LANES 8

#define SUPER 256

static float sum_of(const float lanes[LANES]) {
    return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) +
           ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

/* max(low, min(high, round(value))), for integers low > -64 and high. */
static float nearest(float value, float low, float high) {
    value = value > low ? value : low;
    value = value < high ? value : high;
    return (float)((int)(value + 64.5f) - 64);
}

/* The sums over elements x and their quants q that a least-squares fit needs. */
typedef struct moments {
    float q;
    float qq;
    float xq;
} moments;

/* The moments of x and of the quants in [low, high] that are nearest to x * inverse + offset. */
static moments moments_of(const float *x, size_t count, float inverse, float offset, float low,
                          float high) {
    float q_lanes[LANES] = {0};
    float qq_lanes[LANES] = {0};
    float xq_lanes[LANES] = {0};
    for (size_t i = 0; i < count; i += LANES) {
        for (size_t j = 0; j < LANES; j++) {
            const float q = nearest(x[i + j] * inverse + offset, low, high);
            q_lanes[j] += q;
            qq_lanes[j] += q * q;
            xq_lanes[j] += q * x[i + j];
        }
    }
    return (moments){sum_of(q_lanes), sum_of(qq_lanes), sum_of(xq_lanes)};
}

/* Sum of (x - (step q - least))^2 with the nearest quants. */
static float error_of(const float *x, size_t count, float step, float least, float low,
                      float high) {
    const float inverse = step < 0 || step > 0 ? 1.0f / step : 0.0f;
    float lanes[LANES] = {0};
    for (size_t i = 0; i < count; i += LANES) {
        for (size_t j = 0; j < LANES; j++) {
            const float q = nearest((x[i + j] + least) * inverse, low, high);
            const float difference = x[i + j] - (step * q - least);
            lanes[j] += difference * difference;
        }
    }
    return sum_of(lanes);
}

/* ---- Q4_K: x = step q - least, q of 0 to 15, both numbers not negative ------ */

#define SUBS_4 8
#define SUB_4 32
#define CANDIDATES_4 13

typedef struct line {
    float step;
    float least;
} line;

/* The least-squares line, with the constraint least >= 0. */
static line fit_line(moments m, float sum_x, float count) {
    const float determinant = count * m.qq - m.q * m.q;
    line fit = {0, 0};
    if (determinant > 0) {
        fit.step = (count * m.xq - sum_x * m.q) / determinant;
        fit.least = (fit.step * m.q - sum_x) / count;
    }
    if (determinant <= 0 || fit.least < 0) {
        fit.step = m.qq > 0 ? m.xq / m.qq : 0;
        fit.least = 0;
    }
    return fit;
}

/* The best line of a sub-block on its own. */
static line search_line(const float *x) {
    float lowest = 0;
    float highest = x[0];
    float sum = 0;
    for (size_t i = 0; i < SUB_4; i++) {
        lowest = x[i] < lowest ? x[i] : lowest;
        highest = x[i] > highest ? x[i] : highest;
        sum += x[i];
    }
    line best = {0, -lowest};
    if (!(highest > lowest)) {
        return best;
    }
    float least_error = INFINITY;
    for (int candidate = 0; candidate < CANDIDATES_4; candidate++) {
        const float inverse = (13.5f + 0.25f * (float)candidate) / (highest - lowest);
        line fit = fit_line(moments_of(x, SUB_4, inverse, -lowest * inverse, 0, 15), sum, SUB_4);
        if (fit.step > 0) { /* once more, with the quants of the fit */
            const float again = 1.0f / fit.step;
            fit = fit_line(moments_of(x, SUB_4, again, fit.least * again, 0, 15), sum, SUB_4);
        }
        const float error =
            fit.step > 0 ? error_of(x, SUB_4, fit.step, fit.least, 0, 15) : INFINITY;
        if (error < least_error) {
            least_error = error;
            best = fit;
        }
    }
    return best;
}

typedef struct block_4 {
    float d;
    float m;
    uint8_t scales[SUBS_4];
    uint8_t minimums[SUBS_4];
    float error;
} block_4;

static uint8_t multiple_of(float value, float unit, int maximum) {
    const int nearest_multiple = unit > 0 ? (int)(value / unit + 0.5f) : 0;
    return (uint8_t)(nearest_multiple > maximum ? maximum : nearest_multiple);
}

/* Replace the given multiples of d and m by the best pair among them and their neighbours, and
 * return its error. */
static float refine_pair(const float *x, const block_4 *block, uint8_t *scale, uint8_t *minimum) {
    const int first_scale = *scale;
    const int first_minimum = *minimum;
    float least_error = INFINITY;
    for (int i = -1; i <= 1; i++) {
        for (int j = -1; j <= 1; j++) {
            const int a = first_scale + i;
            const int b = first_minimum + j;
            if (a < 0 || a > 63 || b < 0 || b > 63) {
                continue;
            }
            const float error = error_of(x, SUB_4, block->d * (float)a, block->m * (float)b, 0, 15);
            if (error < least_error) {
                least_error = error;
                *scale = (uint8_t)a;
                *minimum = (uint8_t)b;
            }
        }
    }
    return least_error;
}

/* Choose the multiples of block->d and block->m that fit best, starting from those nearest to the
 * lines. */
static void choose_multiples(const float *source, const line lines[SUBS_4], block_4 *block) {
    block->error = 0;
    for (size_t sub = 0; sub < SUBS_4; sub++) {
        block->scales[sub] = multiple_of(lines[sub].step, block->d, 63);
        block->minimums[sub] = multiple_of(lines[sub].least, block->m, 63);
        block->error +=
            refine_pair(source + sub * SUB_4, block, &block->scales[sub], &block->minimums[sub]);
    }
}

/* The units that fit the quants of `block` best: least squares in d and m over the super-block, in
 * which element i of sub-block s is d (a_s q_i) - m b_s. */
static block_4 fit_units_4(const float *source, const block_4 *block) {
    double dd = 0, dm = 0, mm = 0, xd = 0, xm = 0;
    for (size_t sub = 0; sub < SUBS_4; sub++) {
        const float *x = source + sub * SUB_4;
        const float step = block->d * (float)block->scales[sub];
        const float inverse = step > 0 ? 1.0f / step : 0.0f;
        const float offset = block->m * (float)block->minimums[sub] * inverse;
        const moments found = moments_of(x, SUB_4, inverse, offset, 0, 15);
        const double a = block->scales[sub];
        const double b = block->minimums[sub];
        double sum = 0;
        for (size_t i = 0; i < SUB_4; i++) {
            sum += (double)x[i];
        }
        dd += a * a * (double)found.qq;
        dm += a * b * (double)found.q;
        mm += b * b * SUB_4;
        xd += a * (double)found.xq;
        xm += b * sum;
    }
    block_4 fitted = *block;
    const double determinant = dd * mm - dm * dm;
    if (determinant > 0) {
        fitted.d = um_round_to_f16((float)((xd * mm - xm * dm) / determinant));
        fitted.m = um_round_to_f16((float)((xd * dm - xm * dd) / determinant));
    } else if (dd > 0) {
        fitted.d = um_round_to_f16((float)(xd / dd));
    }
    return fitted;
}

static block_4 search_block_4(const float *source) {
    line lines[SUBS_4];
    float largest_step = 0;
    float largest_least = 0;
    for (size_t sub = 0; sub < SUBS_4; sub++) {
        lines[sub] = search_line(source + sub * SUB_4);
        largest_step = fmaxf(largest_step, lines[sub].step);
        largest_least = fmaxf(largest_least, lines[sub].least);
    }
    block_4 best = {.d = um_round_to_f16(largest_step / 63.0f),
                    .m = um_round_to_f16(largest_least / 63.0f)};
    choose_multiples(source, lines, &best);
    for (int round = 0; round < 2; round++) {
        block_4 next = fit_units_4(source, &best);
        if (!(next.d > 0 && next.m >= 0)) {
            break;
        }
        next.error = 0;
        for (size_t sub = 0; sub < SUBS_4; sub++) {
            next.error +=
                refine_pair(source + sub * SUB_4, &next, &next.scales[sub], &next.minimums[sub]);
        }
        if (!(next.error < best.error)) {
            break;
        }
        best = next;
    }
    return best;
}

static void pack_scales_4(const block_4 *block, uint8_t packed[12]) {
    for (size_t sub = 0; sub < 4; sub++) {
        packed[sub] = (uint8_t)(block->scales[sub] | block->scales[sub + 4] >> 4 << 6);
        packed[sub + 4] = (uint8_t)(block->minimums[sub] | block->minimums[sub + 4] >> 4 << 6);
        packed[sub + 8] =
            (uint8_t)((block->scales[sub + 4] & 15) | (block->minimums[sub + 4] & 15) << 4);
    }
}

void um_quantise_q4_k_block(const float *source, uint8_t *target) {
    const block_4 block = search_block_4(source);
    um_put_f16(target, block.d);
    um_put_f16(target + 2, block.m);
    pack_scales_4(&block, target + 4);
    uint8_t *low = target + 16;
    memset(low, 0, SUPER / 2);
    for (size_t i = 0; i < SUPER; i++) {
        const size_t sub = i / SUB_4;
        const float step = block.d * (float)block.scales[sub];
        const float least = block.m * (float)block.minimums[sub];
        const float inverse = step > 0 ? 1.0f / step : 0.0f;
        const int q = (int)nearest((source[i] + least) * inverse, 0, 15);
        low[sub / 2 * 32 + i % SUB_4] |= (uint8_t)(q << (sub % 2 * 4));
    }
}

/* ---- Q6_K: x = step q, q of -32 to 31 ------------------------------------------ */

#define SUBS_6 16
#define SUB_6 16
#define CANDIDATES_6 13

/* The best step of a sub-block on its own.  Its sign is such that the element of largest magnitude
 * gets a q near -32. */
static float search_step(const float *x) {
    float largest = 0;
    for (size_t i = 0; i < SUB_6; i++) {
        largest = fabsf(x[i]) > fabsf(largest) ? x[i] : largest;
    }
    float best = 0;
    float best_gain = 0;
    if (!(fabsf(largest) > 0)) {
        return 0;
    }
    for (int candidate = 0; candidate < CANDIDATES_6; candidate++) {
        const float inverse = -(31.0f + 0.2f * (float)candidate) / largest;
        const moments found = moments_of(x, SUB_6, inverse, 0, -32, 31);
        /* With the step xq / qq, the squared error is that of step 0 minus this gain. */
        const float gain = found.qq > 0 ? found.xq * found.xq / found.qq : 0;
        if (gain > best_gain) {
            best_gain = gain;
            best = found.xq / found.qq;
        }
    }
    return best;
}

typedef struct block_6 {
    float d;
    int8_t scales[SUBS_6];
    float error;
} block_6;

/* Replace the given multiple of d by the best among it and its neighbours, and return its error. */
static float refine_scale(const float *x, float d, int8_t *scale) {
    const int first = *scale;
    float least_error = INFINITY;
    for (int a = first - 1; a <= first + 1; a++) {
        if (a < -128 || a > 127) {
            continue;
        }
        const float error = error_of(x, SUB_6, d * (float)a, 0, -32, 31);
        if (error < least_error) {
            least_error = error;
            *scale = (int8_t)a;
        }
    }
    return least_error;
}

static void refine_scales(const float *source, block_6 *block) {
    block->error = 0;
    for (size_t sub = 0; sub < SUBS_6; sub++) {
        block->error += refine_scale(source + sub * SUB_6, block->d, &block->scales[sub]);
    }
}

static block_6 fit_unit_6(const float *source, const block_6 *block) {
    double dd = 0, xd = 0;
    for (size_t sub = 0; sub < SUBS_6; sub++) {
        const float step = block->d * (float)block->scales[sub];
        const float inverse = step < 0 || step > 0 ? 1.0f / step : 0.0f;
        const moments found = moments_of(source + sub * SUB_6, SUB_6, inverse, 0, -32, 31);
        const double a = block->scales[sub];
        dd += a * a * (double)found.qq;
        xd += a * (double)found.xq;
    }
    block_6 fitted = *block;
    fitted.d = dd > 0 ? um_round_to_f16((float)(xd / dd)) : block->d;
    return fitted;
}

static int8_t signed_multiple(float value, float unit) {
    const float multiple = unit < 0 || unit > 0 ? roundf(value / unit) : 0.0f;
    return (int8_t)(multiple > 127 ? 127 : multiple < -128 ? -128 : multiple);
}

static block_6 search_block_6(const float *source) {
    float steps[SUBS_6];
    float largest = 0;
    for (size_t sub = 0; sub < SUBS_6; sub++) {
        steps[sub] = search_step(source + sub * SUB_6);
        largest = fabsf(steps[sub]) > fabsf(largest) ? steps[sub] : largest;
    }
    block_6 best = {.d = um_round_to_f16(largest / -128.0f)};
    for (size_t sub = 0; sub < SUBS_6; sub++) {
        best.scales[sub] = signed_multiple(steps[sub], best.d);
    }
    refine_scales(source, &best);
    for (int round = 0; round < 2; round++) {
        block_6 next = fit_unit_6(source, &best);
        refine_scales(source, &next);
        if (!(next.error < best.error)) {
            break;
        }
        best = next;
    }
    return best;
}

void um_quantise_q6_k_block(const float *source, uint8_t *target) {
    const block_6 block = search_block_6(source);
    uint8_t *low = target;
    uint8_t *high = target + 128;
    memset(target, 0, 192);
    for (size_t i = 0; i < SUPER; i++) {
        const float step = block.d * (float)block.scales[i / SUB_6];
        const float inverse = step < 0 || step > 0 ? 1.0f / step : 0.0f;
        const int q = (int)nearest(source[i] * inverse, -32, 31) + 32;
        const size_t half = i / 128, r = i % 128 / 32, at = i % 32;
        low[half * 64 + r % 2 * 32 + at] |= (uint8_t)((q & 15) << (r < 2 ? 0 : 4));
        high[half * 32 + at] |= (uint8_t)(q >> 4 << (2 * r));
    }
    memcpy(target + 192, block.scales, SUBS_6);
    um_put_f16(target + 208, block.d);
}
