/* How many tokens a request has before anything is generated, and how many an answer gets. */
#ifndef UM_CLI_REQUEST_TOKENS_H
#define UM_CLI_REQUEST_TOKENS_H

#include "unmask.h"

typedef struct um_request_tokens {
    size_t count;   /* without holes */
    bool has_masks; /* mask tokens are among them */
} um_request_tokens;

/* Whether the model writes from left to right and sees no masks. */
bool um_cli_is_causal(const um_model_info *info);

/* Count the tokens of the request's messages and texts.  `has_suffix` says that a text follows the
 * hole; the tokens that show it to a causal model then count as well. */
um_status um_cli_count_request(const um_model *model, const um_request *request, bool has_suffix,
                               um_request_tokens *found, um_error *error);

/* The usual length of an answer (`short_answer` for models with few positions), or what `used` <
 * context_length tokens leave of the context if that is less. */
size_t um_cli_default_length(const um_model_info *info, size_t used, size_t short_answer,
                             size_t long_answer);

#endif
