#include "tokenizer/token_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

um_status um_token_list_append_all(um_token_list *list, const int32_t *ids, size_t count,
                                   um_error *error) {
    size_t needed = 0;
    if (!um_size_add(list->length, count, &needed)) {
        return um_error_memory(error, "token list", SIZE_MAX);
    }
    UM_TRY(um_grow(&list->ids, &list->capacity, needed, sizeof *list->ids, "token list", error));
    if (count > 0) {
        memcpy(list->ids + list->length, ids, count * sizeof *ids);
    }
    list->length = needed;
    return UM_OK;
}

um_status um_token_list_append(um_token_list *list, int32_t id, um_error *error) {
    return um_token_list_append_all(list, &id, 1, error);
}

bool um_token_list_contains(const um_token_list *list, int32_t id) {
    for (size_t i = 0; i < list->length; i++) {
        if (list->ids[i] == id) {
            return true;
        }
    }
    return false;
}

void um_token_list_clear(um_token_list *list) {
    list->length = 0;
}

void um_token_list_free(um_token_list *list) {
    free(list->ids);
    *list = (um_token_list){0};
}
