/* Matrix products over threads. */
#include "kernels/linear.h"

#include <stdlib.h>

#include "base/memory.h"

/* Tiles of f32 products: a block of x rows that stays in the second-level cache, and enough
 * weight rows that a task takes longer than handing it to a thread.  A task of a packed product
 * takes all rows. */
#define ROW_TILE 192
#define COLUMN_TILE 64
/* Columns of a task of a packed product: as many tasks as a machine with many cores needs, but
 * where there are enough, larger ones, because a kernel prefetches weights within a task only. */
#define PACKED_TILE 32
#define MANY_PACKED_TILE 128
#define MANY_COLUMNS 8192
/* Tiles of a weight's gradient: small, because the key projection has few weights and every thread
 * should get some. */
#define GRADIENT_ROWS 128
#define GRADIENT_COLUMNS 64
/* Rows and blocks that a task packs: a few rows alone must occupy all threads, too.  Rows of a tile
 * lie side by side within a block, so that tasks of single rows would write to the same cache
 * lines. */
#define PACK_ROWS 12
#define PACK_BLOCKS 32

/* ---- Packing --------------------------------------------------------------------- */

/* Bytes of a packed block: integers, scale, scaled sum and two sums. */
#define BLOCK_BYTES (UM_PACK_INTEGER_BYTES + 4 * sizeof(float))

um_status um_packing_reserve(um_packing *packing, size_t rows, size_t k, um_error *error) {
    size_t blocks = 0, bytes = 0;
    if (!um_size_multiply(rows, um_pack_blocks(k), &blocks) ||
        !um_size_multiply(blocks, BLOCK_BYTES, &bytes)) {
        return um_error_memory(error, "packed activations", SIZE_MAX);
    }
    if (bytes <= packing->capacity) {
        return UM_OK;
    }
    um_packing_free(packing);
    UM_TRY(um_allocate(&packing->memory, bytes, 1, "packed activations", error));
    packing->capacity = bytes;
    return UM_OK;
}

void um_packing_free(um_packing *packing) {
    free(packing->memory);
    *packing = (um_packing){0};
}

static um_packed_rows lay_out(const um_packing *packing, um_pack_kind kind, size_t rows, size_t k) {
    const size_t blocks = rows * um_pack_blocks(k);
    char *memory = packing->memory;
    float *scales = (float *)(void *)(memory + blocks * UM_PACK_INTEGER_BYTES);
    float *scaled_sums = scales + blocks;
    int32_t *sums = (int32_t *)(void *)(scaled_sums + blocks);
    return (um_packed_rows){.kind = kind,
                            .rows = rows,
                            .k = k,
                            .integers = memory,
                            .scales = scales,
                            .sums = sums,
                            .late_sums = sums + blocks,
                            .scaled_sums = scaled_sums};
}

typedef struct pack_call {
    const um_compute *compute;
    const float *x;
    um_packed_rows packed;
} pack_call;

static size_t pack_task_count(size_t rows, size_t k) {
    return um_size_divide_up(rows, PACK_ROWS) * um_size_divide_up(um_pack_blocks(k), PACK_BLOCKS);
}

static void pack_task(void *user, size_t task, size_t worker) {
    (void)worker;
    const pack_call *call = user;
    const size_t k = call->packed.k;
    const size_t blocks = um_pack_blocks(k);
    const size_t pieces = um_size_divide_up(blocks, PACK_BLOCKS);
    const size_t row = task / pieces * PACK_ROWS;
    const size_t block = task % pieces * PACK_BLOCKS;
    const um_pack_part part = {row, um_size_smaller(PACK_ROWS, call->packed.rows - row), block,
                               um_size_smaller(PACK_BLOCKS, blocks - block)};
    call->compute->kernels.pack_rows(part, call->x + row * k, k, &call->packed);
}

/* ---- Products ---------------------------------------------------------------------- */

typedef struct product_call {
    const um_compute *compute;
    const um_product *products;
    size_t rows;
    const float *x;
    const um_packed_rows *packed; /* NULL: the f32 products */
} product_call;

bool um_linear_needs_packing(const um_tensor *weight) {
    return weight->data && weight->dtype != UM_DTYPE_F32;
}

static bool has_kind(const um_product *product, um_pack_kind kind) {
    return um_linear_needs_packing(product->weight) &&
           um_pack_kind_of(product->weight->dtype) == kind;
}

/* Whether the call computes this product. */
static bool concerns(const product_call *call, const um_product *product) {
    return call->packed ? has_kind(product, call->packed->kind)
                        : !um_linear_needs_packing(product->weight);
}

/* Columns of a task. */
static size_t column_tile(const product_call *call, size_t out) {
    if (!call->packed) {
        return COLUMN_TILE;
    }
    return out >= MANY_COLUMNS ? MANY_PACKED_TILE : PACKED_TILE;
}

static size_t task_count(const product_call *call, const um_product *product) {
    const size_t out = product->weight->shape[0];
    const size_t columns = um_size_divide_up(out, column_tile(call, out));
    return call->packed ? columns : columns * um_size_divide_up(call->rows, ROW_TILE);
}

static void run_packed(const product_call *call, const um_product *product, size_t task) {
    const um_tensor *weight = product->weight;
    const size_t out = weight->shape[0];
    const size_t tile = column_tile(call, out);
    const size_t column = task * tile;
    const float *bias = product->bias ? product->bias->data : NULL;
    const char *w = weight->data;
    call->compute->kernels.matmul_packed(
        weight->dtype, um_size_smaller(tile, out - column), call->packed,
        w + column * um_dtype_row_bytes(weight->dtype, weight->shape[1]),
        bias ? bias + column : NULL, product->y + column, out);
}

static void run_plain(const product_call *call, const um_product *product, size_t task) {
    const size_t out = product->weight->shape[0];
    const size_t in = product->weight->shape[1];
    const size_t column_tiles = um_size_divide_up(out, COLUMN_TILE);
    const size_t row = task / column_tiles * ROW_TILE;
    const size_t column = task % column_tiles * COLUMN_TILE;
    const float *bias = product->bias ? product->bias->data : NULL;
    const um_compute *compute = call->compute;
    (compute->bf16_products ? compute->kernels.matmul_bf16 : compute->kernels.matmul)(
        um_size_smaller(ROW_TILE, call->rows - row), um_size_smaller(COLUMN_TILE, out - column), in,
        call->x + row * in, in, (const float *)product->weight->data + column * in, in,
        bias ? bias + column : NULL, product->y + row * out + column, out);
}

static void product_task(void *user, size_t task, size_t worker) {
    (void)worker;
    const product_call *call = user;
    const um_product *product = call->products;
    while (!concerns(call, product) || task >= task_count(call, product)) {
        task -= concerns(call, product) ? task_count(call, product) : 0;
        product++;
    }
    if (call->packed) {
        run_packed(call, product, task);
    } else {
        run_plain(call, product, task);
    }
}

static void run_products(product_call *call, size_t count) {
    size_t tasks = 0;
    for (size_t i = 0; i < count; i++) {
        tasks += concerns(call, &call->products[i]) ? task_count(call, &call->products[i]) : 0;
    }
    um_thread_pool_run(call->compute->pool, tasks, product_task, call);
}

static bool any_has_kind(const um_product *products, size_t count, um_pack_kind kind) {
    for (size_t i = 0; i < count; i++) {
        if (has_kind(&products[i], kind)) {
            return true;
        }
    }
    return false;
}

void um_linear_group(const um_compute *compute, size_t rows, const float *x,
                     const um_packing *packing, const um_product *products, size_t count) {
    product_call call = {.compute = compute, .products = products, .rows = rows, .x = x};
    run_products(&call, count);
    for (int kind = UM_PACK_NARROW; kind <= UM_PACK_WIDE; kind++) {
        if (any_has_kind(products, count, (um_pack_kind)kind)) {
            const size_t k = products[0].weight->shape[1];
            pack_call pack = {compute, x, lay_out(packing, (um_pack_kind)kind, rows, k)};
            um_thread_pool_run(compute->pool, pack_task_count(rows, k), pack_task, &pack);
            call.packed = &pack.packed;
            run_products(&call, count);
        }
    }
}

void um_linear(const um_compute *compute, size_t rows, const float *x, const um_packing *packing,
               const um_tensor *weight, const um_tensor *bias, float *y) {
    const um_product product = {weight, bias, y};
    um_linear_group(compute, rows, x, packing, &product, 1);
}

/* ---- Backward ---------------------------------------------------------------------- */

typedef struct backward_call {
    const um_compute *compute;
    size_t rows;
    size_t in;
    size_t out;
    const float *x;
    const float *weight;
    const float *dy;
    float *dx;
    float *dweight;
    bool accumulate;
} backward_call;

/* A tile of dx = dy weight. */
static void input_gradient_task(void *user, size_t task, size_t worker) {
    (void)worker;
    const backward_call *call = user;
    const um_kernels *kernels = &call->compute->kernels;
    const size_t column_tiles = um_size_divide_up(call->in, COLUMN_TILE);
    const size_t row = task / column_tiles * ROW_TILE;
    const size_t column = task % column_tiles * COLUMN_TILE;
    const bool rounds = call->compute->bf16_products;
    (call->accumulate ? (rounds ? kernels->weighted_sum_add_bf16 : kernels->weighted_sum_add)
                      : (rounds ? kernels->weighted_sum_bf16 : kernels->weighted_sum))(
        um_size_smaller(ROW_TILE, call->rows - row),
        um_size_smaller(COLUMN_TILE, call->in - column), call->out, call->dy + row * call->out,
        call->out, call->weight + column, call->in, call->dx + row * call->in + column, call->in);
}

/* A tile of dweight += dy^T x: all rows, in order. */
static void weight_gradient_task(void *user, size_t task, size_t worker) {
    (void)worker;
    const backward_call *call = user;
    const size_t column_tiles = um_size_divide_up(call->in, GRADIENT_COLUMNS);
    const size_t row = task / column_tiles * GRADIENT_ROWS;
    const size_t column = task % column_tiles * GRADIENT_COLUMNS;
    const um_compute *compute = call->compute;
    (compute->bf16_products ? compute->kernels.transposed_sum_add_bf16
                            : compute->kernels.transposed_sum_add)(
        um_size_smaller(GRADIENT_ROWS, call->out - row),
        um_size_smaller(GRADIENT_COLUMNS, call->in - column), call->rows, call->dy + row, call->out,
        call->x + column, call->in, call->dweight + row * call->in + column, call->in);
}

void um_linear_backward(const um_compute *compute, size_t rows, const float *x,
                        const um_tensor *weight, const float *dy, float *dx, bool accumulate,
                        const um_tensor *dweight, const um_tensor *dbias) {
    backward_call call = {.compute = compute,
                          .rows = rows,
                          .in = weight->shape[1],
                          .out = weight->shape[0],
                          .x = x,
                          .weight = weight->data,
                          .dy = dy,
                          .dx = dx,
                          .dweight = um_tensor_f32(dweight),
                          .accumulate = accumulate};
    if (dx) {
        const size_t tasks =
            um_size_divide_up(rows, ROW_TILE) * um_size_divide_up(call.in, COLUMN_TILE);
        um_thread_pool_run(compute->pool, tasks, input_gradient_task, &call);
    }
    const size_t tasks =
        um_size_divide_up(call.out, GRADIENT_ROWS) * um_size_divide_up(call.in, GRADIENT_COLUMNS);
    um_thread_pool_run(compute->pool, tasks, weight_gradient_task, &call);
    if (dbias && dbias->data) {
        um_add_column_sums(rows, call.out, dy, um_tensor_f32(dbias));
    }
}
