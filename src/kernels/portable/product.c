/* A panel of b (128 columns, a part of the sum) is copied to contiguous memory, in groups of 16
 * columns; four rows of a at a time are copied beside it and multiplied by each group.
 *
 * If the factors are rounded to BF16, both copies exchange every two neighbours along the sum, and
 * have a zero before a last element without a neighbour: this is the order in which products are
 * added. */
#include "kernels/portable/product.h"
#include "kernels/portable/vector.h"

#define TILE_ROWS UM_V4_LANES
#define VECTORS 4
#define GROUP_COLUMNS (VECTORS * UM_V4_LANES)
#define PANEL_COLUMNS 128
#define PANEL_DEPTH 128 /* even; a group and a strip of rows fill a third of a cache of 32 KiB */
#define GROUP_SIZE (PANEL_DEPTH * GROUP_COLUMNS)

typedef struct copies {
    float panel[PANEL_DEPTH * PANEL_COLUMNS]; /* [group][l][column], zeros behind the last column */
    float strip[PANEL_DEPTH * TILE_ROWS];     /* [l][row], zeros behind the last row */
} copies;

/* ---- BF16 -------------------------------------------------------------------------------- */

/* Subnormal numbers become zeros of their sign. */
static UM_ALWAYS_INLINE um_floats flush(um_floats x) {
    const um_ints is_small = um_v4_magnitude_bits(x) < 0x00800000;
    return (um_floats)((um_ints)x & ~(is_small & 0x7FFFFFFF));
}

/* To nearest, ties to even. */
static UM_ALWAYS_INLINE um_floats round_bf16(um_floats x) {
    const um_bits bits = (um_bits)flush(x);
    const um_bits rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000u;
    return um_v4_select(x != x, x, (um_floats)rounded);
}

/* Where element l of a sum lies in a copy. */
static UM_ALWAYS_INLINE size_t place_of(bool rounds, size_t l) {
    return rounds ? l ^ 1 : l;
}

/* ---- Copies ------------------------------------------------------------------------------ */

/* `rounds` is a constant at every call. */

static UM_ALWAYS_INLINE um_floats operand(bool rounds, const float *x, size_t lanes) {
    const um_floats value = um_v4_load(x, lanes);
    return rounds ? round_bf16(value) : value;
}

/* Copy k <= PANEL_DEPTH elements of the sums of four rows or columns, of which `count` exist:
 * element l of number i from x[i * across + l * along] to target[place_of(l) * step + i]. */
static UM_ALWAYS_INLINE void copy_four(bool rounds, size_t k, size_t count, const float *x,
                                       size_t across, size_t along, float *target, size_t step) {
    for (size_t l = 0; across == 1 && l < k; l++) {
        um_v4_store(target + place_of(rounds, l) * step, UM_V4_LANES,
                    operand(rounds, x + l * along, count));
    }
    for (size_t l = 0; across != 1 && l < k; l += UM_V4_LANES) {
        const size_t lanes = um_v4_lanes_at(l, k);
        for (size_t i = 0; i < UM_V4_LANES; i++) {
            const um_floats value =
                i < count ? operand(rounds, x + i * across + l, lanes) : um_v4_splat(0.0f);
            for (size_t at = 0; at < lanes; at++) {
                target[place_of(rounds, l + at) * step + i] = value[at];
            }
        }
    }
    if (rounds && k % 2 != 0) {
        um_v4_store(target + (k - 1) * step, UM_V4_LANES, um_v4_splat(0.0f));
    }
}

static UM_ALWAYS_INLINE void copy_panel(bool rounds, const um_strided_product *of, float *panel) {
    const size_t groups = (of->n + GROUP_COLUMNS - 1) / GROUP_COLUMNS;
    for (size_t j = 0; j < groups * GROUP_COLUMNS; j += UM_V4_LANES) {
        float *group = panel + j / GROUP_COLUMNS * GROUP_SIZE + j % GROUP_COLUMNS;
        const size_t columns = um_v4_lanes_at(j, of->n);
        const float *b = columns > 0 ? of->b + j * of->b_column : of->b;
        copy_four(rounds, of->k, columns, b, of->b_column, of->b_step, group, GROUP_COLUMNS);
    }
}

/* ---- Tiles ------------------------------------------------------------------------------- */

typedef struct tile_arguments {
    size_t k;
    const float *strip;
    const float *group;
    float *c;
    size_t c_stride;
    bool add;
} tile_arguments;

/* `rows` (a constant) rows of the strip times a group. */
static UM_ALWAYS_INLINE void tile(bool rounds, size_t rows, const tile_arguments *t) {
    um_floats sum[TILE_ROWS][VECTORS];
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < VECTORS; j++) {
            const float *c = t->c + i * t->c_stride + j * UM_V4_LANES;
            sum[i][j] = t->add ? um_v4_load_whole(c) : um_v4_splat(0.0f);
            sum[i][j] = rounds ? flush(sum[i][j]) : sum[i][j];
        }
    }
    for (size_t l = 0; l < t->k; l++) {
        for (size_t i = 0; i < rows; i++) {
            const um_floats factor = um_v4_splat(t->strip[l * TILE_ROWS + i]);
            for (size_t j = 0; j < VECTORS; j++) {
                const um_floats value =
                    um_v4_load_whole(t->group + l * GROUP_COLUMNS + j * UM_V4_LANES);
                const um_floats next = um_v4_multiply_add(value, factor, sum[i][j]);
                sum[i][j] = rounds ? flush(next) : next;
            }
        }
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < VECTORS; j++) {
            um_v4_store(t->c + i * t->c_stride + j * UM_V4_LANES, UM_V4_LANES, sum[i][j]);
        }
    }
}

static UM_ALWAYS_INLINE void tile_of_rows(bool rounds, size_t rows, const tile_arguments *t) {
    switch (rows) {
        case 4:
            tile(rounds, 4, t);
            break;
        case 3:
            tile(rounds, 3, t);
            break;
        case 2:
            tile(rounds, 2, t);
            break;
        default:
            tile(rounds, 1, t);
            break;
    }
}

/* A group of which only `columns` columns exist in c. */
static UM_ALWAYS_INLINE void narrow_tile(bool rounds, size_t rows, size_t columns,
                                         const tile_arguments *t) {
    float c[TILE_ROWS * GROUP_COLUMNS] = {0};
    tile_arguments on_copy = *t;
    on_copy.c = c;
    on_copy.c_stride = GROUP_COLUMNS;
    for (size_t i = 0; t->add && i < rows; i++) {
        memcpy(c + i * GROUP_COLUMNS, t->c + i * t->c_stride, columns * sizeof *c);
    }
    tile_of_rows(rounds, rows, &on_copy);
    for (size_t i = 0; i < rows; i++) {
        memcpy(t->c + i * t->c_stride, c + i * GROUP_COLUMNS, columns * sizeof *c);
    }
}

/* ---- Panels ------------------------------------------------------------------------------ */

/* A part of the sum for at most PANEL_COLUMNS columns. */
static UM_ALWAYS_INLINE void run_panel(bool rounds, const um_strided_product *of, copies *to) {
    tile_arguments t = {.k = rounds ? of->k + of->k % 2 : of->k,
                        .strip = to->strip,
                        .c_stride = of->c_stride,
                        .add = of->add};
    copy_panel(rounds, of, to->panel);
    for (size_t i = 0; i < of->m; i += TILE_ROWS) {
        const size_t rows = of->m - i < TILE_ROWS ? of->m - i : TILE_ROWS;
        copy_four(rounds, of->k, rows, of->a + i * of->a_row, of->a_row, of->a_step, to->strip,
                  TILE_ROWS);
        t.group = to->panel;
        for (size_t j = 0; j < of->n; j += GROUP_COLUMNS) {
            t.c = of->c + i * of->c_stride + j;
            if (of->n - j < GROUP_COLUMNS) {
                narrow_tile(rounds, rows, of->n - j, &t);
            } else {
                tile_of_rows(rounds, rows, &t);
            }
            t.group += GROUP_SIZE;
        }
    }
}

static UM_ALWAYS_INLINE void run(bool rounds, const um_strided_product *of) {
    copies to;
    for (size_t j = 0; j < of->n; j += PANEL_COLUMNS) {
        for (size_t l = 0; l < of->k || l == 0; l += PANEL_DEPTH) {
            um_strided_product part = *of;
            part.n = of->n - j < PANEL_COLUMNS ? of->n - j : PANEL_COLUMNS;
            part.k = of->k - l < PANEL_DEPTH ? of->k - l : PANEL_DEPTH;
            part.a += l * of->a_step;
            part.b += l * of->b_step + j * of->b_column;
            part.c += j;
            part.add = of->add || l > 0;
            run_panel(rounds, &part, &to);
        }
    }
}

void um_portable_product_f32(const um_strided_product *of) {
    run(false, of);
}

void um_portable_product_bf16(const um_strided_product *of) {
    run(true, of);
}
