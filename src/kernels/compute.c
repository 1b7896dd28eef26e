#include "kernels/compute.h"

#include <string.h>

#include "base/memory.h"

#define ROW_TILE 16
#define NORM_BACKWARD_TILE 64
#define ELEMENT_TILE 16384

float *um_tensor_f32(const um_tensor *tensor) {
    return (float *)(uintptr_t)tensor->data;
}

void um_add_column_sums(size_t rows, size_t columns, const float *values, float *sums) {
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            sums[j] += values[i * columns + j];
        }
    }
}

typedef struct rms_norm_call {
    const um_compute *compute;
    size_t rows;
    size_t dim;
    float epsilon;
    const float *x;
    const float *weight;
    float *y;
    float *inverse_rms;
} rms_norm_call;

static void rms_norm_tile(void *user, size_t task, size_t worker) {
    (void)worker;
    const rms_norm_call *call = user;
    const size_t end = um_size_smaller((task + 1) * ROW_TILE, call->rows);
    for (size_t i = task * ROW_TILE; i < end; i++) {
        call->compute->kernels.rms_norm(call->dim, call->epsilon, call->x + i * call->dim,
                                        call->weight, call->y + i * call->dim,
                                        call->inverse_rms ? call->inverse_rms + i : NULL);
    }
}

void um_rms_norm_rows(const um_compute *compute, size_t rows, size_t dim, float epsilon,
                      const float *x, const float *weight, float *y, float *inverse_rms) {
    rms_norm_call call = {compute, rows, dim, epsilon, x, weight, y, inverse_rms};
    um_thread_pool_run(compute->pool, um_size_divide_up(rows, ROW_TILE), rms_norm_tile, &call);
}

typedef struct rms_norm_backward_call {
    const um_compute *compute;
    size_t rows;
    size_t dim;
    const float *x;
    const float *weight;
    const float *inverse_rms;
    const float *dy;
    float *dx;
    float *parts; /* [tiles, dim] */
} rms_norm_backward_call;

static void rms_norm_backward_tile(void *user, size_t task, size_t worker) {
    (void)worker;
    const rms_norm_backward_call *call = user;
    const size_t dim = call->dim;
    const size_t end = um_size_smaller((task + 1) * NORM_BACKWARD_TILE, call->rows);
    float *part = call->parts + task * dim;
    memset(part, 0, dim * sizeof *part);
    for (size_t i = task * NORM_BACKWARD_TILE; i < end; i++) {
        call->compute->kernels.rms_norm_backward(dim, call->x + i * dim, call->weight,
                                                 call->inverse_rms[i], call->dy + i * dim,
                                                 call->dx + i * dim, part);
    }
}

size_t um_rms_norm_scratch(size_t rows, size_t dim) {
    return um_size_divide_up(rows, NORM_BACKWARD_TILE) * dim;
}

void um_rms_norm_rows_backward(const um_compute *compute, size_t rows, size_t dim, const float *x,
                               const float *weight, const float *inverse_rms, const float *dy,
                               float *dx, float *dweight, float *scratch) {
    rms_norm_backward_call call = {compute, rows, dim, x, weight, inverse_rms, dy, dx, scratch};
    const size_t tiles = um_size_divide_up(rows, NORM_BACKWARD_TILE);
    um_thread_pool_run(compute->pool, tiles, rms_norm_backward_tile, &call);
    um_add_column_sums(tiles, dim, scratch, dweight);
}

typedef struct element_call {
    const um_compute *compute;
    size_t count;
    const float *input;
    float *gate;
    float *up;
    float *output;
} element_call;

static void run_elements(const um_compute *compute, um_task_function *function,
                         element_call *call) {
    um_thread_pool_run(compute->pool, um_size_divide_up(call->count, ELEMENT_TILE), function, call);
}

static void swiglu_tile(void *user, size_t task, size_t worker) {
    (void)worker;
    const element_call *call = user;
    const size_t first = task * ELEMENT_TILE;
    call->compute->kernels.swiglu(um_size_smaller(ELEMENT_TILE, call->count - first),
                                  call->gate + first, call->up + first, call->output + first);
}

void um_swiglu(const um_compute *compute, size_t count, const float *gate, const float *up,
               float *y) {
    element_call call = {.compute = compute,
                         .count = count,
                         .gate = (float *)(uintptr_t)gate,
                         .up = (float *)(uintptr_t)up,
                         .output = y};
    run_elements(compute, swiglu_tile, &call);
}

static void swiglu_backward_tile(void *user, size_t task, size_t worker) {
    (void)worker;
    const element_call *call = user;
    const size_t first = task * ELEMENT_TILE;
    call->compute->kernels.swiglu_backward(um_size_smaller(ELEMENT_TILE, call->count - first),
                                           call->input + first, call->gate + first,
                                           call->up + first);
}

void um_swiglu_backward(const um_compute *compute, size_t count, const float *dy, float *gate,
                        float *up) {
    element_call call = {.compute = compute, .count = count, .input = dy, .gate = gate, .up = up};
    run_elements(compute, swiglu_backward_tile, &call);
}

static void add_tile(void *user, size_t task, size_t worker) {
    (void)worker;
    const element_call *call = user;
    const size_t end = um_size_smaller((task + 1) * ELEMENT_TILE, call->count);
    for (size_t i = task * ELEMENT_TILE; i < end; i++) {
        call->output[i] = call->input[i] + call->gate[i];
    }
}

void um_add(const um_compute *compute, size_t count, const float *a, const float *b, float *sum) {
    element_call call = {.compute = compute,
                         .count = count,
                         .input = a,
                         .gate = (float *)(uintptr_t)b,
                         .output = sum};
    run_elements(compute, add_tile, &call);
}
