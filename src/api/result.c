#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/memory.h"

const char *um_finish_name(um_finish finish) {
    switch (finish) {
#define UM_FINISH_CASE(name, text)                                                                 \
    case name:                                                                                     \
        return text;
        UM_FINISH_LIST(UM_FINISH_CASE)
#undef UM_FINISH_CASE
    }
    return "unknown";
}

void um_result_clear(um_result *result) {
    for (size_t i = 0; i < result->answer_count; i++) {
        free(result->answers[i].text);
        free(result->answers[i].tokens);
    }
    free(result->answers);
    free(result->tokens);
    free(result->settings);
    *result = (um_result){0};
}

static um_status copy_tokens(int32_t **copy, const int32_t *tokens, size_t count, um_error *error) {
    UM_TRY(um_allocate(copy, count, sizeof **copy, "tokens", error));
    if (count > 0) {
        memcpy(*copy, tokens, count * sizeof **copy);
    }
    return UM_OK;
}

static um_status fill_answer(um_answer *answer, const um_model *model, const um_canvas *canvas,
                             size_t hole, const um_token_list *end_tokens, um_error *error) {
    answer->start = canvas->holes[hole].start;
    answer->length = canvas->holes[hole].length;
    answer->token_count = um_canvas_hole_answer_length(canvas, hole, end_tokens->ids,
                                                       end_tokens->length, &answer->ended);
    const int32_t *tokens = canvas->tokens + answer->start;
    UM_TRY(copy_tokens(&answer->tokens, tokens, answer->token_count, error));
    const int32_t previous = answer->start > 0 ? tokens[-1] : UM_NO_TOKEN_ID;
    return um_detokenize_after(model, previous, tokens, answer->token_count, true, &answer->text,
                               &answer->text_length, error);
}

um_status um_result_fill(um_result *result, const um_model *model, const um_canvas *canvas,
                         const um_token_list *end_tokens, um_error *error) {
    UM_TRY(um_allocate(&result->answers, canvas->hole_count, sizeof *result->answers, "answers",
                       error));
    for (size_t i = 0; i < canvas->hole_count; i++) {
        result->answer_count = i + 1; /* what um_result_clear releases */
        UM_TRY(fill_answer(&result->answers[i], model, canvas, i, end_tokens, error));
        result->answer_tokens += result->answers[i].token_count;
    }
    UM_TRY(copy_tokens(&result->tokens, canvas->tokens, canvas->length, error));
    result->length = canvas->length;
    result->prompt_tokens = canvas->length - canvas->answer_count;
    return UM_OK;
}
