/* Convert weights from one type to another, many rows at a time. */
#ifndef UM_MODEL_WEIGHT_CONVERT_H
#define UM_MODEL_WEIGHT_CONVERT_H

#include "base/thread_pool.h"
#include "tensor/tensor.h"

/* A conversion of one tensor of rank 1 or 2. */
typedef struct um_weight_conversion {
    const char *name; /* for messages */
    const um_tensor *source;
    um_dtype target_dtype; /* its blocks divide the rows */
    size_t interleave;     /* rows of a head, to put them in the order of GGUF files; 0: keep it */
} um_weight_conversion;

/* Convert the rows [first, first + count) of the result into `target`; a tensor of rank 1 is one
 * row, or, if it is interleaved, rows of one element.  Rows of the same type are copied.  Results
 * do not depend on the number of threads; `pool` may be NULL.  UM_ERR_MISMATCH names the first row
 * with a value that the type cannot hold; UM_ERR_MEMORY. */
um_status um_weight_convert_rows(const um_weight_conversion *conversion, size_t first, size_t count,
                                 void *target, um_thread_pool *pool, um_error *error);

/* The number of rows of the result, and the bytes of one row. */
size_t um_weight_convert_row_count(const um_weight_conversion *conversion);
size_t um_weight_convert_row_bytes(const um_weight_conversion *conversion);

#endif
