/* Tokens that are cut out of the text before anything else looks at it.
 *
 * The flags mean what they mean in the Hugging Face tokenizers library: tokens that are not
 * `normalized` are searched for in the raw text, then the others in the normalised text between
 * them; the leftmost match wins, and of those that start there the longest. */
#ifndef UM_TOKENIZER_ADDED_TOKENS_H
#define UM_TOKENIZER_ADDED_TOKENS_H

#include "base/buffer.h"
#include "base/status.h"

/* Maximum number of added tokens of a tokenizer. */
#define UM_ADDED_TOKENS_MAXIMUM ((size_t)1 << 15)

typedef struct um_added_token {
    char *content; /* owned, `length` bytes of UTF-8 and a NUL */
    size_t length;
    int32_t id;
    bool special;     /* left out where decoding skips special tokens */
    bool lstrip;      /* takes in the white space before it */
    bool rstrip;      /* takes in the white space after it */
    bool single_word; /* does not match inside a word */
    bool normalized;  /* searched for in the normalised text */
} um_added_token;

/* A trie over the contents of some of the tokens. */
typedef struct um_token_trie {
    struct um_trie_node *nodes;
    size_t node_count;
    size_t node_capacity;
    uint32_t roots[256]; /* node of each first byte; 0: none */
} um_token_trie;

/* Zero-initialise; release with um_added_tokens_free. */
typedef struct um_added_tokens {
    um_added_token *tokens; /* [count] */
    size_t count;
    size_t capacity;
    um_token_trie raw;        /* searched for before normalisation */
    um_token_trie normalized; /* searched for after it */
} um_added_tokens;

/* Called with a stretch of the text: a token, or, if `token` is NULL, the text between two
 * tokens. */
typedef um_status um_stretch_function(void *user, const um_added_token *token, const char *text,
                                      size_t length, um_error *error);

/* Add a token; `token->content` is copied.  An empty content, or one that is already present with
 * the same id, is ignored; UM_ERR_FORMAT if it is present with another id. */
um_status um_added_tokens_add(um_added_tokens *tokens, const um_added_token *token,
                              um_error *error);

/* Replace *text by its form after normalisation; `scratch` may be overwritten, and may hold the
 * result. */
typedef um_status um_text_normalizer(const void *user, const char **text, size_t *length,
                                     um_buffer *scratch, um_error *error);

/* Build the tries, once, after the last token has been added.  Contents to be searched for in
 * normalised text are normalised too. */
um_status um_added_tokens_index(um_added_tokens *tokens, um_text_normalizer *normalize,
                                const void *user, um_error *error);

/* The token with this content, or NULL. */
const um_added_token *um_added_tokens_find(const um_added_tokens *tokens, const char *content,
                                           size_t length);

/* Split `text` (well-formed UTF-8) at the tokens of one trie and pass each stretch to
 * `function`. */
um_status um_added_tokens_split(const um_added_tokens *tokens, const um_token_trie *trie,
                                const char *text, size_t length, um_stretch_function *function,
                                void *user, um_error *error);

void um_added_tokens_free(um_added_tokens *tokens);

#endif
