/* A panel of b (64 columns, a part of the sum) is copied to contiguous memory if that pays; each
 * strip of 48 rows of a is multiplied by it in tiles of 6 rows by 16 columns. */
#include "kernels/avx2/product.h"

#include "kernels/avx2/operand.h"

/* 12 sums hide the latency of a multiply-add; with two vectors of b and a factor they fill the
 * registers. */
#define TILE_ROWS 6
#define VECTORS (UM_GROUP_COLUMNS / UM_LANES)
/* The number of rows from which copying b pays, unless a copy is needed anyway. */
#define ROWS_TO_COPY 16
/* Rows of b at most this many floats apart fill a cache evenly without a copy. */
#define NEAR 64

/* ---- Tiles ---------------------------------------------------------------------------- */

/* Where the operands of a tile are, after copying; b by groups of UM_GROUP_COLUMNS columns. */
typedef struct tile_arguments {
    size_t k;
    const float *a;
    size_t a_row;
    size_t a_step;
    const float *b;
    size_t b_step;
    size_t b_group;
    float *c;
    size_t c_stride;
    bool add;
} tile_arguments;

/* `rows` and `vectors` are constants at every call, so that the sums stay in registers.  The last
 * vector has `lanes` columns of c. */
static UM_ALWAYS_INLINE void tile(size_t rows, size_t vectors, size_t lanes,
                                  const tile_arguments *t) {
    __m256 sum[TILE_ROWS][VECTORS];
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < vectors; j++) {
            const float *c = t->c + i * t->c_stride + j * UM_LANES;
            sum[i][j] =
                t->add ? um_avx2_load(c, j + 1 < vectors ? UM_LANES : lanes) : _mm256_setzero_ps();
        }
    }
    const float *a = t->a;
    const float *b = t->b;
    for (size_t l = 0; l < t->k; l++) {
        __m256 value[VECTORS];
        for (size_t j = 0; j < vectors; j++) {
            value[j] = _mm256_loadu_ps(b + j * UM_LANES);
        }
        for (size_t i = 0; i < rows; i++) {
            const __m256 factor = _mm256_broadcast_ss(a + i * t->a_row);
            for (size_t j = 0; j < vectors; j++) {
                sum[i][j] = _mm256_fmadd_ps(factor, value[j], sum[i][j]);
            }
        }
        a += t->a_step;
        b += t->b_step;
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < vectors; j++) {
            um_avx2_store(t->c + i * t->c_stride + j * UM_LANES, j + 1 < vectors ? UM_LANES : lanes,
                          sum[i][j]);
        }
    }
}

/* `rows` rows (a constant <= TILE_ROWS) times all columns; then `t` moves past these rows. */
static UM_ALWAYS_INLINE void tile_row(size_t rows, size_t columns, tile_arguments *t) {
    tile_arguments at = *t;
    for (; columns > UM_LANES; columns -= columns < UM_GROUP_COLUMNS ? columns : UM_GROUP_COLUMNS) {
        tile(rows, VECTORS, columns < UM_GROUP_COLUMNS ? columns - UM_LANES : UM_LANES, &at);
        at.b += at.b_group;
        at.c += UM_GROUP_COLUMNS;
    }
    if (columns > 0) {
        tile(rows, 1, columns, &at);
    }
    t->a += rows * t->a_row;
    t->c += rows * t->c_stride;
}

static void strip_of_tiles(size_t rows, size_t columns, tile_arguments t) {
    for (; rows >= TILE_ROWS; rows -= TILE_ROWS) {
        tile_row(TILE_ROWS, columns, &t);
    }
    if (rows >= 4) {
        tile_row(4, columns, &t);
        rows -= 4;
    }
    if (rows >= 2) {
        tile_row(2, columns, &t);
        rows -= 2;
    }
    if (rows == 1) {
        tile_row(1, columns, &t);
    }
}

/* ---- Panels --------------------------------------------------------------------------- */

/* The part of the sum in `of` for at most UM_PANEL_COLUMNS columns; `rounds` is a constant at both
 * calls. */
static UM_ALWAYS_INLINE void run_panel(bool rounds, const um_strided_product *of,
                                       um_avx2_operands *copy) {
    const bool copies =
        rounds || of->n % UM_LANES != 0 || (of->m >= ROWS_TO_COPY && of->b_step > NEAR);
    tile_arguments t = {.k = rounds ? of->k + of->k % 2 : of->k,
                        .b = copies ? copy->panel : of->b,
                        .b_step = copies ? UM_GROUP_COLUMNS : of->b_step,
                        .b_group = copies ? UM_GROUP_SIZE : UM_GROUP_COLUMNS,
                        .c_stride = of->c_stride,
                        .add = of->add};
    if (of->b_column != 1) {
        um_avx2_turn_rounded_panel(of->k, of->n, of->b, of->b_column, copy->panel);
    } else if (copies) {
        um_avx2_copy_panel(rounds, of->k, of->n, of->b, of->b_step, copy->panel);
    }
    for (size_t i = 0; i < of->m; i += UM_STRIP_ROWS) {
        const size_t rows = of->m - i < UM_STRIP_ROWS ? of->m - i : UM_STRIP_ROWS;
        t.a = of->a + i * of->a_row;
        t.a_row = of->a_row;
        t.a_step = of->a_step;
        t.c = of->c + i * of->c_stride;
        if (of->a_step != 1) {
            um_avx2_copy_strip(rounds, rows, of->k, t.a, of->a_step, i + rows < of->m, copy->strip);
            t.a = copy->strip;
            t.a_step = UM_STRIP_ROWS;
        } else if (rounds) {
            um_avx2_round_strip(rows, of->k, t.a, of->a_row, copy->strip);
            t.a = copy->strip;
            t.a_row = UM_PANEL_DEPTH;
        }
        strip_of_tiles(rows, of->n, t);
    }
}

static UM_ALWAYS_INLINE void run(bool rounds, const um_strided_product *of) {
    um_avx2_operands copy;
    for (size_t j = 0; j < of->n; j += UM_PANEL_COLUMNS) {
        for (size_t l = 0; l < of->k || l == 0; l += UM_PANEL_DEPTH) {
            um_strided_product part = *of;
            part.n = of->n - j < UM_PANEL_COLUMNS ? of->n - j : UM_PANEL_COLUMNS;
            part.k = of->k - l < UM_PANEL_DEPTH ? of->k - l : UM_PANEL_DEPTH;
            part.a += l * of->a_step;
            part.b += l * of->b_step + j * of->b_column;
            part.c += j;
            part.add = of->add || l > 0;
            run_panel(rounds, &part, &copy);
        }
    }
}

void um_avx2_product_f32(const um_strided_product *of) {
    run(false, of);
}

/* A function of its own, so that the compiler moves no arithmetic out of the mode it is called in.
 */
static __attribute__((noinline)) void run_rounded(const um_strided_product *of) {
    run(true, of);
}

/* VDPBF16PS reads subnormal numbers as zero and makes none: so does everything in this mode. */
void um_avx2_product_bf16(const um_strided_product *of) {
    const unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | _MM_FLUSH_ZERO_ON | _MM_DENORMALS_ZERO_ON);
    run_rounded(of);
    _mm_setcsr(mode);
}
