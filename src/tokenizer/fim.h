/* The tokens that show a model that writes from left to right what follows a hole (Qwen2.5-Coder,
 * arXiv 2409.12186, section 3.2.1):
 *
 *     <|fim_prefix|> before <|fim_suffix|> after <|fim_middle|> hole
 */
#ifndef UM_TOKENIZER_FIM_H
#define UM_TOKENIZER_FIM_H

#include "tokenizer/tokenizer.h"

typedef struct um_fim_tokens {
    int32_t prefix;
    int32_t suffix;
    int32_t middle;
} um_fim_tokens;

/* Find the tokens.  NULL, or the text of the first one that the tokenizer lacks; *tokens is then
 * incomplete. */
const char *um_fim_tokens_find(const um_tokenizer *tokenizer, um_fim_tokens *tokens);

#endif
