/* Tokens that are cut out of the text before anything else looks at it.
 *
 * Semantics of the flags are those of the Hugging Face tokenizers library: a token that is
 * not `normalized` is sought in the raw text, the others afterwards in the normalised text
 * between those; the leftmost match wins, the longest of equals. */
#ifndef UM_TOKENIZER_ADDED_TOKENS_H
#define UM_TOKENIZER_ADDED_TOKENS_H

#include "base/buffer.h"
#include "base/status.h"

/* Most added tokens of one tokenizer. */
#define UM_ADDED_TOKENS_MAXIMUM ((size_t)1 << 15)

typedef struct um_added_token {
    char *content; /* owned, `length` bytes of UTF-8 and a NUL */
    size_t length;
    int32_t id;
    bool special;     /* left out when decoding for people */
    bool lstrip;      /* takes the white space before it along */
    bool rstrip;      /* takes the white space after it along */
    bool single_word; /* not inside a word */
    bool normalized;  /* sought in the normalised text */
} um_added_token;

/* A trie over the contents of some of the tokens. */
typedef struct um_token_trie {
    struct um_trie_node *nodes;
    size_t node_count;
    size_t node_capacity;
    uint32_t roots[256]; /* node of each first byte, 0 where none */
} um_token_trie;

/* Zero-initialise; um_added_tokens_free. */
typedef struct um_added_tokens {
    um_added_token *tokens; /* [count] */
    size_t count;
    size_t capacity;
    um_token_trie raw;        /* sought before normalisation */
    um_token_trie normalized; /* sought after it */
} um_added_tokens;

/* A stretch of the text: a token, or text between tokens where `token` is NULL. */
typedef um_status um_stretch_function(void *user, const um_added_token *token, const char *text,
                                      size_t length, um_error *error);

/* Add a token; `token->content` is copied.  An empty content, or one that is there
 * already with the same id, is ignored; UM_ERR_FORMAT where it has another id. */
um_status um_added_tokens_add(um_added_tokens *tokens, const um_added_token *token,
                              um_error *error);

/* Replace a text by what the tokenizer makes of it before the model sees it; `scratch` may be
 * overwritten, and may hold the result. */
typedef um_status um_text_normalizer(const void *user, const char **text, size_t *length,
                                     um_buffer *scratch, um_error *error);

/* Build the tries, once, after the last token.  Contents that are sought in normalised text are
 * normalised too. */
um_status um_added_tokens_index(um_added_tokens *tokens, um_text_normalizer *normalize,
                                const void *user, um_error *error);

/* The token with this content, or NULL. */
const um_added_token *um_added_tokens_find(const um_added_tokens *tokens, const char *content,
                                           size_t length);

/* Cut `text` (well-formed UTF-8) at the tokens of one trie and hand on the stretches. */
um_status um_added_tokens_split(const um_added_tokens *tokens, const um_token_trie *trie,
                                const char *text, size_t length, um_stretch_function *function,
                                void *user, um_error *error);

void um_added_tokens_free(um_added_tokens *tokens);

#endif
