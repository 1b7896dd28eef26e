#include <stdlib.h>

#include "api/internal.h"

void um_free(void *memory) {
    free(memory);
}

/* Hand the list's memory to the caller; never NULL, so that an empty list differs from none. */
static um_status give_tokens(um_token_list *list, um_status status, int32_t **tokens, size_t *count,
                             um_error *error) {
    *tokens = NULL;
    *count = 0;
    if (status == UM_OK && !list->ids) {
        list->ids = calloc(1, sizeof *list->ids);
        status = list->ids ? UM_OK : um_error_memory(error, "tokens", sizeof *list->ids);
    }
    if (status != UM_OK) {
        um_token_list_free(list);
        return status;
    }
    *tokens = list->ids;
    *count = list->length;
    return UM_OK;
}

um_status um_tokenize(const um_model *model, const char *text, size_t length, bool special,
                      int32_t **tokens, size_t *count, um_error *error) {
    um_token_list list = {0};
    const um_status status =
        um_tokenizer_encode(model->tokenizer, text, length, special, &list, error);
    return give_tokens(&list, status, tokens, count, error);
}

um_status um_append_messages(const um_model *model, const um_message *messages,
                             size_t message_count, um_token_list *list, um_error *error) {
    um_chat_message *turns = calloc(message_count + 1, sizeof *turns);
    if (!turns) {
        return um_error_memory(error, "messages", message_count * sizeof *turns);
    }
    for (size_t i = 0; i < message_count; i++) {
        turns[i] = (um_chat_message){.role = messages[i].role,
                                     .content = messages[i].content,
                                     .content_length = messages[i].content_length};
    }
    const um_status status =
        um_chat_encode(model->tokenizer, turns, message_count, true, list, error);
    free(turns);
    return status;
}

um_status um_tokenize_messages(const um_model *model, const um_message *messages,
                               size_t message_count, int32_t **tokens, size_t *count,
                               um_error *error) {
    um_token_list list = {0};
    const um_status status = um_append_messages(model, messages, message_count, &list, error);
    return give_tokens(&list, status, tokens, count, error);
}

um_status um_detokenize(const um_model *model, const int32_t *tokens, size_t count,
                        bool skip_special, char **text, size_t *length, um_error *error) {
    return um_detokenize_after(model, UM_NO_TOKEN_ID, tokens, count, skip_special, text, length,
                               error);
}

um_status um_detokenize_after(const um_model *model, int32_t previous, const int32_t *tokens,
                              size_t count, bool skip_special, char **text, size_t *length,
                              um_error *error) {
    um_buffer buffer = {0};
    *text = NULL;
    *length = 0;
    um_status status = um_tokenizer_decode_after(model->tokenizer, previous, tokens, count,
                                                 skip_special, &buffer, error);
    if (status == UM_OK) {
        status = um_buffer_append(&buffer, "", 0, error); /* a NUL, even without any text */
    }
    if (status != UM_OK) {
        um_buffer_free(&buffer);
        return status;
    }
    *text = buffer.data;
    *length = buffer.length;
    return UM_OK;
}

bool um_token_bytes(const um_model *model, int32_t token, const char **bytes, size_t *length) {
    return um_tokenizer_token_bytes(model->tokenizer, token, bytes, length);
}

bool um_token_is_special(const um_model *model, int32_t token) {
    return um_tokenizer_is_special(model->tokenizer, token);
}

int32_t um_token_id(const um_model *model, const char *text) {
    return um_tokenizer_id(model->tokenizer, text);
}

int32_t um_model_bos_token(const um_model *model) {
    return um_tokenizer_bos(model->tokenizer);
}
