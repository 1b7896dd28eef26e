#include "tensor/tensor.h"

#include <stdio.h>

#include "base/memory.h"

bool um_tensor_count(const um_tensor *tensor, size_t *count) {
    size_t product = 1;
    for (size_t i = 0; i < tensor->rank; i++) {
        if (!um_size_multiply(product, tensor->shape[i], &product)) {
            return false;
        }
    }
    *count = product;
    return true;
}

void um_tensor_format_shape(const um_tensor *tensor, char *text, size_t text_size) {
    size_t used = 0;
    const char *separator = "[";
    for (size_t i = 0; i < tensor->rank && used < text_size; i++) {
        used +=
            (size_t)snprintf(text + used, text_size - used, "%s%zu", separator, tensor->shape[i]);
        separator = ", ";
    }
    if (used < text_size) {
        (void)snprintf(text + used, text_size - used, tensor->rank ? "]" : "[]");
    }
}
