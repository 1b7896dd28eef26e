#include "cli/request/request_tokens.h"

#include <string.h>

#include "base/memory.h"

#define LARGE_CONTEXT 2048 /* positions from which answers are long by default */
#define INFILLING_TOKENS 3 /* tokens that show a suffix to a causal model */

static void note_tokens(const int32_t *tokens, size_t count, int32_t mask_token,
                        um_request_tokens *found) {
    for (size_t i = 0; i < count; i++) {
        found->has_masks = found->has_masks || tokens[i] == mask_token;
    }
    found->count += count;
}

static um_status take_tokens(um_status status, int32_t *tokens, size_t count, int32_t mask_token,
                             um_request_tokens *found) {
    UM_TRY(status);
    note_tokens(tokens, count, mask_token, found);
    um_free(tokens);
    return UM_OK;
}

bool um_cli_is_causal(const um_model_info *info) {
    return strcmp(info->algorithm, "autoregressive") == 0;
}

um_status um_cli_count_request(const um_model *model, const um_request *request, bool has_suffix,
                               um_request_tokens *found, um_error *error) {
    int32_t *tokens = NULL;
    size_t count = 0;
    um_model_info info;
    um_model_get_info(model, &info);
    *found =
        (um_request_tokens){.count = um_cli_is_causal(&info) && has_suffix ? INFILLING_TOKENS : 0};
    for (size_t i = 0; i < request->part_count; i++) {
        const um_part *part = &request->parts[i];
        if (part->kind == UM_PART_TEXT) {
            const um_status status =
                um_tokenize(model, part->text, part->length, part->special, &tokens, &count, error);
            UM_TRY(take_tokens(status, tokens, count, info.mask_token, found));
        } else if (part->kind == UM_PART_TOKENS) {
            note_tokens(part->tokens, part->length, info.mask_token, found);
        }
    }
    if (request->message_count == 0) {
        return UM_OK;
    }
    const um_status status = um_tokenize_messages(model, request->messages, request->message_count,
                                                  &tokens, &count, error);
    return take_tokens(status, tokens, count, info.mask_token, found);
}

size_t um_cli_usual_length(const um_model_info *info, size_t short_usual, size_t long_usual) {
    return info->context_length < LARGE_CONTEXT ? short_usual : long_usual;
}

um_status um_cli_answer_length(const um_model_info *info, size_t used, const um_answer_wish *wish,
                               size_t *length, um_error *error) {
    const size_t context = info->context_length;
    const size_t room = used < context ? context - used : 0;
    const size_t usual = um_cli_usual_length(info, wish->short_usual, wish->long_usual);
    if (room < (wish->given > 0 ? wish->given : 1)) {
        return UM_RAISE(
            error, UM_ERR_LIMIT,
            "the prompt has %zu tokens, but %s has room for %zu including the answer%s%s", used,
            info->name, context, wish->advice ? ": " : "", wish->advice ? wish->advice : "");
    }
    *length = wish->given > 0 ? wish->given : um_size_smaller(usual, room);
    return UM_OK;
}
