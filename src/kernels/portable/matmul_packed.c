/* y = x w^T of packed activations and stored weights, in tiles of up to 4 rows by 8 columns; all
 * integers have 16 bits, and y holds the sums between stretches. */
#include "kernels/bias.h"
#include "kernels/portable/panel.h"
#include "kernels/portable/portable.h"

#define TILE_ROWS 4

/* What differs between formats once they are unpacked. */
typedef struct tile_shape {
    bool has_minimum;
    size_t sub_blocks;
} tile_shape;

typedef struct tile_arguments {
    const um_panel *panel;
    size_t blocks; /* in the panel */
    /* Of the tile's rows, from the panel's first block on; rows are `row_blocks` blocks apart. */
    const int16_t *integers;
    const float *scales;
    const float *scaled_sums; /* only with a minimum */
    size_t row_blocks;
    bool is_first; /* stretch of the rows' elements: totals start from zero */
    float *y;
    size_t y_stride;
} tile_arguments;

/* The integer sums of one sub-block: `count` elements from `from` on. */
static UM_ALWAYS_INLINE void sum_elements(size_t rows, size_t from, size_t count,
                                          const tile_arguments *t,
                                          um_ints sum[TILE_ROWS][UM_PANEL_HALVES]) {
    memset(sum, 0, rows * sizeof *sum);
    for (size_t e = from; e < from + count; e += 8) {
        const um_shorts *w = t->panel->weights + e;
        for (size_t i = 0; i < rows; i++) {
            const int16_t *x = t->integers + i * t->row_blocks * UM_PACK_BLOCK + e;
            um_multiply_shorts(w, x, &sum[i][0], &sum[i][1]);
        }
    }
}

static UM_ALWAYS_INLINE um_floats floats_of(um_ints x) {
    return __builtin_convertvector(x, um_floats);
}

static UM_ALWAYS_INLINE void multiply_block(tile_shape shape, size_t rows, size_t block,
                                            const tile_arguments *t,
                                            um_floats total[TILE_ROWS][UM_PANEL_HALVES]) {
    const size_t length = UM_PACK_BLOCK / shape.sub_blocks;
    const size_t from = block * UM_PACK_BLOCK;
    const um_floats(*scales)[UM_PANEL_HALVES] = t->panel->scales[block];
    um_ints sum[TILE_ROWS][UM_PANEL_HALVES], late[TILE_ROWS][UM_PANEL_HALVES];
    sum_elements(rows, from, length, t, sum);
    if (shape.sub_blocks == 2) {
        sum_elements(rows, from + length, length, t, late);
    }
    for (size_t i = 0; i < rows; i++) {
        const um_floats scale = um_all(t->scales[i * t->row_blocks + block]);
        for (size_t h = 0; h < UM_PANEL_HALVES; h++) {
            const um_floats early = floats_of(sum[i][h]);
            if (shape.sub_blocks == 2) {
                const um_floats both =
                    um_multiply_add(floats_of(late[i][h]), scales[1][h], early * scales[0][h]);
                total[i][h] = um_multiply_add(both, scale, total[i][h]);
            } else {
                total[i][h] = um_multiply_add(early, scale * scales[0][h], total[i][h]);
            }
            if (shape.has_minimum) {
                const um_floats scaled_sum = um_all(t->scaled_sums[i * t->row_blocks + block]);
                total[i][h] =
                    um_multiply_add(-t->panel->minimums[block][h], scaled_sum, total[i][h]);
            }
        }
    }
}

/* `shape` and `rows` are constants at every call, so that the sums stay in registers. */
static UM_ALWAYS_INLINE void tile(tile_shape shape, size_t rows, const tile_arguments *t) {
    um_floats total[TILE_ROWS][UM_PANEL_HALVES];
    for (size_t i = 0; i < rows; i++) {
        for (size_t h = 0; h < UM_PANEL_HALVES; h++) {
            const float *y = t->y + i * t->y_stride + h * UM_LANES;
            total[i][h] = t->is_first ? um_all(0.0f) : um_load_whole(y);
        }
    }
    for (size_t block = 0; block < t->blocks; block++) {
        multiply_block(shape, rows, block, t, total);
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t h = 0; h < UM_PANEL_HALVES; h++) {
            um_store(t->y + i * t->y_stride + h * UM_LANES, UM_LANES, total[i][h]);
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

static void run_tile(um_dtype dtype, size_t rows, const tile_arguments *t) {
    if (dtype == UM_DTYPE_Q6_K) {
        tile_of_rows((tile_shape){.sub_blocks = 2}, rows, t);
    } else if (dtype == UM_DTYPE_Q4_K || dtype == UM_DTYPE_Q5_K) {
        tile_of_rows((tile_shape){.sub_blocks = 1, .has_minimum = true}, rows, t);
    } else {
        tile_of_rows((tile_shape){.sub_blocks = 1}, rows, t);
    }
}

/* A tile of which only `columns` columns exist in y. */
static void run_narrow_tile(um_dtype dtype, size_t rows, size_t columns, const tile_arguments *t) {
    float y[TILE_ROWS * UM_PANEL_COLUMNS] = {0};
    tile_arguments on_copy = *t;
    on_copy.y = y;
    on_copy.y_stride = UM_PANEL_COLUMNS;
    for (size_t i = 0; !t->is_first && i < rows; i++) {
        memcpy(y + i * UM_PANEL_COLUMNS, t->y + i * t->y_stride, columns * sizeof *y);
    }
    run_tile(dtype, rows, &on_copy);
    for (size_t i = 0; i < rows; i++) {
        memcpy(t->y + i * t->y_stride, y + i * UM_PANEL_COLUMNS, columns * sizeof *y);
    }
}

/* All rows times `columns` columns over the stretch of elements that the panel holds, from `block`
 * of the rows on. */
static void multiply_panel(um_dtype dtype, const um_packed_rows *rows, size_t block, size_t columns,
                           tile_arguments t) {
    const int16_t *integers = rows->integers;
    float *y = t.y;
    for (size_t row = 0; row < rows->rows; row += TILE_ROWS) {
        const size_t height = rows->rows - row < TILE_ROWS ? rows->rows - row : TILE_ROWS;
        const size_t at = row * t.row_blocks + block;
        t.integers = integers + at * UM_PACK_BLOCK;
        t.scales = rows->scales + at;
        t.scaled_sums = rows->kind == UM_PACK_NARROW ? rows->scaled_sums + at : NULL;
        t.y = y + row * t.y_stride;
        if (columns < UM_PANEL_COLUMNS) {
            run_narrow_tile(dtype, height, columns, &t);
        } else {
            run_tile(dtype, height, &t);
        }
    }
}

void um_portable_matmul_packed(um_dtype dtype, size_t n, const um_packed_rows *rows, const void *w,
                               const float *bias, float *y, size_t y_stride) {
    const size_t k = rows->k;
    const size_t row_bytes = um_dtype_row_bytes(dtype, k);
    um_panel panel;
    tile_arguments t = {.panel = &panel, .row_blocks = um_pack_blocks(k), .y_stride = y_stride};
    for (size_t column = 0; column < n; column += UM_PANEL_COLUMNS) {
        const size_t columns = n - column < UM_PANEL_COLUMNS ? n - column : UM_PANEL_COLUMNS;
        t.y = y + column;
        for (size_t first = 0; first < k; first += UM_PANEL_STRETCH) {
            const size_t count = k - first < UM_PANEL_STRETCH ? k - first : UM_PANEL_STRETCH;
            um_panel_unpack(dtype, (const uint8_t *)w + column * row_bytes, k, columns, first,
                            count, &panel);
            t.blocks = um_pack_blocks(count);
            t.is_first = first == 0;
            multiply_panel(dtype, rows, first / UM_PACK_BLOCK, columns, t);
        }
    }
    um_add_bias(rows->rows, n, bias, y, y_stride);
}
