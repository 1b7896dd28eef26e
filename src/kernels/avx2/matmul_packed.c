/* y = x w^T of packed activations and stored weights, in tiles of up to 6 rows by 8 columns.
 *
 * Bytes: a multiply-add of unsigned weights and signed activations gives 16-bit sums of two
 * products.  How many of them can be added up without overflow depends on the type: all 8 groups of
 * a block for four bits (15 * 127 * 2 * 8 < 2^15), 4 for five bits, 2 for six.  Q8_0 has no room
 * for adding up, and its weights are signed: their magnitudes are multiplied by activations that
 * take over their signs.  Words (F16, BF16): pairs are multiplied and added up in 32 bits. */
#include <string.h>

#include "kernels/avx2/panel.h"
#include "kernels/tile.h"

/* What differs between formats once they are unpacked. */
typedef struct tile_shape {
    bool wide;         /* 16-bit integers */
    bool is_signed;    /* Q8_0 */
    bool has_minimum;  /* Q4_K, Q5_K */
    size_t sub_blocks; /* in a block of 32: 1, or 2 for Q6_K */
    size_t chain;      /* groups whose 16-bit sums are added up */
} tile_shape;

typedef struct tile_arguments {
    const um_avx2_panel *panel;
    int32_t offset;    /* of the weights */
    size_t blocks;     /* in the panel */
    um_tile_rows rows; /* of the tile, from the panel's first block on */
    const float *bias; /* of the tile's columns, or NULL */
    bool is_first;     /* stretch of the rows' elements: totals start from zero */
    bool is_last;      /* totals go to y, with the bias */
    float *totals;     /* [rows, UM_AVX2_PANEL_COLUMNS], between stretches */
    float *y;
    size_t y_stride;
    size_t columns; /* that exist */
} tile_arguments;

static UM_ALWAYS_INLINE __m256i broadcast(const uint8_t *integers) {
    int32_t group;
    memcpy(&group, integers, sizeof group);
    return _mm256_set1_epi32(group);
}

static UM_ALWAYS_INLINE __m256i load_group(const uint8_t *weights, size_t group) {
    return _mm256_load_si256((const __m256i *)(const void *)(weights + group * 32));
}

/* Groups first .. last - 1 of one block into the integer sums of all rows. */
static UM_ALWAYS_INLINE void multiply_words(size_t rows, size_t first, size_t last,
                                            const uint8_t *weights, const uint8_t *integers,
                                            __m256i sums[UM_TILE_ROWS]) {
    for (size_t g = first; g < last; g++) {
        const __m256i w = load_group(weights, g);
        for (size_t i = 0; i < rows; i++) {
            const __m256i x = broadcast(integers + i * 64 + g * 4);
            sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(x, w));
        }
    }
}

static UM_ALWAYS_INLINE __m256i multiply_bytes(tile_shape shape, __m256i w, __m256i x) {
    if (shape.is_signed) {
        return _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
    }
    return _mm256_maddubs_epi16(w, x);
}

static UM_ALWAYS_INLINE void multiply_chains(tile_shape shape, size_t rows, size_t first,
                                             size_t last, const uint8_t *weights,
                                             const uint8_t *integers, __m256i sums[UM_TILE_ROWS]) {
    const __m256i ones = _mm256_set1_epi16(1);
    for (size_t chain = first; chain < last; chain += shape.chain) {
        __m256i pairs[UM_TILE_ROWS];
        for (size_t g = chain; g < chain + shape.chain; g++) {
            const __m256i w = load_group(weights, g);
            for (size_t i = 0; i < rows; i++) {
                const __m256i product =
                    multiply_bytes(shape, w, broadcast(integers + i * 32 + g * 4));
                pairs[i] = g == chain ? product : _mm256_add_epi16(pairs[i], product);
            }
        }
        for (size_t i = 0; i < rows; i++) {
            sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(pairs[i], ones));
        }
    }
}

/* The starting value that undoes the offset of the weights in sub-block `part`; `at` is the index
 * of the block's sums. */
static UM_ALWAYS_INLINE __m256i start_of(tile_shape shape, size_t part, size_t at,
                                         const tile_arguments *a) {
    if (shape.wide || shape.has_minimum || shape.is_signed) {
        return _mm256_setzero_si256();
    }
    const int32_t late = shape.sub_blocks == 1 ? 0 : a->rows.late_sums[at];
    return _mm256_set1_epi32(-a->offset * (part ? late : a->rows.sums[at] - late));
}

/* The integer sums of sub-block `part` of one block. */
static UM_ALWAYS_INLINE void sum_sub_block(tile_shape shape, size_t rows, size_t block, size_t part,
                                           const tile_arguments *a, __m256i sums[UM_TILE_ROWS]) {
    const size_t groups = shape.wide ? 16 : 8;
    const size_t length = groups / shape.sub_blocks;
    const uint8_t *weights = a->panel->weights + block * groups * 32;
    const uint8_t *integers = a->rows.integers + block * rows * (shape.wide ? 64 : 32);
    for (size_t i = 0; i < rows; i++) {
        sums[i] = start_of(shape, part, block * rows + i, a);
    }
    if (shape.wide) {
        multiply_words(rows, part * length, (part + 1) * length, weights, integers, sums);
    } else {
        multiply_chains(shape, rows, part * length, (part + 1) * length, weights, integers, sums);
    }
}

static UM_ALWAYS_INLINE void multiply_block(tile_shape shape, size_t rows, size_t block,
                                            const tile_arguments *a, __m256 total[UM_TILE_ROWS]) {
    const float *scales = a->rows.scales + block * rows;
    __m256i sums[UM_TILE_ROWS];
    sum_sub_block(shape, rows, block, 0, a, sums);
    const __m256 scale = _mm256_load_ps(a->panel->scales[block]);
    for (size_t i = 0; i < rows; i++) {
        const __m256 both = _mm256_mul_ps(_mm256_set1_ps(scales[i]), scale);
        total[i] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[i]), both, total[i]);
    }
    if (shape.has_minimum) {
        const __m256 minimum = _mm256_load_ps(a->panel->minimums[block]);
        for (size_t i = 0; i < rows; i++) {
            const __m256 sum = _mm256_set1_ps(a->rows.scaled_sums[block * rows + i]);
            total[i] = _mm256_fnmadd_ps(minimum, sum, total[i]);
        }
    }
}

/* A block whose halves have scales of their own. */
static UM_ALWAYS_INLINE void multiply_half_blocks(tile_shape shape, size_t rows, size_t block,
                                                  const tile_arguments *a,
                                                  __m256 total[UM_TILE_ROWS]) {
    const float *scales = a->rows.scales + block * rows;
    __m256 early[UM_TILE_ROWS];
    __m256i sums[UM_TILE_ROWS];
    sum_sub_block(shape, rows, block, 0, a, sums);
    const __m256 first = _mm256_load_ps(a->panel->scales[2 * block]);
    for (size_t i = 0; i < rows; i++) {
        early[i] = _mm256_mul_ps(_mm256_cvtepi32_ps(sums[i]), first);
    }
    sum_sub_block(shape, rows, block, 1, a, sums);
    const __m256 second = _mm256_load_ps(a->panel->scales[2 * block + 1]);
    for (size_t i = 0; i < rows; i++) {
        const __m256 both = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[i]), second, early[i]);
        total[i] = _mm256_fmadd_ps(both, _mm256_set1_ps(scales[i]), total[i]);
    }
}

static UM_ALWAYS_INLINE void store_result(size_t rows, const tile_arguments *a,
                                          __m256 total[UM_TILE_ROWS]) {
    const __m256i mask = um_avx2_tail_mask(a->columns);
    for (size_t i = 0; i < rows; i++) {
        const __m256 value =
            a->bias ? _mm256_add_ps(total[i], _mm256_maskload_ps(a->bias, mask)) : total[i];
        _mm256_maskstore_ps(a->y + i * a->y_stride, mask, value);
    }
}

/* `shape` and `rows` are constants at every call, so the loops unroll into registers. */
static UM_ALWAYS_INLINE void tile(tile_shape shape, size_t rows, const tile_arguments *a) {
    __m256 total[UM_TILE_ROWS];
    for (size_t i = 0; i < rows; i++) {
        total[i] = a->is_first ? _mm256_setzero_ps()
                               : _mm256_load_ps(a->totals + i * UM_AVX2_PANEL_COLUMNS);
    }
    for (size_t block = 0; block < a->blocks; block++) {
        if (shape.sub_blocks == 2) {
            multiply_half_blocks(shape, rows, block, a, total);
        } else {
            multiply_block(shape, rows, block, a, total);
        }
    }
    if (a->is_last) {
        store_result(rows, a, total);
        return;
    }
    for (size_t i = 0; i < rows; i++) {
        _mm256_store_ps(a->totals + i * UM_AVX2_PANEL_COLUMNS, total[i]);
    }
}

static UM_ALWAYS_INLINE void tile_of_rows(tile_shape shape, size_t rows, const tile_arguments *a) {
    switch (rows) {
        case 6:
            tile(shape, 6, a);
            break;
        case 5:
            tile(shape, 5, a);
            break;
        case 4:
            tile(shape, 4, a);
            break;
        case 3:
            tile(shape, 3, a);
            break;
        case 2:
            tile(shape, 2, a);
            break;
        default:
            tile(shape, 1, a);
            break;
    }
}

static void run_tile(um_dtype dtype, size_t rows, const tile_arguments *a) {
    switch (dtype) {
        case UM_DTYPE_Q8_0:
            tile_of_rows((tile_shape){.is_signed = true, .sub_blocks = 1, .chain = 1}, rows, a);
            break;
        case UM_DTYPE_Q4_0:
            tile_of_rows((tile_shape){.sub_blocks = 1, .chain = 8}, rows, a);
            break;
        case UM_DTYPE_Q4_K:
            tile_of_rows((tile_shape){.has_minimum = true, .sub_blocks = 1, .chain = 8}, rows, a);
            break;
        case UM_DTYPE_Q5_K:
            tile_of_rows((tile_shape){.has_minimum = true, .sub_blocks = 1, .chain = 4}, rows, a);
            break;
        case UM_DTYPE_Q6_K:
            tile_of_rows((tile_shape){.sub_blocks = 2, .chain = 2}, rows, a);
            break;
        case UM_DTYPE_F32: /* not packed: see matmul */
        case UM_DTYPE_F16:
        case UM_DTYPE_BF16:
            tile_of_rows((tile_shape){.wide = true, .sub_blocks = 1}, rows, a);
            break;
    }
}

/* Rows whose totals are kept between stretches; every further batch unpacks the weights again. */
#define BATCH_ROWS 512

/* Rows first .. end - 1, which are whole tiles, over the stretch of elements that the panel holds,
 * from `block` of the row on. */
static void multiply_panel(um_dtype dtype, const um_packed_rows *rows, size_t first, size_t end,
                           size_t block, tile_arguments a) {
    float *y = a.y;
    float *totals = a.totals;
    for (size_t row = first; row < end;) {
        const um_tile_place place = um_tile_locate(rows, row);
        a.rows = um_tile_rows_from(rows, place, block);
        a.y = y + row * a.y_stride;
        a.totals = totals + (row - first) * UM_AVX2_PANEL_COLUMNS;
        run_tile(dtype, place.rows, &a);
        row += place.rows;
    }
}

/* Rows first_row .. end_row - 1, a batch, times the columns whose weights begin at `w`. */
static void multiply_columns(um_dtype dtype, const um_packed_rows *rows, size_t first_row,
                             size_t end_row, const uint8_t *w, tile_arguments a) {
    const size_t row_bytes = um_dtype_row_bytes(dtype, rows->k);
    um_avx2_panel panel;
    _Alignas(32) float totals[BATCH_ROWS * UM_AVX2_PANEL_COLUMNS];
    a.panel = &panel;
    a.totals = totals;
    for (size_t first = 0; first < rows->k; first += UM_AVX2_PANEL_STRETCH) {
        const size_t rest = rows->k - first;
        const size_t count = rest < UM_AVX2_PANEL_STRETCH ? rest : UM_AVX2_PANEL_STRETCH;
        um_avx2_panel_unpack(dtype, w + um_dtype_row_bytes(dtype, first), row_bytes, a.columns,
                             count, &panel);
        a.blocks = um_pack_blocks(count);
        a.is_first = first == 0;
        a.is_last = count == rest;
        multiply_panel(dtype, rows, first_row, end_row, first / UM_PACK_BLOCK, a);
    }
}

void um_avx2_matmul_packed(um_dtype dtype, size_t n, const um_packed_rows *rows, const void *w,
                           const float *bias, float *y, size_t y_stride) {
    const size_t row_bytes = um_dtype_row_bytes(dtype, rows->k);
    for (size_t column = 0; column < n; column += UM_AVX2_PANEL_COLUMNS) {
        const size_t rest = n - column;
        const tile_arguments a = {
            .offset = um_avx2_panel_offset(dtype),
            .bias = bias ? bias + column : NULL,
            .y = y + column,
            .y_stride = y_stride,
            .columns = rest < UM_AVX2_PANEL_COLUMNS ? rest : UM_AVX2_PANEL_COLUMNS,
        };
        for (size_t row = 0; row < rows->rows;) {
            const size_t end = um_tile_batch_end(rows, row, BATCH_ROWS);
            multiply_columns(dtype, rows, row, end, (const uint8_t *)w + column * row_bytes, a);
            row = end;
        }
    }
}
