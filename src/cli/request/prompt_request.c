#include "cli/request/prompt_request.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/request/request_tokens.h"

void um_prompt_request_begin(um_prompt_request *prompt, const um_options *options) {
    *prompt = (um_prompt_request){.request = {.options = options}};
    prompt->request.messages = prompt->messages;
    prompt->request.parts = prompt->parts;
}

void um_prompt_request_free(um_prompt_request *prompt) {
    free(prompt->opening);
    prompt->opening = NULL;
}

static void add_message(um_prompt_request *prompt, const char *role, const char *text,
                        size_t length) {
    prompt->messages[prompt->request.message_count++] = (um_message){role, text, length};
}

void um_prompt_request_say(um_prompt_request *prompt, const char *system, const char *text,
                           size_t length) {
    if (system) {
        add_message(prompt, "system", system, strlen(system));
    }
    add_message(prompt, "user", text, length);
}

void um_prompt_request_add_text(um_prompt_request *prompt, const char *text, size_t length,
                                bool special) {
    prompt->parts[prompt->request.part_count++] =
        (um_part){.kind = UM_PART_TEXT, .text = text, .length = length, .special = special};
}

void um_prompt_request_add_hole(um_prompt_request *prompt, size_t length) {
    prompt->parts[prompt->request.part_count++] = (um_part){.kind = UM_PART_HOLE, .length = length};
}

/* ---- The token at the beginning ------------------------------------------------------ */

um_status um_cli_bos_token(const um_model *model, int32_t *token, um_error *error) {
    um_model_info info;
    um_model_get_info(model, &info);
    *token = um_model_bos_token(model);
    return *token != UM_NO_TOKEN_ID
               ? UM_OK
               : UM_RAISE(error, UM_ERR_MISMATCH,
                          "--bos: the tokenizer of %s names no token for the beginning of a text "
                          "(bos_token): leave --bos out",
                          info.name);
}

/* In the order of FIM tokens (request_layout.h in the library) the prompt does not come first. */
static um_status check_order(const um_request *request, const um_model *model, um_error *error) {
    um_model_info info;
    bool has_hole = false;
    um_model_get_info(model, &info);
    for (size_t i = 0; um_cli_is_causal(&info) && i < request->part_count; i++) {
        if (has_hole && request->parts[i].length > 0) {
            return UM_RAISE(error, UM_ERR_MISMATCH,
                            "--bos: %s writes from left to right, and text after a hole is shown "
                            "to it in a form that has no BOS token: leave --bos out",
                            info.name);
        }
        has_hole = has_hole || request->parts[i].kind == UM_PART_HOLE;
    }
    return UM_OK;
}

/* Make parts[0] of the token and `count` others. */
static um_status open_with(um_prompt_request *prompt, int32_t bos, const int32_t *tokens,
                           size_t count, um_error *error) {
    um_request *request = &prompt->request;
    UM_TRY(um_allocate(&prompt->opening, count + 1, sizeof *prompt->opening, "prompt", error));
    prompt->opening[0] = bos;
    for (size_t i = 0; i < count; i++) {
        prompt->opening[i + 1] = tokens[i];
    }
    memmove(prompt->parts + 1, prompt->parts, request->part_count * sizeof *prompt->parts);
    prompt->parts[0] =
        (um_part){.kind = UM_PART_TOKENS, .tokens = prompt->opening, .length = count + 1};
    request->part_count++;
    request->message_count = 0;
    return UM_OK;
}

um_status um_prompt_request_put_bos(um_prompt_request *prompt, const um_model *model,
                                    um_error *error) {
    const um_request *request = &prompt->request;
    int32_t bos = UM_NO_TOKEN_ID;
    int32_t *tokens = NULL;
    size_t count = 0;
    UM_TRY(um_cli_bos_token(model, &bos, error));
    UM_TRY(check_order(request, model, error));
    if (request->message_count > 0) {
        UM_TRY(um_tokenize_messages(model, request->messages, request->message_count, &tokens,
                                    &count, error));
    }
    const bool has_it = count > 0 && tokens[0] == bos;
    const um_status status = has_it ? UM_OK : open_with(prompt, bos, tokens, count, error);
    um_free(tokens);
    return status;
}
