#include "model/row_order.h"

#include <string.h>

bool um_gguf_rows_interleaved(const um_model_config *config, const char *name) {
    static const char *const parts[] = {".attn_q.weight", ".attn_k.weight", ".attn_q.bias",
                                        ".attn_k.bias"};
    if (config->family != UM_FAMILY_LLAMA && config->family != UM_FAMILY_LLADA) {
        return false;
    }
    const char *part = strchr(name, '.');
    part = part ? strchr(part + 1, '.') : NULL;
    for (size_t i = 0; part && i < sizeof parts / sizeof *parts; i++) {
        if (strcmp(part, parts[i]) == 0) {
            return true;
        }
    }
    return false;
}

size_t um_gguf_row_source(size_t row, size_t head_dim) {
    const size_t head = row / head_dim;
    const size_t within = row % head_dim;
    return head * head_dim + within % 2 * (head_dim / 2) + within / 2;
}

/* In place: the values of one head at a time go through a buffer. */
static void reorder_vector(float *values, size_t count, size_t head_dim) {
    float head[UM_HEAD_DIM_MAXIMUM];
    for (size_t first = 0; first < count; first += head_dim) {
        for (size_t row = 0; row < head_dim; row++) {
            head[um_gguf_row_source(row, head_dim)] = values[first + row];
        }
        memcpy(values + first, head, head_dim * sizeof *values);
    }
}

void um_gguf_rows_to_halves(um_tensor *tensor, size_t head_dim, void *copy) {
    if (tensor->rank == 1) {
        memmove(copy, tensor->data, tensor->shape[0] * sizeof(float));
        reorder_vector(copy, tensor->shape[0], head_dim);
    } else {
        const size_t bytes = um_dtype_row_bytes(tensor->dtype, tensor->shape[1]);
        for (size_t row = 0; row < tensor->shape[0]; row++) {
            memcpy((char *)copy + um_gguf_row_source(row, head_dim) * bytes,
                   (const char *)tensor->data + row * bytes, bytes);
        }
    }
    tensor->data = copy;
}
