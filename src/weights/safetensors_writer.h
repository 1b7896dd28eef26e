/* Write one safetensors file. */
#ifndef UM_WEIGHTS_SAFETENSORS_WRITER_H
#define UM_WEIGHTS_SAFETENSORS_WRITER_H

#include "base/watch.h"
#include "tensor/tensor.h"

typedef struct um_named_tensor {
    const char *name; /* not owned; UTF-8, unique */
    um_tensor tensor;
} um_named_tensor;

/* Write `count` tensors, in this order, to the file at `path`, which appears whole or not at all.
 * Each is stored as `dtype`: copied if it has that type, else converted, rounding to nearest even.
 * The header is padded so that data starts at a multiple of UM_ALIGNMENT.  UM_ERR_MISMATCH names a
 * finite value that `dtype` cannot hold. */
um_status um_safetensors_write(const char *path, const um_named_tensor *tensors, size_t count,
                               um_dtype dtype, um_error *error);

/* The same, with a `watch` (may be NULL) that is told how many bytes of data are written. */
um_status um_safetensors_write_watched(const char *path, const um_named_tensor *tensors,
                                       size_t count, um_dtype dtype, const um_watch *watch,
                                       um_error *error);

#endif
