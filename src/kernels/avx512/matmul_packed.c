/* y = x w^T of packed activations and stored weights.  A tile is up to 6 rows by 32 columns: 12
 * integer and 12 float accumulators, a pair of weight vectors and one broadcast of activations use
 * 27 of the 32 registers.  For 32 elements a tile of narrow types issues 96 dot-product
 * instructions of 64 products each, and 24 more instructions for the two scales. */
#include <string.h>

#include "kernels/avx512/panel.h"
#include "kernels/tile.h"

/* What differs between formats once they are unpacked. */
typedef struct tile_shape {
    bool wide;         /* 16-bit integers */
    bool has_minimum;  /* Q4_K, Q5_K */
    size_t sub_blocks; /* in a block of 32: 1, or 2 for Q6_K */
} tile_shape;

typedef struct tile_arguments {
    const um_avx512_panel *panel;
    size_t blocks;     /* in the panel */
    um_tile_rows rows; /* of the tile, from the panel's first block on */
    const float *bias; /* of the tile's columns, or NULL */
    bool is_first;     /* stretch of the rows' elements: totals start from zero */
    bool is_last;      /* totals go to y, with the bias */
    float *totals;     /* [rows, UM_AVX512_PANEL_COLUMNS], between stretches */
    float *y;
    size_t y_stride;
    __mmask16 columns[UM_AVX512_PANEL_HALVES]; /* that exist */
} tile_arguments;

/* Groups first .. last - 1 of one block into the integer sums of all rows. */
static UM_ALWAYS_INLINE void multiply(tile_shape shape, size_t rows, size_t first, size_t last,
                                      const uint8_t *weights, const uint8_t *integers,
                                      __m512i sums[UM_TILE_ROWS][UM_AVX512_PANEL_HALVES]) {
    const size_t row_bytes = shape.wide ? 64 : 32;
    for (size_t g = first; g < last; g++) {
        const __m512i w0 = _mm512_load_si512(weights + g * 128);
        const __m512i w1 = _mm512_load_si512(weights + g * 128 + 64);
        for (size_t i = 0; i < rows; i++) {
            int32_t group;
            memcpy(&group, integers + i * row_bytes + g * 4, sizeof group);
            const __m512i x = _mm512_set1_epi32(group);
            if (shape.wide) {
                sums[i][0] = _mm512_dpwssd_epi32(sums[i][0], x, w0);
                sums[i][1] = _mm512_dpwssd_epi32(sums[i][1], x, w1);
            } else {
                sums[i][0] = _mm512_dpbusd_epi32(sums[i][0], w0, x);
                sums[i][1] = _mm512_dpbusd_epi32(sums[i][1], w1, x);
            }
        }
    }
}

/* The starting value that undoes the offset of the weights in sub-block `part`; `at` is the index
 * of the block's sums. */
static UM_ALWAYS_INLINE __m512i start_of(tile_shape shape, size_t part, size_t at,
                                         const tile_arguments *a) {
    if (shape.wide || shape.has_minimum) {
        return _mm512_setzero_si512();
    }
    if (shape.sub_blocks == 1) {
        return _mm512_set1_epi32(a->rows.sums[at]);
    }
    const __m512i late = _mm512_set1_epi32(a->rows.late_sums[at]);
    return part ? late : _mm512_sub_epi32(_mm512_set1_epi32(a->rows.sums[at]), late);
}

/* The integer sums of sub-block `part` of one block. */
static UM_ALWAYS_INLINE void sum_sub_block(tile_shape shape, size_t rows, size_t block, size_t part,
                                           const tile_arguments *a,
                                           __m512i sums[UM_TILE_ROWS][UM_AVX512_PANEL_HALVES]) {
    const size_t groups = shape.wide ? 16 : 8;
    const size_t length = groups / shape.sub_blocks;
    const uint8_t *weights = a->panel->weights + block * groups * 128;
    const uint8_t *integers = a->rows.integers + block * rows * (shape.wide ? 64 : 32);
    for (size_t i = 0; i < rows; i++) {
        sums[i][0] = start_of(shape, part, block * rows + i, a);
        sums[i][1] = sums[i][0];
    }
    multiply(shape, rows, part * length, (part + 1) * length, weights, integers, sums);
}

static UM_ALWAYS_INLINE void multiply_block(tile_shape shape, size_t rows, size_t block,
                                            const tile_arguments *a,
                                            __m512 total[UM_TILE_ROWS][UM_AVX512_PANEL_HALVES]) {
    const float *scales = a->rows.scales + block * rows;
    __m512i sums[UM_TILE_ROWS][UM_AVX512_PANEL_HALVES];
    sum_sub_block(shape, rows, block, 0, a, sums);
    for (size_t h = 0; h < UM_AVX512_PANEL_HALVES; h++) {
        const __m512 scale = _mm512_load_ps(a->panel->scales[block][h]);
        for (size_t i = 0; i < rows; i++) {
            const __m512 both = _mm512_mul_ps(_mm512_set1_ps(scales[i]), scale);
            total[i][h] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[i][h]), both, total[i][h]);
        }
    }
    for (size_t h = 0; shape.has_minimum && h < UM_AVX512_PANEL_HALVES; h++) {
        const __m512 minimum = _mm512_load_ps(a->panel->minimums[block][h]);
        for (size_t i = 0; i < rows; i++) {
            const __m512 sum = _mm512_set1_ps(a->rows.scaled_sums[block * rows + i]);
            total[i][h] = _mm512_fnmadd_ps(minimum, sum, total[i][h]);
        }
    }
}

/* A block whose halves have scales of their own. */
static UM_ALWAYS_INLINE void
multiply_half_blocks(tile_shape shape, size_t rows, size_t block, const tile_arguments *a,
                     __m512 total[UM_TILE_ROWS][UM_AVX512_PANEL_HALVES]) {
    const float *scales = a->rows.scales + block * rows;
    __m512 early[UM_TILE_ROWS][UM_AVX512_PANEL_HALVES];
    __m512i sums[UM_TILE_ROWS][UM_AVX512_PANEL_HALVES];
    sum_sub_block(shape, rows, block, 0, a, sums);
    for (size_t h = 0; h < UM_AVX512_PANEL_HALVES; h++) {
        const __m512 scale = _mm512_load_ps(a->panel->scales[2 * block][h]);
        for (size_t i = 0; i < rows; i++) {
            early[i][h] = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[i][h]), scale);
        }
    }
    sum_sub_block(shape, rows, block, 1, a, sums);
    for (size_t h = 0; h < UM_AVX512_PANEL_HALVES; h++) {
        const __m512 scale = _mm512_load_ps(a->panel->scales[2 * block + 1][h]);
        for (size_t i = 0; i < rows; i++) {
            const __m512 late = _mm512_cvtepi32_ps(sums[i][h]);
            const __m512 both = _mm512_fmadd_ps(late, scale, early[i][h]);
            total[i][h] = _mm512_fmadd_ps(both, _mm512_set1_ps(scales[i]), total[i][h]);
        }
    }
}

static UM_ALWAYS_INLINE void store_result(size_t rows, const tile_arguments *a,
                                          __m512 total[UM_TILE_ROWS][UM_AVX512_PANEL_HALVES]) {
    for (size_t h = 0; h < UM_AVX512_PANEL_HALVES; h++) {
        if (a->bias) {
            const __m512 bias = _mm512_maskz_loadu_ps(a->columns[h], a->bias + h * 16);
            for (size_t i = 0; i < rows; i++) {
                total[i][h] = _mm512_add_ps(total[i][h], bias);
            }
        }
        for (size_t i = 0; i < rows; i++) {
            _mm512_mask_storeu_ps(a->y + i * a->y_stride + h * 16, a->columns[h], total[i][h]);
        }
    }
}

/* `shape` and `rows` are constants at every call, so the loops unroll into registers. */
static UM_ALWAYS_INLINE void tile(tile_shape shape, size_t rows, const tile_arguments *a) {
    __m512 total[UM_TILE_ROWS][UM_AVX512_PANEL_HALVES];
    for (size_t i = 0; i < rows; i++) {
        for (size_t h = 0; h < UM_AVX512_PANEL_HALVES; h++) {
            total[i][h] = a->is_first
                              ? _mm512_setzero_ps()
                              : _mm512_load_ps(a->totals + i * UM_AVX512_PANEL_COLUMNS + h * 16);
        }
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
        for (size_t h = 0; h < UM_AVX512_PANEL_HALVES; h++) {
            _mm512_store_ps(a->totals + i * UM_AVX512_PANEL_COLUMNS + h * 16, total[i][h]);
        }
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

typedef void tile_function(size_t rows, const tile_arguments *a);

static void tile_narrow(size_t rows, const tile_arguments *a) {
    tile_of_rows((tile_shape){.sub_blocks = 1}, rows, a);
}

static void tile_minimum(size_t rows, const tile_arguments *a) {
    tile_of_rows((tile_shape){.has_minimum = true, .sub_blocks = 1}, rows, a);
}

static void tile_half_blocks(size_t rows, const tile_arguments *a) {
    tile_of_rows((tile_shape){.sub_blocks = 2}, rows, a);
}

static void tile_wide(size_t rows, const tile_arguments *a) {
    tile_of_rows((tile_shape){.wide = true, .sub_blocks = 1}, rows, a);
}

static tile_function *tile_for(um_dtype dtype) {
    switch (dtype) {
        case UM_DTYPE_Q4_K:
        case UM_DTYPE_Q5_K:
            return tile_minimum;
        case UM_DTYPE_Q6_K:
            return tile_half_blocks;
        case UM_DTYPE_Q8_0:
        case UM_DTYPE_Q4_0:
            return tile_narrow;
        case UM_DTYPE_F32:
        case UM_DTYPE_F16:
        case UM_DTYPE_BF16:
            break;
    }
    return tile_wide;
}

void um_avx512_panel_unpack(um_dtype dtype, const um_avx512_source *source, size_t count,
                            um_avx512_panel *panel) {
    for (size_t half = 0; half < UM_AVX512_PANEL_HALVES; half++) {
        switch (dtype) {
            case UM_DTYPE_Q8_0:
                um_avx512_panel_unpack_q8_0(source, half, count, panel);
                break;
            case UM_DTYPE_Q4_0:
                um_avx512_panel_unpack_q4_0(source, half, count, panel);
                break;
            case UM_DTYPE_Q4_K:
            case UM_DTYPE_Q5_K:
                um_avx512_panel_unpack_k(dtype, source, half, count, panel);
                break;
            case UM_DTYPE_Q6_K:
                um_avx512_panel_unpack_q6_k(source, half, count, panel);
                break;
            case UM_DTYPE_F32: /* not packed: see matmul */
            case UM_DTYPE_F16:
            case UM_DTYPE_BF16:
                um_avx512_panel_unpack_wide(dtype, source, half, count, panel);
                break;
        }
    }
}

/* Rows whose totals are kept between stretches; every further batch unpacks the weights again. */
#define BATCH_ROWS 512

/* Rows first .. end - 1, which are whole tiles, over the stretch of elements that the panel holds,
 * from `block` of the row on. */
static void multiply_panel(tile_function *function, const um_packed_rows *rows, size_t first,
                           size_t end, size_t block, tile_arguments a) {
    float *y = a.y;
    float *totals = a.totals;
    for (size_t row = first; row < end;) {
        const um_tile_place place = um_tile_locate(rows, row);
        a.rows = um_tile_rows_from(rows, place, block);
        a.y = y + row * a.y_stride;
        a.totals = totals + (row - first) * UM_AVX512_PANEL_COLUMNS;
        function(place.rows, &a);
        row += place.rows;
    }
}

/* Prefetch the next `bytes` of every column.  32 rows of a large matrix are too many streams for
 * the processor to foresee. */
static void prefetch(const um_avx512_source *source, size_t bytes) {
    for (size_t c = 0; c < UM_AVX512_PANEL_COLUMNS; c++) {
        const char *row = (const char *)source->rows + c * source->stride;
        const size_t inside = (uintptr_t)row % 64; /* of a cache line, before the row */
        for (size_t at = 0; at < inside + bytes; at += 64) {
            _mm_prefetch(row - inside + at, _MM_HINT_T1);
        }
    }
}

/* The stretch of a source with fewer than 32 columns, copied into one that has them all. */
typedef struct whole_source {
    um_avx512_source source;
    uint8_t bytes[UM_AVX512_PANEL_COLUMNS][UM_AVX512_PANEL_NARROW_BLOCKS * UM_PACK_BLOCK * 2];
} whole_source;

static void complete(const um_avx512_source *source, size_t columns, size_t bytes,
                     whole_source *whole) {
    memset(whole->bytes, 0, sizeof whole->bytes);
    for (size_t c = 0; c < columns; c++) {
        memcpy(whole->bytes[c], source->rows + c * source->stride, bytes);
    }
    whole->source = (um_avx512_source){
        .rows = whole->bytes[0], .stride = sizeof whole->bytes[0], .k = source->k};
}

/* Rows first_row .. end_row - 1, a batch, times the `columns` columns of `source`; with `has_next`,
 * a whole panel of columns follows them and is prefetched. */
static void multiply_columns(um_dtype dtype, const um_packed_rows *rows, size_t first_row,
                             size_t end_row, size_t columns, bool has_next, um_avx512_source source,
                             tile_arguments a) {
    const size_t stretch =
        UM_PACK_BLOCK *
        (rows->kind == UM_PACK_WIDE ? UM_AVX512_PANEL_WIDE_BLOCKS : UM_AVX512_PANEL_NARROW_BLOCKS);
    tile_function *function = tile_for(dtype);
    um_avx512_panel panel;
    _Alignas(64) float totals[BATCH_ROWS * UM_AVX512_PANEL_COLUMNS];
    um_avx512_source next = source;
    next.rows += UM_AVX512_PANEL_COLUMNS * (has_next ? source.stride : 0);
    a.panel = &panel;
    a.totals = totals;
    for (size_t first = 0; first < rows->k; first += stretch) {
        const size_t count = source.k < stretch ? source.k : stretch;
        const size_t bytes = um_dtype_row_bytes(dtype, count);
        if (columns < UM_AVX512_PANEL_COLUMNS) {
            whole_source whole;
            complete(&source, columns, bytes, &whole);
            um_avx512_panel_unpack(dtype, &whole.source, count, &panel);
        } else {
            um_avx512_panel_unpack(dtype, &source, count, &panel);
        }
        source.rows += bytes;
        source.k -= count;
        if (source.k > 0 && columns == UM_AVX512_PANEL_COLUMNS) {
            prefetch(&source, um_dtype_row_bytes(dtype, source.k < stretch ? source.k : stretch));
        } else if (source.k == 0 && has_next) {
            prefetch(&next, um_dtype_row_bytes(dtype, next.k < stretch ? next.k : stretch));
        }
        a.blocks = um_pack_blocks(count);
        a.is_first = first == 0;
        a.is_last = source.k == 0;
        multiply_panel(function, rows, first_row, end_row, first / UM_PACK_BLOCK, a);
    }
}

void um_avx512_matmul_packed(um_dtype dtype, size_t n, const um_packed_rows *rows, const void *w,
                             const float *bias, float *y, size_t y_stride) {
    const size_t row_bytes = um_dtype_row_bytes(dtype, rows->k);
    for (size_t column = 0; column < n; column += UM_AVX512_PANEL_COLUMNS) {
        const size_t columns =
            n - column < UM_AVX512_PANEL_COLUMNS ? n - column : UM_AVX512_PANEL_COLUMNS;
        const um_avx512_source source = {
            .rows = (const uint8_t *)w + column * row_bytes, .stride = row_bytes, .k = rows->k};
        const tile_arguments a = {
            .bias = bias ? bias + column : NULL,
            .y = y + column,
            .y_stride = y_stride,
            .columns = {um_avx512_mask(columns < 16 ? columns : 16),
                        um_avx512_mask(columns < 16 ? 0 : columns - 16)},
        };
        const bool has_next = n - column >= 2 * UM_AVX512_PANEL_COLUMNS;
        for (size_t row = 0; row < rows->rows;) {
            const size_t end = um_tile_batch_end(rows, row, BATCH_ROWS);
            multiply_columns(dtype, rows, row, end, columns, has_next, source, a);
            row = end;
        }
    }
}
