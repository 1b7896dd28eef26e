/* How many tokens a request has before anything is generated, and how many an answer gets. */
#ifndef UM_CLI_REQUEST_REQUEST_TOKENS_H
#define UM_CLI_REQUEST_REQUEST_TOKENS_H

#include "unmask.h"

typedef struct um_request_tokens {
    size_t count;   /* without holes */
    bool has_masks; /* mask tokens are among them */
} um_request_tokens;

/* Whether the model writes from left to right and sees no masks. */
bool um_cli_is_causal(const um_model_info *info);

/* Count the tokens of the request's messages, texts and tokens.  `has_suffix` says that a text
 * follows the hole; the tokens that show it to a causal model then count as well. */
um_status um_cli_count_request(const um_model *model, const um_request *request, bool has_suffix,
                               um_request_tokens *found, um_error *error);

/* How long an answer should be, in tokens. */
typedef struct um_answer_wish {
    size_t given;       /* by an option; 0: one of the two below */
    size_t short_usual; /* for models with fewer than 2048 positions */
    size_t long_usual;  /* for others */
    const char *advice; /* ends the message about a prompt that leaves no room; may be NULL */
} um_answer_wish;

/* The usual length for a model: `short_usual` with fewer than 2048 positions, else `long_usual`. */
size_t um_cli_usual_length(const um_model_info *info, size_t short_usual, size_t long_usual);

/* The length of an answer behind `used` tokens: as given, else the usual one, or what the context
 * leaves if that is less.  UM_ERR_LIMIT: there is no room for the given one, or for any. */
um_status um_cli_answer_length(const um_model_info *info, size_t used, const um_answer_wish *wish,
                               size_t *length, um_error *error);

#endif
