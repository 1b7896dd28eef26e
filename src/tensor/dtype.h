/* Element types of stored tensors, and conversion to and from f32.
 *
 * Quantised types store blocks of consecutive elements of a row, in the layouts of GGUF files
 * (quantised.h); a row of such a type is a whole number of blocks. */
#ifndef UM_TENSOR_DTYPE_H
#define UM_TENSOR_DTYPE_H

#include "base/status.h"

/* Enumerator, name, elements of a block, bytes of a block. */
#define UM_DTYPE_LIST(X)                                                                           \
    X(UM_DTYPE_F32, "F32", 1, 4)                                                                   \
    X(UM_DTYPE_F16, "F16", 1, 2)                                                                   \
    X(UM_DTYPE_BF16, "BF16", 1, 2)                                                                 \
    X(UM_DTYPE_Q8_0, "Q8_0", 32, 34)                                                               \
    X(UM_DTYPE_Q4_0, "Q4_0", 32, 18)                                                               \
    X(UM_DTYPE_Q4_K, "Q4_K", 256, 144)                                                             \
    X(UM_DTYPE_Q5_K, "Q5_K", 256, 176)                                                             \
    X(UM_DTYPE_Q6_K, "Q6_K", 256, 210)

typedef enum um_dtype {
#define UM_DTYPE_ENUMERATOR(name, text, elements, bytes) name,
    UM_DTYPE_LIST(UM_DTYPE_ENUMERATOR)
#undef UM_DTYPE_ENUMERATOR
} um_dtype;

const char *um_dtype_name(um_dtype dtype);
/* Whether elements are stored one by one (F32, F16, BF16) rather than in blocks. */
bool um_dtype_is_plain(um_dtype dtype);
/* Elements of a block: 1 for plain types. */
size_t um_dtype_block(um_dtype dtype);
/* Bytes of a block: of an element for plain types. */
size_t um_dtype_size(um_dtype dtype);
/* Bytes of a row of `count` elements (a multiple of the block); at most 4 bytes per element. */
size_t um_dtype_row_bytes(um_dtype dtype, size_t count);
/* False if `name` is not in the list. */
bool um_dtype_from_name(const char *name, um_dtype *dtype);

/* Exact widening. */
float um_f32_from_f16(uint16_t bits);
float um_f32_from_bf16(uint16_t bits);
/* From two bytes, as quantised blocks hold them. */
float um_f32_from_f16_bytes(const uint8_t bytes[2]);
/* Round to nearest, ties to even; overflow goes to infinity; NaN stays NaN. */
uint16_t um_f16_from_f32(float value);
uint16_t um_bf16_from_f32(float value);

/* Convert `count` elements (a multiple of the block) of `source` to f32. */
void um_convert_to_f32(um_dtype dtype, const void *source, float *target, size_t count);
/* Convert `count` f32 elements to `dtype`, a plain type, rounding to nearest even. */
void um_convert_from_f32(um_dtype dtype, const float *source, void *target, size_t count);

#endif
