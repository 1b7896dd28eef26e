#include "train/optimizer/gradient_sum.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define TILE 16384 /* floats per task of a thread */

typedef void tile_function(float *block, float *sum, size_t count);

typedef struct tiled_call {
    tile_function *function;
    float *block;
    float *sum;
    size_t count;
} tiled_call;

static void run_tile(void *user, size_t task, size_t worker) {
    (void)worker;
    const tiled_call *call = user;
    const size_t first = task * TILE;
    call->function(call->block + first, call->sum ? call->sum + first : NULL,
                   um_size_smaller(TILE, call->count - first));
}

static void run_tiled(const um_gradient_sum *sum, tile_function *function) {
    tiled_call call = {
        .function = function, .block = sum->block, .sum = sum->in_order, .count = sum->count};
    um_thread_pool_run(sum->compute->pool, um_size_divide_up(sum->count, TILE), run_tile, &call);
}

static void clear_tile(float *block, float *sum, size_t count) {
    (void)sum;
    memset(block, 0, count * sizeof *block);
}

static void move_tile(float *block, float *sum, size_t count) {
    memcpy(sum, block, count * sizeof *sum);
    memset(block, 0, count * sizeof *block);
}

static void add_tile(float *block, float *sum, size_t count) {
    for (size_t i = 0; i < count; i++) {
        sum[i] += block[i];
        block[i] = 0;
    }
}

static void end_tile(float *block, float *sum, size_t count) {
    for (size_t i = 0; i < count; i++) {
        block[i] = sum[i] + block[i];
    }
}

void um_gradient_sum_start(um_gradient_sum *sum) {
    sum->total = sum->block;
    run_tiled(sum, clear_tile);
}

/* Add the parts of a round: one from each of the first `ranks` ranks. */
static um_status add_round(um_gradient_sum *sum, size_t ranks, bool first, bool last,
                           um_error *error) {
    if (um_collective_rank(sum->collective) == 0 && !sum->in_order) {
        UM_TRY(um_allocate(&sum->in_order, sum->count, sizeof *sum->in_order, "sum of gradients",
                           error));
    }
    if (ranks > 1) {
        UM_TRY(um_collective_sum_in_order(sum->collective, ranks, first, sum->in_order, sum->block,
                                          sum->count, error));
        if (!last) {
            run_tiled(sum, clear_tile);
        } else if (um_collective_rank(sum->collective) == 0) {
            sum->total = sum->in_order;
        }
    } else if (um_collective_rank(sum->collective) == 0) {
        run_tiled(sum, last ? end_tile : first ? move_tile : add_tile);
    }
    return UM_OK;
}

um_status um_gradient_sum_add(um_gradient_sum *sum, size_t part, size_t parts, um_error *error) {
    const size_t size = um_collective_size(sum->collective);
    const size_t ranks = part % size + 1; /* that have a part in this round so far */
    const bool last = part + 1 == parts;
    if (sum->reduction == UM_REDUCTION_FAST || parts == 1 || (ranks < size && !last)) {
        return UM_OK;
    }
    return add_round(sum, ranks, part < size, last, error);
}

um_status um_gradient_sum_finish(um_gradient_sum *sum, um_error *error) {
    if (sum->reduction == UM_REDUCTION_FAST) {
        return um_collective_sum_fast(sum->collective, sum->block, sum->count, error);
    }
    return um_collective_broadcast(sum->collective, sum->total, sum->count * sizeof *sum->total,
                                   error);
}

void um_gradient_sum_free(um_gradient_sum *sum) {
    free(sum->in_order);
    *sum = (um_gradient_sum){0};
}
