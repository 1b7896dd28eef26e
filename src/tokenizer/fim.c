#include "tokenizer/fim.h"

const char *um_fim_tokens_find(const um_tokenizer *tokenizer, um_fim_tokens *tokens) {
    const struct {
        const char *text;
        int32_t *id;
    } wanted[] = {{"<|fim_prefix|>", &tokens->prefix},
                  {"<|fim_suffix|>", &tokens->suffix},
                  {"<|fim_middle|>", &tokens->middle}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        *wanted[i].id = um_tokenizer_id(tokenizer, wanted[i].text);
        if (*wanted[i].id < 0) {
            return wanted[i].text;
        }
    }
    return NULL;
}
