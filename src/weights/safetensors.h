/* The header of one safetensors file: 8 bytes little-endian length N, N bytes of JSON that maps
 * tensor names to {dtype, shape, data_offsets}, then the data, which the tensors must cover
 * without gaps or overlaps (https://github.com/huggingface/safetensors, "Format"). */
#ifndef UM_WEIGHTS_SAFETENSORS_H
#define UM_WEIGHTS_SAFETENSORS_H

#include "tensor/tensor.h"

/* Largest JSON header, in bytes, as in the reference implementation. */
#define UM_SAFETENSORS_HEADER_MAXIMUM ((size_t)100 * 1000 * 1000)

/* One tensor of the header.  Types outside UM_DTYPE_LIST are described but cannot be used. */
typedef struct um_safetensors_entry {
    char *name;             /* owned by the header */
    const char *dtype_name; /* static text, such as "BF16" or "I64" */
    bool supported;         /* dtype_name is in UM_DTYPE_LIST; `dtype` is set */
    um_dtype dtype;
    size_t rank;
    size_t shape[UM_TENSOR_MAXIMUM_RANK];
    size_t begin; /* of the data, in bytes from the start of the file */
    size_t bytes;
} um_safetensors_entry;

typedef struct um_safetensors_header {
    um_safetensors_entry *entries; /* [count], in the order of their data; owned */
    size_t count;
} um_safetensors_header;

/* Parse and check the header of a file of `file_size` bytes whose first `size` bytes are `data`.
 * Every entry that is returned lies inside the file.  Errors say where in the header;
 * UM_ERR_FORMAT for what the format forbids, UM_ERR_LIMIT for a rank above 4. */
um_status um_safetensors_parse(const uint8_t *data, size_t size, size_t file_size,
                               um_safetensors_header *header, um_error *error);

void um_safetensors_header_free(um_safetensors_header *header);

#endif
