/* A growable list of token ids. */
#ifndef UM_TOKENIZER_TOKEN_LIST_H
#define UM_TOKENIZER_TOKEN_LIST_H

#include "base/status.h"

/* Zero-initialise; `ids` is NULL until the first append.  Release with um_token_list_free. */
typedef struct um_token_list {
    int32_t *ids; /* [length] */
    size_t length;
    size_t capacity;
} um_token_list;

um_status um_token_list_append(um_token_list *list, int32_t id, um_error *error);
um_status um_token_list_append_all(um_token_list *list, const int32_t *ids, size_t count,
                                   um_error *error);

bool um_token_list_contains(const um_token_list *list, int32_t id);

/* Forget the contents, keep the memory. */
void um_token_list_clear(um_token_list *list);
void um_token_list_free(um_token_list *list);

#endif
