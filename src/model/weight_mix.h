/* Which type each matrix of a model is stored as.
 *
 * A mix is named after the type of most matrices.  The rules are those of llama.cpp for files of
 * the same names, except that there Q4_K is another name for Q4_K_M, while q4_k here lacks the
 * exceptions of q4_k_m:
 *   - vectors are F32 (in GGUF files);
 *   - q4_0, q4_k, q4_k_m: the output projection, or the embedding that serves as one, is Q6_K;
 *   - q4_k_m: so are the value projection and the MLP's down projection in the first and last
 *     eighth of the layers and in every third layer between;
 *   - a row that is not a whole number of 256-element blocks is Q8_0 instead, one that is not a
 *     whole number of 32-element blocks F16. */
#ifndef UM_MODEL_WEIGHT_MIX_H
#define UM_MODEL_WEIGHT_MIX_H

#include "model/config.h"
#include "tensor/dtype.h"

/* Enumerator, name, main type, number in "general.file_type". */
#define UM_WEIGHT_MIX_LIST(X)                                                                      \
    X(UM_MIX_F32, "f32", UM_DTYPE_F32, 0)                                                          \
    X(UM_MIX_F16, "f16", UM_DTYPE_F16, 1)                                                          \
    X(UM_MIX_BF16, "bf16", UM_DTYPE_BF16, 32)                                                      \
    X(UM_MIX_Q8_0, "q8_0", UM_DTYPE_Q8_0, 7)                                                       \
    X(UM_MIX_Q4_0, "q4_0", UM_DTYPE_Q4_0, 2)                                                       \
    X(UM_MIX_Q4_K, "q4_k", UM_DTYPE_Q4_K, 14)                                                      \
    X(UM_MIX_Q6_K, "q6_k", UM_DTYPE_Q6_K, 18)                                                      \
    X(UM_MIX_Q4_K_M, "q4_k_m", UM_DTYPE_Q4_K, 15)

typedef enum um_weight_mix {
#define UM_WEIGHT_MIX_ENUMERATOR(name, text, dtype, number) name,
    UM_WEIGHT_MIX_LIST(UM_WEIGHT_MIX_ENUMERATOR)
#undef UM_WEIGHT_MIX_ENUMERATOR
} um_weight_mix;

bool um_weight_mix_from_name(const char *name, um_weight_mix *mix);
const char *um_weight_mix_name(um_weight_mix mix);
um_dtype um_weight_mix_main_type(um_weight_mix mix);
uint32_t um_weight_mix_file_type(um_weight_mix mix);

/* The type of the matrix with this GGUF name and rows of `columns` elements; *fell_back says
 * whether it differs from the type that the mix wants. */
um_dtype um_weight_mix_type(um_weight_mix mix, const um_model_config *config, const char *gguf_name,
                            size_t columns, bool *fell_back);

#endif
