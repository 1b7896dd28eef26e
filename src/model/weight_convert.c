#include "model/weight_convert.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/row_order.h"
#include "tensor/quantise.h"

/* Elements of one task, approximately. */
#define TASK_ELEMENTS ((size_t)1 << 16)

typedef struct row_job {
    const um_weight_conversion *conversion;
    size_t first;
    size_t count;
    size_t rows_per_task;
    size_t columns;
    uint8_t *target;
    float *values;            /* [threads, columns] */
    atomic_size_t failed_row; /* the first row that the type cannot hold, or SIZE_MAX */
} row_job;

static size_t columns_of(const um_weight_conversion *conversion) {
    const um_tensor *source = conversion->source;
    if (source->rank == 1) {
        return conversion->interleave > 0 ? 1 : source->shape[0];
    }
    return source->shape[1];
}

size_t um_weight_convert_row_count(const um_weight_conversion *conversion) {
    const bool whole = conversion->source->rank == 1 && conversion->interleave == 0;
    return whole ? 1 : conversion->source->shape[0];
}

size_t um_weight_convert_row_bytes(const um_weight_conversion *conversion) {
    return um_dtype_row_bytes(conversion->target_dtype, columns_of(conversion));
}

/* Whether all finite values are small enough that rounding does not make them infinite. */
static bool is_representable(um_dtype dtype, const float *values, size_t count) {
    const float limit = dtype == UM_DTYPE_F16    ? 65520.0f
                        : dtype == UM_DTYPE_BF16 ? 0x1.FFp127f
                                                 : INFINITY;
    bool fits = true;
    for (size_t i = 0; i < count; i++) {
        const float magnitude = fabsf(values[i]);
        fits = fits && !(magnitude >= limit && magnitude < INFINITY);
    }
    return fits;
}

static bool store_row(um_dtype dtype, const float *values, void *target, size_t count) {
    if (!um_dtype_is_plain(dtype)) {
        return um_quantise(dtype, values, target, count);
    }
    um_convert_from_f32(dtype, values, target, count);
    return is_representable(dtype, values, count);
}

static void note_failure(row_job *job, size_t row) {
    size_t known = atomic_load(&job->failed_row);
    while (row < known && !atomic_compare_exchange_weak(&job->failed_row, &known, row)) {
    }
}

static void convert_row(row_job *job, size_t row, float *values) {
    const um_weight_conversion *conversion = job->conversion;
    const um_tensor *source = conversion->source;
    const size_t interleave = conversion->interleave;
    const size_t from = interleave > 0 ? um_gguf_row_source(row, interleave) : row;
    const uint8_t *stored =
        (const uint8_t *)source->data + from * um_dtype_row_bytes(source->dtype, job->columns);
    const size_t row_bytes = um_weight_convert_row_bytes(conversion);
    uint8_t *target = job->target + (row - job->first) * row_bytes;
    if (source->dtype == conversion->target_dtype) {
        memcpy(target, stored, row_bytes);
        return;
    }
    um_convert_to_f32(source->dtype, stored, values, job->columns);
    if (!store_row(conversion->target_dtype, values, target, job->columns)) {
        note_failure(job, row);
    }
}

static void convert_task(void *user, size_t task, size_t worker) {
    row_job *job = user;
    float *values = job->values + worker * job->columns;
    const size_t begin = task * job->rows_per_task;
    for (size_t i = begin; i < begin + job->rows_per_task && i < job->count; i++) {
        convert_row(job, job->first + i, values);
    }
}

um_status um_weight_convert_rows(const um_weight_conversion *conversion, size_t first, size_t count,
                                 void *target, um_thread_pool *pool, um_error *error) {
    const size_t columns = columns_of(conversion);
    row_job job = {.conversion = conversion,
                   .first = first,
                   .count = count,
                   .rows_per_task = columns < TASK_ELEMENTS ? TASK_ELEMENTS / columns : 1,
                   .columns = columns,
                   .target = target};
    atomic_init(&job.failed_row, SIZE_MAX);
    UM_TRY(um_allocate(&job.values, um_thread_pool_size(pool) * columns, sizeof *job.values,
                       "rows being converted", error));
    um_thread_pool_run(pool, um_size_divide_up(count, job.rows_per_task), convert_task, &job);
    free(job.values);
    const size_t failed = atomic_load(&job.failed_row);
    if (failed != SIZE_MAX) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: row %zu holds a value that is not finite or too large for %s",
                        conversion->name, failed, um_dtype_name(conversion->target_dtype));
    }
    return UM_OK;
}
