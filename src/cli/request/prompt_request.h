/* The request for a prompt: messages or text, a hole for the answer, and text after it. */
#ifndef UM_CLI_REQUEST_PROMPT_REQUEST_H
#define UM_CLI_REQUEST_PROMPT_REQUEST_H

#include "unmask.h"

/* A request with what it points to: once begun it must not be moved.  Texts are borrowed. */
typedef struct um_prompt_request {
    um_message messages[2];
    um_part parts[4];
    int32_t *opening; /* the tokens of parts[0] after um_prompt_request_put_bos, or NULL */
    um_request request;
} um_prompt_request;

/* Begin an empty request; release it with um_prompt_request_free. */
void um_prompt_request_begin(um_prompt_request *prompt, const um_options *options);
void um_prompt_request_free(um_prompt_request *prompt);

/* Add what the user says, after the `system` message unless that is NULL. */
void um_prompt_request_say(um_prompt_request *prompt, const char *system, const char *text,
                           size_t length);

/* Add the next part of the canvas; at most three of them. */
void um_prompt_request_add_text(um_prompt_request *prompt, const char *text, size_t length,
                                bool special);
void um_prompt_request_add_hole(um_prompt_request *prompt, size_t length);

/* Put the BOS token in front of all that has been added, once, unless it begins a conversation
 * whose format has it there.  Errors of um_cli_bos_token; UM_ERR_MISMATCH also for text after the
 * hole of a causal model, which is shown it first and behind a token of its own. */
um_status um_prompt_request_put_bos(um_prompt_request *prompt, const um_model *model,
                                    um_error *error);

/* The token that --bos puts in front of a prompt.  UM_ERR_MISMATCH: the tokenizer names none. */
um_status um_cli_bos_token(const um_model *model, int32_t *token, um_error *error);

#endif
