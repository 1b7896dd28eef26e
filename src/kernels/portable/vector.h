/* Vectors of four floats, in the C that gcc and clang translate for any processor; operations that
 * C has no name for are those of 64-bit ARM, and a fused multiply-add also that of x86.  Shared by
 * the kernels of this folder. */
#ifndef UM_KERNELS_PORTABLE_VECTOR_H
#define UM_KERNELS_PORTABLE_VECTOR_H

#include <string.h>

#include "kernels/float_bits.h"
#include "kernels/inline.h"
#include "kernels/kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#elif defined(__FMA__)
#include <immintrin.h>
#endif

#define UM_V4_LANES 4

typedef float um_floats __attribute__((vector_size(16)));
typedef int32_t um_ints __attribute__((vector_size(16))); /* also a mask: -1 for true */
typedef uint32_t um_bits __attribute__((vector_size(16)));
typedef int16_t um_shorts __attribute__((vector_size(16)));
typedef int8_t um_bytes __attribute__((vector_size(16)));

/* ---- Moving ------------------------------------------------------------------------------ */

static UM_ALWAYS_INLINE um_floats um_v4_splat(float value) {
    return (um_floats){value, value, value, value};
}

static UM_ALWAYS_INLINE um_floats um_v4_load_whole(const float *x) {
#if defined(__aarch64__)
    return vld1q_f32(x);
#else
    um_floats value;
    memcpy(&value, x, sizeof value);
    return value;
#endif
}

/* The first `lanes` of four floats, followed by zeros; nothing behind them is read.  A vector whose
 * lanes are counted off in a loop would be kept in memory: hence the array. */
static UM_ALWAYS_INLINE um_floats um_v4_load(const float *x, size_t lanes) {
    if (lanes >= UM_V4_LANES) {
        return um_v4_load_whole(x);
    }
    float part[UM_V4_LANES] = {0};
    for (size_t i = 0; i < lanes; i++) {
        part[i] = x[i];
    }
    return um_v4_load_whole(part);
}

static UM_ALWAYS_INLINE void um_v4_store(float *x, size_t lanes, um_floats value) {
    if (lanes >= UM_V4_LANES) {
        memcpy(x, &value, sizeof value);
        return;
    }
    float part[UM_V4_LANES];
    memcpy(part, &value, sizeof part);
    for (size_t i = 0; i < lanes; i++) {
        x[i] = part[i];
    }
}

/* Lanes in use from element i of `count` on. */
static inline size_t um_v4_lanes_at(size_t i, size_t count) {
    return count > i ? (count - i < UM_V4_LANES ? count - i : UM_V4_LANES) : 0;
}

/* True in the first `lanes` lanes. */
static UM_ALWAYS_INLINE um_ints um_v4_first_lanes(size_t lanes) {
    const int32_t count = (int32_t)(lanes < UM_V4_LANES ? lanes : UM_V4_LANES);
    return (um_ints){0, 1, 2, 3} < (um_ints){count, count, count, count};
}

/* ---- Arithmetic -------------------------------------------------------------------------- */

static UM_ALWAYS_INLINE um_floats um_v4_select(um_ints mask, um_floats yes, um_floats no) {
    return (um_floats)((mask & (um_ints)yes) | (~mask & (um_ints)no));
}

/* The value where the mask is true, else 0. */
static UM_ALWAYS_INLINE um_floats um_v4_only(um_ints mask, um_floats value) {
    return (um_floats)(mask & (um_ints)value);
}

static UM_ALWAYS_INLINE bool um_v4_any(um_ints mask) {
#if defined(__aarch64__)
    return vmaxvq_u32((um_bits)mask) != 0;
#else
    return (mask[0] | mask[1] | mask[2] | mask[3]) != 0;
#endif
}

/* a * b + c, rounded once. */
static UM_ALWAYS_INLINE um_floats um_v4_multiply_add(um_floats a, um_floats b, um_floats c) {
#if defined(__aarch64__)
    return vfmaq_f32(c, a, b);
#elif defined(__FMA__)
    return _mm_fmadd_ps(a, b, c);
#else
    for (size_t i = 0; i < UM_V4_LANES; i++) {
        c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    }
    return c;
#endif
}

static UM_ALWAYS_INLINE um_floats um_v4_square_root(um_floats x) {
#if defined(__aarch64__)
    return vsqrtq_f32(x);
#else
    for (size_t i = 0; i < UM_V4_LANES; i++) {
        x[i] = __builtin_sqrtf(x[i]);
    }
    return x;
#endif
}

/* *low += w[0] x[0] + ... + w[7] x[7] of the first four columns, *high of the last four; w[e] is
 * element e of eight columns.  The sums are exact. */
static UM_ALWAYS_INLINE void um_multiply_shorts(const um_shorts w[8], const int16_t *x,
                                                um_ints *low, um_ints *high) {
#if defined(__aarch64__)
    const int16x8_t factors = vld1q_s16(x);
#define UM_MULTIPLY_ELEMENT(e)                                                                     \
    *low = vmlal_laneq_s16(*low, vget_low_s16(w[e]), factors, e);                                  \
    *high = vmlal_high_laneq_s16(*high, w[e], factors, e);
    UM_MULTIPLY_ELEMENT(0)
    UM_MULTIPLY_ELEMENT(1)
    UM_MULTIPLY_ELEMENT(2)
    UM_MULTIPLY_ELEMENT(3)
    UM_MULTIPLY_ELEMENT(4)
    UM_MULTIPLY_ELEMENT(5)
    UM_MULTIPLY_ELEMENT(6)
    UM_MULTIPLY_ELEMENT(7)
#undef UM_MULTIPLY_ELEMENT
#else
    for (size_t e = 0; e < 8; e++) {
        for (size_t i = 0; i < UM_V4_LANES; i++) {
            (*low)[i] += (int32_t)w[e][i] * x[e];
            (*high)[i] += (int32_t)w[e][i + UM_V4_LANES] * x[e];
        }
    }
#endif
}

/* The same with four elements at a time: lane 4 c + e of w[2 g] is element 4 g + e of column c, and
 * of w[2 g + 1] of column 4 + c, for g < 4; x[16]. */
static UM_ALWAYS_INLINE void um_multiply_bytes(const um_bytes w[8], const int8_t *x, um_ints *low,
                                               um_ints *high) {
#if defined(__ARM_FEATURE_DOTPROD)
    const int8x16_t factors = vld1q_s8(x);
#define UM_MULTIPLY_GROUP(g)                                                                       \
    *low = vdotq_laneq_s32(*low, w[2 * (g)], factors, g);                                          \
    *high = vdotq_laneq_s32(*high, w[2 * (g) + 1], factors, g);
    UM_MULTIPLY_GROUP(0)
    UM_MULTIPLY_GROUP(1)
    UM_MULTIPLY_GROUP(2)
    UM_MULTIPLY_GROUP(3)
#undef UM_MULTIPLY_GROUP
#else
    for (size_t i = 0; i < 16; i++) {
        for (size_t c = 0; c < UM_V4_LANES; c++) {
            (*low)[c] += w[i / 4 * 2][c * 4 + i % 4] * x[i];
            (*high)[c] += w[i / 4 * 2 + 1][c * 4 + i % 4] * x[i];
        }
    }
#endif
}

/* In a fixed order: (0 + 2) + (1 + 3). */
static UM_ALWAYS_INLINE float um_v4_sum(um_floats x) {
    return (x[0] + x[2]) + (x[1] + x[3]);
}

/* The bits of the magnitudes, which have the order of the magnitudes, with NaN above infinity. */
static UM_ALWAYS_INLINE um_ints um_v4_magnitude_bits(um_floats x) {
    return (um_ints)x & 0x7FFFFFFF;
}

static UM_ALWAYS_INLINE um_ints um_v4_larger_bits(um_ints a, um_ints b) {
    const um_ints mask = a > b;
    return (mask & a) | (~mask & b);
}

/* The float whose magnitude bits are the largest of the four. */
static inline float um_v4_largest_of_bits(um_ints bits) {
    int32_t largest = bits[0];
    for (size_t i = 1; i < UM_V4_LANES; i++) {
        largest = bits[i] > largest ? bits[i] : largest;
    }
    return um_float_of_bits((uint32_t)largest);
}

/* exp(x) for x <= 88.3, relative error below 2e-7; 0 below -87.3 and for -infinity; NaN stays.
 * x = n ln 2 + r with |r| <= ln 2 / 2, and for exp(r) the polynomial of degree 5 with the smallest
 * relative error there (9.3e-8) among those that are 1 at 0.  Adding 1.5 * 2^23 rounds to an
 * integer and leaves it in the low bits. */
static UM_ALWAYS_INLINE um_floats um_v4_exp(um_floats x) {
    const um_floats lowest = um_v4_splat(-87.33654f), highest = um_v4_splat(88.3762f);
    const um_floats magic = um_v4_splat(12582912.0f);
    const um_floats clamped =
        um_v4_select(x < lowest, lowest, um_v4_select(x > highest, highest, x));
    const um_floats shifted = um_v4_multiply_add(clamped, um_v4_splat(1.44269504f), magic);
    const um_floats n = shifted - magic;
    /* ln 2 in two parts, so that n times the first is exact. */
    um_floats r = um_v4_multiply_add(n, um_v4_splat(-0.693359375f), clamped);
    r = um_v4_multiply_add(n, um_v4_splat(2.12194440e-4f), r);
    um_floats p = um_v4_splat(8.29027221e-3f);
    p = um_v4_multiply_add(p, r, um_v4_splat(4.18981612e-2f));
    p = um_v4_multiply_add(p, r, um_v4_splat(1.66676387e-1f));
    p = um_v4_multiply_add(p, r, um_v4_splat(4.99991477e-1f));
    p = um_v4_multiply_add(p, r, um_v4_splat(9.99999702e-1f));
    p = um_v4_multiply_add(p, r, um_v4_splat(1.0f));
    const um_floats scaled = (um_floats)((um_bits)p + ((um_bits)shifted << 23));
    return um_v4_select(x != x, x, um_v4_only(x >= lowest, scaled));
}

#endif
