/* A view of a stored tensor: type, shape and where its elements lie.  Row-major, dense. */
#ifndef UM_TENSOR_TENSOR_H
#define UM_TENSOR_TENSOR_H

#include "tensor/dtype.h"

#define UM_TENSOR_MAXIMUM_RANK 4

typedef struct um_tensor {
    const void *data; /* not owned; NULL in an absent tensor */
    um_dtype dtype;
    size_t rank;
    size_t shape[UM_TENSOR_MAXIMUM_RANK];
} um_tensor;

/* Elements of the tensor; false when the product overflows. */
bool um_tensor_count(const um_tensor *tensor, size_t *count);

/* "[8, 4]" into `text`, truncated to its size. */
void um_tensor_format_shape(const um_tensor *tensor, char *text, size_t text_size);

#endif
