/* Element types of stored tensors, and conversion to and from f32. */
#ifndef UM_TENSOR_DTYPE_H
#define UM_TENSOR_DTYPE_H

#include "base/status.h"

/* Enumerator, name in safetensors files, bytes an element. */
#define UM_DTYPE_LIST(X)                                                                           \
    X(UM_DTYPE_F32, "F32", 4)                                                                      \
    X(UM_DTYPE_F16, "F16", 2)                                                                      \
    X(UM_DTYPE_BF16, "BF16", 2)

typedef enum um_dtype {
#define UM_DTYPE_ENUMERATOR(name, text, size) name,
    UM_DTYPE_LIST(UM_DTYPE_ENUMERATOR)
#undef UM_DTYPE_ENUMERATOR
} um_dtype;

const char *um_dtype_name(um_dtype dtype);
size_t um_dtype_size(um_dtype dtype);
/* False when `name` is none of the list. */
bool um_dtype_from_name(const char *name, um_dtype *dtype);

/* Exact widening. */
float um_f32_from_f16(uint16_t bits);
float um_f32_from_bf16(uint16_t bits);
/* Round to nearest, ties to even; overflow goes to infinity; NaN stays NaN. */
uint16_t um_f16_from_f32(float value);
uint16_t um_bf16_from_f32(float value);

/* Convert `count` elements of `source` to f32. */
void um_convert_to_f32(um_dtype dtype, const void *source, float *target, size_t count);
/* Convert `count` f32 elements to `dtype`, rounding to nearest even. */
void um_convert_from_f32(um_dtype dtype, const float *source, void *target, size_t count);

#endif
