/* Products of numbers rounded to BF16, two to a lane: x w^T, p v, y += p v, y += p^T v.
 *
 * A panel of b (64 columns, a part of the sum) is rounded and laid out in pairs once; each strip of
 * 16 rows of a is rounded in turn and multiplied by the panel in tiles of 8 rows by 32 columns. */
#include "base/memory.h"
#include "kernels/avx512/avx512.h"
#include "kernels/avx512/transpose.h"
#include "kernels/bias.h"

#define ROWS 8
#define VECTORS 2
#define TILE_COLUMNS (16 * VECTORS)
#define PANEL_COLUMNS (2 * TILE_COLUMNS)
/* Rows of a panel, a multiple of 32.  Panel and strip fill most of the first-level cache. */
#define DEPTH 128
#define PAIRS (DEPTH / 2)
/* Rows that are rounded together: one vector, and one cache line if a is transposed. */
#define STRIP_ROWS 16

/* The operands of y (+)= a b: a is [m, k] and b is [k, n] unless marked as transposed. */
typedef struct operands {
    const float *a;
    size_t a_stride;
    bool a_transposed; /* a is [k, m] */
    const float *b;
    size_t b_stride;
    bool b_transposed; /* b is [n, k] */
} operands;

typedef struct workspace {
    _Alignas(64) uint32_t panel[PAIRS * PANEL_COLUMNS];  /* [pair][column] */
    _Alignas(64) uint32_t strip[PAIRS * STRIP_ROWS];     /* [row][pair], transposed [pair][row] */
    _Alignas(64) float rest[STRIP_ROWS * PANEL_COLUMNS]; /* sums of a strip without whole tiles */
} workspace;

/* ---- Rounding and laying out ---------------------------------------------------------- */

/* The first `count` of 32 floats, followed by zeros, as pairs of BF16. */
static UM_ALWAYS_INLINE __m512i round_row(size_t count, const float *x) {
    const __m512 low = _mm512_maskz_loadu_ps(um_avx512_mask(count < 16 ? count : 16), x);
    const __m512 high = _mm512_maskz_loadu_ps(
        um_avx512_mask(count < 16 ? 0 : (count < 32 ? count - 16 : 16)), x + 16);
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

/* Lane j holds column j of two rows, the first row in the low half. */
static UM_ALWAYS_INLINE __m512i pair_rows(__mmask16 lanes, const float *first,
                                          const float *second) {
    const __m256i even = (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(lanes, first));
    const __m256i odd = second ? (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(lanes, second))
                               : _mm256_setzero_si256();
    return _mm512_or_si512(_mm512_cvtepu16_epi32(even),
                           _mm512_slli_epi32(_mm512_cvtepu16_epi32(odd), 16));
}

/* panel[pair][column] of b as [n, k]. */
static void turn_panel(size_t k, size_t columns, const float *b, size_t stride, uint32_t *panel) {
    for (size_t j = 0; j < um_size_round_up(columns, TILE_COLUMNS); j += 16) {
        const size_t rows = columns < j ? 0 : (columns - j < 16 ? columns - j : 16);
        for (size_t l = 0; l < k; l += 32) {
            __m512i r[16];
            for (size_t i = 0; i < 16; i++) {
                r[i] =
                    i < rows ? round_row(k - l, b + (j + i) * stride + l) : _mm512_setzero_si512();
            }
            um_avx512_transpose(r);
            const size_t pairs = k - l < 32 ? (k - l + 1) / 2 : 16;
            for (size_t i = 0; i < pairs; i++) {
                _mm512_store_si512(panel + (l / 2 + i) * PANEL_COLUMNS + j, r[i]);
            }
        }
    }
}

/* panel[pair][column] of b as [k, n]. */
static void copy_panel(size_t k, size_t columns, const float *b, size_t stride, uint32_t *panel) {
    for (size_t j = 0; j < um_size_round_up(columns, TILE_COLUMNS); j += 16) {
        const __mmask16 lanes =
            um_avx512_mask(columns < j ? 0 : (columns - j < 16 ? columns - j : 16));
        for (size_t l = 0; l < k; l += 2) {
            const float *first = b + l * stride + j;
            _mm512_store_si512(panel + l / 2 * PANEL_COLUMNS + j,
                               pair_rows(lanes, first, l + 1 < k ? first + stride : NULL));
        }
    }
}

static void round_strip(size_t rows, size_t k, const float *a, size_t stride, uint32_t *strip) {
    for (size_t i = 0; i < rows; i++) {
        for (size_t l = 0; l < k; l += 32) {
            _mm512_store_si512(strip + i * PAIRS + l / 2, round_row(k - l, a + i * stride + l));
        }
    }
}

/* Rows of a are too far apart for the processor to foresee, so those of the next strip, at `next`,
 * are prefetched. */
static void round_strip_transposed(size_t rows, size_t k, const float *a, size_t stride,
                                   const float *next, uint32_t *strip) {
    const __mmask16 lanes = um_avx512_mask(rows);
    for (size_t l = 0; l < k; l += 2) {
        const float *first = a + l * stride;
        _mm_prefetch((const char *)(next + l * stride), _MM_HINT_T0);
        _mm_prefetch((const char *)(next + (l + 1) * stride), _MM_HINT_T0);
        _mm512_store_si512(strip + l / 2 * STRIP_ROWS,
                           pair_rows(lanes, first, l + 1 < k ? first + stride : NULL));
    }
}

/* ---- Multiplying ---------------------------------------------------------------------- */

/* `transposed` is a constant at every call. */
static UM_ALWAYS_INLINE void tile(bool transposed, size_t pairs, const uint32_t *strip,
                                  const uint32_t *panel, size_t columns, bool add, float *c,
                                  size_t c_stride) {
    const __mmask16 masks[VECTORS] = {um_avx512_mask(columns < 16 ? columns : 16),
                                      um_avx512_mask(columns < 16   ? 0
                                                     : columns < 32 ? columns - 16
                                                                    : 16)};
    const size_t row = transposed ? 1 : PAIRS;
    const size_t step = transposed ? STRIP_ROWS : 1;
    __m512 sum[ROWS][VECTORS];
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < VECTORS; j++) {
            sum[i][j] = _mm512_maskz_loadu_ps(add ? masks[j] : 0, c + i * c_stride + 16 * j);
        }
    }
    for (size_t l = 0; l < pairs; l++) {
        __m512bh value[VECTORS];
        for (size_t j = 0; j < VECTORS; j++) {
            value[j] = (__m512bh)_mm512_load_si512(panel + l * PANEL_COLUMNS + 16 * j);
        }
        for (size_t i = 0; i < ROWS; i++) {
            const __m512bh factor = (__m512bh)_mm512_set1_epi32((int)strip[i * row + l * step]);
            for (size_t j = 0; j < VECTORS; j++) {
                sum[i][j] = _mm512_dpbf16_ps(sum[i][j], factor, value[j]);
            }
        }
    }
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < VECTORS; j++) {
            _mm512_mask_storeu_ps(c + i * c_stride + 16 * j, masks[j], sum[i][j]);
        }
    }
}

/* All tiles of a panel and a strip, which has `rows` rows. */
static UM_ALWAYS_INLINE void tiles(bool transposed, size_t rows, size_t pairs,
                                   const workspace *with, size_t columns, bool add, float *c,
                                   size_t c_stride) {
    for (size_t i = 0; i < rows; i += ROWS) {
        const uint32_t *strip = with->strip + (transposed ? i : i * PAIRS);
        for (size_t j = 0; j < columns; j += TILE_COLUMNS) {
            tile(transposed, pairs, strip, with->panel + j, columns - j, add, c + i * c_stride + j,
                 c_stride);
        }
    }
}

static void copy_rows(size_t rows, size_t columns, const float *from, size_t from_stride, float *to,
                      size_t to_stride) {
    for (size_t i = 0; i < rows; i++) {
        memcpy(to + i * to_stride, from + i * from_stride, columns * sizeof *to);
    }
}

/* A strip of rows times the panel.  Tiles are always whole: if the rows do not fill them, the sums
 * go through with->rest. */
static void run_strip(const operands *of, size_t rows, size_t columns, size_t k, bool add,
                      const float *next, workspace *with, float *y, size_t y_stride) {
    const bool whole = rows % ROWS == 0;
    float *c = whole ? y : with->rest;
    const size_t stride = whole ? y_stride : PANEL_COLUMNS;
    if (!whole && add) {
        copy_rows(rows, columns, y, y_stride, c, stride);
    }
    const size_t pairs = (k + 1) / 2;
    if (of->a_transposed) {
        round_strip_transposed(rows, k, of->a, of->a_stride, next, with->strip);
        tiles(true, rows, pairs, with, columns, add, c, stride);
    } else {
        round_strip(rows, k, of->a, of->a_stride, with->strip);
        tiles(false, rows, pairs, with, columns, add, c, stride);
    }
    if (!whole) {
        copy_rows(rows, columns, c, stride, y, y_stride);
    }
}

/* All rows times a panel: some columns and a part of the sum. */
static void run_panel(operands of, size_t m, size_t columns, size_t k, bool add, workspace *with,
                      float *y, size_t y_stride) {
    if (of.b_transposed) {
        turn_panel(k, columns, of.b, of.b_stride, with->panel);
    } else {
        copy_panel(k, columns, of.b, of.b_stride, with->panel);
    }
    const float *after = of.a + k * of.a_stride; /* the next part of the sum */
    for (size_t row = 0; row < m; row += STRIP_ROWS) {
        const size_t rows = m - row < STRIP_ROWS ? m - row : STRIP_ROWS;
        run_strip(&of, rows, columns, k, add, rows < m - row ? of.a + STRIP_ROWS : after, with, y,
                  y_stride);
        of.a += of.a_transposed ? STRIP_ROWS : STRIP_ROWS * of.a_stride;
        y += STRIP_ROWS * y_stride;
    }
}

static void run(const operands *of, size_t m, size_t n, size_t k, bool add, float *y,
                size_t y_stride) {
    workspace with;
    /* The rows that a short strip lacks are multiplied too, and the results thrown away. */
    memset(with.strip, 0, sizeof with.strip);
    memset(with.rest, 0, sizeof with.rest);
    for (size_t j = 0; j < n; j += PANEL_COLUMNS) {
        const size_t columns = n - j < PANEL_COLUMNS ? n - j : PANEL_COLUMNS;
        for (size_t l = 0; l < k || l == 0; l += DEPTH) {
            operands part = *of;
            part.a += of->a_transposed ? l * of->a_stride : l;
            part.b += of->b_transposed ? j * of->b_stride + l : l * of->b_stride + j;
            run_panel(part, m, columns, k - l < DEPTH ? k - l : DEPTH, add || l > 0, &with, y + j,
                      y_stride);
        }
    }
}

void um_avx512_matmul_bf16(size_t m, size_t n, size_t k, const float *x, size_t x_stride,
                           const float *w, size_t w_stride, const float *bias, float *y,
                           size_t y_stride) {
    const operands of = {
        .a = x, .a_stride = x_stride, .b = w, .b_stride = w_stride, .b_transposed = true};
    run(&of, m, n, k, false, y, y_stride);
    um_add_bias(m, n, bias, y, y_stride);
}

void um_avx512_weighted_sum_bf16(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                 const float *v, size_t v_stride, float *y, size_t y_stride) {
    const operands of = {.a = p, .a_stride = p_stride, .b = v, .b_stride = v_stride};
    run(&of, m, n, k, false, y, y_stride);
}

void um_avx512_weighted_sum_add_bf16(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                     const float *v, size_t v_stride, float *y, size_t y_stride) {
    const operands of = {.a = p, .a_stride = p_stride, .b = v, .b_stride = v_stride};
    run(&of, m, n, k, true, y, y_stride);
}

void um_avx512_transposed_sum_add_bf16(size_t m, size_t n, size_t k, const float *p,
                                       size_t p_stride, const float *v, size_t v_stride, float *y,
                                       size_t y_stride) {
    const operands of = {
        .a = p, .a_stride = p_stride, .a_transposed = true, .b = v, .b_stride = v_stride};
    run(&of, m, n, k, true, y, y_stride);
}
