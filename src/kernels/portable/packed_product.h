/* The kernels of packed.h: activations to integers, and y = x w^T of these and stored weights, in
 * tiles of up to 4 rows by 8 columns.  Narrow types are multiplied as bytes, where the processor
 * has an instruction for them, or as 16-bit integers like wide types.
 *
 * A parameter `bytes` is a constant at every call. */
#ifndef UM_KERNELS_PORTABLE_PACKED_PRODUCT_H
#define UM_KERNELS_PORTABLE_PACKED_PRODUCT_H

#include <math.h>

#include "kernels/bias.h"
#include "kernels/portable/panel.h"

/* ---- Activations ------------------------------------------------------------------------- */

#define VECTORS (UM_PACK_BLOCK / UM_V4_LANES) /* in a block */

/* Adding and subtracting it rounds a small number to the nearest integer, ties to even. */
#define ROUNDING 12582912.0f

/* The scale (returned), the integers and their sum of a block of `count` values. */
static inline float um_quantise(size_t count, const float *x, float limit, int16_t q[UM_PACK_BLOCK],
                                int32_t *sum) {
    um_floats values[VECTORS];
    um_ints most = {0};
    for (size_t i = 0; i < VECTORS; i++) {
        const size_t lanes = um_v4_lanes_at(i * UM_V4_LANES, count);
        values[i] = lanes > 0 ? um_v4_load(x + i * UM_V4_LANES, lanes) : um_v4_splat(0.0f);
        most = um_v4_larger_bits(most, um_v4_magnitude_bits(values[i]));
    }
    const float largest = um_v4_largest_of_bits(most);
    *sum = 0;
    if (!isfinite(largest) || largest < UM_PACK_SMALLEST) {
        memset(q, 0, UM_PACK_BLOCK * sizeof *q);
        return isfinite(largest) ? 0.0f : largest / limit; /* whatever the integers are: NaN */
    }
    const um_floats inverse = um_v4_splat(limit / largest), rounding = um_v4_splat(ROUNDING);
    um_ints sums = {0};
    for (size_t i = 0; i < VECTORS; i++) {
        const um_floats rounded = values[i] * inverse + rounding - rounding;
        const um_ints integers = __builtin_convertvector(rounded, um_ints);
        sums += integers;
        for (size_t j = 0; j < UM_V4_LANES; j++) {
            q[i * UM_V4_LANES + j] = (int16_t)integers[j];
        }
    }
    *sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    return largest / limit;
}

/* `count` values into block number `at` of all rows. */
static UM_ALWAYS_INLINE void pack_block(bool bytes, size_t count, const float *x, size_t at,
                                        const um_packed_rows *packed) {
    const bool narrow = packed->kind == UM_PACK_NARROW;
    int16_t q[UM_PACK_BLOCK];
    int32_t sum = 0;
    packed->scales[at] = um_quantise(count, x, narrow ? 127.0f : 8191.0f, q, &sum);
    if (narrow) {
        packed->scaled_sums[at] = packed->scales[at] * (float)sum;
    }
    if (narrow && bytes) {
        int8_t *target = (int8_t *)packed->integers + at * UM_PACK_BLOCK;
        for (size_t i = 0; i < UM_PACK_BLOCK; i++) {
            target[i] = (int8_t)q[i];
        }
    } else {
        memcpy((int16_t *)packed->integers + at * UM_PACK_BLOCK, q, sizeof q);
    }
}

/* pack_rows, with one byte for each integer of a narrow kind if `bytes`.  The layout is that of the
 * plain version: row after row, block after block. */
static UM_ALWAYS_INLINE void um_pack(bool bytes, um_pack_part part, const float *x, size_t x_stride,
                                     const um_packed_rows *packed) {
    const size_t blocks = um_pack_blocks(packed->k);
    for (size_t row = 0; row < part.row_count; row++) {
        for (size_t i = 0; i < part.block_count; i++) {
            const size_t block = part.first_block + i;
            pack_block(bytes, um_pack_block_count(packed->k, block),
                       x + row * x_stride + block * UM_PACK_BLOCK,
                       (part.first_row + row) * blocks + block, packed);
        }
    }
}

/* ---- The product -------------------------------------------------------------------------- */

#define TILE_ROWS 4

/* What differs between formats once they are unpacked. */
typedef struct tile_shape {
    bool bytes; /* otherwise integers have 16 bits */
    bool has_minimum;
    size_t sub_blocks;
} tile_shape;

typedef struct tile_arguments {
    const um_portable_panel *panel;
    size_t blocks; /* in the panel */
    /* Of the tile's rows, from the panel's first block on; rows are `row_blocks` blocks apart. */
    const void *integers;
    const float *scales;
    const float *scaled_sums; /* only with a minimum */
    size_t row_blocks;
    bool is_first; /* stretch of the rows' elements: totals start from zero */
    float *y;
    size_t y_stride;
} tile_arguments;

/* The integer sums of one sub-block: `count` elements, 16 or 32, from `from` on. */
static UM_ALWAYS_INLINE void sum_elements(bool bytes, size_t rows, size_t from, size_t count,
                                          const tile_arguments *t,
                                          um_ints sum[TILE_ROWS][UM_PORTABLE_PANEL_HALVES]) {
    const size_t row = t->row_blocks * UM_PACK_BLOCK;
    memset(sum, 0, rows * sizeof *sum);
    for (size_t e = from; bytes && e < from + count; e += 16) {
        const int8_t *x = (const int8_t *)t->integers + e;
        for (size_t i = 0; i < rows; i++) {
            um_multiply_bytes(t->panel->weights.bytes + e / 2, x + i * row, &sum[i][0], &sum[i][1]);
        }
    }
    for (size_t e = from; !bytes && e < from + count; e += 8) {
        const int16_t *x = (const int16_t *)t->integers + e;
        for (size_t i = 0; i < rows; i++) {
            um_multiply_shorts(t->panel->weights.shorts + e, x + i * row, &sum[i][0], &sum[i][1]);
        }
    }
}

static UM_ALWAYS_INLINE um_floats floats_of(um_ints x) {
    return __builtin_convertvector(x, um_floats);
}

static UM_ALWAYS_INLINE void multiply_block(tile_shape shape, size_t rows, size_t block,
                                            const tile_arguments *t,
                                            um_floats total[TILE_ROWS][UM_PORTABLE_PANEL_HALVES]) {
    const size_t length = UM_PACK_BLOCK / shape.sub_blocks;
    const size_t from = block * UM_PACK_BLOCK;
    const um_floats(*scales)[UM_PORTABLE_PANEL_HALVES] = t->panel->scales[block];
    um_ints sum[TILE_ROWS][UM_PORTABLE_PANEL_HALVES], late[TILE_ROWS][UM_PORTABLE_PANEL_HALVES];
    sum_elements(shape.bytes, rows, from, length, t, sum);
    if (shape.sub_blocks == 2) {
        sum_elements(shape.bytes, rows, from + length, length, t, late);
    }
    for (size_t i = 0; i < rows; i++) {
        const um_floats scale = um_v4_splat(t->scales[i * t->row_blocks + block]);
        for (size_t h = 0; h < UM_PORTABLE_PANEL_HALVES; h++) {
            const um_floats early = floats_of(sum[i][h]);
            if (shape.sub_blocks == 2) {
                const um_floats both =
                    um_v4_multiply_add(floats_of(late[i][h]), scales[1][h], early * scales[0][h]);
                total[i][h] = um_v4_multiply_add(both, scale, total[i][h]);
            } else {
                total[i][h] = um_v4_multiply_add(early, scale * scales[0][h], total[i][h]);
            }
            if (shape.has_minimum) {
                const um_floats scaled_sum = um_v4_splat(t->scaled_sums[i * t->row_blocks + block]);
                total[i][h] =
                    um_v4_multiply_add(-t->panel->minimums[block][h], scaled_sum, total[i][h]);
            }
        }
    }
}

/* `shape` and `rows` are constants at every call, so that the sums stay in registers. */
static UM_ALWAYS_INLINE void tile(tile_shape shape, size_t rows, const tile_arguments *t) {
    um_floats total[TILE_ROWS][UM_PORTABLE_PANEL_HALVES];
    for (size_t i = 0; i < rows; i++) {
        for (size_t h = 0; h < UM_PORTABLE_PANEL_HALVES; h++) {
            const float *y = t->y + i * t->y_stride + h * UM_V4_LANES;
            total[i][h] = t->is_first ? um_v4_splat(0.0f) : um_v4_load_whole(y);
        }
    }
    for (size_t block = 0; block < t->blocks; block++) {
        multiply_block(shape, rows, block, t, total);
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t h = 0; h < UM_PORTABLE_PANEL_HALVES; h++) {
            um_v4_store(t->y + i * t->y_stride + h * UM_V4_LANES, UM_V4_LANES, total[i][h]);
        }
    }
}

static UM_ALWAYS_INLINE void tile_of_rows(tile_shape shape, size_t rows, const tile_arguments *t) {
    switch (rows) {
        case 4:
            tile(shape, 4, t);
            break;
        case 3:
            tile(shape, 3, t);
            break;
        case 2:
            tile(shape, 2, t);
            break;
        default:
            tile(shape, 1, t);
            break;
    }
}

static UM_ALWAYS_INLINE void run_tile(bool bytes, um_dtype dtype, size_t rows,
                                      const tile_arguments *t) {
    switch (dtype) {
        case UM_DTYPE_Q8_0:
        case UM_DTYPE_Q4_0:
            tile_of_rows((tile_shape){.bytes = bytes, .sub_blocks = 1}, rows, t);
            break;
        case UM_DTYPE_Q4_K:
        case UM_DTYPE_Q5_K:
            tile_of_rows((tile_shape){.bytes = bytes, .sub_blocks = 1, .has_minimum = true}, rows,
                         t);
            break;
        case UM_DTYPE_Q6_K:
            tile_of_rows((tile_shape){.bytes = bytes, .sub_blocks = 2}, rows, t);
            break;
        case UM_DTYPE_F32: /* not packed: see matmul */
        case UM_DTYPE_F16:
        case UM_DTYPE_BF16:
            tile_of_rows((tile_shape){.sub_blocks = 1}, rows, t);
            break;
    }
}

/* A tile of which only `columns` columns exist in y. */
static UM_ALWAYS_INLINE void run_narrow_tile(bool bytes, um_dtype dtype, size_t rows,
                                             size_t columns, const tile_arguments *t) {
    float y[TILE_ROWS * UM_PORTABLE_PANEL_COLUMNS] = {0};
    tile_arguments on_copy = *t;
    on_copy.y = y;
    on_copy.y_stride = UM_PORTABLE_PANEL_COLUMNS;
    for (size_t i = 0; !t->is_first && i < rows; i++) {
        memcpy(y + i * UM_PORTABLE_PANEL_COLUMNS, t->y + i * t->y_stride, columns * sizeof *y);
    }
    run_tile(bytes, dtype, rows, &on_copy);
    for (size_t i = 0; i < rows; i++) {
        memcpy(t->y + i * t->y_stride, y + i * UM_PORTABLE_PANEL_COLUMNS, columns * sizeof *y);
    }
}

/* All rows times `columns` columns over the stretch of elements that the panel holds, from `block`
 * of the rows on. */
static UM_ALWAYS_INLINE void multiply_panel(bool bytes, um_dtype dtype, const um_packed_rows *rows,
                                            size_t block, size_t columns, tile_arguments t) {
    const bool narrow = rows->kind == UM_PACK_NARROW;
    const size_t block_bytes = UM_PACK_BLOCK * (narrow && bytes ? sizeof(int8_t) : sizeof(int16_t));
    float *y = t.y;
    for (size_t row = 0; row < rows->rows; row += TILE_ROWS) {
        const size_t height = rows->rows - row < TILE_ROWS ? rows->rows - row : TILE_ROWS;
        const size_t at = row * t.row_blocks + block;
        t.integers = (const uint8_t *)rows->integers + at * block_bytes;
        t.scales = rows->scales + at;
        t.scaled_sums = narrow ? rows->scaled_sums + at : NULL;
        t.y = y + row * t.y_stride;
        if (columns < UM_PORTABLE_PANEL_COLUMNS) {
            run_narrow_tile(bytes, dtype, height, columns, &t);
        } else {
            run_tile(bytes, dtype, height, &t);
        }
    }
}

/* matmul_packed of rows that um_pack packed with the same `bytes`. */
static UM_ALWAYS_INLINE void um_multiply_packed(bool bytes, um_dtype dtype, size_t n,
                                                const um_packed_rows *rows, const void *w,
                                                const float *bias, float *y, size_t y_stride) {
    const bool narrow = rows->kind == UM_PACK_NARROW;
    const size_t k = rows->k;
    const size_t row_bytes = um_dtype_row_bytes(dtype, k);
    um_portable_panel panel;
    tile_arguments t = {.panel = &panel, .row_blocks = um_pack_blocks(k), .y_stride = y_stride};
    for (size_t column = 0; column < n; column += UM_PORTABLE_PANEL_COLUMNS) {
        const size_t columns =
            n - column < UM_PORTABLE_PANEL_COLUMNS ? n - column : UM_PORTABLE_PANEL_COLUMNS;
        t.y = y + column;
        for (size_t first = 0; first < k; first += UM_PORTABLE_PANEL_STRETCH) {
            const size_t count =
                k - first < UM_PORTABLE_PANEL_STRETCH ? k - first : UM_PORTABLE_PANEL_STRETCH;
            um_portable_panel_unpack(dtype, narrow && bytes,
                                     (const uint8_t *)w + column * row_bytes, k, columns, first,
                                     count, &panel);
            t.blocks = um_pack_blocks(count);
            t.is_first = first == 0;
            multiply_panel(bytes, dtype, rows, first / UM_PACK_BLOCK, columns, t);
        }
    }
    um_add_bias(rows->rows, n, bias, y, y_stride);
}

#endif
