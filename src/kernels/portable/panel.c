#include "kernels/portable/panel.h"

#include <math.h>

#include "kernels/weight_block.h"

/* ---- Wide types -------------------------------------------------------------------------- */

/* Up to 32 stored values, followed by zeros. */
static void load_wide(um_dtype dtype, const uint16_t *stored, size_t count,
                      float values[UM_PACK_BLOCK]) {
    uint16_t halves[UM_PACK_BLOCK] = {0};
    memcpy(halves, stored, count * sizeof *halves);
    if (dtype == UM_DTYPE_BF16) {
        for (size_t i = 0; i < UM_PACK_BLOCK; i++) {
            values[i] = um_float_of_bits((uint32_t)halves[i] << 16);
        }
        return;
    }
#if defined(__aarch64__)
    for (size_t i = 0; i < UM_PACK_BLOCK; i += UM_V4_LANES) {
        vst1q_f32(values + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(halves + i))));
    }
#else
    um_convert_to_f32(dtype, halves, values, UM_PACK_BLOCK);
#endif
}

/* Halves are rounded away from zero, which is exact for values with at most 16 significant bits. */
static void read_wide_block(um_dtype dtype, const uint8_t *row, size_t block, size_t k,
                            um_weight_block *out) {
    float values[UM_PACK_BLOCK];
    const uint8_t *at = row + um_dtype_row_bytes(dtype, block * UM_PACK_BLOCK);
    load_wide(dtype, (const uint16_t *)(const void *)at, um_pack_block_count(k, block), values);
    um_ints most = {0};
    for (size_t i = 0; i < UM_PACK_BLOCK; i += UM_V4_LANES) {
        most = um_v4_larger_bits(most, um_v4_magnitude_bits(um_v4_load_whole(values + i)));
    }
    const float largest = um_v4_largest_of_bits(most);
    *out = (um_weight_block){.sub_blocks = 1};
    if (!isfinite(largest) || largest < UM_PACK_SMALLEST) {
        out->scales[0] = isfinite(largest) ? 0.0f : NAN;
        return;
    }
    /* 2^(e - 12) and its inverse (packed.h). */
    uint32_t exponent = 0;
    memcpy(&exponent, &largest, sizeof exponent);
    exponent >>= 23;
    exponent = dtype == UM_DTYPE_F16 && exponent < 113 ? 113 : exponent;
    out->scales[0] = um_float_of_bits((exponent - 12) << 23);
    const float inverse = um_float_of_bits((254 - exponent + 12) << 23);
    for (size_t i = 0; i < UM_PACK_BLOCK; i++) {
        const float scaled = values[i] * inverse;
        out->q[i] = (int16_t)(scaled + copysignf(0.5f, scaled));
    }
}

/* ---- Turning ----------------------------------------------------------------------------- */

#if defined(__clang__)
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else /* gcc has the other since version 12 only */
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (um_shorts){__VA_ARGS__})
#endif

static UM_ALWAYS_INLINE um_shorts zip_low(um_shorts a, um_shorts b) {
    return SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

static UM_ALWAYS_INLINE um_shorts zip_high(um_shorts a, um_shorts b) {
    return SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/* out[e]: element e of each of the eight rows.  Three rounds of zipping rows that are half of all
 * apart. */
static void turn_shorts(const um_weight_block read[UM_PORTABLE_PANEL_COLUMNS], size_t first,
                        um_shorts out[UM_PORTABLE_PANEL_COLUMNS]) {
    um_shorts next[UM_PORTABLE_PANEL_COLUMNS];
    for (size_t c = 0; c < UM_PORTABLE_PANEL_COLUMNS; c++) {
        memcpy(&out[c], read[c].q + first, sizeof out[c]);
    }
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < UM_PORTABLE_PANEL_COLUMNS / 2; i++) {
            next[2 * i] = zip_low(out[i], out[i + UM_PORTABLE_PANEL_COLUMNS / 2]);
            next[2 * i + 1] = zip_high(out[i], out[i + UM_PORTABLE_PANEL_COLUMNS / 2]);
        }
        memcpy(out, next, sizeof next);
    }
}

/* Elements first .. first + 15 of eight columns, four of a column side by side. */
static void turn_bytes(const um_weight_block read[UM_PORTABLE_PANEL_COLUMNS], size_t first,
                       um_bytes out[UM_PORTABLE_PANEL_COLUMNS]) {
    int8_t turned[4][UM_PORTABLE_PANEL_COLUMNS][4]; /* [group][column][element] */
    for (size_t c = 0; c < UM_PORTABLE_PANEL_COLUMNS; c++) {
        for (size_t i = 0; i < 16; i++) {
            turned[i / 4][c][i % 4] = (int8_t)read[c].q[first + i];
        }
    }
    memcpy(out, turned, sizeof turned);
}

/* ---- Panels ------------------------------------------------------------------------------ */

static void store_block(bool bytes, const um_weight_block read[UM_PORTABLE_PANEL_COLUMNS],
                        size_t block, um_portable_panel *panel) {
    for (size_t c = 0; c < UM_PORTABLE_PANEL_COLUMNS; c++) {
        const size_t half = c / UM_V4_LANES, lane = c % UM_V4_LANES;
        panel->scales[block][0][half][lane] = read[c].scales[0];
        panel->scales[block][1][half][lane] = read[c].scales[1];
        panel->minimums[block][half][lane] = read[c].minimum;
    }
    const size_t first = block * UM_PACK_BLOCK;
    for (size_t e = 0; bytes && e < UM_PACK_BLOCK; e += 16) {
        turn_bytes(read, e, panel->weights.bytes + (first + e) / 2);
    }
    for (size_t e = 0; !bytes && e < UM_PACK_BLOCK; e += UM_PORTABLE_PANEL_COLUMNS) {
        turn_shorts(read, e, panel->weights.shorts + first + e);
    }
}

void um_portable_panel_unpack(um_dtype dtype, bool bytes, const uint8_t *rows, size_t k,
                              size_t columns, size_t first, size_t count,
                              um_portable_panel *panel) {
    const bool wide = um_pack_kind_of(dtype) == UM_PACK_WIDE;
    const size_t row_bytes = um_dtype_row_bytes(dtype, k);
    um_weight_block read[UM_PORTABLE_PANEL_COLUMNS];
    memset(read, 0, sizeof read);
    for (size_t block = 0; block < um_pack_blocks(count); block++) {
        for (size_t c = 0; c < columns; c++) {
            const size_t at = first / UM_PACK_BLOCK + block;
            if (wide) {
                read_wide_block(dtype, rows + c * row_bytes, at, k, &read[c]);
            } else {
                um_read_weight_block(dtype, rows + c * row_bytes, at, k, &read[c]);
            }
        }
        store_block(bytes, read, block, panel);
    }
}
